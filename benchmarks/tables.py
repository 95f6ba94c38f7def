"""How well are rows of a table classified beside gradient boosting, and how fast are they loaded and answered?

Adult (UCI census income, 32,561 rows, income above 50,000 dollars), a random fifth for validation, stratified, three
seeds, one thread. Every model sees the same rows as `Table` reads them; scikit-learn's have their defaults, gradient
boosting with its categories named. Loading: a million rows, drawn again and again from adult, in a shuffled epoch,
beside torch's `DataLoader` on the same array. One row is a dict, answered by the exported bundle, beside the bare call
of onnxruntime. Goals: accuracy no lower than 0.3 points under gradient boosting; 1,000,000 rows a second at batches
of 1,024; one row in less than 1 ms.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from torch.utils.data import DataLoader, TensorDataset

import headway as hw
from benchmarks.results import Row, data_folder
from headway.bundle.predictor import GRAPH_INPUT
from headway.data.dataset import Data
from headway.data.loader import Batch
from headway.data.sources import read_values

SEEDS = (0, 1, 2)
NUM_ROWS = 1_000_000
NUM_TIMED = 500
TARGET = "Salary"


def run() -> list[Row]:
    """Accuracy, the loader, one row."""
    folder = data_folder("adult")
    if folder is None:
        print("adult: not there, left out")
        return []
    torch.set_num_threads(1)
    rows, learner = _accuracy(folder / "adult.csv")
    return [*rows, *_loading(folder / "adult.csv"), _one_row(learner)]


def _accuracy(file: Path) -> tuple[list[Row], hw.Learner]:
    found: dict[str, list[tuple[float, float, float]]] = {}
    learner = None
    for seed in SEEDS:
        data = hw.from_csv(file, target=TARGET, seed=seed)
        learner = hw.Learner(data, seed=seed, progress=False)
        start = time.perf_counter()
        learner.fine_tune()
        seconds = time.perf_counter() - start
        answers = learner.predictions()
        found.setdefault("Headway, realmlp", []).append((*_scores(answers.probabilities, data), seconds))
        for name, model in _others(data, seed).items():
            start = time.perf_counter()
            model.fit(_rows(data, data.train.rows), data.train.targets)
            seconds = time.perf_counter() - start
            shares = model.predict_proba(_rows(data, data.valid.rows))
            found.setdefault(name, []).append((*_scores(shares, data), seconds))
    assert learner is not None
    best = np.mean([each[0] for each in found["gradient boosting"]])
    rows: list[Row] = []
    for name, scores in found.items():
        accuracy, loss, seconds = np.array(scores).T
        spread = f"{accuracy.mean():.4f} ± {accuracy.std(ddof=1):.4f}"
        beside = f"{100 * (accuracy.mean() - best):+.2f} points"
        more = {"log loss": f"{loss.mean():.4f}", "seconds": float(seconds.mean())}
        rows.append({"what": name, "measured": f"accuracy {spread}", "beside": f"gradient boosting {beside}", **more})
    return rows, learner


def _others(data: Data, seed: int) -> dict[str, HistGradientBoostingClassifier | RandomForestClassifier]:
    assert isinstance(data.input, hw.Table)
    columns: Any = list(range(len(data.input.numbers), len(data.input.features)))
    return {
        "gradient boosting": HistGradientBoostingClassifier(categorical_features=columns, random_state=seed),
        "random forest": RandomForestClassifier(random_state=seed),
    }


def _rows(data: Data, rows: np.ndarray) -> np.ndarray:
    assert data.store.canvases is not None
    return data.store.canvases[rows]


def _scores(shares: np.ndarray, data: Data) -> tuple[float, float]:
    targets = data.valid.targets
    right = float((shares.argmax(1) == targets).mean())
    return right, float(-np.log(np.maximum(shares[np.arange(len(targets)), targets], 1e-12)).mean())


def _loading(file: Path) -> list[Row]:
    few = read_values(file).drop_nulls(TARGET)
    start = time.perf_counter()
    data = hw.from_items(few.sample(NUM_ROWS, with_replacement=True, seed=0), target=TARGET)
    seconds = time.perf_counter() - start
    canvases = data.store.canvases
    assert canvases is not None
    array, targets = torch.from_numpy(canvases[data.train.rows]), torch.from_numpy(data.train.targets)
    rows: list[Row] = []
    for batch_size in (1024, 64):
        loader = data.train.loader(batch_size, shuffle=True)
        plain = DataLoader(TensorDataset(array, targets), batch_size, shuffle=True)
        pace, torch_pace = _pace(loader, plain)
        measured = f"{pace / 1e6:.2f} million rows a second"
        beside = f"{pace / torch_pace:.0f} times torch's DataLoader"
        rows.append({"what": f"loader, batches of {batch_size:,}", "measured": measured, "beside": beside})
    held = f"{canvases.nbytes / 1e6:.0f} MB in memory"
    return [*rows, {"what": f"{NUM_ROWS:,} rows opened, split and fitted", "measured": held, "seconds": seconds}]


def _pace(ours: Iterable[Batch], theirs: Iterable[list[torch.Tensor]]) -> tuple[float, float]:
    """Rows a second, the median of three passes each, in turn, after one to warm up.

    Torch's takes so long that a twentieth of a pass must do.
    """
    found: list[list[float]] = [[], []]
    for turn in range(4):
        for paces, batches, most in zip(found, (ours, theirs), (NUM_ROWS, NUM_ROWS // 20), strict=True):
            start, count = time.perf_counter(), 0
            for batch in batches:
                count += len(batch.rows if isinstance(batch, Batch) else batch[1])
                if count >= most:
                    break
            if turn:
                paces.append(count / (time.perf_counter() - start))
    return statistics.median(found[0]), statistics.median(found[1])


def _one_row(learner: hw.Learner) -> Row:
    items = learner.data.valid.items[:NUM_TIMED].select(learner.data.input.columns).rows(named=True)
    with tempfile.TemporaryDirectory() as scratch:
        predictor = hw.load(learner.export(Path(scratch) / "adult.headway"))
    spent, bare = [], []
    for row in items:
        start = time.perf_counter()
        predictor.predict(row)
        spent.append(time.perf_counter() - start)
        array = predictor.input.read(row)[None]
        start = time.perf_counter()
        predictor.session.run(None, {GRAPH_INPUT: array})
        bare.append(time.perf_counter() - start)
    ours, graph = 1000 * statistics.median(spent), 1000 * statistics.median(bare)
    return {"what": "one row", "measured": f"{ours:.3f} ms", "beside": f"{graph:.3f} ms in onnxruntime alone"}
