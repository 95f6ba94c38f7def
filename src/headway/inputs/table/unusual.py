"""How far a row of a table lies outside of the training rows, column by column and as a whole, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from headway.errors import ConfigError, DataError
from headway.inputs.table.column_values import check_names_of, column_values
from headway.seeds import generator

__all__ = ["Unusual", "Usual", "usual"]

RARE = 0.01
"""Values that are rarer than this among the training rows are told."""
STRANGE = 0.05
"""A row is strange when at most this share of rows like the training rows are as far from these."""
_NEIGHBOURS = 5
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
        nearest: The places of the nearest training rows, the nearest first.
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
        known: Training rows that others are compared with, in ranks and indices: float64 `[rows, columns]`.
        places: Their places among the training rows, int64 `[rows]`.
        others: Distances of other training rows from these, sorted, float64 `[others]`.
    """

    columns: tuple[_Column, ...]
    known: np.ndarray = field(repr=False)
    places: np.ndarray = field(repr=False)
    others: np.ndarray = field(repr=False)

    def judge(self, row: Mapping[str, Any]) -> Unusual:
        """How far a row, its values by column's name, is outside; None or a column left out is a missing value."""
        values = [row.get(each.name) for each in self.columns]
        point = np.array([each.place(value) for each, value in zip(self.columns, values, strict=True)])
        distances = _distances(point, self.known, self._is_category)
        nearest = np.argsort(distances, kind="stable")[:_NEIGHBOURS]
        distance = float(distances[nearest].mean())
        farther = len(self.others) - int(np.searchsorted(self.others, distance * (1 - 1e-9)))
        remarks = [each.remark(value) for each, value in zip(self.columns, values, strict=True)]
        return Unusual(
            remarks=tuple(remark for remark in remarks if remark),
            distance=distance,
            share=(farther + 1) / (len(self.others) + 1),
            nearest=tuple(self.places[nearest].tolist()),
        )

    @property
    def _is_category(self) -> np.ndarray:
        return np.array([isinstance(each, _Categories) for each in self.columns])


class _Column:
    """One column of the training rows: where a value lies among theirs, and what is to be said of it."""

    name: str
    missing: float

    def place(self, value: Any) -> float:
        raise NotImplementedError

    def remark(self, value: Any) -> str:
        raise NotImplementedError

    def absent(self) -> str:
        """What is said of a missing value."""
        if self.missing >= RARE:
            return ""
        if not self.missing:
            return f"{self.name} is missing, which it never was in the training rows."
        return f"{self.name} is missing, as in {self.missing:.2%} of the training rows."


@dataclass(frozen=True)
class _Numbers(_Column):
    name: str
    ordered: np.ndarray
    missing: float
    is_time: pl.DataType | None

    def place(self, value: Any) -> float:
        """The share of training rows below; beyond their range as far as it is wide is one more."""
        number = self._number(value)
        return float("nan") if number is None else float(self.places(np.array([number]))[0])

    def places(self, numbers: np.ndarray) -> np.ndarray:
        low, high = self.ordered[0], self.ordered[-1]
        below, upto = (np.searchsorted(self.ordered, numbers, side=side) for side in ("left", "right"))
        wide = high - low or max(abs(high), 1.0)
        beyond = np.maximum(numbers - high, 0) / wide - np.maximum(low - numbers, 0) / wide
        return (below + upto) / 2 / len(self.ordered) + beyond

    def remark(self, value: Any) -> str:
        number = self._number(value)
        if number is None:
            return self.absent()
        low, high = self.ordered[0], self.ordered[-1]
        if not low <= number <= high:
            side, ends = "below" if number < low else "above", f"{self._text(low)} to {self._text(high)}"
            return f"{self.name} {self._text(number)} is {side} all training rows ({ends})."
        share = float(min((self.ordered <= number).mean(), (self.ordered >= number).mean()))
        if share >= RARE:
            return ""
        side = "low" if number < self.ordered[len(self.ordered) // 2] else "high"
        return f"{self.name} {self._text(number)} is as {side} as in {share:.2%} of the training rows."

    def _number(self, value: Any) -> float | None:
        if value is None:
            return None
        try:
            if self.is_time is not None:
                value = pl.Series([value]).cast(self.is_time).to_physical()[0]
            number = float(value)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            what, given = f"Column {self.name!r} holds numbers.", repr(value)
            raise DataError(what, given=given, fix="Pass a number, or None where it is missing.") from error
        return number if np.isfinite(number) else None

    def _text(self, number: float) -> str:
        if self.is_time is None:
            return f"{number:.6g}"
        return str(pl.Series([int(number)]).cast(self.is_time)[0])


@dataclass(frozen=True)
class _Categories(_Column):
    name: str
    shares: Mapping[str, float]
    missing: float

    def place(self, value: Any) -> float:
        if value is None:
            return float("nan")
        # An unknown one is unlike all of the known ones.
        return (
            float(list(self.shares).index(_label(value))) if _label(value) in self.shares else float(len(self.shares))
        )

    def remark(self, value: Any) -> str:
        if value is None:
            return self.absent()
        share = self.shares.get(_label(value))
        if share is None:
            return f"{self.name} {value!r} was never in the training rows."
        return f"{self.name} {value!r} was in {share:.2%} of the training rows." if share < RARE else ""


def usual(
    train: pl.DataFrame, columns: Sequence[str] | None = None, *, categorical: Collection[str] = (), seed: int = 0
) -> Usual:
    """Learns what training rows look like, so that others can be compared with them.

    The distance of two rows is a mean over columns: of numbers the difference of their places among the sorted
    training rows, of categories 0 for the same and 1 for another, and 1 where only one of the two is missing. A row's
    distance is the mean over its five nearest; what is far is told by other training rows, as conformal prediction
    does.

    Args:
        train: Training rows, at least 20.
        columns: Which columns; all that hold numbers, dates or categories when left out.
        categorical: Columns of numbers that are categories.
        seed: The run's seed. Of many rows, 5,000 are compared with, and 1,000 others say what is far.

    Raises:
        ConfigError: If a column is not there, or there are fewer than 20 rows.

    Example:
        >>> train = pl.DataFrame({"age": list(range(20, 60)), "port": ["S", "C"] * 20})
        >>> print(usual(train).judge({"age": 130, "port": "X"}))
        age 130 is above all training rows (20 to 59).
        port 'X' was never in the training rows.
        As a whole the row is unlike the training rows: 4.8% of rows like these are as far.

    Source:
        Gower 1971, "A general coefficient of similarity"; Vovk et al. 2005 (conformal prediction).
    """
    if columns is not None:
        check_names_of(train, columns)
    found = column_values(train, columns, categorical=categorical)
    found = [each for each in found if not each.missing.all()]
    if len(train) < 20 or not found:
        given = f"{len(train)} rows, {len(found)} columns with values"
        fix = "Pass all training rows."
        raise ConfigError("At least 20 training rows with values are needed.", given=given, fix=fix)
    order = generator(seed, "bootstrap", epoch=_OWN_DRAWS).permutation(len(train))
    count = min(len(train) // 2, _MAX_OTHERS)
    others, places = order[:count], np.sort(order[count:][:_MAX_KNOWN])
    described = [_describe(train, each.name, each.values, each.labels) for each in found]
    table = np.stack(
        [
            each.values if isinstance(column, _Categories) else _placed(column, each.values)
            for each, column in zip(found, described, strict=True)
        ],
        axis=1,
    )
    categories = np.array([isinstance(each, _Categories) for each in described])
    far = [np.sort(_distances(table[row], table[places], categories))[:_NEIGHBOURS].mean() for row in others]
    return Usual(columns=tuple(described), known=table[places], places=places, others=np.sort(far))


def _describe(train: pl.DataFrame, name: str, values: np.ndarray, labels: tuple[str, ...] | None) -> _Column:
    present = values[~np.isnan(values)]
    missing = 1 - len(present) / len(values)
    if labels is None:
        dtype = train.schema[name]
        return _Numbers(name, np.sort(present), missing, dtype if dtype.is_temporal() else None)
    counts = np.bincount(present.astype(np.int64), minlength=len(labels)) / len(values)
    return _Categories(name, dict(zip(labels, counts.tolist(), strict=True)), missing)


def _placed(column: _Column, values: np.ndarray) -> np.ndarray:
    assert isinstance(column, _Numbers)
    return np.where(np.isnan(values), np.nan, column.places(np.nan_to_num(values)))


def _distances(point: np.ndarray, known: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """From one row `[columns]` to others `[rows, columns]`: float64 `[rows]`."""
    apart = np.abs(known - point)
    apart = np.where(categories, apart > 0, apart)
    lacking, lacks = np.isnan(known), np.isnan(point)
    apart = np.where(lacking | lacks, lacking != lacks, apart)
    return apart.mean(axis=1)


def _label(value: Any) -> str:
    """A category's text, as polars writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
