"""A text of rows to a frame of text: which character separates values, what quotes mean, and which rows are none.

Quotes are read as spreadsheets and Python's `csv` do: they enclose a value where it begins with one, and are part of it
elsewhere. Polars takes some of the latter for the former, and then joins rows, so they are put into quotes before.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from headway.data.normal_form import normal_name
from headway.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "MAX_COLUMNS",
    "beginning",
    "check_width",
    "column_names",
    "data_rows",
    "named",
    "parse_text",
    "tell_rows",
]

# More columns are no table that a person made, and take minutes to look at.
MAX_COLUMNS = 10_000
# Characters that a separator is recognised by, and that the names of the columns may have.
_SAMPLE = 65_536
_HEADER = 1 << 24
_SHOWN = 5


def parse_text(
    text: str, separator: str | None, usual: str, *, path: object, tell: Callable[[str], object]
) -> tuple[pl.DataFrame, str]:
    """The table's columns as text, of several of the same name the first; and the separator.

    Args:
        text: The table.
        separator: The character between two values; None to have it recognised.
        usual: What it usually is in such a file.
        path: The table's file, for errors.
        tell: Called with each sentence on what was recognised.

    Raises:
        DataError: If a line has more values than there are columns, or a quote is not closed.
    """
    start, between = beginning(text, separator, usual, tell)
    return _parsed(_quoted(text[start:], between, path, tell), between, path, tell), between


def beginning(text: str, separator: str | None, usual: str, tell: Callable[[str], object]) -> tuple[int, str]:
    """Where the table begins in a text, and its separator; as `parse_text`, of the text's beginning alone."""
    # Excel's own first line, which says what separates values.
    said = re.match(r'"?sep=([^\w\n])"?\r?\n', text)
    start = said.end() if said else 0
    between = separator or (said[1] if said else _separator(text[start : start + _SAMPLE], usual))
    if separator is None and between != usual:
        tell(f"Columns are separated by {between!r}; another: --separator (separator=).")
    return start, between


def check_width(num_columns: int, path: object) -> None:
    """Refuses a table of too many columns."""
    if num_columns > MAX_COLUMNS:
        what = f"The table has more than {MAX_COLUMNS:,} columns, which is too many to look at each."
        fix = "Choose columns, or turn the table if its rows are columns."
        raise DataError(what, given=f"{path}, {num_columns:,} columns", fix=fix)


def _separator(sample: str, usual: str) -> str:
    """The character that cuts every line into the same number of values, two or more; the usual one where none does."""
    for separator in dict.fromkeys((usual, ",", ";", "\t", "|")):
        widths = [len(record) for record in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if record]
        # The last line may be cut.
        if widths and widths[0] > 1 and len({*(widths[:-1] or widths)}) == 1:
            return separator
    return usual


def _quoted(text: str, separator: str, path: object, tell: Callable[[str], object]) -> str:
    """The text with quotes around each value that has some within it, which then stand twice."""
    if '"' not in text:
        return text
    quoted, unclosed = _requoted(text, separator)
    if unclosed and '\\"' in text:
        # As some programs write quotes within a value.
        other, other_unclosed = _requoted(text.replace('\\"', '""'), separator)
        if not other_unclosed:
            tell('Quotes behind a backslash are read as part of a value, such as "a 5\\" pipe".')
            return other
    if unclosed:
        number = unclosed[: unclosed.index('"')].count("\n") + 1
        what = "A quote at the beginning of a value must be closed at its end."
        fix = "Close it; and write quotes within such a value twice."
        line = text.split("\n", number)[number - 1]
        raise DataError(what, given=f"{path}, line {number}: {line[:60].strip()}", fix=fix)
    return quoted


def _requoted(text: str, separator: str) -> tuple[str, str]:
    """The text as above, and what is left of it without values in quotes, "" where no quote is left."""
    mark = re.escape(separator)
    begin, end = rf"(?:\A|(?<=[{mark}\n]))", rf"(?={mark}|\r?\n|\r?\Z)"
    enclosed = rf'{begin}"(?:[^"]++|"")*+"{end}'
    within = rf'{begin}([^"{mark}\r\n]++"[^{mark}\r\n]*+)'
    text = re.sub(rf"{enclosed}|{within}", _with_quotes, text)
    unclosed = re.sub(enclosed, lambda value: "\n" * value[0].count("\n"), text)
    return text, unclosed if '"' in unclosed else ""


def _with_quotes(value: re.Match[str]) -> str:
    return value[0] if value[1] is None else '"' + value[1].replace('"', '""') + '"'


def _parsed(text: str, separator: str, path: object, tell: Callable[[str], object]) -> pl.DataFrame:
    """The table's columns as text; of several of the same name the first."""
    import polars as pl

    header = column_names(text[:_HEADER], separator)
    check_width(len(header), path)
    try:
        # All as text: polars would read 007 as 7, and decide by the first rows alone.
        frame = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
    except pl.exceptions.ComputeError:
        # Polars says that something is wrong, and not in which line.
        _check_lines(text, len(header), separator, path)
        raise
    frame, left_out = data_rows(frame, header)
    tell_rows(left_out, tell)
    return named(frame, header, tell)


def column_names(text: str, separator: str) -> list[str]:
    """The values of the first line that is not blank: by Python's reader, as polars renames some of the same name."""
    return next(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=separator)), [])


def named(frame: pl.DataFrame, header: list[str], tell: Callable[[str], object]) -> pl.DataFrame:
    """The columns with their names as they are written; of several of the same name the first."""
    names = [normal_name(name) for name in (header if len(header) == len(frame.columns) else frame.columns)]
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        first.setdefault(name, index)
    twice = [f"{name!r} (column {index + 1})" for index, name in enumerate(names) if name and first[name] != index]
    if twice:
        more = f" and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else ""
        tell(f"Columns of a name that another has before them are left out: {', '.join(twice[:_SHOWN])}{more}.")
    frame = frame[:, list(first.values())]
    frame.columns = list(first)
    return frame


def data_rows(frame: pl.DataFrame, header: list[str]) -> tuple[pl.DataFrame, tuple[int, int]]:
    """The rows but for those that are the header again, and those without a value, such as blank lines.

    Returns:
        The rows, and how many of both kinds were left out.
    """
    import polars as pl

    # A table of one column can hold its own name, and a blank line there is a missing value.
    if len(header) < 2:
        return frame, (0, 0)
    # Files that were put together have the header again.
    again = [pl.col(column) == name for column, name in zip(frame.columns, header, strict=False)]
    rows = frame.filter(~pl.all_horizontal(again).fill_null(value=False))
    filled = rows.filter(~pl.all_horizontal(pl.all().str.strip_chars().fill_null("") == ""))
    return filled, (len(frame) - len(rows), len(rows) - len(filled))


def tell_rows(left_out: tuple[int, int], tell: Callable[[str], object]) -> None:
    """Tells how many rows `data_rows` left out, where there are any."""
    for kind, count in zip(("that are the header again", "without any value"), left_out, strict=True):
        if count:
            tell(f"Rows {kind} are left out: {count:,}.")


def _check_lines(text: str, width: int, separator: str, path: object) -> None:
    """Names the first line that has more values than there are columns."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for record in lines:
        if len(record) > width:
            what = "A line of the table has more values than there are columns."
            given = f"{path}, line {lines.line_num} has {len(record)}, the first line {width}"
            fix = f"Put values that hold {separator!r} into quotes, or name the character between values: --separator."
            if width == 1:
                fix = "Remove what stands above the line with the columns' names, or name what separates: --separator."
            raise DataError(what, given=given, fix=fix)
