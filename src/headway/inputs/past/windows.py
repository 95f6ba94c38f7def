"""From a table of a row a moment to items: a stretch of the past each, and the values that followed it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from headway.errors import DataError, did_you_mean
from headway.inputs.series.layouts import IDS, TIMES
from headway.inputs.series.times import as_times, check_times

__all__ = ["END", "MOST_HISTORY", "NEXT", "ORIGIN", "SERIES", "STRETCH", "Moments", "Table", "forecast_hint", "windows"]

# Columns of the item table, besides that of the past: the values that followed; of which series they are; the time of
# the first and of the last of them; and what belongs together for intervals.
NEXT, SERIES, ORIGIN, END, STRETCH = "next values", "series", "origin", "end", "stretch"
# Values before the forecast that an item keeps, and items of a table, at most.
MOST_HISTORY = 512
_MOST_WINDOWS = 20_000
# From so many series on, each is one of the independent pieces that intervals count; of fewer, each stretch of origins
# whose futures overlap.
_MANY_SERIES = 30
# How columns of times are called, besides those of series.
_NAMES = TIMES | {"day", "week", "month", "quarter", "year", "hour", "ds", "period"}
# A step between two times that is so many times the usual one is a gap.
_GAP = 1.9
# A table is proposed for forecasts where each of a few series has so many moments, and this share of their steps is
# about as long as the usual one: on working days four in five are.
_FEW_SERIES, _MIN_MOMENTS, _REGULAR_SHARE = 10, 32, 0.75
# Columns that a note names.
_SHOWN = 6


class Moments(NamedTuple):
    """A series in the order of time.

    Attributes:
        name: Of the series, "" where there is one.
        times: One a moment.
        values: float64 `[moments]`, NaN for what is missing.
        known: The same of each column that is known ahead.
    """

    name: str
    times: pl.Series
    values: np.ndarray
    known: tuple[np.ndarray, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a row a moment: which column holds the values, and which say when, and of what.

    Attributes:
        column: The values.
        time: The times; None where rows are in their order.
        parts: What says the time together with years in `time`: a quarter, or a month, and perhaps a day.
        id: Which series a row belongs to; None where there is one.
        known: Further columns of numbers, which are known ahead of the values.
    """

    column: str
    time: str | None
    id: str | None
    parts: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @classmethod
    def recognise(
        cls, table: pl.DataFrame, column: str, *, time: str | None, id: str | None, known: tuple[str, ...] = ()
    ) -> Table:
        """With the columns of times and of series found where they are not named.

        Raises:
            DataError: If a column is missing, or several rows have one time and no column tells them apart.
        """
        for name in filter(None, (column, time, id, *known)):
            if name not in table.columns:
                what, given = f"The table has no column {name!r}.", f"columns: {', '.join(table.columns)}"
                raise DataError(what, given=given, fix=did_you_mean(name, table.columns))
        if own := {column, *known} & {NEXT, SERIES, ORIGIN, END, STRETCH}:
            what = f"Headway makes a column {min(own)!r} of its own for forecasts."
            raise DataError(what, given=f"column {min(own)!r}", fix="Rename yours.")
        others = [name for name in table.columns if name not in (column, *known)]
        is_date = {name: table[name].dtype.is_temporal() for name in others}
        named = [name for name in others if name.lower() in _NAMES or is_date[name]]
        parts: tuple[str, ...] = ()
        if time is None:
            time = next(iter(sorted(named, key=lambda name: not is_date[name])), None)
            calendar = {name.lower(): name for name in others}
            part = calendar.get("month") or calendar.get("quarter")
            if "year" in calendar and part and not any(is_date.values()):
                time, days = calendar["year"], [calendar["day"]] if {"month", "day"} <= calendar.keys() else []
                parts = (part, *days)
        layout = cls(column=column, time=time, id=id, parts=parts, known=known)
        if id is None and time is not None and table.select(time, *parts).is_duplicated().any():
            others = [name for name in others if name not in (time, *parts)]
            layout = replace(layout, id=layout._id(table, others))
        return layout

    @property
    def when(self) -> str:
        """The columns of times, as a sentence names them."""
        return " and ".join(repr(name) for name in (self.time, *self.parts))

    def _id(self, table: pl.DataFrame, others: list[str]) -> str:
        names = [name for name in others if IDS.search(name) or table[name].dtype == pl.String]
        times = [name for name in (self.time, *self.parts) if name]
        found = [name for name in names if not table.select(name, *times).is_duplicated().any()]
        if not found:
            what = "Several rows have the same time, so a column must say which series each row belongs to."
            given = f"time={self.time!r}, columns: {', '.join(table.columns)}"
            raise DataError(what, given=given, fix='Name it: hw.Future(..., id="shop") (--series-column shop).')
        return min(found, key=lambda name: table[name].n_unique())

    def _moments(self, table: pl.DataFrame) -> pl.Series:
        if not self.time:
            return pl.Series("time", range(len(table)))
        if not self.parts:
            return as_times(table[self.time])
        year, part, *day = (pl.col(name).cast(pl.Int32, strict=False) for name in (self.time, *self.parts))
        month = part * 3 - 2 if self.parts[0].lower() == "quarter" else part
        texts = pl.format("{}-{}-{}", year, month, *day or [pl.lit(1)])
        times = table.select(texts.str.to_date("%Y-%-m-%-d", strict=False)).to_series()
        if times.null_count():
            row = int(times.is_null().arg_true()[0])
            given = f"row {row}: {', '.join(str(table[name][row]) for name in (self.time, *self.parts))}"
            fix = 'Correct that row, or name the column of times: hw.Future(..., time="day") (--time-column day).'
            raise DataError(f"Columns {self.when} must hold dates.", given=given, fix=fix)
        return times

    def series(self, table: pl.DataFrame) -> list[Moments]:
        """Each series, in the order of time."""
        times = self._moments(table)
        names = table[self.id].cast(pl.String).fill_null("") if self.id else pl.Series([""] * len(table))
        check_times(times, names)
        numbers = [_numbers(table[name]).alias(f"{index}") for index, name in enumerate((self.column, *self.known))]
        frame = pl.DataFrame([names.alias("name"), times.alias("time"), *numbers])
        parts = frame.sort("time", maintain_order=True).partition_by("name", maintain_order=True)
        parts = sorted(parts, key=lambda part: part["name"][0])
        found = []
        for part in parts:
            values, *known = part.drop("name", "time").to_numpy().T
            found.append(Moments(part["name"][0], part["time"], values, tuple(known)))
        return found


def forecast_hint(table: pl.DataFrame, column: str) -> list[str]:
    """How to forecast a column of numbers, where the table has a row a moment at regular times; else nothing."""
    try:
        layout = Table.recognise(table, column, time=None, id=None)
        if layout.time is None:
            return []
        if layout.id:
            # A few series show it, of however many.
            few = table[layout.id].unique(maintain_order=True).head(_FEW_SERIES).to_list()
            table = table.filter(pl.col(layout.id).is_in(few, nulls_equal=True))
        series = layout.series(table)
    # Times, or numbers, that cannot be read as such: it is another table.
    except DataError:
        return []
    if not all(len(one.times) >= _MIN_MOMENTS and _is_regular(one.times) for one in series):
        return []
    of = f", for each {layout.id!r}" if layout.id else ""
    return [
        f"Column {layout.time!r} holds regular times{of}. To forecast how {column!r} goes on: --kind future "
        f"--horizon 12 (target=hw.Future({column!r}, horizon=12))."
    ]


def _numbers(column: pl.Series) -> pl.Series:
    """A column as float64, NaN for what is missing."""
    if not (column.dtype.is_numeric() or column.dtype in (pl.String, pl.Boolean, pl.Null)):
        what = f"Column {column.name!r} must hold numbers."
        raise DataError(what, given=f"{column.dtype}", fix="Convert it, or name another column.")
    numbers = column.cast(pl.Float64, strict=False)
    wrong = (numbers.is_null() & column.is_not_null()).arg_true()[:5]
    if len(wrong):
        given = ", ".join(f"row {row}: {column[row]!r}" for row in wrong)
        what = f"Column {column.name!r} must hold numbers."
        raise DataError(what, given=given, fix="Correct those rows, or leave them empty.")
    return pl.select(pl.when(numbers.is_finite()).then(numbers).otherwise(float("nan"))).to_series()


def _is_regular(times: pl.Series) -> bool:
    steps = _steps(times)
    usual = np.median(steps)
    return bool(((steps > usual / _GAP) & (steps < _GAP * usual)).mean() >= _REGULAR_SHARE)


def windows(table: pl.DataFrame, layout: Table, *, horizon: int, least: int) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """An item for each moment from which so many values are known, and sentences on how they were made.

    Args:
        table: A row a moment.
        layout: Its columns.
        horizon: Values to forecast.
        least: Values that must be known before.

    Raises:
        DataError: If no series is long enough.
    """
    series = layout.series(table)
    lengths = [len(one.values) for one in series]
    total = sum(max(length - horizon - least + 1, 0) for length in lengths)
    if not total:
        what = f"No series is long enough: {least} values and then {horizon} to forecast are needed."
        raise DataError(what, given=f"the longest has {max(lengths, default=0)}", fix="Pass a smaller horizon.")
    every = -(-total // _MOST_WINDOWS)
    lists = (layout.column, *layout.known, NEXT)
    columns: dict[str, list[Any]] = {name: [] for name in (*lists, SERIES, ORIGIN, END, STRETCH)}
    for name, times, *numbers, others in series:
        last = len(times) - horizon
        values, *known = ([None if np.isnan(one) else one for one in each.tolist()] for each in (*numbers, *others))
        # Counted from the end, so that the latest values are always forecast.
        for origin in range(last, least - 1, -every)[::-1]:
            first = max(origin - MOST_HISTORY, 0)
            past, following = values[first:origin], values[origin : origin + horizon]
            # What is missing is not made up where a forecast is judged.
            if None in following or not any(value is not None for value in past):
                continue
            stretch = name if len(series) >= _MANY_SERIES else f"{name} {(last - origin) // horizon}".strip()
            ahead = (each[first : origin + horizon] for each in known)
            row = (past, *ahead, following, name, times[origin], times[origin + horizon - 1], stretch)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    items = pl.DataFrame(columns, schema_overrides=dict.fromkeys(lists, pl.List(pl.Float64)))
    return items, (*_notes(layout, series, items, every=every, least=least + horizon), *_left_out(table, layout))


def _notes(layout: Table, series: list[Any], items: pl.DataFrame, *, every: int, least: int) -> tuple[str, ...]:
    by = f" by {layout.id!r}" if layout.id else ""
    when = f"in the order of {layout.when}" if layout.time else "in the order of the rows, as no column has times"
    num = "1 series" if len(series) == 1 else f"{len(series):,} series"
    notes = [f"{len(items):,} forecasts can be judged in {num}{by}, {when}."]
    short = sum(len(one.values) < least for one in series)
    if short:
        notes.append(f"{short:,} of the series have fewer than {least} values and are left out.")
    if every > 1:
        notes.append(f"Of the moments to forecast from, every {every}th is taken.")
    gaps = sum(_has_gap(one.times) for one in series)
    if gaps:
        notes.append(f"The times of {gaps:,} series have gaps; their values are taken as one after the other.")
    return tuple(notes)


def _left_out(table: pl.DataFrame, layout: Table) -> list[str]:
    """A sentence on the columns that take no part; none where there are none."""
    taken = (layout.column, layout.time, layout.id, *layout.parts, *layout.known)
    others = [repr(name) for name in table.columns if name not in taken]
    if not others:
        return []
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    named = f"{', '.join(others[:_SHOWN])}{more}"
    return [
        f"Not read: {named}. Of columns whose values are known ahead, such as prices and holidays: "
        f"hw.Future({layout.column!r}, known=[...]) (--known COLUMN,...)."
    ]


def _steps(times: pl.Series) -> np.ndarray:
    return np.diff(times.to_physical().cast(pl.Float64).to_numpy())


def _has_gap(times: pl.Series) -> bool:
    steps = _steps(times)
    return bool(len(steps) and (steps > _GAP * np.median(steps)).any())
