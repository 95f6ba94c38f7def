"""Labels, ids and paths in one form, however they were written: blanks, accents, `0` and `0.0`, slashes, endings."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl

__all__ = ["existing_paths", "is_address", "normal_name", "normal_text", "spellings"]

_ADDRESS = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]+://")
_WHOLE = re.compile(r"(0|-?[1-9]\d*)\.0+")


def normal_text(value: Any) -> str | None:
    r"""A label or an id as text that is equal however it was written; None where there is none.

    Blanks around it are dropped, a letter with its accent is one character (NFC), a whole number has no decimals, and
    true and false are in lower case.

    Example:
        >>> [normal_text(value) for value in (" a", "e\u0301", 3.0, "3.0", "3.10", True, "False", float("nan"), " ")]
        ['a', 'é', '3', '3', '3.10', 'true', 'false', None, None]
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = normal_name(str(value))
    # What pandas has for a missing value equals nothing, not even itself.
    if value is None or (not isinstance(value, str) and text in ("nan", "<NA>", "NaT")):
        return None
    text = whole[1] if (whole := _WHOLE.fullmatch(text)) else text
    return (text.lower() if text.lower() in ("true", "false") else text) or None


def spellings(column: str, values: Iterable[Any]) -> list[str]:
    """A sentence on texts of a column that are the same label and are written in several ways; none where none are."""
    by_label: dict[str, Counter[str]] = defaultdict(Counter)
    for text, count in Counter(value for value in values if isinstance(value, str)).items():
        if (label := normal_text(text)) is not None:
            by_label[label][text] += count
    several = {label: texts for label, texts in by_label.items() if len(texts) > 1}
    other = [(text, label) for label, texts in several.items() for text, _ in texts.most_common() if text != label]
    if not other:
        return []
    num_values = sum(by_label[label][text] for text, label in other)
    text, label = other[0]
    return [
        f"Other spellings in column {column!r} are read as the usual ones: {text!r} as {label!r} "
        f"({num_values:,} in all)."
    ]


def existing_paths(paths: pl.Series, folder: Path | None = None) -> tuple[pl.Series, list[str]]:
    """Paths, from `folder` where they are relative, and a sentence on those that are of a file with another spelling.

    Where there is no file of a path, it is that of the one file whose name differs in nothing but blanks around it,
    backslashes, the form of accents, or an ending that the path lacks. Addresses stay as they are.
    """
    import polars as pl

    if paths.str.contains(f"^{_ADDRESS.pattern}").fill_null(value=True).all():
        return paths, []

    @cache
    def names(parent: str) -> dict[str | None, set[str]]:
        """What is in a folder, by its name in normal form, and by its name without the ending."""
        inside: dict[str | None, set[str]] = defaultdict(set)
        with suppress(OSError, ValueError):
            for name in os.listdir(parent):
                inside[normal_name(name)].add(name)
                inside[normal_name(Path(name).stem)].add(name)
        return inside

    @cache
    def meant(path: str) -> str:
        parent, name = os.path.split(path)
        if os.path.exists(path) or not name:
            return path
        parent = meant(parent)
        # Each folder is listed once, however many of the paths lie in it.
        choices = names(parent).get(normal_name(name), set())
        # Of two files that could be meant neither is taken.
        return os.path.join(parent, *choices) if len(choices) == 1 else path

    read, mended = [], []
    for value in paths.set(paths.str.strip_chars() == "", None):
        path = _joined(folder, value) if value else None
        if path and not _is_there(path):
            better = meant(_joined(folder, value.strip().replace("\\", "/")))
            if os.path.exists(better):
                path = better
                mended.append((value, os.path.relpath(better, folder) if folder else better))
        read.append(path)
    existing = pl.Series(paths.name, read, pl.String)
    if not mended:
        return existing, []
    note = f"Paths in column {paths.name!r} are read as files with another spelling: {mended[0][0]!r} as "
    return existing, [f"{note}{mended[0][1]!r} ({len(mended):,} in all)."]


def _joined(folder: Path | None, path: str) -> str:
    # An address on the web would lose one of its slashes.
    return str(folder / path) if folder and not is_address(path) else path


def _is_there(path: str) -> bool:
    """Whether a file is there; one elsewhere is not asked about."""
    return is_address(path) or os.path.exists(path)


def is_address(path: str) -> bool:
    """Whether it is an address on the web, or of the like, and no path of a file here."""
    return _ADDRESS.match(path) is not None


def normal_name(name: str) -> str:
    """A name of a column or file without blanks around it, a letter with its accent as one character (NFC)."""
    return unicodedata.normalize("NFC", name.strip())
