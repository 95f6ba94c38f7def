"""Tables in Parquet, and the form that data sets of the Hugging Face hub give them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from headway.system.files import open_file

if TYPE_CHECKING:
    import polars as pl

__all__ = ["is_parquet", "read_parquet"]

# Of a table in memory: a number, a date, or where a text begins.
_CELL_BYTES = 8


def is_parquet(file: Path) -> bool:
    """Whether a file is a table in Parquet, by its ending or its first bytes."""
    if file.suffix.lower() == ".parquet":
        return True
    with open_file(file) as opened:
        return opened.read(4) == b"PAR1"


def read_parquet(file: Path, *, max_bytes: int) -> pl.DataFrame:
    """A table in Parquet, all its columns.

    Columns that data sets of the Hugging Face hub write in their own way are read as what they hold: pictures and
    recordings as their files' bytes, and classes by their names.

    Raises:
        OSError: If the file has more bytes, or its numbers alone would have.
    """
    import polars as pl

    with open_file(file, max_bytes=max_bytes) as opened:
        # A column of one value takes no room in the file, whatever its length.
        width = len(pl.read_parquet_schema(opened))
    # Without `glob` a name such as "data[1].parquet" is a name and no pattern.
    least = _CELL_BYTES * width * pl.scan_parquet(file, glob=False).select(pl.len()).collect().item()
    if least > max_bytes:
        message = f"too large: unpacked, it has more than {max_bytes / 1e9:.1f} GB"
        raise OSError(message)
    return _plain(pl.read_parquet(file, glob=False), _classes(file))


def _classes(file: Path) -> dict[str, list[str]]:
    """The names of classes that a table of the hub's `datasets` has as numbers, by column."""
    import polars as pl

    try:
        known = json.loads(pl.read_parquet_metadata(file).get("huggingface", "{}"))["info"]["features"]
        return {name: list(feature["names"]) for name, feature in known.items() if feature["_type"] == "ClassLabel"}
    # Whatever else a file says under that name is no list of classes.
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def _plain(frame: pl.DataFrame, classes: dict[str, list[str]]) -> pl.DataFrame:
    """The table with a value a row in the columns that hold a file with its name, or a class by its number."""
    import polars as pl

    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Struct) and {field.name for field in dtype.fields} == {"bytes", "path"}:
            fields = frame[name].struct
            has_bytes = fields.field("bytes").null_count() < len(frame)
            frame = frame.with_columns(fields.field("bytes" if has_bytes else "path").alias(name))
        if name in classes and dtype.is_integer():
            # -1 is a class that is not known.
            numbers = range(len(classes[name]))
            named = frame[name].replace_strict(numbers, classes[name], default=None, return_dtype=pl.String)
            frame = frame.with_columns(named)
    return frame
