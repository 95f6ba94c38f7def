"""A table's file to a frame, in whatever dialect it is written: encoding, compression, form of numbers and of dates.

What is recognised is told, and can be said instead (`Dialect`); what could mean two things is an error, or stays text.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import math
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from headway.data.delimited import check_width, parse_text
from headway.data.normal_form import existing_paths
from headway.data.parquet import is_parquet, read_parquet
from headway.data.parse_numbers import NO_NUMBER
from headway.data.repository import is_repository, read_repository
from headway.errors import ConfigError, DataError, did_you_mean
from headway.inputs.registry import TABLE_FORMATS, read_format
from headway.system.files import looked_up, open_file
from headway.system.remote import beside, fetched, is_remote

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Dialect", "names_table", "read_table", "read_values"]

# Of a table, unpacked: it is read as a whole.
MAX_BYTES = 2**33
# Bytes that an encoding is recognised by.
_SAMPLE = 65_536
_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, csv.Error, UnicodeError, ImportError, MemoryError)
_COMPRESSED = ".gz"
_SEPARATORS = {".csv": ",", ".txt": ",", ".tsv": "\t"}
_TABLES = {*_SEPARATORS, ".parquet", ".jsonl", ".ndjson", ".xlsx", *TABLE_FORMATS}
_SHOWN = 5
_DATE = r"^(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})([ T]\d{1,2}:\d{2}(:\d{2})?)?$"
# What may stand between groups of three digits, by the decimal mark: blanks that do not break a line, too.
_GROUPS = {",": r"[.'’ \x{a0}\x{202f}]", ".": r"[,'’ \x{a0}\x{202f}]"}
_SIGNS = r"[$€£¥%]|\b(USD|EUR|GBP|CHF|JPY)\b"


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a table of text is written; what is None is recognised.

    Args:
        separator: The character between two values; "tab" is one, too.
        encoding: The name of the encoding, such as "latin-1".
        decimal: What stands before the decimals of numbers, "." or ",".

    Raises:
        ConfigError: If one of them cannot be.
    """

    separator: str | None = None
    encoding: str | None = None
    decimal: str | None = None

    def __post_init__(self) -> None:
        if self.separator in ("tab", "\\t"):
            object.__setattr__(self, "separator", "\t")
        problems = []
        if self.separator is not None and (len(self.separator) != 1 or not self.separator.isascii()):
            problems.append('`separator` must be one ASCII character, or "tab".')
        if self.decimal not in (None, ".", ","):
            problems.append('`decimal` must be "." or ",".')
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError:
            problems.append("`encoding` must be an encoding that Python knows, such as latin-1.")
        if problems:
            given = f"separator={self.separator!r}, encoding={self.encoding!r}, decimal={self.decimal!r}"
            raise ConfigError(" ".join(problems), given=given, fix="Correct it, or leave it out to have it recognised.")


# Is given each sentence on what was recognised; `str`, the default, does nothing with it.
Tell = Callable[[str], object]


def names_table(path: str | os.PathLike[str]) -> bool:
    """Whether a path names a table: CSV, TSV, text, each perhaps with .gz; Parquet, JSON lines, Excel; a repository."""
    return is_repository(path) or _ending(Path(path)) in _TABLES


def read_table(
    path: str | os.PathLike[str],
    *,
    input: str,
    target: str | Sequence[str],
    target_is_file: bool = False,
    dialect: Dialect | None = None,
    tell: Tell = str,
) -> pl.DataFrame:
    """A table whose `input` column names files, with all its columns.

    Paths in columns of files are taken from the table's own folder unless they are absolute; the bytes of files stay
    as they are. The target's columns are read as text, so that a label such as "007" stays as it is; lists stay lists.

    Args:
        path: The table.
        input: The column of files.
        target: The target's column, or columns.
        target_is_file: Whether these name files, too.
        dialect: How the table is written; recognised when left out.
        tell: Called with each sentence on what was recognised.

    Raises:
        DataError: If the file cannot be read as a table, or lacks a column.
    """
    import polars as pl

    targets = (target,) if isinstance(target, str) else tuple(target)
    frame, dialect = _read(path, dialect or Dialect(), tell)
    for column, option in ((input, "input"), *((name, "target") for name in targets)):
        if column not in frame.columns:
            raise DataError(
                f"The table has no column for the {option}.",
                given=f"{option}={column!r}, columns: {', '.join(frame.columns[:20])}",
                fix=f"Name one of its columns. {did_you_mean(column, frame.columns)}",
            )
    files = (input, *targets) if target_is_file else (input,)
    for column in dict.fromkeys(files):
        if frame[column].dtype == pl.String:
            paths = frame[column]
            if is_remote(path):
                values, notes = beside(f"{path}/" if is_repository(path) else path, paths), []
            else:
                values, notes = existing_paths(paths, _local(path).parent)
            frame = frame.with_columns(values)
            for note in notes:
                tell(note)
    labels = [name for name in targets if name not in files and not frame[name].dtype.is_nested()]
    frame = frame.with_columns(pl.col(labels).cast(pl.String)) if labels else frame
    # Whether a label such as 1,5 is a number nobody knows, unless it was said.
    values = _values(frame.drop({*files} if dialect.decimal == "," else {*files, *labels}), dialect, tell)
    return frame.with_columns(values).with_columns(pl.col(labels).cast(pl.String))


def read_values(path: str | os.PathLike[str], dialect: Dialect | None = None, *, tell: Tell = str) -> pl.DataFrame:
    """A table whose columns hold values: numbers, categories, dates.

    Of text blanks around names and values are stripped, and an empty value or "?" is missing. A column is of numbers
    where all its values are, unless one begins with a 0 that would be lost, as in "007", or they are whole and too
    long for 64 bits, as ids can be; of dates likewise.

    Args:
        path: The table.
        dialect: How the table is written; recognised when left out.
        tell: Called with each sentence on what was recognised.

    Raises:
        DataError: If the file cannot be read as a table.
    """
    return _values(*_read(path, dialect or Dialect(), tell), tell)


def _ending(file: Path) -> str:
    """The ending that says how a table is written, in lower case."""
    name = file.name.lower()
    plain = Path(name.removesuffix(_COMPRESSED)).suffix
    return plain if plain in _SEPARATORS else Path(name).suffix


@contextmanager
def _explained(file: Path, path: object) -> Iterator[None]:
    """A context in which an error says that the table cannot be read, and why."""
    import polars as pl

    fix = "Give a CSV, TSV or Parquet file."
    try:
        if not file.is_file():
            strange = "not a regular file" if file.exists() else "no such file"
            message = "a folder, not a file" if file.is_dir() else strange
            raise OSError(message)
        yield
    except (*_UNREADABLE, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if isinstance(error, MemoryError):
            reason = "it does not fit into memory"
        if isinstance(error, ImportError):
            fix = "Install what reads Excel files, pip install fastexcel, or save the table as CSV."
        elif isinstance(error, UnicodeError):
            fix = "Name the encoding that the file is written in, such as --encoding latin-1 (encoding=)."
        shown = path if file.exists() else looked_up(str(path))
        raise DataError("The table cannot be read.", given=f"{shown} ({reason})", fix=fix) from error


def _local(path: str | os.PathLike[str]) -> Path:
    """The table's file on this machine, fetched where `path` is an address.

    Raises:
        DataError: If it cannot be fetched.
    """
    if not is_remote(path):
        return Path(path).expanduser().absolute()
    with _reaching(path):
        return fetched(path, max_bytes=MAX_BYTES)


@contextmanager
def _reaching(address: str) -> Iterator[None]:
    """A context in which an error says that a table elsewhere cannot be read, and why."""
    try:
        yield
    except OSError as error:
        fix = "Check the address, the network, and that you may read it."
        given = f"{address} ({error.strerror or error})"
        raise DataError("The table cannot be read.", given=given, fix=fix) from error


def _read(path: str | os.PathLike[str], dialect: Dialect, tell: Tell) -> tuple[pl.DataFrame, Dialect]:
    """The table as it stands, and its dialect, which has a separator where all values are text."""
    import polars as pl

    if is_repository(path):
        with _reaching(path):
            return read_repository(path, max_bytes=MAX_BYTES), replace(dialect, separator=None)
    file = _local(path)
    ending = _ending(file)
    with _explained(file, path):
        if ending in _SEPARATORS:
            text = _decoded(_bytes(file), dialect, path, tell)
            frame, separator = parse_text(text, dialect.separator, _SEPARATORS[ending], path=path, tell=tell)
            return frame, replace(dialect, separator=separator)
        if ending in TABLE_FORMATS:
            text = _decoded(_bytes(file), dialect, path, tell)
            return read_format(ending, text), replace(dialect, separator=None)
        if ending in (".jsonl", ".ndjson"):
            frame = _json_lines(_bytes(file).removeprefix(codecs.BOM_UTF8), path)
        elif ending == ".xlsx":
            _check_size(file)
            frame = pl.read_excel(file, infer_schema_length=None)
        elif not is_parquet(file):
            message = "not a table, by its name and its first bytes"
            raise OSError(message)
        else:
            frame = read_parquet(file, max_bytes=MAX_BYTES)
    check_width(len(frame.columns), path)
    return frame, replace(dialect, separator=None)


def _json_lines(data: bytes, path: object) -> pl.DataFrame:
    """The rows of a file of a JSON object a line; a DataError names the first line that is none."""
    import polars as pl

    try:
        return pl.read_ndjson(data, infer_schema_length=None)
    except pl.exceptions.PolarsError:
        # Polars says at which character of a line it stopped, and not of which line.
        for number, line in enumerate(data.split(b"\n"), start=1):
            reason = _no_object(line)
            if reason:
                what, fix = "A line of the table is not a JSON object.", 'Correct it; each line is like {"age": 31}.'
                given = f"{path}, line {number}: {line.decode(errors='replace')[:60]!r} ({reason})"
                raise DataError(what, given=given, fix=fix) from None
        raise


def _no_object(line: bytes) -> str | None:
    """Why a line is not a JSON object; None where it is one, or empty."""
    try:
        value = json.loads(line.strip() or b"{}", parse_constant=_finite, parse_float=_finite)
    except json.JSONDecodeError as error:
        return f"{error.msg}, at character {error.pos + 1}"
    except (ValueError, RecursionError) as error:
        return str(error)
    return None if isinstance(value, dict) else "a value of another kind"


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        message = f"{number} is not a finite number"
        raise ValueError(message)
    return float(number)


def _check_size(file: Path) -> None:
    """An OSError where a file that a library unpacks would take more memory than a table of text may."""
    with open_file(file, max_bytes=MAX_BYTES) as opened:
        with zipfile.ZipFile(opened) as archive:
            size = sum(member.file_size for member in archive.infolist())
            # What is in a member beyond its claim has another checksum, and is not read here.
            wrong = archive.testzip() if size <= MAX_BYTES else None
        if wrong is not None:
            message = "an archive in it is damaged"
            raise OSError(message)
    if size > MAX_BYTES:
        message = f"too large: unpacked, it has more than {MAX_BYTES / 1e9:.1f} GB"
        raise OSError(message)


def _bytes(file: Path) -> bytes:
    """A file of text, unpacked."""
    with open_file(file, max_bytes=MAX_BYTES) as opened:
        # Text has these in no encoding; gigabytes of them are not read first.
        is_packed = file.name.lower().endswith(_COMPRESSED)
        if not is_packed and b"\0" * 8 in opened.read(_SAMPLE):
            message = "not text"
            raise OSError(message)
        opened.seek(0)
        data = opened.read(MAX_BYTES)
    if not is_packed:
        return data
    # A few megabytes can unpack to more than any memory holds.
    text = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        message = f"too large: unpacked, it has more than {MAX_BYTES / 1e9:.1f} GB"
        raise OSError(message)
    return text


def _decoded(data: bytes, dialect: Dialect, path: object, tell: Tell) -> str:
    """The text of a file, whose lines end as polars reads them."""
    encoding = dialect.encoding or "utf-8-sig"
    # Of plain letters in UTF-16 every other byte is 0, which text in no other encoding has.
    zeros = [data[start:_SAMPLE:2].count(0) for start in (0, 1)]
    if dialect.encoding is None and max(zeros) > min(len(data), _SAMPLE) / 8:
        marked = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        encoding = "utf-16" if marked else "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        # What most systems wrote before UTF-8: all of Latin-1's letters, and the euro.
        if dialect.encoding is not None or encoding != "utf-8-sig":
            raise
        _check_one_encoding(data, path)
        encoding = "windows-1252"
        text = data.decode(encoding)
    if "\0" in text:
        message = "not text"
        raise OSError(message)
    if dialect.encoding is None and encoding != "utf-8-sig":
        word = re.search(r"[^\s,;|\"]*[^\x00-\x7f][^\s,;|\"]*", text)
        shown = f", such as {word[0]!r}" if word else ""
        tell(f"The text is read as {encoding}{shown}; another: --encoding (encoding=).")
    return text if "\n" in text else text.replace("\r", "\n")


def _check_one_encoding(data: bytes, path: object) -> None:
    """Names the first line that is not UTF-8 in a text that mostly is: read as anything else, the others are wrong."""
    replaced = data.decode("utf-8", errors="replace")
    num_wrong = replaced.count("\ufffd")
    # Letters of an older encoding hardly ever make one of UTF-8 by accident.
    if sum(not character.isascii() for character in replaced) - num_wrong <= num_wrong:
        return
    number = replaced[: replaced.index("\ufffd")].count("\n") + 1
    what = "The table is UTF-8 text, but not in every line."
    fix = "Save it in one encoding, or name one for all of it, such as --encoding windows-1252 (encoding=)."
    line = data.split(b"\n")[number - 1][:60]
    raise DataError(what, given=f"{path}, line {number}: {line!r}", fix=fix)


def _values(frame: pl.DataFrame, dialect: Dialect, tell: Tell) -> pl.DataFrame:
    """Columns of text as what they hold: numbers, and dates in the form of ISO 8601, where all their values are."""
    import polars as pl

    if dialect.separator is None:
        return frame
    columns = [texts.str.strip_chars() for texts in frame]
    columns = [texts.set(texts.is_in(["", "?"]), None) for texts in columns]
    # One mark for the whole table: a column such as 1.445 alone could be read either way.
    decimal = dialect.decimal or _decimal(columns, dialect.separator)
    marks = (decimal,) if dialect.decimal else (decimal, "." if decimal == "," else ",")
    read, shown = [], []
    for texts in columns:
        are_ids = _too_long(texts)
        values = None if are_ids else _plain_numbers(texts, decimal)
        if values is None and not are_ids and len(texts) > texts.null_count():
            tries = (*(_numbers(texts, mark) for mark in marks), _dates(texts))
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


def _too_long(texts: pl.Series) -> bool:
    """Whether these are whole numbers, some of more than 64 bits, such as ids: rounded, different ones would be one."""
    texts = texts.filter(~texts.str.to_lowercase().is_in(list(NO_NUMBER)))
    is_whole = len(texts) > 0 and bool(texts.str.contains(r"^[+-]?\d+$").all())
    return is_whole and texts.str.to_integer(strict=False).null_count() > 0


def _decimal(columns: Sequence[pl.Series], separator: str) -> str:
    """What stands before decimals, by the columns that leave no doubt; where none does, by the separator."""
    unclear = False
    for texts in columns:
        if texts.str.contains(",", literal=True).any() and _match(texts, ","):
            if not _match(texts, "."):
                return ","
            unclear = True
    return "," if unclear and separator != "," else "."


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
