"""When is a picture of data a good idea? Pictures and a photo network beside the native method, on the same rows.

Series: the sets that aeon ships, split as their archive has them (Dau et al. 2019, arXiv:1810.07758). Rows: the tumours
and wines that scikit-learn ships, a fifth valid. Sound: spoken digits, one of four voices left out of training and
judged. Bytes: every third fragment of the two tasks of the benchmark of bytes. Pictures have 96 pixels to a side; the
photo network is `efficientnet_lite0`, pretrained, with a solved head on its frozen body (`epochs=0`), and the native
method is the default of such items. Seed 0. Points are hundredths of accuracy less the native method's, paired.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch

import headway as hw
from benchmarks.bytes import kinds, processors
from benchmarks.results import Row, data_folder
from benchmarks.series import SETS, archive_data
from benchmarks.sound import VOICES, data_without
from headway.data.dataset import Data

__all__ = ["data_of", "run"]

TABLES = ("breast_cancer", "wine")
BYTES = {"kinds of fragments": kinds, "processors of fragments": processors}
# Of the fragments one in so many, to take minutes.
EVERY = 3


def run() -> list[Row]:
    """A row a set and representation."""
    torch.set_num_threads(1)
    names = [*(SETS if importlib.util.find_spec("aeon") else ()), *TABLES]
    names += [*(["spoken digits"] if data_folder("spoken_digits") else []), *BYTES]
    rows: list[Row] = []
    for name in names:
        data = data_of(name)
        if data is None:
            print(f"{name}: left out")
            continue
        report = hw.lab.compare(data, epochs=0)
        for route in report.routes:
            row: dict[str, Any] = {"set": name, "items": report.count, "route": route.name}
            row |= {"accuracy": round(route.score.value, 3), "seconds": round(route.seconds, 1)}
            gap = route.difference
            row |= {"less native": gap.format(1, sign=True) if gap else "", "is": route.kind or ""}
            rows.append(row)
            print(row, flush=True)
    return rows


def data_of(name: str) -> Data | None:
    """One set; None where it cannot be had here."""
    if name in SETS:
        return archive_data(name)
    if name in BYTES:
        items = BYTES[name]()
        if items is None:
            return None
        few = items.gather_every(EVERY)
        return hw.from_items(few, input=hw.Bytes("file"), target="label", split=hw.ColumnSplit("split"))
    if name == "spoken digits":
        folder = data_folder("spoken_digits")
        assert folder is not None
        return data_without(folder, VOICES[-1])
    import sklearn.datasets as sets

    bunch = getattr(sets, f"load_{name}")(as_frame=True)
    return hw.from_arrays(bunch.data, bunch.target.astype(str), target=hw.Category)
