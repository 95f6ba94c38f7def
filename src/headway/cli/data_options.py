"""What a command says of its data: columns, or folders, as fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from headway.data.dataset import Data
    from headway.inputs.base import Input
    from headway.targets.base import Target

__all__ = ["KIND_OPTIONS", "check_fields", "file_rows", "open_data"]

KIND_OPTIONS = {"classes": ("mask",), "ignore": ("mask",), "limits": ("number",)}
"""Options that only some kinds of targets take."""

_OPTION = {"limits": "--range"}
_FOLDERS = ("images", "masks")


def check_fields(data: Path, options: Mapping[str, Any]) -> None:
    """Finds mistakes in what is said of the columns, before anything is read.

    Raises:
        ConfigError: If columns are named for a folder, too many or too few of them, or what only another kind takes.
    """
    from headway.data.sources import is_table
    from headway.errors import ConfigError

    names = ("input", "target", "split_column", "kind", *KIND_OPTIONS)
    given = {name: options.get(name) for name in names if options.get(name) not in (None, [], ())}
    told = [_OPTION.get(name, f"--{name.replace('_', '-')}") for name in given]
    if is_table(data) and "target" not in given:
        what = "Of a table the column to predict must be named."
        fix = "Add --target COLUMN, and --input COLUMN where a column names files."
        shown = " ".join(f"--input {name}" for name in _inputs(options)) or "no --input"
        raise ConfigError(what, given=f"{data}, {shown}, no --target", fix=fix)
    if not is_table(data) and told and (given.get("kind") != "mask" or "split_column" in given):
        what = "Columns can be named for a table only; a folder takes its labels from the folders' names."
        fix = "Leave them out, or give a CSV or Parquet file."
        raise ConfigError(what, given=f"{data}, {', '.join(told)}", fix=fix)
    if len(_inputs(options)) > 2:
        what = "One column is of files, and two are of who rated what; a table's rows have no --input."
        fix = "Name one or two, or leave --input out."
        raise ConfigError(what, given=" ".join(f"--input {each}" for each in _inputs(options)), fix=fix)
    kind = options.get("kind") or ("number" if len(_inputs(options)) == 2 else "category")
    wrong = [name for name, kinds in KIND_OPTIONS.items() if name in given and kind not in kinds]
    if wrong:
        what = f"{_OPTION.get(wrong[0], f'--{wrong[0]}')} goes with --kind {KIND_OPTIONS[wrong[0]][0]}."
        raise ConfigError(what, given=f"--kind {kind}", fix="Leave it out, or name that kind.")
    parsers: dict[str, Callable[[str], Any]] = {"classes": _classes, "ignore": _numbers, "limits": _range}
    for name, parse in parsers.items():
        if name in given:
            parse(str(given[name]))


def open_data(options: Mapping[str, Any], *, on_progress: Callable[[int, int], None]) -> Data:
    """The data set that a command's options name.

    Args:
        options: As a run keeps them: "data" and what `headway train` is called with.
        on_progress: Called with (items read, items in all).
    """
    from headway.data.build import from_csv, from_folder, from_items
    from headway.data.sources import is_table
    from headway.data.splits import ColumnSplit, RandomSplit
    from headway.inputs.image.field import Image

    path, valid, seed = Path(options["data"]), options["valid"], options["seed"]
    drawn = RandomSplit(valid, seed=seed)
    more: dict[str, Any] = {"on_progress": on_progress}
    if not is_table(path) and options.get("kind") != "mask":
        return from_folder(path, size=options["size"], valid=valid, seed=seed, **more)
    if not is_table(path):
        items, (photos, _) = file_rows(path, _inputs(options), options.get("target"))
        given = ColumnSplit("split", valid=valid, seed=seed) if "split" in items.columns else drawn
        target = _target(options, items)
        return from_items(items, input=Image(photos, size=options["size"]), target=target, split=given, **more)
    column = options["split_column"]
    split = ColumnSplit(column, valid=valid, seed=seed) if column else drawn
    input, target = _input(options), _target(options, None)
    return from_csv(path, input=input, target=target, size=options["size"], split=split, **more)


def file_rows(path: Path, inputs: Sequence[str], target: str | None) -> tuple[pl.DataFrame, tuple[str, str]]:
    """The photos and masks of a folder, by the names of its folders, and those names."""
    from headway.targets.mask.folder import list_masks

    names = (inputs[0] if inputs else _FOLDERS[0], target or _FOLDERS[1])
    return list_masks(path, photos=names[0], masks=names[1]), names


def _inputs(options: Mapping[str, Any]) -> list[str]:
    """The columns that go in; the first versions kept one as a text."""
    found = options.get("input")
    return [found] if isinstance(found, str) else list(found or ())


def _input(options: Mapping[str, Any]) -> str | Input | None:
    from headway.inputs.ratings.field import Ratings

    names = _inputs(options)
    return Ratings(*names) if len(names) == 2 else names[0] if names else None


def _target(options: Mapping[str, Any], items: pl.DataFrame | None) -> str | Target:
    """The column as a field of a kind; of points, each number may have a column of its own: "x1 y1 x2 y2".

    Args:
        options: What the command was called with.
        items: The photos and masks of a folder, where it is one.
    """
    from headway.targets.categories.field import Categories
    from headway.targets.category.field import Category
    from headway.targets.number.field import Number
    from headway.targets.points.field import Points

    column, kind = options.get("target") or _FOLDERS[1], options.get("kind")
    if kind == "mask":
        return _mask(options, column, items)
    if kind == "points":
        columns = column.split()
        return Points(columns=columns) if len(columns) > 1 else Points(column)
    if kind == "number" or (kind is None and len(_inputs(options)) == 2):
        low, high = _range(options["limits"]) if options.get("limits") else (None, None)
        return Number(column, low=low, high=high)
    return column if kind is None else {"category": Category, "categories": Categories}[kind](column)


def _mask(options: Mapping[str, Any], column: str, items: pl.DataFrame | None) -> Target:
    from headway.data.sources import read_table
    from headway.targets.mask.field import UNLABELLED, Mask
    from headway.targets.mask.folder import found_classes

    ignore = _numbers(options["ignore"]) if options.get("ignore") else [UNLABELLED]
    if options.get("classes"):
        return Mask(column, classes=_classes(options["classes"]), ignore=ignore)
    if items is None:
        photos = _inputs(options) or ["file"]
        items = read_table(options["data"], input=photos[0], target=column, target_is_file=True)
    found = found_classes(items[column].drop_nulls())
    return Mask(column, classes={number: name for number, name in found.items() if number not in ignore}, ignore=ignore)


def _classes(text: str) -> dict[int, str] | list[str]:
    """Names by number, "1=pet,2=background", or in the order of their numbers from 0, "background,pet"."""
    from headway.errors import ConfigError

    parts = [each.strip() for each in text.split(",")]
    pairs = [re.fullmatch(r"(\d+)\s*=\s*(.+)", each) for each in parts]
    if all(pairs):
        return {int(each[1]): each[2] for each in pairs if each}
    if any(pairs) or not all(parts):
        what = "`--classes` must be names by number, or names alone."
        fix = 'Write it as --classes "1=pet,2=background", or "background,pet" where masks hold 0 and 1.'
        raise ConfigError(what, given=repr(text), fix=fix)
    return parts


def _numbers(text: str) -> list[int]:
    from headway.errors import ConfigError

    parts = [each.strip() for each in text.split(",")]
    if not all(each.isdecimal() for each in parts):
        what = "`--ignore` must be numbers that masks hold."
        raise ConfigError(what, given=repr(text), fix="Write it as --ignore 0,255.")
    return [int(each) for each in parts]


def _range(text: str) -> tuple[float, float]:
    from headway.errors import ConfigError

    try:
        low, high = (float(each) for each in text.split(","))
    except ValueError as error:
        what = "`--range` must be the least and the most that an answer can be."
        raise ConfigError(what, given=repr(text), fix="Write it as --range 1,5.") from error
    return low, high
