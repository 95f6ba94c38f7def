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
from headway.data.plain_text import read_plain_text
from headway.data.repository import is_repository, read_repository
from headway.data.text_columns import as_values, stripped
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
    dialect = dialect or Dialect()
    plain = _read_plain(path, dialect, tell)
    return _values(*_read(path, dialect, tell), tell) if plain is None else plain


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


def _read_plain(path: str | os.PathLike[str], dialect: Dialect, tell: Tell) -> pl.DataFrame | None:
    """The values of a large file of plain text; None of any other."""
    if is_repository(path) or dialect.encoding is not None or dialect.decimal == ",":
        return None
    file = _local(path)
    usual = _SEPARATORS.get(_ending(file))
    if usual is None or file.name.lower().endswith(_COMPRESSED):
        return None
    with _explained(file, path):
        known = read_plain_text(file, dialect.separator, usual, max_bytes=MAX_BYTES, tell=tell)
    return None if known is None else as_values(*known, dialect.decimal, tell=tell)


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
    """The table's values, where they are text by now."""
    import polars as pl

    if dialect.separator is None:
        return frame
    # By name: of a list of columns polars would name the one that has none.
    frame = pl.DataFrame({texts.name: stripped(texts) for texts in frame})
    return as_values(frame, dialect.separator, dialect.decimal, tell=tell)
