"""The columns of a table as numbers or categories, as far as they can be told by their type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from headway.errors import ConfigError, DataError, did_you_mean

__all__ = ["ColumnValues", "Predict", "check_names_of", "column_values", "draw", "is_category"]

Predict = Callable[[pl.DataFrame], np.ndarray]
"""Any model of a table: items to answers, float `[items, outputs]`: probabilities of classes, or numbers."""

_HAS_VALUES = (pl.String, pl.Categorical, pl.Enum, pl.Boolean)


@dataclass(frozen=True, kw_only=True)
class ColumnValues:
    """One column's values.

    Attributes:
        name: The column.
        values: Numbers (of dates the time since 1970), or indices into `labels`; NaN where one is missing; float64
            `[items]`.
        labels: The categories, the most frequent first; None for numbers.
    """

    name: str
    values: np.ndarray
    labels: tuple[str, ...] | None = None

    @property
    def missing(self) -> np.ndarray:
        """Where there is no value, bool `[items]`."""
        return np.isnan(self.values)


def is_category(dtype: pl.DataType) -> bool:
    """Whether a column's type is that of categories: text, true or false, or categories by name."""
    return isinstance(dtype, _HAS_VALUES)


def column_values(
    items: pl.DataFrame, columns: Sequence[str] | None = None, *, categorical: Collection[str] = ()
) -> list[ColumnValues]:
    """Columns as numbers.

    Args:
        items: The table.
        columns: Which of its columns; all that hold numbers, dates or categories when left out.
        categorical: Columns of numbers that are categories.

    Raises:
        ConfigError: If a column is not there.
        DataError: If one that is named holds something else, such as lists.

    Example:
        >>> [age, port] = column_values(pl.DataFrame({"age": [22, None], "port": ["S", "S"]}))
        >>> age.values.tolist(), port.labels
        ([22.0, nan], ('S',))
    """
    if columns is None:
        columns = [name for name, dtype in items.schema.items() if is_category(dtype) or _is_number(dtype)]
    check_names_of(items, columns)
    wrong = [name for name in columns if not (is_category(items.schema[name]) or _is_number(items.schema[name]))]
    if wrong:
        given = [f"{name}: {items.schema[name]}" for name in wrong]
        fix = "Leave these columns out, or make numbers or text of them."
        raise DataError("Columns must hold numbers, dates or categories.", given=given, fix=fix)
    return [_values(items[name], name in categorical) for name in columns]


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype.is_temporal()


def _values(column: pl.Series, as_category: bool) -> ColumnValues:
    if not (as_category or is_category(column.dtype)):
        plain = column.to_physical() if column.dtype.is_temporal() else column
        numbers = plain.cast(pl.Float64).fill_null(np.nan).to_numpy()
        return ColumnValues(name=column.name, values=np.where(np.isfinite(numbers), numbers, np.nan))
    texts = column.cast(pl.String).to_numpy()
    present = np.array([text is not None for text in texts], dtype=bool)
    labels, indices, counts = np.unique(texts[present].astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    values = np.full(len(texts), np.nan)
    values[present] = np.argsort(order)[indices]
    return ColumnValues(name=column.name, values=values, labels=tuple(labels[order].tolist()))


def check_names_of(items: pl.DataFrame, columns: Sequence[str]) -> None:
    """Raises a ConfigError if the table lacks one of these columns."""
    for name in columns:
        if name not in items.columns:
            fix = did_you_mean(name, items.columns)
            raise ConfigError("There is no such column in the table.", given=repr(name), fix=fix)


def draw(generator: np.random.Generator, count: int, most: int) -> np.ndarray:
    """At most `most` of `count` places, in their order, int64."""
    return np.arange(count) if count <= most else np.sort(generator.permutation(count)[:most])
