"""How well are series classified, and how fast is that learned, beside the MiniRocket of aeon and of tsai?

The eight classification sets that aeon ships, split as their archive has them (Dau et al. 2019, arXiv:1810.07758;
Bagnall et al. 2018, arXiv:1811.00075). Ours is `hw.Learner(data).fine_tune()`: thresholds, features and a logistic head
whose weight decay is chosen on folds. aeon's is `MiniRocketClassifier` with its defaults: the same features and a ridge
classifier. tsai's is its `MiniRocketFeatures` in torch, and the ridge classifier of its `MiniRocketClassifier`. Each
sees the arrays that ours reads, on one thread; means of three seeds, since a test part may have 40 items. Seconds are
those of the processor, from the arrays to the answers for the test items, with an empty cache, and after each has
answered once so that nothing is compiled meanwhile. The best baseline is that of the report.

aeon and tsai are installed with `pip install aeon tsai`. What they need may be older than what else is installed: then
`pip install --no-deps --target FOLDER numba llvmlite Deprecated wrapt` and likewise `tsai fastai fastcore fasttransform
fastprogress fastdownload plum-dispatch beartype imbalanced-learn pyts`, and `PYTHONPATH=FOLDER`.
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
from benchmarks.peers import is_installed
from benchmarks.results import Row, empty_cache
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
SEEDS = 3


def run() -> list[Row]:
    """Accuracy and seconds for each set, and their means."""
    missing = [name for name in ("aeon", "numba", "deprecated") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"aeon is not there with what it needs, nothing is measured: {', '.join(missing)} missing")
        return []
    sides = {"": _ours, "aeon's": _aeon} | ({"tsai's": _tsai} if is_installed("tsai") else {})
    # Whatever is compiled, or imported when first used, is so now: for one channel, and for several.
    for name in ("GunPoint", "BasicMotions"):
        measured(name, sides, seeds=1)
    rows = []
    for name in SETS:
        rows.append(measured(name, sides, seeds=SEEDS))
        print(rows[-1], flush=True)
    means: dict[str, Any] = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in list(rows[0])[1:]}
    total = {side: sum(row[_seconds(side)] for row in rows) for side in sides}
    ours = total.pop("")
    return [{"set": "mean", **means} | {f"seconds / {side}": round(ours / of, 2) for side, of in total.items()}, *rows]


def measured(name: str, sides: dict[str, Any], *, seeds: int) -> dict[str, Any]:
    """One set: accuracy and seconds of each side, and the best of our simple models."""
    data = archive_data(name)
    arrays = {part: np.stack([data.input.read(row) for row in part_rows(data, part)]) for part in ("train", "valid")}
    row: dict[str, Any] = {"set": name}
    for side, answers in sides.items():
        right, seconds = [], []
        for seed in range(seeds):
            # numba, which aeon calls, sets the number of threads for all.
            torch.set_num_threads(1)
            with empty_cache():
                start = time.process_time()
                found = answers(data, arrays, seed)
                seconds.append(time.process_time() - start)
            right.append((found == data.valid.targets).mean())
        row |= {side or "accuracy": round(float(np.mean(right)), 4), _seconds(side): round(float(np.mean(seconds)), 2)}
    simple = [one.predictions["valid"].argmax(1) for one in hw.Learner(data, progress=False).baselines()]
    return row | {"best baseline": round(max(float((one == data.valid.targets).mean()) for one in simple), 4)}


def _seconds(side: str) -> str:
    return f"{side} seconds".strip()


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


def _ours(data: Data, arrays: dict[str, np.ndarray], seed: int) -> np.ndarray:
    learner = hw.Learner(data, seed=seed, progress=False)
    learner.fine_tune()
    return learner.predictions().probabilities.argmax(axis=1)


def _aeon(data: Data, arrays: dict[str, np.ndarray], seed: int) -> np.ndarray:
    from aeon.classification.convolution_based import MiniRocketClassifier  # pyright: ignore[reportMissingImports]

    model = MiniRocketClassifier(random_state=seed, n_jobs=1)
    model.fit(arrays["train"], data.train.targets)
    return model.predict(arrays["valid"])


def _tsai(data: Data, arrays: dict[str, np.ndarray], seed: int) -> np.ndarray:
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from tsai.models.MINIROCKET_Pytorch import (  # pyright: ignore[reportMissingImports]
        MiniRocketFeatures,
        get_minirocket_features,
    )

    body = MiniRocketFeatures(*arrays["train"].shape[1:], random_state=seed)
    body.fit(arrays["train"])
    with torch.no_grad():
        features = {part: get_minirocket_features(each, body)[..., 0] for part, each in arrays.items()}
    head = make_pipeline(StandardScaler(with_mean=False), RidgeClassifierCV(alphas=np.logspace(-3, 3, 7)))
    return head.fit(features["train"], data.train.targets).predict(features["valid"])


def part_rows(data: Data, name: Any) -> list[dict[str, Any]]:
    """The rows of a part, as `read` takes them."""
    return data.part(name).items.to_dicts()
