"""From what a person has, a folder or a frame, to the item table: a row an item.

Nothing is opened here, and nothing is learned: files are listed, columns are named. The rows'
order is fixed by the files' names (or the table's own order), never by the file system.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.errors import DataError
from headway.system.files import looked_up

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "SPLIT_FOLDERS",
    "as_frame",
    "column_names",
    "files_below",
    "files_without_class",
    "frame_columns",
    "list_folder",
]

# Names of folders that hold a part of the data, lower-case, and the part each means.
SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "test": "test",
    "testing": "test",
}

_NO_ITEMS = {"thumbs.db", "desktop.ini", "__macosx", "icon\r"}


def column_names(items: Any) -> list[str]:
    """The columns of a frame or of a dict of columns; of anything else none."""
    return [*map(str, items if isinstance(items, Mapping) else getattr(items, "columns", ()))]


def frame_columns(frame: Any) -> dict[str, Any]:
    """The columns of a polars or pandas frame by name; what pandas calls missing (NaN, NaT, NA) is None."""
    columns = {str(name): frame[name] for name in frame.columns}
    return {
        name: column.astype(object).where(column.notna(), None).tolist() if hasattr(column, "notna") else column
        for name, column in columns.items()
    }


def as_frame(items: Any) -> pl.DataFrame:
    """A polars frame of a polars or pandas frame, or of a dict of columns, of which some may hold arrays or paths.

    Raises:
        DataError: If a text is not valid Unicode.
    """
    import polars as pl

    if isinstance(items, pl.DataFrame):
        return items
    columns = items if isinstance(items, Mapping) else frame_columns(items)
    return pl.DataFrame({str(name): _as_series(str(name), values) for name, values in columns.items()})


def _as_series(name: str, values: Sequence[Any]) -> pl.Series:
    import polars as pl

    if any(isinstance(value, os.PathLike) for value in values):
        values = [os.fspath(value) if isinstance(value, os.PathLike) else value for value in values]
    # Polars would unpack a picture's array into lists of lists of numbers.
    is_array = any(getattr(value, "ndim", 0) > 1 for value in values)
    try:
        return pl.Series(name, values, dtype=pl.Object) if is_array else pl.Series(name, values, strict=False)
    except UnicodeEncodeError as error:
        row = next(row for row, value in enumerate(values) if value == error.object)
        what = f"Column {name!r} holds half of a character, which is not text."
        given = f"row {row}, character {error.start}: {str(error.object)[error.start : error.start + 20]!r}"
        fix = 'Read the file with its own encoding, or clean the text: text.encode(errors="replace").decode().'
        raise DataError(what, given=given, fix=fix) from error


def list_folder(path: str | os.PathLike[str]) -> pl.DataFrame:
    """The files of a folder of class folders, or of `train/`, `valid/`, `test/` folders of class folders.

    A class's files may lie in folders below it. Hidden files, `.DS_Store`, `Thumbs.db`, `desktop.ini` and `__MACOSX`
    are passed over.

    Args:
        path: The folder.

    Returns:
        Columns "file" (absolute path), "label" (the class folder's name) and, where the folder is split,
        "split" ("train", "valid" or "test"); ordered by the path below the folder.

    Raises:
        DataError: If it is not a folder, or has no class folders, or one of them is empty, or a file's name is no
            text.
    """
    import polars as pl

    root = Path(path).expanduser().absolute()
    if not root.is_dir():
        what = "The data must be a folder of class folders, or a CSV or Parquet file."
        given = f"{path} (a file)" if root.exists() else f"{looked_up(path)} (nothing is there)"
        raise DataError(what, given=given, fix="Correct the path.")
    classes = _classes(root)
    is_split = any(part for _, part in classes)
    if not classes:
        inside = [f"{folder.name}/ with {len(files_below(folder))} files" for folder in _folders(root)]
        above = "photos/train" if inside else "photos"
        raise DataError(
            "There are no class folders: each class's files belong in a folder named after the class.",
            given=f"{path} with {sum(entry.is_file() for entry in root.iterdir())} files and "
            + (f"{', '.join(inside)}, without folders in them" if inside else "no folders of files"),
            fix=f"Make one folder a class, such as {above}/cat/ and {above}/dog/, or give a CSV with --input and "
            "--target.",
        )
    below = [] if is_split or len(classes) > 1 else [folder.name for folder in _folders(classes[0][0])]
    if len(below) > 1:
        raise DataError(
            "There is a single class folder, and it has several folders in it, which may be the classes.",
            given=f"{path} with {classes[0][0].name}/, in which are {', '.join(below[:5])}",
            fix=f"Name the folder of the classes itself: {classes[0][0]}",
        )
    rows = []
    for folder, part in classes:
        files = files_below(folder)
        if not files:
            raise DataError(
                "A class folder has no files in it.",
                given=folder.relative_to(root),
                fix="Put files in it, or remove it.",
            )
        rows += [(str(file), folder.name, part) for file in files]
    _check_names([file for file, _, _ in rows])
    # Named types: a folder without a split has None alone, of which polars would make a column without a type.
    frame = pl.DataFrame(rows, schema={"file": pl.String, "label": pl.String, "split": pl.String}, orient="row")
    return frame if is_split else frame.drop("split")


def files_without_class(path: str | os.PathLike[str], items: pl.DataFrame) -> list[str]:
    """Sentences on files that look like the items of a folder and lie in none of its class folders, a folder each."""
    root = Path(path).expanduser().absolute()
    endings, sentences = {Path(file).suffix.lower() for file in items["file"]}, []
    for folder in (root, *(_folders(root) if "split" in items.columns else ())):
        files = [file for file in folder.iterdir() if _is_item(file.name) and file.suffix.lower() in endings]
        if count := sum(file.is_file() for file in files):
            one = count == 1
            sentences.append(
                f"{count:,} file{'' if one else 's'} in {folder.name}/ {'is' if one else 'are'} in no class folder: "
                f"{'it has' if one else 'they have'} no label, and {'is' if one else 'are'} left out. "
                f"For the model's answers: headway predict RUN/model.headway {folder}"
            )
    return sentences


def _classes(root: Path) -> list[tuple[Path, str | None]]:
    """The class folders, each with the part it lies in; None where the folder is not split."""
    folders = _folders(root)
    parts = {folder: SPLIT_FOLDERS.get(folder.name.lower()) for folder in folders}
    # A data set may well have a class named "test", or "train" beside "bus": only a folder that is split throughout
    # is one.
    is_split = "train" in parts.values() and all(parts.values())
    others = [folder.name for folder, part in parts.items() if part is None]
    if others and {"train"} < set(parts.values()) - {None}:
        raise DataError(
            "Some folders are parts of a split data set and others are not: which are classes is unclear.",
            given=f"{root} with {', '.join(folder.name for folder in folders)}",
            fix=f"Move {others[0]!r} away, or put all the classes into one folder.",
        )
    if is_split:
        return [(inner, parts[folder]) for folder in folders for inner in _folders(folder)]
    return [(folder, None) for folder in folders]


def _check_names(files: list[str]) -> None:
    # Python stands in for bytes that are no UTF-8 with characters that no table can hold.
    wrong = [ascii(file) for file in files if any("\ud800" <= character <= "\udfff" for character in file)]
    if wrong:
        raise DataError(
            f"{len(wrong)} files have names that are not text (UTF-8).",
            given=wrong[:5],
            fix="Rename those files, or their folders.",
        )


def _is_item(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _NO_ITEMS


def _folders(root: Path) -> list[Path]:
    # A link to this folder, or to one above it, would be a class of everything.
    above = {os.path.realpath(folder) for folder in (root, *root.resolve().parents)}
    inside = (folder for folder in root.iterdir() if folder.is_dir() and _is_item(folder.name))
    return sorted((folder for folder in inside if os.path.realpath(folder) not in above), key=lambda p: p.name)


def files_below(folder: Path) -> list[Path]:
    """The files of a folder and of those below it, ordered by their paths; hidden ones and the like are passed over."""
    below: list[Path] = []
    # Links between folders may run in a circle, or up to where the other classes lie.
    seen = {str(above) for above in folder.resolve().parents}
    for at, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        folders[:] = [] if real in seen else sorted(name for name in folders if _is_item(name))
        if real not in seen:
            below += [Path(at, name) for name in files if _is_item(name)]
        seen.add(real)
    # A file system lists files in any order, and the row numbers that everything is counted by must not depend on it.
    return sorted(below, key=lambda file: file.relative_to(folder).as_posix())
