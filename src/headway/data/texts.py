"""A folder of texts, or one long text, to the item table: a row a text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from headway.data.sources import files_below
from headway.errors import DataError
from headway.system.files import looked_up, read_file

if TYPE_CHECKING:
    import polars as pl

__all__ = ["is_text", "read_texts"]

_ENDINGS = (".txt", ".md", ".rst", ".text")
# Of one text: it is read as a whole.
_MAX_BYTES = 2**30


def is_text(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a folder, or names a text by its ending: .txt, .md, .rst or .text."""
    return Path(path).is_dir() or str(path).lower().endswith(_ENDINGS)


def read_texts(path: str | os.PathLike[str]) -> pl.DataFrame:
    """The texts of a folder and of those below it, or the one text of a file, in the columns "text" and "document".

    A document is called by its path below the folder; of a single file there is no such column. Files without one of
    the endings of texts are passed over.

    Raises:
        DataError: If there is none, or one cannot be read.
    """
    import polars as pl

    root = Path(path).expanduser().absolute()
    if root.exists() and not root.is_dir():
        return pl.DataFrame({"text": [_read(root)]})
    if not root.is_dir():
        what, given = "The texts must be a folder, or a file.", f"{looked_up(path)} (nothing is there)"
        raise DataError(what, given=given, fix="Correct the path.")
    files = [file for file in files_below(root) if file.name.lower().endswith(_ENDINGS)]
    if not files:
        what, fix = "The folder has no texts.", f"Put files into it that end in {', '.join(_ENDINGS)}."
        raise DataError(what, given=str(path), fix=fix)
    names = [file.relative_to(root).as_posix() for file in files]
    return pl.DataFrame({"text": [_read(file) for file in files], "document": names})


def _read(file: Path) -> str:
    """A text in UTF-8, or in UTF-16 where it begins with that mark; anything else as Windows wrote it."""
    try:
        data = read_file(file, max_bytes=_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise DataError("A text cannot be read.", given=f"{file}: {error}", fix="Correct or remove it.") from error
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252", "latin-1")
    for encoding in encodings:
        try:
            return data.decode(encoding).replace("\r\n", "\n")
        except UnicodeError:
            continue
    raise DataError("A text cannot be read.", given=f"{file}: damaged UTF-16", fix="Save it as UTF-8.")
