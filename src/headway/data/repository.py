"""Data sets in repositories of the Hugging Face hub: their Parquet files as one table, split as their names say."""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING, TypeGuard

from headway.data.parquet import read_parquet
from headway.data.sources import SPLIT_FOLDERS
from headway.errors import DataError
from headway.system.remote import fetched, files_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["is_repository", "read_repository"]

# As the hub names a revision, such as "@~parquet" of its own copy or "@refs/convert/parquet".
_REPOSITORY = re.compile(r"hf://datasets/[\w.-]+/[\w.-]+?(@[\w.~/-]+)?(/.*)?")
_PARTS = re.compile(rf"({'|'.join(sorted(SPLIT_FOLDERS, key=len, reverse=True))})(?![a-z])", flags=re.IGNORECASE)
_TABLE = re.compile(r"\.(parquet|csv|tsv|txt|jsonl|ndjson|xlsx|gz)", flags=re.IGNORECASE)


def is_repository(path: str | os.PathLike[str]) -> TypeGuard[str]:
    """Whether a path is the address of a data set's repository, or of a folder in one, and not of one of its files.

    Example:
        >>> is_repository("hf://datasets/ada/pets"), is_repository("hf://datasets/ada/pets/items.parquet")
        (True, False)
    """
    if not isinstance(path, str) or not _REPOSITORY.fullmatch(path):
        return False
    return not _TABLE.fullmatch(os.path.splitext(path)[1])


def read_repository(address: str, *, max_bytes: int) -> pl.DataFrame:
    """The rows of all Parquet files below an address, in the order of their names.

    Where each file's name, or a folder's, says of which part it is, as the hub's names do ("train-00000-of-00004"), the
    table has a column "split" of it, unless it has one already.

    Raises:
        OSError: If a file cannot be fetched, or is too large.
        DataError: If there is no such file, or their columns differ.
    """
    import polars as pl

    files = [file for file in files_of(address) if file.endswith(".parquet")]
    if not files:
        copy = f"{address.partition('@')[0].rstrip('/')}@~parquet"
        fix = f"Name the hub's own copy, {copy}, or another file of it, such as {address.rstrip('/')}/items.csv."
        raise DataError("The repository has no Parquet files.", given=address, fix=fix)
    frames = list(map(partial(_read, max_bytes=max_bytes), files))
    parts = [_part_of(file.removeprefix(address)) for file in files]
    if all(parts) and "split" not in frames[0].columns:
        frames = [frame.with_columns(pl.lit(part).alias("split")) for frame, part in zip(frames, parts, strict=True)]
    for file, frame in zip(files, frames, strict=True):
        if frame.schema != frames[0].schema:
            what = "The repository's Parquet files have different columns."
            given = f"{files[0]}: {', '.join(frames[0].columns[:8])}; {file}: {', '.join(frame.columns[:8])}"
            raise DataError(what, given=given, fix="Name one of its folders or files.")
    return pl.concat(frames, rechunk=False)


def _read(file: str, *, max_bytes: int) -> pl.DataFrame:
    return read_parquet(fetched(file, max_bytes=max_bytes), max_bytes=max_bytes)


def _part_of(path: str) -> str | None:
    """The part that a file is of, by the name nearest to it that begins with one."""
    named = (_PARTS.match(name) for name in reversed(path.split("/")))
    return next((SPLIT_FOLDERS[match[1].lower()] for match in named if match), None)
