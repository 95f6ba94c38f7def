"""How far a row of a table lies outside of the training rows, column by column and as a whole, in words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from headway.errors import ConfigError, DataError
from headway.inputs.table.column_values import ColumnValues, column_values
from headway.seeds import generator

__all__ = ["Unusual", "Usual", "usual"]

# Values that are rarer than this among the training rows are told.
RARE = 0.01
# A row is strange when at most this share of rows like the training rows are as far from these.
STRANGE = 0.05
_NEIGHBOURS = 5
_MIN_ROWS = 20
_MAX_KNOWN, _MAX_OTHERS = 5_000, 1_000
_OWN_DRAWS = 4 << 32


@dataclass(frozen=True)
class Unusual:
    """What is unusual about one row; `str()` tells it in words.

    Attributes:
        remarks: What is unusual about single columns, a sentence each.
        distance: From the nearest training rows, as a mean over columns: 0 is as these are, 1 is a whole column's range
            away in each.
        share: Of rows like the training rows, how many are at least as far from these, above 0 to 1.
        nearest: The nearest training rows, by their index, the nearest first.
    """

    remarks: tuple[str, ...]
    distance: float
    share: float
    nearest: tuple[int, ...]

    @property
    def is_strange(self) -> bool:
        """Whether the row as a whole is farther from the training rows than nearly all rows like these are."""
        return self.share <= STRANGE

    def __str__(self) -> str:
        if self.is_strange:
            whole = f"As a whole the row is unlike the training rows: {self.share:.1%} of rows like these are as far."
        else:
            whole = f"As a whole the row is like the training rows: {self.share:.0%} of rows like these are as far."
        return "\n".join([*self.remarks, whole])


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What training rows look like; made by `usual`.

    Attributes:
        columns: The columns that are looked at.
        positions: Training rows that others are compared with, float64 `[rows, columns]`, as `_Column.positions`.
        rows: Their indices among the training rows, int64 `[rows]`.
        other_distances: How far other training rows are from these, sorted, float64 `[others]`.
    """

    columns: tuple[_Column, ...]
    positions: np.ndarray = field(repr=False)
    rows: np.ndarray = field(repr=False)
    other_distances: np.ndarray = field(repr=False)

    def judge(self, row: Mapping[str, Any]) -> Unusual:
        """How far a row, its values by column's name, is outside; None or a column left out is a missing value.

        Raises:
            DataError: If a value cannot be one of its column.
        """
        remarks, position = [], np.empty(len(self.columns))
        for index, column in enumerate(self.columns):
            value = column.parse(row.get(column.name))
            remarks.append(column.remark(value, row.get(column.name)))
            position[index] = column.positions(np.array(value))
        distances = _distances(position, self.positions, self.columns)
        nearest = np.argsort(distances, kind="stable")[:_NEIGHBOURS]
        distance = float(distances[nearest].mean())
        # A little less, so that rounding does not make a row that is as far as another seem farther.
        farther = len(self.other_distances) - int(np.searchsorted(self.other_distances, distance * (1 - 1e-9)))
        return Unusual(
            remarks=tuple(remark for remark in remarks if remark),
            distance=distance,
            share=(farther + 1) / (len(self.other_distances) + 1),
            nearest=tuple(self.rows[nearest].tolist()),
        )


def usual(train: pl.DataFrame, *, seed: int = 0) -> Usual:
    """Learns what training rows look like, so that others can be compared with them.

    The distance of two rows is a mean over columns: of numbers the difference of their positions among the sorted
    training rows, of categories 0 for the same and 1 for another, and 1 where only one of the two is missing. A row's
    distance is the mean over its five nearest; what is far is told by other training rows, as conformal prediction
    does.

    Args:
        train: Training rows, at least 20, with the columns to look at.
        seed: The run's seed. Of many rows, 5,000 are compared with, and 1,000 others say what is far.

    Raises:
        ConfigError: If there are fewer than 20 rows.

    Example:
        >>> train = pl.DataFrame({"age": list(range(20, 60)), "port": ["S", "C"] * 20})
        >>> print(usual(train).judge({"age": 130, "port": "X"}))
        age 130 is above all training rows (20 to 59).
        port 'X' was never in the training rows.
        As a whole the row is unlike the training rows: 4.8% of rows like these are as far.

    Source:
        Gower 1971, "A general coefficient of similarity"; Vovk et al. 2005 (conformal prediction).
    """
    filled = [values for values in column_values(train) if not values.missing.all()]
    if len(train) < _MIN_ROWS or not filled:
        given = f"{len(train)} rows, {len(filled)} columns with values"
        what = f"At least {_MIN_ROWS} training rows with values are needed."
        raise ConfigError(what, given=given, fix="Pass all training rows.")
    columns = tuple(
        _Numbers(values, train.schema[values.name]) if values.labels is None else _Categories(values)
        for values in filled
    )
    positions = np.stack(
        [column.positions(values.values) for column, values in zip(columns, filled, strict=True)], axis=1
    )
    order = generator(seed, "bootstrap", epoch=_OWN_DRAWS).permutation(len(train))
    count = min(len(train) // 2, _MAX_OTHERS)
    others, rows = order[:count], np.sort(order[count:][:_MAX_KNOWN])
    distances = [np.sort(_distances(positions[row], positions[rows], columns))[:_NEIGHBOURS].mean() for row in others]
    return Usual(columns=columns, positions=positions[rows], rows=rows, other_distances=np.sort(distances))


class _Column(ABC):
    """One column of the training rows: where a value lies among theirs, and what is to be said of it."""

    def __init__(self, values: ColumnValues) -> None:
        self.name = values.name
        self.share_missing = float(values.missing.mean())

    @abstractmethod
    def parse(self, value: Any) -> float:
        """A value as `ColumnValues` has it, NaN for a missing one."""

    @abstractmethod
    def positions(self, values: np.ndarray) -> np.ndarray:
        """Where values lie among the training rows', float64 of the same shape, NaN for a missing one."""

    def remark(self, value: float, given: Any) -> str:
        """What is unusual about a value, parsed and as it was given; empty where nothing is."""
        if not np.isnan(value):
            return self._remark(value, given)
        if self.share_missing >= RARE:
            return ""
        if not self.share_missing:
            return f"{self.name} is missing, which it never was in the training rows."
        return f"{self.name} is missing, as in {self.share_missing:.2%} of the training rows."

    @abstractmethod
    def _remark(self, value: float, given: Any) -> str: ...


class _Numbers(_Column):
    def __init__(self, values: ColumnValues, dtype: pl.DataType) -> None:
        super().__init__(values)
        self._sorted = np.sort(values.values[~values.missing])
        self._dtype = dtype

    def parse(self, value: Any) -> float:
        if value is None:
            return np.nan
        try:
            if self._dtype.is_temporal():
                value = pl.Series([value]).cast(self._dtype).to_physical()[0]
            number = float(value)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            what, given = f"Column {self.name!r} holds numbers.", repr(value)
            raise DataError(what, given=given, fix="Pass a number, or None where it is missing.") from error
        return number if np.isfinite(number) else np.nan

    def positions(self, values: np.ndarray) -> np.ndarray:
        """The share of training rows below; beyond their range as far as it is wide is one more."""
        low, high = self._sorted[0], self._sorted[-1]
        below, up_to = (np.searchsorted(self._sorted, values, side=side) for side in ("left", "right"))
        width = high - low or max(abs(high), 1.0)
        beyond = np.maximum(values - high, 0) / width - np.maximum(low - values, 0) / width
        return (below + up_to) / 2 / len(self._sorted) + beyond

    def _remark(self, value: float, given: Any) -> str:
        low, high = self._sorted[0], self._sorted[-1]
        if not low <= value <= high:
            side, ends = "below" if value < low else "above", f"{self._text(low)} to {self._text(high)}"
            return f"{self.name} {self._text(value)} is {side} all training rows ({ends})."
        share = float(min((self._sorted <= value).mean(), (self._sorted >= value).mean()))
        if share >= RARE:
            return ""
        side = "low" if value < self._sorted[len(self._sorted) // 2] else "high"
        return f"{self.name} {self._text(value)} is as {side} as in {share:.2%} of the training rows."

    def _text(self, value: float) -> str:
        return str(pl.Series([int(value)]).cast(self._dtype)[0]) if self._dtype.is_temporal() else f"{value:.6g}"


class _Categories(_Column):
    def __init__(self, values: ColumnValues) -> None:
        super().__init__(values)
        labels = values.labels or ()
        self._index = {label: index for index, label in enumerate(labels)}
        counts = np.bincount(values.values[~values.missing].astype(np.int64), minlength=len(labels))
        self._shares = counts / len(values.values)

    def parse(self, value: Any) -> float:
        if value is None:
            return np.nan
        # As polars writes it. An unknown one is one more category, unlike all of the known ones.
        label = str(value).lower() if isinstance(value, bool) else str(value)
        return float(self._index.get(label, len(self._index)))

    def positions(self, values: np.ndarray) -> np.ndarray:
        return values

    def _remark(self, value: float, given: Any) -> str:
        if value >= len(self._shares):
            return f"{self.name} {given!r} was never in the training rows."
        share = self._shares[int(value)]
        return f"{self.name} {given!r} was in {share:.2%} of the training rows." if share < RARE else ""


def _distances(row: np.ndarray, rows: np.ndarray, columns: tuple[_Column, ...]) -> np.ndarray:
    """From one row's positions `[columns]` to those of others `[rows, columns]`: float64 `[rows]`."""
    differences = np.abs(rows - row)
    differences = np.where([isinstance(column, _Categories) for column in columns], differences > 0, differences)
    is_missing, is_row_missing = np.isnan(rows), np.isnan(row)
    differences = np.where(is_missing | is_row_missing, is_missing != is_row_missing, differences)
    return differences.mean(axis=1)
