"""How much memory a row of a table takes at most while the table is opened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_OPEN = """
import re, sys
import numpy as np, polars as pl
import headway as hw

def peak():
    # The kernel's own mark for this program; getrusage would also count the memory of the one that started it.
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

def opened(kind, count):
    numbers = np.random.default_rng(0).normal(size=(count, 4))
    label = pl.when(pl.col("x0") > 0).then(pl.lit("yes")).otherwise(pl.lit("no"))
    frame = pl.DataFrame({f"x{number}": numbers[:, number] for number in range(4)}).with_columns(y=label)
    if kind == "frame":
        return frame
    getattr(frame, f"write_{kind}")(f"{sys.argv[2]}/{count}.{kind}")
    return f"{sys.argv[2]}/{count}.{kind}"

kind, count = sys.argv[1], 1_000_000
if len(sys.argv) > 3:
    # In a process of its own, as it takes more memory to write a table than to open it.
    [opened(kind, rows) for rows in (30_000, count)]
else:
    few, many = (opened(kind, rows) if kind == "frame" else f"{sys.argv[2]}/{rows}.{kind}" for rows in (30_000, count))
    hw.from_items(few, target="y")
    before = peak()
    hw.from_items(many, target="y")
    print((peak() - before) / count)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no such count of memory")
@pytest.mark.parametrize(
    ("kind", "most"),
    [
        # Beside the table, what Headway adds to it is 88 bytes: hash, number, side and the model's input.
        ("frame", 125),
        # 48 more are the table itself.
        ("parquet", 180),
        ("csv", 180),
    ],
)
def test_a_million_rows(kind: str, most: float, tmp_path: Path) -> None:
    def run(*options: str) -> str:
        command = [sys.executable, "-c", _OPEN, kind, str(tmp_path), *options]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    if kind != "frame":
        run("write")
    assert float(run()) < most
