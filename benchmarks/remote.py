"""How much memory, time and disk does a data set take whose items lie elsewhere, by the number of items?

A table in Parquet names pictures by address. An own file system of fsspec's makes each of them when it is read, so
that neither a network nor a disk is measured: what is left is Headway's share. The pictures (8 x 8, grey) are fetched,
opened, checked and split, and the decoded ones kept in the store. The cache of fetched files is held to 1 MB instead
of its usual 20 GB. Each job is a process of its own with a cache of its own.

Goal: memory that does not grow with the items but for what is known of each, below 700 bytes an item at the worst
moment. `python -m benchmarks.remote ITEMS FOLDER` is one job of more of them. With `TMPDIR=/dev/shm` no disk is waited
for. The seconds are from a machine on which other programs ran.

`python -m benchmarks.remote rows ROWS` opens a frame of four numbers and a label a row, and prints what memory it took.
"""

from __future__ import annotations

import io
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import polars as pl
from PIL import Image as PILImage

from benchmarks.processes import peak_memory, watched
from benchmarks.results import Row

ITEMS = (10_000, 100_000)
CACHE_BYTES = 2**20


class Made(fsspec.AbstractFileSystem):
    """Pictures that are made from the numbers in their names."""

    protocol = "made"

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What is known of a picture."""
        return {"name": path, "size": len(_picture(path)), "type": "file"}

    def get_file(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, rpath: str, lpath: str, **_: Any
    ) -> None:
        """Writes a picture."""
        Path(lpath).write_bytes(_picture(rpath))


def run(items: tuple[int, ...] = ITEMS) -> list[Row]:
    """A row for each number of items."""
    rows: list[Row] = []
    for count in items:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.remote", str(count), folder]
            start = time.monotonic()
            with watched(command, environment={"HEADWAY_CACHE": f"{folder}/cache"}) as (process, samples):
                process.communicate()
            seconds = time.monotonic() - start
            cached = sum(file.stat().st_size for file in Path(folder, "cache", "remote").iterdir()) / 2**20
        row: Row = {"items": count, "seconds": seconds, "own MB": peak_memory(samples)[0], "cache MB": cached}
        row["bytes an item more"] = 2**20 * (row["own MB"] - rows[0]["own MB"]) / (count - items[0]) if rows else None
        print(row)
        rows.append(row)
    return rows


def _picture(name: str) -> bytes:
    number = int(Path(name).stem)
    file = io.BytesIO()
    pixels = (np.arange(64, dtype=np.uint32).reshape(8, 8) * (number % 8191 + 1) % 251).astype(np.uint8)
    PILImage.fromarray(pixels).save(file, "PNG")
    # Each differs from every other, as photos do.
    return file.getvalue() + number.to_bytes(8)


def _job(count: int, folder: Path) -> None:
    import headway as hw
    from headway.system import remote

    fsspec.register_implementation("made", Made)
    remote.MAX_CACHE_BYTES = CACHE_BYTES
    remote._LOOK_AGAIN_BYTES = CACHE_BYTES // 10  # noqa: SLF001
    table = folder / "items.parquet"
    numbers = pl.DataFrame({"number": pl.int_range(count, eager=True)})
    names = pl.format("made://{}.png", "number").alias("photo"), (pl.col("number") % 2).cast(pl.String).alias("label")
    numbers.select(*names).write_parquet(table)
    data = hw.from_items(table, input=hw.Image("photo", size=8, channels=1), target="label")
    assert len(data.items) == count


def _rows(count: int) -> None:
    import headway as hw

    numbers = np.random.default_rng(0).normal(size=(count, 4))
    label = pl.when(pl.col("x0") > 0).then(pl.lit("yes")).otherwise(pl.lit("no"))
    frame = pl.DataFrame({f"x{number}": numbers[:, number] for number in range(4)}).with_columns(y=label)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hw.from_items(frame, target="y")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{count:,} rows: {peak / 1024:.0f} MB at most, {1024 * (peak - before) / count:.0f} bytes a row")


if __name__ == "__main__":
    if sys.argv[1] == "rows":
        _rows(int(sys.argv[2]))
    else:
        _job(int(sys.argv[1]), Path(sys.argv[2]))
