"""The columns of a table, each as numbers and category indices, learned from training rows.

A column is read as a whole, with polars, while training, and value by value while serving; both go through the same
functions of a value, so that they cannot drift apart.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.as_json import AsJson
from headway.data.parse_numbers import number_of
from headway.errors import ReadError
from headway.inputs.protocols import Column
from headway.inputs.table.parse_values import (
    MIN_BINS,
    Scale,
    date_of,
    frequencies,
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
]

# So many of a column's categories are told apart at most; the others are one, "other".
MAX_CATEGORIES = 256

# Training rows with too rare a category (Good and Turing: the chance of a new one), up to which a new one is unusual.
MAX_OTHER = 0.001

# A category of fewer training rows is "other": one row says nothing of the next.
MIN_ROWS = 2

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class FittedColumn(AsJson, ABC):
    """One column, fitted. Immutable, so threads may share it.

    Attributes:
        name: The column's name in the table.
        kind: "number", "category" or "date".
        expects: What its values must be, for a message.
        parse: From a value to a number, text or moment; to NaN or None where it is missing.
        has_missing: Whether a training row lacked its value.
        is_rare: Whether most of them did: a form's example then leaves it empty.
    """

    kind: ClassVar[str]
    expects: ClassVar[str]
    parse: ClassVar[Callable[[Any], Any]]
    name: str
    has_missing: bool = False
    is_rare: bool = False

    @property
    def numbers(self) -> dict[str, Scale]:
        """How each of its numbers is scaled, by what it is called."""
        return {}

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

    def encode_one(self, value: Any) -> tuple[tuple[float, ...], str | None]:
        """The same for one value, and what is new about it, where something is.

        Raises:
            ReadError: If it cannot be a value of this column.
        """
        try:
            parsed = self.parse(value)
        except (ValueError, OverflowError):
            message = f"{self.name!r} must be {self.expects}, not {shown(value)}"
            raise ReadError(message) from None
        # NaN is unlike itself.
        if parsed is None or parsed != parsed:
            note = None if self.has_missing else f"{self.name!r} is missing, as it never was in training"
        else:
            note = self._note(parsed)
        return self._encode(parsed), note

    @abstractmethod
    def _encode(self, parsed: Any) -> tuple[float, ...]: ...

    def _note(self, parsed: Any) -> str | None:
        """What is new about a value that is there."""
        return None

    @abstractmethod
    def plain(self, values: pl.Series) -> pl.Series:
        """Its values as they are meant: numbers, text or moments, null where one is missing.

        Raises:
            DataError: If a value cannot be one of this column.
        """

    @abstractmethod
    def form(self) -> Column:
        """How a form asks for it."""

    def browser_facts(self) -> dict[str, Any]:
        """What `web/read.js` must know besides what `to_json` writes: numbers' `limits`, and their `range` as text."""
        limits = [[end if math.isfinite(end) else None for end in scale.limits] for scale in self.numbers.values()]
        return {"limits": limits, "range": self._range()}

    def _range(self) -> str:
        """The training rows' range, for a note."""
        return ""

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **super().to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The column that `to_json` wrote."""
        flags = {name: bool(values[name]) for name in ("has_missing", "is_rare")}
        return cls(name=str(values["name"]), **flags, **cls._learned(values))

    @classmethod
    @abstractmethod
    def _learned(cls, values: dict[str, Any]) -> dict[str, Any]:
        """What only this kind of column learns, from JSON: a stranger's, so each value is brought to its type."""


@dataclass(frozen=True, kw_only=True)
class NumberColumn(FittedColumn):
    """A column of numbers: scaled, with an index that says where one is missing, if one was in training."""

    kind = "number"
    expects = "a number"
    parse = staticmethod(number_of)
    scale: Scale

    @property
    def numbers(self) -> dict[str, Scale]:
        return {self.name: self.scale}

    @property
    def categories(self) -> dict[str, int]:
        return {f"{self.name} missing": 2} if self.has_missing else {}

    @classmethod
    def fit(cls, name: str, values: pl.Series, *, bins: int = MIN_BINS) -> Self:
        numbers = numbers_of(name, values)
        missing = np.isnan(numbers)
        scale = Scale.fit(numbers[~missing] if missing.any() else numbers, bins=bins)
        return cls(
            name=name, scale=scale, has_missing=bool(missing.any()), is_rare=bool(missing.sum() > len(missing) / 2)
        )

    def encode(self, values: pl.Series) -> list[np.ndarray]:
        numbers = numbers_of(self.name, values)
        return [self.scale(numbers), *([np.isnan(numbers)] if self.has_missing else [])]

    def _encode(self, parsed: float) -> tuple[float, ...]:
        scaled = self.scale.one(parsed)
        return (scaled, float(parsed != parsed)) if self.has_missing else (scaled,)

    def _note(self, parsed: float) -> str | None:
        if not self.scale.is_far(parsed):
            return None
        return f"{self.name!r} is {parsed:.6g}, far outside of the training range, {self._range()}"

    def _range(self) -> str:
        low, high = self.scale.range
        return f"{low:.4g} to {high:.4g}"

    def plain(self, values: pl.Series) -> pl.Series:
        import polars as pl

        return pl.Series(self.name, numbers_of(self.name, values)).fill_nan(None)

    def form(self) -> Column:
        return Column(name=self.name, kind="number", typical=None if self.is_rare else self.scale.median)

    @classmethod
    def _learned(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {"scale": Scale.from_json(values["scale"])}


@dataclass(frozen=True, kw_only=True)
class CategoryColumn(FittedColumn):
    """A column of categories: an index, 0 for "other": what was not seen in training, or too rarely.

    Attributes:
        values: The categories in the order of their indices, from 1 on: the most frequent first. Where a training row
            lacked its category, "missing" is one more index, the last.
        share_other: Of the training rows, those whose category was too rare: about the share of rows like them whose
            category is new.
    """

    kind = "category"
    expects = "a category"
    parse = staticmethod(text_of)
    values: tuple[str, ...]
    share_other: float = 1.0

    @property
    def is_complete(self) -> bool:
        """Whether training rows had nearly all categories that there are, so that a new one is unusual."""
        return self.share_other <= MAX_OTHER

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
        # The most frequent first, so that what is cut off at the limit is the rarest.
        known = tuple(text for text, count in frequencies(texts) if count >= MIN_ROWS)[:MAX_CATEGORIES]
        num_missing = texts.null_count()
        num_other = len(texts) - num_missing - int(texts.is_in(known).sum() or 0)
        return cls(
            name=name,
            values=known,
            share_other=num_other / max(len(texts), 1),
            has_missing=num_missing > 0,
            is_rare=num_missing > len(texts) / 2,
        )

    def encode(self, values: pl.Series) -> list[np.ndarray]:
        import polars as pl

        texts = texts_of(values)
        known = {text: index for text, index in self._index.items() if text is not None}
        encoded = texts.replace_strict(list(known), list(known.values()), default=0, return_dtype=pl.Int64)
        indices = encoded.to_numpy().copy()
        # polars replaces nulls by the default, too, and takes no null among the old values.
        indices[texts.is_null().to_numpy()] = self._index.get(None, 0)
        return [indices]

    def _encode(self, parsed: str | None) -> tuple[float, ...]:
        return (float(self._index.get(parsed, 0)),)

    def _note(self, parsed: str) -> str | None:
        is_new = parsed not in self._index
        return f"{self.name!r} is {shown(parsed)}, which training had too rarely or never" if is_new else None

    def plain(self, values: pl.Series) -> pl.Series:
        return texts_of(values).alias(self.name)

    def browser_facts(self) -> dict[str, Any]:
        return {"is_complete": self.is_complete}

    def form(self) -> Column:
        typical = None if self.is_rare else next(iter(self.values), None)
        return Column(name=self.name, kind="category", choices=self.values, typical=typical)

    @classmethod
    def _learned(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {"values": tuple(map(str, values["values"])), "share_other": float(values["share_other"])}


# What a moment says as a number, by name; from the moment and the training rows' median.
_DATE_NUMBERS: dict[str, Callable[[datetime, datetime], float]] = {
    "year": lambda moment, _: moment.year,
    "day of year": lambda moment, _: moment.timetuple().tm_yday,
    "day": lambda moment, _: moment.day,
    "hour": lambda moment, _: moment.hour + moment.minute / 60,
    "days": lambda moment, origin: (moment - origin).total_seconds() / _SECONDS_A_DAY,
}


@dataclass(frozen=True, kw_only=True)
class DateColumn(FittedColumn):
    """A column of dates: several numbers, such as the days since the training rows' median; month and weekday apart.

    Attributes:
        origin: The training rows' median.
        scales: How each of the numbers is scaled, by its name in `_DATE_NUMBERS`.
    """

    kind = "date"
    expects = "a date such as 2024-02-29"
    parse = staticmethod(date_of)
    origin: datetime
    scales: dict[str, Scale]

    @property
    def numbers(self) -> dict[str, Scale]:
        return {f"{self.name} {number}": scale for number, scale in self.scales.items()}

    @property
    def categories(self) -> dict[str, int]:
        """0 stands for a missing date, whether or not there was one in training."""
        return {f"{self.name} month": 13, f"{self.name} weekday": 8}

    @classmethod
    def fit(cls, name: str, values: pl.Series, *, bins: int = MIN_BINS) -> Self:
        moments = moments_of(name, values)
        # The median as the origin: one date of 1900 or 9999 does not move it.
        known = sorted(moment for moment in moments if moment is not None)
        origin = known[len(known) // 2] if known else datetime(2000, 1, 1)
        numbers = {number: np.array([of(moment, origin) for moment in known]) for number, of in _DATE_NUMBERS.items()}
        # A number that is the same in all rows, such as the hour of a date without a time, says nothing.
        scales = {
            number: Scale.fit(column, bins=bins)
            for number, column in numbers.items()
            if number == "days" or len(np.unique(column)) > 1
        }
        return cls(name=name, origin=origin, scales=scales, has_missing=len(known) < len(moments))

    def encode(self, values: pl.Series) -> list[np.ndarray]:
        moments = moments_of(self.name, values)
        # Most tables hold far fewer different days than rows.
        encoded = {moment: self._encode(moment) for moment in set(moments)}
        width = len(self.scales) + 2
        return list(np.array([encoded[moment] for moment in moments]).reshape(-1, width).T)

    def _encode(self, parsed: datetime | None) -> tuple[float, ...]:
        if parsed is None:
            return (0.0,) * (len(self.scales) + 2)
        numbers = (scale.one(_DATE_NUMBERS[number](parsed, self.origin)) for number, scale in self.scales.items())
        return (*numbers, float(parsed.month), float(parsed.isoweekday()))

    def _note(self, parsed: datetime) -> str | None:
        if not any(scale.is_far(_DATE_NUMBERS[number](parsed, self.origin)) for number, scale in self.scales.items()):
            return None
        return f"{self.name!r} is {parsed.date().isoformat()}, far outside of the training range, {self._range()}"

    def _range(self) -> str:
        days = self.scales.get("days")
        return " to ".join(_shown_day(self.origin, end) for end in days.range) if days else "not known"

    def plain(self, values: pl.Series) -> pl.Series:
        import polars as pl

        return pl.Series(self.name, moments_of(self.name, values), dtype=pl.Datetime("us"))

    def form(self) -> Column:
        typical = self.origin if "hour" in self.scales else self.origin.date()
        return Column(name=self.name, kind="date", typical=typical.isoformat())

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"origin": self.origin.isoformat()}

    @classmethod
    def _learned(cls, values: dict[str, Any]) -> dict[str, Any]:
        # In the order of `_DATE_NUMBERS`, whatever that of the JSON is: it decides what each of the inputs holds.
        scales = {
            number: Scale.from_json(values["scales"][number]) for number in _DATE_NUMBERS if number in values["scales"]
        }
        return {"origin": datetime.fromisoformat(values["origin"]), "scales": scales}


def _shown_day(origin: datetime, days: float) -> str:
    """A day so many after another; of a stranger's numbers one within the calendar."""
    ordinal = min(max(origin.toordinal() + days, 1), date.max.toordinal())
    return date.fromordinal(round(ordinal)).isoformat()


_COLUMNS: dict[str, type[FittedColumn]] = {kind.kind: kind for kind in (NumberColumn, CategoryColumn, DateColumn)}


def column_from_json(values: dict[str, Any]) -> FittedColumn:
    """The column that `to_json` wrote; KeyError if its kind is not known."""
    return _COLUMNS[values["kind"]].from_json(values)
