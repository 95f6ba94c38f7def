"""Numbers in a column of a table, whether they are stored as numbers or as text."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MAX_ODD", "NO_NUMBER", "is_plain", "number_of", "numbers_in", "odd_numbers", "odd_value"]

# What tables hold in place of a number that is missing, in lower case.
NO_NUMBER = {"", "?", "-", ".", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none"}

# A column of so many different numbers holds numbers, whatever a few rows, at most this share, have in place of one.
MANY_NUMBERS, MAX_ODD = 20, 0.05


def number_of(value: Any) -> float:
    """A value as a finite number; NaN where it is missing or infinite.

    Raises:
        ValueError: If it is not a number.

    Example:
        >>> number_of(" 39 "), number_of("?"), number_of("1e3")
        (39.0, nan, 1000.0)
    """
    if value is None:
        return math.nan
    if isinstance(value, str):
        value = value.strip()
        if value.lower() in NO_NUMBER:
            return math.nan
        # Python reads 1_000 as a number; in a table it is a name.
        if "_" in value:
            raise ValueError(value)
    try:
        number = float(value)
    # Missing values of pandas, such as NaT, cannot be made a float.
    except (TypeError, OverflowError) as error:
        if str(value) in ("<NA>", "NaT"):
            return math.nan
        raise ValueError(value) from error
    return number if math.isfinite(number) else math.nan


def numbers_in(values: pl.Series) -> np.ndarray | None:
    """The finite numbers of a column, float64, without the rows that have none; None where a value is something else.

    Example:
        >>> import polars as pl
        >>> numbers_in(pl.Series(["1.5", "?", " 2"])), numbers_in(pl.Series(["1.5", "red"]))
        (array([1.5, 2. ]), None)
    """
    import polars as pl

    if not is_plain(values):
        return None
    if values.dtype.is_numeric():
        numbers = values.drop_nulls().cast(pl.Float64).to_numpy()
    else:
        try:
            of = {value: number_of(value) for value in values.unique().to_list()}
        except ValueError:
            return None
        numbers = np.array([of[value] for value in values.to_list()], dtype=np.float64)
    is_finite = np.isfinite(numbers)
    return numbers if is_finite.all() else numbers[is_finite]


def odd_numbers(values: pl.Series) -> np.ndarray:
    """The few rows that hold no number in a column that holds numbers otherwise, int64; empty where there are none.

    Numbers may have a currency or percent sign, and marks between thousands.

    Example:
        >>> import polars as pl
        >>> odd_numbers(pl.Series([str(number) for number in range(40)] + ["unknown"]))
        array([40])
        >>> odd_numbers(pl.Series([f"{number},50 €" for number in range(40)] + ["about 5 €"]))
        array([40])
    """
    import polars as pl

    none = np.empty(0, dtype=np.int64)
    if values.dtype != pl.String:
        return none
    odd, num_numbers = [], 0
    for text in values.drop_nulls().unique().to_list():
        try:
            number = number_of(_bare(text))
            # NaN, which stands for a missing value, equals nothing.
            num_numbers += number == number
        except ValueError:
            odd.append(text)
    if num_numbers <= MANY_NUMBERS:
        return none
    rows = values.is_in(odd).fill_null(value=False).arg_true().to_numpy().astype(np.int64)
    return rows if len(rows) <= MAX_ODD * len(values) else none


def odd_value(values: pl.Series) -> tuple[int, str] | None:
    """The first of `odd_numbers`, and its text; None where there are none.

    Example:
        >>> import polars as pl
        >>> odd_value(pl.Series([str(number) for number in range(40)] + ["unknown"]))
        (40, 'unknown')
    """
    rows = odd_numbers(values)
    return (int(rows[0]), str(values[int(rows[0])])) if len(rows) else None


def _bare(text: str) -> str:
    """A number as Python writes it, of one with a sign of a currency or per cent and marks between thousands."""
    bare = re.sub(r"[$€£¥%]|\b(USD|EUR|GBP|CHF|JPY)\b", "", text).strip()
    return re.sub(r"(?<=\d)[.,'’ \u00a0\u202f](?=\d{3}(\D|$))", "", bare).replace(",", ".")


def is_plain(values: pl.Series) -> bool:
    """Whether a column's values are numbers or texts, rather than dates, lists or the like."""
    import polars as pl

    return values.dtype.is_numeric() or values.dtype in (pl.String, pl.Categorical, pl.Enum)
