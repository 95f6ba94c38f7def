"""The columns of a table as numbers or categories, as far as their types say which they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from headway.errors import ConfigError, DataError, ShapeError, did_you_mean
from headway.inputs.table.parse_values import frequencies

__all__ = [
    "ColumnValues",
    "Predict",
    "aligned",
    "check_columns",
    "check_targets",
    "column_values",
    "draw",
    "is_category",
]

# Text of which at least this share of the values differs is names or ids, not categories.
_NAMES = 0.5

# Any model of a table: items to predictions, float `[items, outputs]`: probabilities of classes, or numbers.
Predict = Callable[[pl.DataFrame], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class ColumnValues:
    """One column's values.

    Attributes:
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

    @property
    def share_distinct(self) -> float:
        """Distinct values among those that are present, from 0 to 1."""
        present = self.values[~self.missing]
        return len(np.unique(present)) / max(len(present), 1)

    @property
    def is_names(self) -> bool:
        """Whether these are names or ids: text that is rarely the same."""
        return self.labels is not None and self.share_distinct >= _NAMES

    def in_order(self) -> np.ndarray:
        """`values`, where names are their ranks; numbers within a name count as numbers."""
        if not self.is_names:
            return self.values
        keys = [
            [(not piece.isdigit(), int(piece) if piece.isdigit() else piece) for piece in re.split(r"(\d+)", label)]
            for label in self.labels or ()
        ]
        ranks = np.empty(len(keys))
        ranks[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
        values = self.values.copy()
        values[~self.missing] = ranks[self.values[~self.missing].astype(np.int64)]
        return values


def is_category(dtype: pl.DataType) -> bool:
    """Whether a column's type is that of categories: text, true or false, or categories by name."""
    return isinstance(dtype, (pl.String, pl.Categorical, pl.Enum, pl.Boolean))


def column_values(items: pl.DataFrame) -> list[ColumnValues]:
    """A table's columns as numbers or categories. To take numbers for categories, cast them to text first.

    Raises:
        DataError: If a column holds something else, such as lists.

    Example:
        >>> [age, port] = column_values(pl.DataFrame({"age": [22, None], "port": ["S", "S"]}))
        >>> age.values.tolist(), port.labels
        ([22.0, nan], ('S',))
    """
    return [_categories(column) if is_category(column.dtype) else _numbers(column) for column in items]


def _numbers(column: pl.Series) -> ColumnValues:
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
        fix = "Leave this column out, or make numbers or text of it."
        given = f"{column.name}: {column.dtype}"
        raise DataError("Columns must hold numbers, dates or categories.", given=given, fix=fix)
    numbers = column.to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()
    return ColumnValues(name=column.name, values=np.where(np.isfinite(numbers), numbers, np.nan))


def _categories(column: pl.Series) -> ColumnValues:
    texts = column.cast(pl.String)
    labels = [label for label, _ in frequencies(texts)]
    indices = texts.replace_strict(labels, list(range(len(labels))), default=None, return_dtype=pl.Float64)
    return ColumnValues(name=column.name, values=indices.fill_null(np.nan).to_numpy(), labels=tuple(labels))


def check_columns(items: pl.DataFrame, columns: Sequence[str]) -> None:
    """Raises a ConfigError if the table lacks one of these columns."""
    for name in columns:
        if name not in items.columns:
            fix = did_you_mean(name, items.columns)
            raise ConfigError("The table has no such column.", given=repr(name), fix=fix)


def check_targets(items: pl.DataFrame, targets: np.ndarray) -> None:
    """Raises a ShapeError if not every item has a target."""
    if len(items) != len(targets):
        given = f"{len(items)} items, {len(targets)} targets"
        raise ShapeError("Every item needs a target.", given=given, fix="Pass both of the same part.")


def draw(generator: np.random.Generator, count: int, most: int) -> np.ndarray:
    """At most `most` of `count` rows, in their order, int64."""
    return np.arange(count) if count <= most else np.sort(generator.permutation(count)[:most])


def aligned(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns as text, the first as wide as its widest entry.

    Example:
        >>> print(aligned([("column", "drop"), ("age", "0.2")]))
        column  drop
        age     0.2
    """
    width = max(len(first) for first, _ in rows)
    return "\n".join(f"{first:<{width}}  {second}" for first, second in rows)
