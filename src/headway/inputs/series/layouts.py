"""Tables that hold series in other forms than a row an item: a row a moment, a column a moment, and `.ts` files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from headway.errors import DataError, did_you_mean
from headway.inputs.series.times import as_times, check_times
from headway.system.pieces import pieces

__all__ = ["IDS", "TIMES", "Long", "from_long", "from_wide", "is_list", "read_ts", "recognise_long", "wide_columns"]

# Names of columns that say when; and which series.
TIMES = {"time", "timestamp", "datetime", "date", "t", "seconds", "step", "frame", "moment", "tick"}
IDS = re.compile(r"^(id|series|case|case_id|sample|recording|segment|window)$|[_ ](id|no|number)$", re.IGNORECASE)
# A table with fewer rows a series than this is no table of series.
_MIN_MOMENTS = 8
# A name of a column of a moment: one text, and a number.
_NUMBERED = re.compile(r"^(.*?)(\d+(?:\.\d+)?)$", re.DOTALL)
# What separates the channels and the label in a line of a .ts file, where times within parentheses have it, too.
_CHANNELS = re.compile(r":(?![^(]*\))")
_MISSING = {"?", "NaN", "nan", ""}
# Steps between moments that differ by more than this share are not regular.
_REGULAR = 0.01


@dataclass(frozen=True)
class Long:
    """A table of a row a moment.

    Attributes:
        values: The columns of numbers that change within a series.
        id: The column that says which series a row belongs to.
        time: The column of times.
    """

    values: tuple[str, ...]
    id: str
    time: str


def is_list(column: pl.Series) -> bool:
    """Whether a column holds lists or arrays of numbers, or texts that list at least `_MIN_MOMENTS` of them."""
    if isinstance(column.dtype, (pl.List, pl.Array)):
        return isinstance(column.dtype.inner, pl.DataType) and column.dtype.inner.is_numeric()
    if column.dtype != pl.String:
        return False
    filled = (text for piece in pieces(column) for text in piece.filter(piece.str.strip_chars() != ""))
    texts = pl.Series([*islice(filled, 100)], dtype=pl.String)
    number = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
    pattern = rf"^\s*\[?\s*{number}([\s,;|]+{number}){{{_MIN_MOMENTS - 1},}}\s*\]?\s*$"
    return len(texts) > 0 and bool(texts.str.contains(pattern).all())


def recognise_long(table: pl.DataFrame) -> Long | None:
    """The columns of a table of a row a moment; None where it is another table.

    A column of ids and one of times must have the names that people give them, a series must have many moments and no
    moment twice, and a column beside them must be constant in each series, as a label is.
    """
    ids = [name for name in table.columns if IDS.search(name)]
    times = [name for name in table.columns if name.lower() in TIMES and not table[name].null_count()]
    for id in ids:
        for time in times:
            if id == time or table[id].n_unique() * _MIN_MOMENTS > len(table):
                continue
            if table.select(id, time).is_duplicated().any():
                continue
            constant = _constant(table, id)
            values = [
                name for name in table.columns if name not in {id, time, *constant} and table[name].dtype.is_numeric()
            ]
            if constant and values:
                return Long(tuple(values), id, time)
    return None


def _constant(table: pl.DataFrame, id: str) -> list[str]:
    """The columns that do not change within a series, where they have a value."""
    others = [name for name in table.columns if name != id]
    counts = table.group_by(id).agg(pl.col(others).drop_nulls().n_unique())
    return [name for name in others if counts[name].max() == 1]


def from_long(
    table: pl.DataFrame, *, values: Sequence[str], id: str, time: str | None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """An item a row, of a table with a row a moment: lists of the values, and the columns that are constant in each.

    Moments at irregular times are brought to regular ones, as many, by linear interpolation.

    Raises:
        DataError: If a column is missing, a row has no time, or a series has several rows at one time.
    """
    for name in (id, *([time] if time else []), *values):
        if name not in table.columns:
            given = f"columns: {', '.join(table.columns)}"
            raise DataError(f"The table has no column {name!r}.", given=given, fix=did_you_mean(name, table.columns))
    if table[id].null_count():
        what = f"Every row must say which series it belongs to, in column {id!r}."
        rows = table[id].is_null().arg_true()[:5].to_list()
        raise DataError(what, given=f"none in rows {rows}", fix="Remove those rows, or fill the column.")
    constant = [name for name in _constant(table, id) if name not in values and name != time]
    changing = [name for name in table.columns if name not in {id, time, *values, *constant}]
    if time:
        times = as_times(table[time])
        check_times(times, table[id])
        table = table.with_columns(times).sort(time, maintain_order=True)
    lists = [pl.col(name) for name in (*values, *([time] if time else []))]
    items = table.group_by(id, maintain_order=True).agg(
        *lists, *(pl.col(name).drop_nulls().first() for name in constant)
    )
    items = items.sort(id)
    notes = [f"{len(table):,} rows are the moments of {len(items):,} series, by {id!r}."]
    if changing:
        notes.append(f"Columns that change within a series are left out: {', '.join(map(repr, changing[:10]))}.")
    if time:
        items, num_irregular = _regular(items, values, time)
        if num_irregular:
            notes.append(f"{num_irregular:,} series have irregular times in {time!r}: their values are interpolated.")
        items = items.drop(time)
    return items, tuple(notes)


def _regular(items: pl.DataFrame, values: Sequence[str], time: str) -> tuple[pl.DataFrame, int]:
    """The items with their values at regular times, and how many had irregular ones."""
    columns: dict[str, list[Any]] = {name: items[name].to_list() for name in values}
    num_irregular = 0
    for index, times in enumerate(items[time]):
        moments = times.to_physical().cast(pl.Float64).to_numpy()
        steps = np.diff(moments)
        if not len(steps) or np.all(np.abs(steps - steps.mean()) <= _REGULAR * abs(steps.mean())):
            continue
        num_irregular += 1
        regular = np.linspace(moments[0], moments[-1], len(moments))
        for name in values:
            numbers = np.array([np.nan if one is None else one for one in columns[name][index]], dtype=np.float64)
            is_there = np.isfinite(numbers)
            if is_there.any():
                columns[name][index] = np.interp(regular, moments[is_there], numbers[is_there]).tolist()
    return items.with_columns(pl.Series(name, columns[name], strict=False) for name in values), num_irregular


def wide_columns(table: pl.DataFrame, pattern: str) -> tuple[str, ...]:
    """The columns of numbers that a pattern such as "t*" names, in the order of time.

    That is the order of their numbers, as t2 before t10, where the names are one text with numbers behind it and the
    table has these mixed; else the order of the table, so that lag3, lag2, lag1 stays as it is.

    Raises:
        DataError: If there are fewer than two, or one does not hold numbers.
    """
    names = [name for name in table.columns if fnmatchcase(name, pattern)]
    numbered = [(name, found) for name in names if (found := _NUMBERED.match(name))]
    # Another column that begins like them, such as the target "type" beside t0, t1, ..., is no moment.
    if len(numbered) > 1 and len({found[1] for _, found in numbered}) == 1:
        names, numbers = [name for name, _ in numbered], [float(found[2]) for _, found in numbered]
        # Of t-1 and t-2 the second is the earlier one, or not.
        if numbers != sorted(numbers, reverse=True) and not numbered[0][1][1].endswith("-"):
            names = [name for _, name in sorted(zip(numbers, names, strict=True))]
    if len(names) < 2:
        given = f"{pattern!r}, columns: {', '.join(table.columns[:10])}"
        what = "The pattern must name the columns of the moments, at least two."
        raise DataError(what, given=given, fix='Pass one such as "t*".')
    wrong = [name for name in names if not table[name].dtype.is_numeric()]
    if wrong:
        given = f"{wrong[0]!r}, of {table[wrong[0]].dtype}"
        what = "The columns of moments must hold numbers."
        raise DataError(what, given=given, fix="Pass a pattern that leaves it out, or correct its values.")
    return tuple(names)


def from_wide(table: pl.DataFrame, names: Sequence[str], name: str) -> pl.DataFrame:
    """The table with one column of lists in place of a column for each moment."""
    # Where a value is not a number, all stay text, and the rows without such a value can be read.
    kind = pl.Float64 if all(dtype.is_numeric() for dtype in table.select(names).dtypes) else pl.String
    lists = table.select(pl.concat_list(pl.col(names).cast(kind)).alias(name))
    return table.drop(names).with_columns(lists)


def read_ts(text: str) -> pl.DataFrame:
    r"""The items of a `.ts` file: a column of lists for each channel, and "label", or "value" of a number.

    Source:
        The format of the archive at timeseriesclassification.com, as Bagnall et al. 2018 describe it,
        arXiv:1811.00075.

    Raises:
        DataError: If it has no data, or a line does not fit.

    Example:
        >>> read_ts("@classLabel true a b\n@data\n1,2:3,4:a\n5,6:7,8:b").columns
        ['channel_0', 'channel_1', 'label']
    """
    has_label, is_number, rows, in_data = False, False, [], False
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith(("#", "%")):
            continue
        if not in_data:
            words = line.lower().split()
            has_label |= words[0] in {"@classlabel", "@targetlabel"} and words[1:2] == ["true"]
            is_number |= words[:2] == ["@targetlabel", "true"]
            in_data = words[0] == "@data"
            continue
        parts = _CHANNELS.split(line)
        if rows and len(parts) != len(rows[0]):
            what = "Every line of a .ts file must have as many channels."
            given = f"line {number} has {len(parts)} parts, the first {len(rows[0])}"
            raise DataError(what, given=given, fix="Correct the line.")
        rows.append(parts)
    if not rows:
        raise DataError("A .ts file must have items after a line @data.", given="none", fix="Give another file.")
    num_channels = len(rows[0]) - has_label
    columns: dict[str, Any] = {}
    for channel in range(num_channels):
        name = f"channel_{channel}" if num_channels > 1 else "series"
        columns[name] = [_numbers(parts[channel], row) for row, parts in enumerate(rows)]
    if has_label:
        last = [parts[-1].strip() for parts in rows]
        labels = [None if one in _MISSING else one for one in last]
        columns["value" if is_number else "label"] = _answers(last) if is_number else labels
    return pl.DataFrame(columns, strict=False)


def _answers(texts: list[str]) -> list[float | None]:
    numbers = [_numbers(text, row) for row, text in enumerate(texts)]
    for row, each in enumerate(numbers):
        if len(each) != 1:
            what, given = "An item of a .ts file must have one number to predict.", f"item {row}: {texts[row][:40]!r}"
            raise DataError(what, given=given, fix="Correct the line.")
    return [each[0] for each in numbers]


def _numbers(text: str, row: int) -> list[float | None]:
    numbers = text
    if "(" in text:
        # With times, as in (0,1.5),(1,1.7): the values alone.
        pairs = r"\(([^,()]*),([^,()]*)\)"
        if not re.fullmatch(rf"\s*{pairs}(\s*,\s*{pairs})*\s*", text):
            what = "A .ts file with times must hold pairs of a time and a number."
            raise DataError(what, given=f"item {row}: {text[:40]!r}", fix="Correct the line.")
        numbers = ",".join(value for _, value in re.findall(pairs, text))
    try:
        return [None if one.strip() in _MISSING else float(one) for one in numbers.split(",")]
    except ValueError as error:
        what = "A .ts file must hold numbers with commas between them."
        raise DataError(what, given=f"item {row}: {text[:40]!r}", fix="Correct the line.") from error
