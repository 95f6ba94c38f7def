"""Columns of text as what they hold: numbers in whatever form, and dates, where all their values are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headway.data.parse_numbers import NO_NUMBER
from headway.system.pieces import ROWS_A_PIECE

if TYPE_CHECKING:
    import polars as pl

__all__ = ["as_values", "decimal_mark", "numbers_of_piece", "stripped"]

_SHOWN = 5
_DATE = r"^(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})([ T]\d{1,2}:\d{2}(:\d{2})?)?$"
# What may stand between groups of three digits, by the decimal mark: blanks that do not break a line, too.
_GROUPS = {",": r"[.'’ \x{a0}\x{202f}]", ".": r"[,'’ \x{a0}\x{202f}]"}
_SIGNS = r"[$€£¥%]|\b(USD|EUR|GBP|CHF|JPY)\b"


def as_values(
    frame: pl.DataFrame, separator: str, decimal: str | None = None, *, tell: Callable[[str], object]
) -> pl.DataFrame:
    """Columns of text as what they hold: numbers, and dates in the form of ISO 8601, where all their values are.

    Args:
        frame: The columns, their texts as `stripped` gives them; columns of numbers stay as they are.
        separator: What stands between values: where that is not a comma, a comma is more likely to be a decimal mark.
        decimal: What stands before decimals, "." or ","; recognised when left out.
        tell: Called with a sentence on what was read as numbers or dates.
    """
    import polars as pl

    # One mark for the whole table: a column such as 1.445 alone could be read either way.
    mark = decimal or decimal_mark(frame, separator)
    marks = (mark,) if decimal else (mark, "." if mark == "," else ",")
    read, shown = [], []
    for texts in frame:
        if texts.dtype != pl.String or _is_text(texts):
            read.append(texts)
            continue
        are_ids = _too_long(texts)
        values = None if are_ids else _plain_numbers(texts, mark)
        if values is None and not are_ids and len(texts) > texts.null_count():
            tries = (*(_numbers(texts, possible) for possible in marks), _dates(texts))
            values = next((values for values in tries if values is not None), None)
            if values is not None:
                # An example of what was read how, by which a wrong guess is seen at once.
                row = values.is_not_null().arg_true()[0]
                shown.append(f"{texts.name!r} {texts[row]!r} as {values[row]}")
        read.append(texts if values is None else values)
    if shown:
        more = f" and {len(shown) - _SHOWN} more columns" if len(shown) > _SHOWN else ""
        tell(
            f"Values are read as numbers or dates: {', '.join(shown[:_SHOWN])}{more}; otherwise: --decimal (decimal=)."
        )
    # By name: of a list of columns polars would name the one that has none.
    return pl.DataFrame({values.name: values for values in read})


def stripped(texts: pl.Series) -> pl.Series:
    """Texts without blanks around them, null where there is no value."""
    texts = texts.str.strip_chars()
    return texts.set(texts.is_in(["", "?"]), None)


def _plain_numbers(texts: pl.Series, decimal: str) -> pl.Series | None:
    """The numbers of a column that Python would read; None where a value is something else, or would lose a 0."""
    import polars as pl

    if texts.str.contains(r"^[+-]?0\d").any():
        return None
    for dtype in (pl.Int64, pl.Float64):
        numbers = texts.cast(dtype, strict=False)
        if numbers.null_count() == texts.null_count() < len(texts):
            # Where decimals follow a comma, 1.445 is a thousand and more.
            is_grouped = dtype == pl.Float64 and decimal == "," and _match(texts, decimal)
            return None if is_grouped else numbers
    return None


def numbers_of_piece(texts: pl.Series) -> pl.Series | None:
    """The numbers of a piece of a column, which are those of `as_values` where all pieces have some: int64 or float64.

    None where it cannot be said from a piece alone.
    """
    import polars as pl

    # Whole numbers of more than 64 bits are ids, unless another piece has decimals; -0 is another number as a decimal.
    if texts.str.contains(r"^([+-]?0\d|-0$)").any():
        return None
    floats = texts.cast(pl.Float64, strict=False)
    if floats.null_count() > texts.null_count():
        return None
    whole = texts.cast(pl.Int64, strict=False)
    if whole.null_count() == texts.null_count():
        return whole
    is_long = whole.is_null() & texts.str.contains(r"^[+-]?\d+$")
    return None if is_long.any() else floats


def _too_long(texts: pl.Series) -> bool:
    """Whether these are whole numbers, some of more than 64 bits, such as ids: rounded, different ones would be one."""
    texts = texts.filter(~texts.str.to_lowercase().is_in(list(NO_NUMBER)))
    is_whole = len(texts) > 0 and bool(texts.str.contains(r"^[+-]?\d+$").all())
    return is_whole and texts.str.to_integer(strict=False).null_count() > 0


def decimal_mark(columns: pl.DataFrame, separator: str) -> str:
    """What stands before decimals, by the columns of text that leave no doubt; where none does, by the separator."""
    import polars as pl

    unclear = False
    for texts in columns:
        # What is a column of numbers by now has no commas.
        if texts.dtype != pl.String or not texts.str.contains(",", literal=True).any() or _is_text(texts):
            continue
        if _match(texts, ","):
            if not _match(texts, "."):
                return ","
            unclear = True
    return "," if unclear and separator != "," else "."


def _is_text(texts: pl.Series) -> bool:
    """Whether the first values are neither numbers in any form nor dates, so that the others need not be looked at."""
    import polars as pl

    first = texts[:ROWS_A_PIECE].drop_nulls()
    first = first.filter(_bare(first).is_not_null())
    if first.is_empty() or first.str.contains(_DATE).all():
        return False
    return first.cast(pl.Float64, strict=False).null_count() > 0 and not any(_match(first, mark) for mark in ".,")


def _bare(texts: pl.Series) -> pl.Series:
    """Numbers without currency or percent sign; null where a text stands for none."""
    texts = texts.set(texts.str.to_lowercase().is_in(list(NO_NUMBER)).fill_null(value=False), None)
    return texts.str.replace_all(_SIGNS, "").str.strip_chars()


def _match(texts: pl.Series, decimal: str) -> bool:
    """Whether all values are numbers with this decimal mark, perhaps in groups of digits, all with the same sign."""
    bare, group = _bare(texts), _GROUPS[decimal]
    pattern = rf"^[+-]?([1-9]\d{{0,2}}({group}\d{{3}})+|0|[1-9]\d*)(\{decimal}\d+)?([eE][+-]?\d+)?$"
    signs = texts.filter(bare.is_not_null()).str.extract(f"({_SIGNS})").unique()
    return len(signs) == 1 and bool(bare.drop_nulls().str.contains(pattern).all())


def _numbers(texts: pl.Series, decimal: str) -> pl.Series | None:
    """Numbers as people write them, such as "1.234,50 €"; None where a value is not one with this decimal mark."""
    import polars as pl

    if not _match(texts, decimal):
        return None
    plain = _bare(texts).str.replace_all(_GROUPS[decimal], "").str.replace(decimal, ".", literal=True)
    return plain.cast(pl.Float64)


def _dates(texts: pl.Series) -> pl.Series | None:
    """Dates as ISO 8601 has them; None for what is no date, is in that form already, or has day and month unclear."""
    parts = texts.drop_nulls().str.extract_groups(_DATE).struct.unnest()
    if parts[:, 0].null_count() or texts.str.contains(r"^\d{4}-\d\d-\d\d").all():
        return None
    is_year = [parts[:, index].str.len_chars().min() == 4 for index in (0, 2)]
    largest = [max(map(int, parts[:, index])) for index in (0, 1)]
    if is_year == [True, False]:
        order = "${1}-0${2}-0${3}${4}"
    elif is_year == [False, True] and (largest[0] > 12) != (largest[1] > 12):
        order = "${3}-0${2}-0${1}${4}" if largest[0] > 12 else "${3}-0${1}-0${2}${4}"
    elif is_year == [False, True] and largest[1] <= 12 and texts.str.contains(".", literal=True).all():
        # With points between them, day comes before month wherever dates are written so.
        order = "${3}-0${2}-0${1}${4}"
    else:
        return None
    return texts.str.replace(_DATE, order).str.replace_all(r"-0(\d\d)", "-${1}")
