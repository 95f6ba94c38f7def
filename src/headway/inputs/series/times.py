"""A column of times as values that can be ordered: dates, times of day, numbers, or texts of these."""

from __future__ import annotations

from bisect import bisect_left

import polars as pl

from headway.errors import DataError

__all__ = ["as_times", "check_times"]

# In UTC where an offset is given, as all are then.
_ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M%z", "%Y-%m-%d %H:%M:%S%.f%z")
_OTHERS = ("%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%d-%b-%Y", "%d %b %Y", "%b %Y", "%B %Y")
# Which of the two parts is the month differs between countries.
_UNCLEAR = (("%d/%m/%Y", "%m/%d/%Y"), ("%d/%m/%y", "%m/%d/%y"), ("%d-%m-%Y", "%m-%d-%Y"))
_CLOCK = r"^\d+:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?$"


def as_times(column: pl.Series) -> pl.Series:
    """The column as dates, times or numbers, null where there is none.

    Texts are dates (of ISO 8601, with or without an offset, or as people write them), months such as 2024-12, quarters
    such as 2024Q4, times such as 9:30 or 0:09:30.5, or numbers. Whole numbers such as 20241231 are dates.

    Raises:
        DataError: If the column holds something else, or dates of which day and month are not clear.

    Example:
        >>> as_times(pl.Series("time", ["9:00", "10:30"])).to_list()
        [540.0, 630.0]
    """
    if column.dtype.is_integer():
        # As 20241231, which numbers would have a gap after each month.
        dates = column.cast(pl.String).str.to_date("%Y%m%d", strict=False, exact=True)
        are_dates = column.is_between(10_000_101, 99_991_231).all() and dates.null_count() == column.null_count()
        return dates if are_dates else column
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype.is_temporal() or column.dtype == pl.Null:
        return column
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        what = f"Column {column.name!r} must hold times: dates, or numbers."
        raise DataError(what, given=f"{column.dtype}", fix="Write dates as 2024-12-31.")
    column = column.cast(pl.String)
    texts = column.str.strip_chars()
    texts = texts.set(texts == "", None)
    times = _times(texts)
    if times is None:
        known = texts.drop_nulls()
        # The first that is no time, or one of another form than those before it.
        place = bisect_left(range(len(known)), True, key=lambda last: _are_none(known[: last + 1]))
        what = f"Column {column.name!r} must hold times: dates, or numbers."
        given = f"{known[place]!r}, after {known[place - 1]!r}" if place else repr(known[0])
        raise DataError(what, given=given, fix="Write dates as 2024-12-31.")
    return times.alias(column.name)


def _are_none(texts: pl.Series) -> bool:
    try:
        return _times(texts) is None
    # Dates of which day and month are not clear.
    except DataError:
        return False


def _times(texts: pl.Series) -> pl.Series | None:
    return next((found for read in (_dates, _clock, _numbers) if (found := read(texts)) is not None), None)


def check_times(times: pl.Series, ids: pl.Series) -> None:
    """Refuses rows without a time, and several rows of one series at one time.

    Raises:
        DataError: If there are such rows; the text names some.
    """
    if times.null_count():
        what, rows = "Every row needs a time.", times.is_null().arg_true()[:5].to_list()
        raise DataError(what, given=f"none in column {times.name!r}, rows {rows}", fix="Fill or remove those rows.")
    pairs = pl.DataFrame([ids.alias("id"), times.alias("time")])
    twice = pairs.filter(pairs.is_duplicated())
    if len(twice):
        id, time = min(twice.rows(), key=str)
        count = len(twice.filter(pl.col("id") == id, pl.col("time") == time))
        what = "A series must have one value a time."
        fix = "Remove those rows, or name the column of the series: id= (--series-column)."
        raise DataError(what, given=f"{count} rows of series {id!r} at {time}", fix=fix)


def _dates(texts: pl.Series) -> pl.Series | None:
    """Texts as dates and times; None where one is something else."""
    # A month is its first day, and so is a quarter.
    texts = texts.str.replace(r"^(\d{4}-\d{2})$", "$1-01")
    for quarter in range(1, 5):
        texts = texts.str.replace(rf"^(\d{{4}})[ -]?[Qq]{quarter}$", f"$1-{3 * quarter - 2:02}-01")
    iso = texts.str.replace(r"^(\d{4}-\d\d-\d\d)T", "$1 ").str.replace("Z$", "+0000")
    iso = iso.str.replace(r"(:.*[+-]\d\d):?(\d\d)$", "$1$2").str.replace(r"(:.*[+-]\d\d)$", "${1}00")
    for form in _ISO:
        if (dates := _read(iso, form)) is not None:
            return dates
    for form in _OTHERS:
        days = texts.str.replace("^", "1 ") if "%d" not in form and "%m" not in form else texts
        if (dates := _read(days, f"%d {form}" if days is not texts else form)) is not None:
            return dates
    for forms in _UNCLEAR:
        read = [dates for form in forms if (dates := _read(texts, form)) is not None]
        if len(read) == 2 and not read[0].equals(read[1]):
            what = f"Column {texts.name!r} must hold dates of which day and month are clear."
            raise DataError(what, given=repr(texts.drop_nulls()[0]), fix="Write dates as 2024-12-31.")
        if read:
            return read[0]
    return None


def _read(texts: pl.Series, form: str) -> pl.Series | None:
    dates = texts.str.to_datetime(form, strict=False)
    if dates.null_count() > texts.null_count():
        return None
    # A year of two digits is one of the first century to `%Y`.
    if "%Y" in form and len(dates) and (dates.dt.year().min() or 1000) < 1000:  # type: ignore[operator]
        return None
    return dates.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if "%z" in form else dates


def _clock(texts: pl.Series) -> pl.Series | None:
    """Times as 9:30 or 0:09:30, in the unit of their first part but one; None where one is of another form."""
    values = texts.drop_nulls()
    num_parts = values.str.count_matches(":").unique()
    if len(num_parts) != 1 or not values.str.contains(_CLOCK).all():
        return None
    parts = texts.str.split(":").list.eval(pl.element().cast(pl.Float64))
    weights = [60.0, 1.0] if num_parts[0] == 1 else [3600.0, 60.0, 1.0]
    return sum((parts.list.get(index) * weight for index, weight in enumerate(weights)), start=pl.Series([0.0]))


def _numbers(texts: pl.Series) -> pl.Series | None:
    numbers = texts.cast(pl.Float64, strict=False)
    return numbers.fill_nan(None) if numbers.null_count() == texts.null_count() else None
