"""The only list of kinds of input. A kind's module is imported when it is first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from headway.errors import BundleError, ConfigError, DataError, did_you_mean
from headway.inputs.base import Input
from headway.system.files import open_file

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "INPUTS",
    "TABLE_FORMATS",
    "check_architecture",
    "format_target",
    "input_class",
    "input_from_json",
    "read_format",
    "recognise_arrays",
    "recognise_folder",
    "recognise_input",
]

# Where the class of each kind is, by the kind's name in a bundle. They are asked in this order whether data are theirs.
# `Image` takes any column that is named, so whatever looks at a column's values or at its files' endings stands before
# it.
INPUTS: dict[str, str] = {
    "sound": "headway.inputs.sound.field:Sound",
    "text": "headway.inputs.text.field:Text",
    "series": "headway.inputs.series.field:Series",
    "text_blocks": "headway.inputs.text_blocks.field:TextBlocks",
    "bytes": "headway.inputs.bytes.field:Bytes",
    "past": "headway.inputs.past.field:Past",
    "image": "headway.inputs.image.field:Image",
    "ratings": "headway.inputs.ratings.field:Ratings",
    "table": "headway.inputs.table.field:Table",
}

# Files that hold items in a form of one kind's own, by their endings: from their text to a table.
TABLE_FORMATS: dict[str, str] = {".ts": "headway.inputs.series.layouts:read_ts"}

# What their readers call the column that such a file itself says is predicted.
_FORMAT_TARGETS = ("label", "value")


def read_format(ending: str, text: str) -> pl.DataFrame:
    """The table in the text of a file with an ending of `TABLE_FORMATS`."""
    module, name = TABLE_FORMATS[ending].split(":")
    return getattr(import_module(module), name)(text)


def format_target(path: str | os.PathLike[str]) -> str | None:
    """The column to predict where a file's format says which it is, as `.ts` does; None for other files.

    Raises:
        DataError: If the file is of such a format, and cannot be read.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in TABLE_FORMATS:
        return None
    try:
        with open_file(path) as file:
            columns = read_format(ending, file.read().decode(errors="replace")).columns
    except OSError as error:
        raise DataError("The table cannot be read.", given=f"{path} ({error})", fix="Check the path.") from error
    return next((name for name in _FORMAT_TARGETS if name in columns), None)


def input_from_json(values: dict[str, Any]) -> Input:
    """The input that `to_json` wrote; BundleError if its kind is not known to this version."""
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in INPUTS:
        fix = f"Upgrade Headway. {did_you_mean(str(kind), INPUTS)}"
        what = "A field is of a kind that this version of Headway does not know."
        raise BundleError(what, given=f"kind={kind!r}", fix=fix)
    return input_class(kind).from_json(values)


def check_architecture(name: str) -> None:
    """Raises a ConfigError if no kind of input has an architecture of that name."""
    kinds = list(map(input_class, INPUTS))
    if not any(kind.has_architecture(name) for kind in kinds):
        known = [architecture for kind in kinds for architecture in kind.architectures()]
        fix = f"Name one of timm's models. {did_you_mean(name, known)}"
        raise ConfigError("Unknown architecture.", given=repr(name), fix=fix)


def input_class(kind: str) -> type[Input]:
    """The class of a kind, imported now."""
    module, name = INPUTS[kind].split(":")
    return getattr(import_module(module), name)


def recognise_arrays(
    items: Any,
    *,
    size: int | None = None,
    channels: Literal["first", "last"] | None = None,
    kind: type[Input] | None = None,
) -> tuple[dict[str, Any], Input]:
    """Columns and field for what is in memory, by `kind`, or the first that knows it; see `Input.from_arrays`."""
    # A tensor of torch's, wherever it is.
    items = items.detach().cpu().numpy() if hasattr(items, "detach") else items
    for one in (kind,) if kind else filter(lambda known: known.knows_arrays, map(input_class, INPUTS)):
        columns_and_field = one.from_arrays(items, size=size, channels=channels)
        if columns_and_field is not None:
            return columns_and_field
    given = f"an array of shape {list(items.shape)}" if hasattr(items, "shape") else type(items).__name__
    fix = "Pass [items, columns], [items, height, width], one axis more for channels, or a frame."
    raise ConfigError("Items in memory must be rows of a table, texts, or pictures.", given=given, fix=fix)


def recognise_folder(items: pl.DataFrame, *, size: int = 224) -> tuple[pl.DataFrame, Input]:
    """The item table of a folder, whose files are in the column "file", and the field that reads it."""
    for kind in INPUTS:
        items_and_field = input_class(kind).from_files(items)
        if items_and_field is not None:
            return items_and_field
    return items, recognise_input("file", lambda: items, size=size)


def recognise_input(columns: str | Sequence[str], items: Callable[[], pl.DataFrame], *, size: int = 224) -> Input:
    """The field for columns of which only the names were said, by the first kind that knows it: `Input.recognise`."""
    names = (columns,) if isinstance(columns, str) else tuple(columns)
    for kind in INPUTS:
        field = input_class(kind).recognise(names, items, size=size)
        if field is not None:
            return field
    fix = "Name one column, several of texts, two of who rated what, or none for the rows themselves; "
    fix += "or pass a field, such as hw.Table()."
    raise ConfigError("There is no kind of input for these columns.", given=list(names), fix=fix)
