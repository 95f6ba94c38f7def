"""How well are series told apart, and how fast is that learned, beside aeon's MiniRocket?

The eight classification sets that aeon ships, split as their archive has them (Dau et al. 2019, arXiv:1810.07758;
Bagnall et al. 2018, arXiv:1811.00075). Ours is `hw.Learner(data).fine_tune()`: thresholds, features and a logistic head
whose weight decay is chosen on folds. Theirs is `MiniRocketClassifier` with its defaults: the same features and a ridge
classifier. Both have seed 0 and one thread; seconds are those of the processor, for fitting alone, after each has been
fitted once so that nothing is compiled meanwhile. Also ours against the best of its own simple models, by the verdict.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

import headway as hw
from benchmarks.results import Row
from headway.data.dataset import Data
from headway.inputs.registry import read_format

SETS = (
    "GunPoint",
    "ItalyPowerDemand",
    "ArrowHead",
    "OSULeaf",
    "ACSF1",
    "BasicMotions",
    "PickupGestureWiimoteZ",
    "JapaneseVowels",
)


def run() -> list[Row]:
    """Accuracy and seconds for each set, and their means."""
    # aeon installs numba, which may need an older numpy than the rest: then a venv of its own is the place for it.
    if any(importlib.util.find_spec(name) is None for name in ("aeon", "numba")):
        print("aeon is not installed with what it needs, nothing is measured: pip install aeon")
        return []
    torch.set_num_threads(1)
    # Whatever is compiled, or imported when first used, is so now.
    measured(SETS[0])
    rows = []
    for name in SETS:
        rows.append(measured(name))
        print(rows[-1], flush=True)
    numbers = ("accuracy", "aeon's", "seconds", "aeon's seconds", "best baseline")
    means: dict[str, Any] = {key: round(float(np.mean([row[key] for row in rows])), 3) for key in numbers}
    seconds = sum(row["seconds"] for row in rows) / sum(row["aeon's seconds"] for row in rows)
    return [{"set": "mean", **means, "seconds, share of aeon's": round(seconds, 2)}, *rows]


def measured(name: str) -> dict[str, Any]:
    """One set: ours, theirs, and the best of our simple models."""
    data = archive_data(name)
    start = time.process_time()
    learner = hw.Learner(data, progress=False)
    learner.fine_tune()
    seconds = time.process_time() - start
    theirs, their_seconds = _aeon(data)
    targets = data.valid.targets
    simple = max((one.predictions["valid"].argmax(1) == targets).mean() for one in learner.baselines())
    return {
        "set": name,
        "accuracy": round(learner.evaluate("valid")["accuracy"].value, 3),
        "aeon's": round(theirs, 3),
        "seconds": round(seconds, 2),
        "aeon's seconds": round(their_seconds, 2),
        "best baseline": round(float(simple), 3),
    }


def archive_data(name: str) -> Data:
    """One of the sets that aeon ships, in the archive's own split."""
    spec = importlib.util.find_spec("aeon")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "datasets" / "data" / name
    parts = {"TRAIN": "train", "TEST": "valid"}
    tables = [
        read_format(".ts", (folder / f"{name}_{part}.ts").read_text()).with_columns(split=pl.lit(side))
        for part, side in parts.items()
    ]
    return hw.from_items(pl.concat(tables), input=hw.Series(), target="label", split=hw.ColumnSplit("split"))


def _aeon(data: Data) -> tuple[float, float]:
    """Accuracy, and seconds to fit."""
    from aeon.classification.convolution_based import MiniRocketClassifier

    arrays = {name: np.stack([data.input.read(row) for row in part_rows(data, name)]) for name in ("train", "valid")}
    start = time.process_time()
    model = MiniRocketClassifier(random_state=0, n_jobs=1).fit(arrays["train"], data.train.targets)
    seconds = time.process_time() - start
    return float((model.predict(arrays["valid"]) == data.valid.targets).mean()), seconds


def part_rows(data: Data, name: Any) -> list[dict[str, Any]]:
    """The rows of a part, as `read` takes them."""
    return data.part(name).items.to_dicts()
