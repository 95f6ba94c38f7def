"""The columns of a table, each as numbers and category indices, learned from training rows.

A column is read as a whole, with polars, while training, and value by value while serving; both go through the same
functions of a value, so that they cannot drift apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.data.parse_numbers import number_of
from headway.errors import ReadError
from headway.inputs.base import Column
from headway.inputs.table.parse_values import (
    MIN_BINS,
    Scale,
    date_of,
    moments_of,
    numbers_of,
    shown,
    text_of,
    texts_of,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "MAX_CATEGORIES",
    "CategoryColumn",
    "DateColumn",
    "FittedColumn",
    "NumberColumn",
    "column_from_json",
    "frequencies",
]

# So many of a column's categories are told apart at most; the others are one, "other".
MAX_CATEGORIES = 256

# A category of fewer training rows is "other": one row says nothing of the next.
MIN_ROWS = 2

_SECONDS_A_DAY = 86_400


class FittedColumn(ABC):
    """One column, fitted. Immutable, so threads may share it.

    Attributes:
        name: The column's name in the table.
        kind: "number", "category" or "date".
        has_missing: Whether a training row lacked its value.
    """

    name: str
    kind: ClassVar[str]
    has_missing: bool

    @property
    @abstractmethod
    def numbers(self) -> tuple[str, ...]:
        """What its numbers are called."""

    @property
    @abstractmethod
    def edges(self) -> tuple[tuple[float, ...], ...]:
        """For each of its numbers, where the training rows' values lie: rising, two or more."""

    @property
    @abstractmethod
    def categories(self) -> dict[str, int]:
        """What its indices are called, and how many values each has, with 0 for what was not seen in training."""

    @classmethod
    @abstractmethod
    def fit(cls, name: str, values: pl.Series, *, bins: int = MIN_BINS) -> Self:
        """The column, having learned from training rows; numbers are told apart by so many quantiles."""

    @abstractmethod
    def encode(self, values: pl.Series) -> list[np.ndarray]:
        """Its numbers and then its indices for all rows, an array `[rows]` each.

        Raises:
            DataError: If a value cannot be one of this column.
        """

    @abstractmethod
    def encode_one(self, value: Any) -> tuple[tuple[float, ...], str | None]:
        """The same for one value, and what is new about it, where something is.

        Raises:
            ReadError: If it cannot be a value of this column.
        """

    @property
    def missing_note(self) -> str | None:
        """What is new about a missing value; None where training had one."""
        return None if self.has_missing else f"{self.name!r} is missing, as it never was in training"

    @abstractmethod
    def plain(self, values: pl.Series) -> pl.Series:
        """Its values as they are meant: numbers, text or moments, null where one is missing.

        Raises:
            DataError: If a value cannot be one of this column.
        """

    @abstractmethod
    def form(self) -> Column:
        """How a form asks for it."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The column as plain JSON values."""

    @classmethod
    @abstractmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The column that `to_json` wrote."""


@dataclass(frozen=True)
class NumberColumn(FittedColumn):
    """A column of numbers: scaled, with an index that says where one is missing, if one was in training.

    Args:
        name: The column's name.
        scale: How numbers are scaled.
        has_missing: Whether a training row lacked its number.
        is_rare: Whether most of them did: a form's example then leaves it empty.
    """

    name: str
    scale: Scale
    has_missing: bool
    is_rare: bool = False
    kind: ClassVar[str] = "number"

    @property
    def numbers(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def edges(self) -> tuple[tuple[float, ...], ...]:
        return (self.scale.edges,)

    @property
    def categories(self) -> dict[str, int]:
        return {f"{self.name} missing": 2} if self.has_missing else {}

    @classmethod
    def fit(cls, name: str, values: pl.Series, *, bins: int = MIN_BINS) -> Self:
        numbers = numbers_of(name, values)
        missing = np.isnan(numbers)
        scale = Scale.fit(numbers[~missing], bins=bins)
        return cls(name, scale, bool(missing.any()), bool(missing.sum() > len(missing) / 2))

    def encode(self, values: pl.Series) -> list[np.ndarray]:
        numbers = numbers_of(self.name, values)
        return [self.scale(numbers), *([np.isnan(numbers)] if self.has_missing else [])]

    def encode_one(self, value: Any) -> tuple[tuple[float, ...], str | None]:
        try:
            number = number_of(value)
        except ValueError:
            message = f"{self.name!r} must be a number, not {shown(value)}"
            raise ReadError(message) from None
        missing = number != number
        scaled = self.scale.one(number)
        return ((scaled, float(missing)) if self.has_missing else (scaled,)), self.missing_note if missing else None

    def plain(self, values: pl.Series) -> pl.Series:
        import polars as pl

        return pl.Series(self.name, numbers_of(self.name, values)).fill_nan(None)

    def form(self) -> Column:
        return Column(name=self.name, kind="number", typical=None if self.is_rare else self.scale.median)

    def to_json(self) -> dict[str, Any]:
        fitted = {"name": self.name, "kind": self.kind, "scale": self.scale.to_json(), "has_missing": self.has_missing}
        return fitted | ({"is_rare": True} if self.is_rare else {})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        flags = bool(values["has_missing"]), bool(values.get("is_rare", False))
        return cls(str(values["name"]), Scale.from_json(values["scale"]), *flags)


@dataclass(frozen=True)
class CategoryColumn(FittedColumn):
    """A column of categories: an index, 0 for "other": what was not seen in training, or too rarely.

    Args:
        name: The column's name.
        values: The categories in the order of their indices, from 1 on: the most frequent first.
        has_missing: Whether a training row lacked its category; "missing" is then one more, the last.
        is_rare: Whether most training rows lacked it: a form's example then leaves it empty.
    """

    name: str
    values: tuple[str, ...]
    has_missing: bool
    is_rare: bool = False
    kind: ClassVar[str] = "category"

    @property
    def numbers(self) -> tuple[str, ...]:
        return ()

    @property
    def edges(self) -> tuple[tuple[float, ...], ...]:
        return ()

    @property
    def categories(self) -> dict[str, int]:
        return {self.name: 1 + len(self.values) + self.has_missing}

    @cached_property
    def _index(self) -> dict[str | None, int]:
        indices: dict[str | None, int] = {value: index for index, value in enumerate(self.values, start=1)}
        return indices | ({None: len(self.values) + 1} if self.has_missing else {})

    @classmethod
    def fit(cls, name: str, values: pl.Series, *, bins: int = MIN_BINS) -> Self:
        texts = texts_of(values)
        known = [text for text, count in frequencies(texts) if count >= MIN_ROWS]
        missing = texts.null_count()
        return cls(name, tuple(known[:MAX_CATEGORIES]), missing > 0, missing > len(texts) / 2)

    def encode(self, values: pl.Series) -> list[np.ndarray]:
        import polars as pl

        texts = texts_of(values)
        encoded = texts.replace_strict(list(self.values), list(range(1, 1 + len(self.values))), default=0)
        indices = encoded.cast(pl.Int64).to_numpy().copy()
        indices[texts.is_null().to_numpy()] = self._index.get(None, 0)
        return [indices]

    def encode_one(self, value: Any) -> tuple[tuple[float, ...], str | None]:
        text = text_of(value)
        index = self._index.get(text)
        if index is not None:
            return (float(index),), None
        if text is None:
            return (0.0,), self.missing_note
        return (0.0,), f"{self.name!r} is {shown(text)}, which training had too rarely or never"

    def plain(self, values: pl.Series) -> pl.Series:
        return texts_of(values).alias(self.name)

    def form(self) -> Column:
        typical = None if self.is_rare else next(iter(self.values), None)
        return Column(name=self.name, kind="category", choices=self.values, typical=typical)

    def to_json(self) -> dict[str, Any]:
        fitted = {"name": self.name, "kind": self.kind, "values": list(self.values), "has_missing": self.has_missing}
        return fitted | ({"is_rare": True} if self.is_rare else {})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        known = tuple(map(str, values["values"]))
        return cls(str(values["name"]), known, bool(values["has_missing"]), bool(values.get("is_rare", False)))


_PARTS: dict[str, Callable[[datetime, datetime], float]] = {
    "year": lambda moment, _: moment.year,
    "day of year": lambda moment, _: moment.timetuple().tm_yday,
    "day": lambda moment, _: moment.day,
    "hour": lambda moment, _: moment.hour + moment.minute / 60,
    "days": lambda moment, origin: (moment - origin).total_seconds() / _SECONDS_A_DAY,
}


@dataclass(frozen=True)
class DateColumn(FittedColumn):
    """A column of dates: their parts, and the days since the training rows' median; month and weekday as categories.

    Args:
        name: The column's name.
        origin: The training rows' median.
        scales: How each of the numbers is scaled, by its name.
        has_missing: Whether a training row lacked its date.
    """

    name: str
    origin: datetime
    scales: dict[str, Scale]
    has_missing: bool
    kind: ClassVar[str] = "date"

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(f"{self.name} {part}" for part in self.scales)

    @property
    def edges(self) -> tuple[tuple[float, ...], ...]:
        return tuple(scale.edges for scale in self.scales.values())

    @property
    def categories(self) -> dict[str, int]:
        """0 stands for a missing date, whether or not there was one in training."""
        return {f"{self.name} month": 13, f"{self.name} weekday": 8}

    @classmethod
    def fit(cls, name: str, values: pl.Series, *, bins: int = MIN_BINS) -> Self:
        moments = moments_of(name, values)
        known = sorted(moment for moment in moments if moment is not None)
        origin = known[len(known) // 2] if known else datetime(2000, 1, 1)
        numbers = {part: np.array([of(moment, origin) for moment in known]) for part, of in _PARTS.items()}
        # A part that is the same in all rows, such as the hour of a date without a time, says nothing.
        used = {
            part: Scale.fit(values_of_part, bins=bins)
            for part, values_of_part in numbers.items()
            if part == "days" or len(np.unique(values_of_part)) > 1
        }
        return cls(name, origin, used, len(known) < len(moments))

    def encode(self, values: pl.Series) -> list[np.ndarray]:
        moments = moments_of(self.name, values)
        # Most tables hold far fewer different days than rows.
        encoded = {moment: self._encoded(moment) for moment in set(moments)}
        width = len(self.scales) + 2
        return list(np.array([encoded[moment] for moment in moments]).reshape(-1, width).T)

    def encode_one(self, value: Any) -> tuple[tuple[float, ...], str | None]:
        try:
            moment = date_of(value)
        except (ValueError, OverflowError):
            message = f"{self.name!r} must be a date such as 2024-02-29, not {shown(value)}"
            raise ReadError(message) from None
        return self._encoded(moment), self.missing_note if moment is None else None

    def _encoded(self, moment: datetime | None) -> tuple[float, ...]:
        if moment is None:
            return (0.0,) * (len(self.scales) + 2)
        numbers = (scale.one(_PARTS[part](moment, self.origin)) for part, scale in self.scales.items())
        return (*numbers, float(moment.month), float(moment.isoweekday()))

    def plain(self, values: pl.Series) -> pl.Series:
        import polars as pl

        return pl.Series(self.name, moments_of(self.name, values), dtype=pl.Datetime("us"))

    def form(self) -> Column:
        shown = self.origin if "hour" in self.scales else self.origin.date()
        return Column(name=self.name, kind="date", typical=shown.isoformat())

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "origin": self.origin.isoformat(),
            "scales": {part: scale.to_json() for part, scale in self.scales.items()},
            "has_missing": self.has_missing,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        scales = {part: Scale.from_json(values["scales"][part]) for part in _PARTS if part in values["scales"]}
        return cls(str(values["name"]), datetime.fromisoformat(values["origin"]), scales, bool(values["has_missing"]))


def frequencies(texts: pl.Series) -> list[tuple[str, int]]:
    """The different texts and how often each occurs, the most frequent first, nulls left out."""
    counts = texts.drop_nulls().value_counts(sort=False).rows()
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))


_COLUMNS: dict[str, type[FittedColumn]] = {kind.kind: kind for kind in (NumberColumn, CategoryColumn, DateColumn)}


def column_from_json(values: dict[str, Any]) -> FittedColumn:
    """The column that `to_json` wrote.

    Raises:
        KeyError: If its kind is not known.
    """
    return _COLUMNS[values["kind"]].from_json(values)
