"""How well are rows of a table classified beside gradient boosting and fastai, and how fast are they loaded?

Adult (UCI census income, 32,561 rows, income above 50,000 dollars), a random fifth for validation, stratified, three
seeds, one thread. Every model sees the same rows as `Table` reads them; scikit-learn's have their defaults, gradient
boosting with its categories named. fastai's `tabular_learner` is as in its tabular tutorial (docs.fast.ai/
tutorial.tabular: Categorify, FillMissing and Normalize, layers of 200 and 100, batches of 64, `fit_one_cycle`) on the
same columns; the tutorial trains for one epoch, five are measured, too. Loading: a million rows, drawn again and again
from adult, in a shuffled epoch, beside fastai's loader and torch's `DataLoader`. One row is a dict, answered by the
exported bundle, beside the bare call of onnxruntime; beside fastai it is in `benchmarks/predict.py`. Many rows are
dicts, through `predict_many`. Goals: accuracy no lower than 0.3 points under gradient boosting; 1,000,000 rows a
second at batches of 1,024; one row in less than 1 ms.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from torch.utils.data import DataLoader, TensorDataset

import headway as hw
from benchmarks.peers import fastai_table, is_installed, quiet
from benchmarks.results import Row, data_folder
from headway.bundle.predictor import GRAPH_INPUT
from headway.data.dataset import Data
from headway.data.loader import Batch, Loader
from headway.data.tables import read_values

SEEDS = (0, 1, 2)
FASTAI_EPOCHS = (1, 5)
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
    return [*rows, *_loading(folder / "adult.csv"), *_answering(learner)]


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
            shares = np.asarray(model.predict_proba(_rows(data, data.valid.rows)))
            found.setdefault(name, []).append((*_scores(shares, data), seconds))
        for epochs in FASTAI_EPOCHS if is_installed("fastai") else ():
            name = f"fastai, {epochs} epoch{'s' if epochs > 1 else ''}"
            found.setdefault(name, []).append(_fastai(data, seed, epochs))
        print({name: each[-1] for name, each in found.items()}, flush=True)
    assert learner is not None
    best = float(np.mean([each[0] for each in found["gradient boosting"]]))
    return [_summary(name, np.array(scores), best) for name, scores in found.items()], learner


def _summary(name: str, scores: np.ndarray, best: float) -> Row:
    accuracy, loss, seconds = scores.T
    return {
        "what": name,
        "beside": f"{100 * (accuracy.mean() - best):+.2f} points on gradient boosting",
        "measured": f"accuracy {accuracy.mean():.4f} ± {accuracy.std(ddof=1):.4f}",
        "log loss": f"{loss.mean():.4f}",
        "seconds": float(seconds.mean()),
    }


def _fastai(data: Data, seed: int, epochs: int) -> tuple[float, float, float]:
    from fastai.metrics import accuracy  # pyright: ignore[reportMissingImports]
    from fastai.tabular.all import tabular_learner  # pyright: ignore[reportMissingImports]

    start = time.perf_counter()
    learner = tabular_learner(fastai_table(data, seed=seed), metrics=accuracy)
    with quiet(learner):
        learner.fit_one_cycle(epochs)
        seconds = time.perf_counter() - start
        shares, _ = learner.get_preds()
    assert list(learner.dls.vocab) == list(data.target.labels)
    return (*_scores(shares.numpy(), data), seconds)


def _others(data: Data, seed: int) -> dict[str, HistGradientBoostingClassifier | RandomForestClassifier]:
    assert isinstance(data.input, hw.Table)
    columns: Any = list(range(len(data.input.numbers), len(data.input.features)))
    return {
        "gradient boosting": HistGradientBoostingClassifier(categorical_features=columns, random_state=seed),
        "random forest": RandomForestClassifier(random_state=seed),
    }


def _rows(data: Data, rows: np.ndarray) -> np.ndarray:
    assert isinstance(data.store.canvases, np.ndarray)
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
    assert isinstance(canvases, np.ndarray)
    array, targets = torch.from_numpy(canvases[data.train.rows]), torch.from_numpy(data.train.targets)
    theirs = fastai_table(data) if is_installed("fastai") else None
    rows: list[Row] = []
    for batch_size in (1024, 64):
        loader = Loader(data.train, batch_size, shuffle=True)
        others: dict[str, Iterable[Any]] = {
            "torch's DataLoader": DataLoader(TensorDataset(array, targets), batch_size, shuffle=True)
        }
        if theirs is not None:
            others["fastai's loader"] = theirs.train.new(bs=batch_size)
        pace, paces = _pace(loader, others)
        beside = ", ".join(f"{pace / each:.1f} times {name}" for name, each in paces.items())
        measured = f"{pace / 1e6:.2f} million rows a second"
        rows.append({"what": f"loader, batches of {batch_size:,}", "beside": beside, "measured": measured})
    held = f"{canvases.nbytes / 1e6:.0f} MB in memory"
    return [*rows, {"what": f"{NUM_ROWS:,} rows opened, split and fitted", "measured": held, "seconds": seconds}]


def _pace(ours: Iterable[Any], others: Mapping[str, Iterable[Any]]) -> tuple[float, dict[str, float]]:
    """Rows a second, the median of three passes each, in turn, after one to warm up.

    The others take so long that a twentieth of a pass must do, begun anew each time.
    """
    found: dict[str, list[float]] = {}
    for turn in range(4):
        for name, batches in {"ours": ours, **others}.items():
            most = NUM_ROWS if name == "ours" else NUM_ROWS // 20
            start, count = time.perf_counter(), 0
            for batch in batches:
                count += len(batch.rows if isinstance(batch, Batch) else batch[-1])
                if count >= most:
                    break
            if turn:
                found.setdefault(name, []).append(count / (time.perf_counter() - start))
    medians = {name: statistics.median(paces) for name, paces in found.items()}
    return medians.pop("ours"), medians


def _answering(learner: hw.Learner) -> list[Row]:
    """One row, and many."""
    items = learner.data.valid.items.select(learner.data.input.columns).rows(named=True)
    with tempfile.TemporaryDirectory() as scratch:
        predictor = hw.load(learner.export(Path(scratch) / "adult.headway"))
    spent, bare = [], []
    for row in items[:NUM_TIMED]:
        start = time.perf_counter()
        predictor.predict(row)
        spent.append(time.perf_counter() - start)
        array = predictor.input.read(row)[None]
        start = time.perf_counter()
        predictor.session.run(None, {GRAPH_INPUT: array})
        bare.append(time.perf_counter() - start)
    ours, graph = 1000 * statistics.median(spent), 1000 * statistics.median(bare)
    one = {"what": "one row", "beside": f"{graph:.3f} ms in onnxruntime alone", "measured": f"{ours:.3f} ms"}
    start = time.perf_counter()
    count = sum(1 for _ in predictor.predict_many(items, batch_size=1024))
    pace = count / (time.perf_counter() - start)
    beside = f"{pace * ours / 1000:.1f} times one by one"
    return [one, {"what": "many rows", "beside": beside, "measured": f"{pace:,.0f} rows a second"}]
