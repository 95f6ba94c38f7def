"""What kind a column of a table is, guessed from its name and values, and why one is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

from headway.data.parse_numbers import MAX_ODD, is_plain, numbers_in, odd_numbers, odd_value
from headway.inputs.table.parse_values import date_of, text_of
from headway.system.pieces import pieces

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ODD", "Kind", "guess_column", "odd_rows"]

Kind = Literal["continuous", "categorical", "dates"]

# Whole numbers with so many different values at most are categories: days of the week, a ship's classes.
FEW_VALUES = 7

# Each of those values must stand for so many rows on average, or they are numbers all the same.
ROWS_A_VALUE = 20

# Text whose different values are more than this share of the rows names the rows instead of describing them.
NEARLY_ALL = 0.5

MIN_TEXTS = 20
# How the reason begins of a column that is left out for a few values alone.
ODD = "numbers, but "
_IS_ID = re.compile(r"(^|[_\s-])(id|uuid|guid|index|rownum)$", re.IGNORECASE)
_IS_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_NO_NAME = re.compile(r"\s*|Unnamed: \d+")  # the second is what pandas makes of the first
_LIKE_DATE = re.compile(r"\d{1,2}[./]\d{1,2}[./]\d{2,4}\b")
_IS_DATE = re.compile(r"\d{4}-\d{2}-\d{2}($|[T ]\d)")


def guess_column(values: pl.Series) -> tuple[Kind | None, str]:
    """The kind of a column; or None and the reason why it is left out, which fits after "left out:".

    Example:
        >>> import polars as pl
        >>> guess_column(pl.Series("when", ["2024-02-29", None, "2023-01-01"]))
        ('dates', '')
        >>> guess_column(pl.Series("planet", ["earth"] * 3))
        (None, 'the same in every row')
    """
    import polars as pl

    if values.dtype in (pl.Date, pl.Datetime, pl.Boolean):
        kind = "categorical" if values.dtype == pl.Boolean else "dates"
        return _unless_same(kind, values.n_unique(), values.null_count(), len(values))
    if _NO_NAME.fullmatch(values.name):
        return None, "a column without a name"
    if values.null_count() == len(values):
        return None, "empty"
    if not is_plain(values):
        return None, f"no numbers, dates or text ({values.dtype})"
    numbers = numbers_in(values)
    return _guess_text(values) if numbers is None else _guess_numbers(numbers, values.name, len(values))


def _guess_numbers(numbers: np.ndarray, name: str, rows: int) -> tuple[Kind | None, str]:
    if any((piece != np.floor(piece)).any() for piece in pieces(numbers)):
        # To sort all of a long column's decimals takes several times its memory.
        return _unless_same("continuous", 1 + bool(numbers.min() < numbers.max()), rows - len(numbers), rows)
    distinct = np.unique(numbers)
    kind, reason = _unless_same("continuous", len(distinct), rows - len(numbers), rows)
    if kind is None:
        return kind, reason
    # A number of its own for each row may be a price, unless the name says id or the rows are simply counted.
    if len(distinct) == rows and (_IS_ID.search(name) or distinct[-1] - distinct[0] == rows - 1):
        return None, "a different number in each row"
    # Ten rooms in thirty houses are a number; seven weekdays in a thousand rows are categories.
    is_few = len(distinct) <= FEW_VALUES and rows >= ROWS_A_VALUE * len(distinct)
    return ("categorical" if is_few else "continuous"), ""


def _guess_text(values: pl.Series) -> tuple[Kind | None, str]:
    rows, distinct, missing = len(values), set[str](), 0
    for value, count in values.value_counts().rows():
        text = text_of(value)
        missing += count if text is None else 0
        distinct |= set() if text is None else {text}
    kind, reason = _unless_same("categorical", len(distinct), missing, rows)
    if kind is None:
        return kind, reason
    # The pattern first: to parse each of a million texts that are no dates takes long.
    if all(_IS_DATE.match(text) for text in distinct) and _are_dates(distinct):
        return "dates", ""
    like_dates = [text for text in distinct if _LIKE_DATE.match(text)]
    if like_dates and all(map(_IS_DATE.match, distinct.difference(like_dates))):
        return None, "dates of which day and month are not clear; write them as 2024-02-29"
    if odd := odd_value(values):
        return None, f"{ODD}{odd[1]!r} in row {odd[0]}; empty there, they are learned from"
    if len(distinct) > MIN_TEXTS and all(_IS_FILE.search(text) for text in distinct):
        return None, "names files; to learn from these, pass it as the input"
    if len(distinct) > max(NEARLY_ALL * rows, MIN_TEXTS):
        return None, f"nearly as many different texts as rows ({len(distinct):,} of {rows:,})"
    return kind, reason


def _unless_same(kind: Kind, num_distinct: int, missing: int, rows: int) -> tuple[Kind | None, str]:
    """The kind, unless the column says nothing; that only some rows have a value says something."""
    if missing == rows:
        return None, "empty"
    return (None, "the same in every row") if num_distinct == 1 and not missing else (kind, "")


def _are_dates(texts: Iterable[str]) -> bool:
    try:
        return all(date_of(text) is not None for text in texts)
    except ValueError:
        return False


def odd_rows(values: pl.Series) -> np.ndarray:
    """The few rows for which a column is not of numbers, or those for which it is not of dates, int64.

    Example:
        >>> import polars as pl
        >>> odd_rows(pl.Series(["2024-02-29", "2024-03-01", "01/04/2024"]))
        array([2])
    """
    import polars as pl

    rows = odd_numbers(values)
    if values.dtype != pl.String or len(rows):
        return rows
    texts = values.fill_null("")
    forms = [texts.str.contains(f"^({pattern.pattern})").to_numpy() for pattern in (_IS_DATE, _LIKE_DATE)]
    is_known = (texts != "").to_numpy()
    if not is_known.any() or np.any(forms, axis=0)[is_known].mean() < 1 - MAX_ODD:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(is_known & ~max(forms, key=np.count_nonzero))
