"""Tables in Parquet: small ones are read, large ones unpacked into a file of which only what is used is in memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headway.data.store import temporary_file
from headway.system.cache import cache_folder
from headway.system.files import open_file

if TYPE_CHECKING:
    import polars as pl

__all__ = ["is_parquet", "read_parquet"]

# Unpacked; a smaller table is sooner read than written once more.
MIN_MAPPED_BYTES = 2**26
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

    A large one is unpacked, a piece at a time, into a file below the cache folder, and mapped: its columns take memory
    only while they are used, and the system can have it back at any time. The file goes with the frame.

    Raises:
        OSError: If the file has more bytes, or its numbers alone would have.
    """
    import polars as pl

    with open_file(file, max_bytes=max_bytes) as opened:
        # A column of one value takes no room in the file, whatever its length.
        width = len(pl.read_parquet_schema(opened))
    # Without `glob` a name such as "data[1].parquet" is a name and no pattern.
    scanned = pl.scan_parquet(file, glob=False)
    least = _CELL_BYTES * width * scanned.select(pl.len()).collect().item()
    if least > max_bytes:
        message = f"too large: unpacked, it has more than {max_bytes / 1e9:.1f} GB"
        raise OSError(message)
    size = max(least, file.stat().st_size)
    unpacked = temporary_file(cache_folder("store"), size) if size >= MIN_MAPPED_BYTES else None
    if unpacked is None:
        return pl.read_parquet(file, glob=False)
    try:
        scanned.sink_ipc(unpacked)
        return pl.read_ipc(unpacked)
    finally:
        # What is mapped stays until nothing uses it. Where a mapped file cannot be removed, the store does it later.
        with suppress(OSError):
            unpacked.unlink()
