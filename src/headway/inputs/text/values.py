"""The values of a column of texts: whether they are prose, what there is to read in each, and how it begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.errors import ReadError
from headway.system.files import read_file

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "FILE_NAME",
    "MAX_CHARACTERS",
    "SAMPLE",
    "WORDS_OF_PROSE",
    "beginning",
    "checked",
    "is_prose",
    "num_characters",
    "plain",
    "read_text",
]

# What lies beyond is not read: it would take long, and no model sees so much.
MAX_CHARACTERS = 100_000

# Characters of a text that stand for its name.
NAME = 60

# So many rows are looked at to see what a column holds.
SAMPLE = 1_000

# Half of a column's texts have so many words where it is found without being named; names of people have fewer.
WORDS_OF_PROSE = 6

FILE_NAME = re.compile(r".*\.[A-Za-z0-9]{2,5}")


def checked(name: str, value: Any) -> str:
    """A value as text, "" where there is none."""
    if value is None:
        return ""
    if not isinstance(value, str):
        message = f"not text: {type(value).__name__} in column {name!r}"
        raise ReadError(message)
    text = value[:MAX_CHARACTERS]
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"not valid Unicode: half of a character at {error.start} in column {name!r}"
        raise ReadError(message) from error
    return text


def read_text(path: Path) -> str | None:
    """A file's text, in UTF-8 or, where it is none, as Windows in the West wrote it; None where it cannot be read."""
    try:
        content = read_file(path)
    except (OSError, ValueError):
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def plain(value: Any) -> str:
    """A value as text: "" where there is none, and what is no text as Python writes it."""
    return value if isinstance(value, str) else "" if value is None else repr(value)


def beginning(values: Sequence[Any]) -> str:
    """How a row's texts begin, in one short line."""
    # By hand: names are wanted of all items, and textwrap takes many times as long.
    text = " ".join(" ".join(plain(value)[:SAMPLE] for value in values).split())
    return text if len(text) <= NAME else f"{text[: NAME - 3].rpartition(' ')[0] or text[: NAME - 4]} ..."


def _sample(values: pl.Series) -> pl.Series:
    known = values.drop_nulls()
    return known.gather_every(max(len(known) // SAMPLE, 1))


def num_characters(values: pl.Series) -> float:
    """Characters of a value, on average."""
    return float(sum(len(str(value)) for value in _sample(values))) / max(len(_sample(values)), 1)


def is_prose(values: pl.Series, *, num_words: int = 2) -> bool:
    """Whether at least half of a column's values are different texts of so many words, and no names of files."""
    known = _sample(values)
    if str(known.dtype) != "String" or known.n_unique() * 2 < len(known) or not len(known):
        return False
    texts = known.to_list()
    num_prose = sum(len(text.split()) >= num_words and not FILE_NAME.fullmatch(text) for text in texts)
    return 2 * num_prose >= len(texts)
