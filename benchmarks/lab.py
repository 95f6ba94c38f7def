"""When is a picture of data a good idea? Pictures and a photo network beside the native method, on the same rows.

Series: sets that aeon ships, split as their archive has them (Dau et al. 2019, arXiv:1810.07758). Rows: the tumours and
wines that scikit-learn ships, a fifth valid. Sound: spoken digits, one of four voices left out of training and judged.
Pictures have 96 pixels to a side; the photo network is `efficientnet_lite0`, pretrained, with a solved head on its
frozen body (`epochs=0`), and the native method is the default of such items. Seed 0. Points are hundredths of accuracy
less the native method's, paired.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch

import headway as hw
from benchmarks.results import Row, data_folder
from headway.data.dataset import Data

__all__ = ["data_of", "run"]

SERIES = ("GunPoint", "ArrowHead", "OSULeaf", "BasicMotions", "PickupGestureWiimoteZ")
TABLES = ("breast_cancer", "wine")


def run() -> list[Row]:
    """A row a set and representation."""
    torch.set_num_threads(1)
    names = [*(SERIES if importlib.util.find_spec("aeon") else ()), *TABLES]
    names += ["spoken digits"] if data_folder("spoken_digits") else []
    rows: list[Row] = []
    for name in names:
        report = hw.lab.compare(data_of(name), epochs=0)
        for route in report.routes:
            row: dict[str, Any] = {"set": name, "items": report.count, "route": route.name}
            row |= {"accuracy": round(route.score.value, 3), "seconds": round(route.seconds, 1)}
            gap = route.difference
            row |= {"less native": gap.format(1, sign=True) if gap else "", "is": route.kind or ""}
            rows.append(row)
            print(row, flush=True)
    return rows


def data_of(name: str) -> Data:
    """One set."""
    if name in SERIES:
        from benchmarks.series import archive_data

        return archive_data(name)
    if name == "spoken digits":
        from benchmarks.sound import VOICES, data_without

        folder = data_folder("spoken_digits")
        assert folder is not None
        return data_without(folder, VOICES[-1])
    import sklearn.datasets as sets

    bunch = getattr(sets, f"load_{name}")(as_frame=True)
    return hw.from_arrays(bunch.data, bunch.target.astype(str), target=hw.Category)
