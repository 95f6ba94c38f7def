"""What does an answer cost, for one photo, many photos and one row, beside fastai and the bare call of onnxruntime?

All sides take the same photo's path, in turn, and answer with efficientnet_lite0 at 224 pixels from the same weights.
The bare side reads the file, decodes it with Pillow, brings it to the model's size as training did, and calls the
session of the same bundle. fastai's side is `learn.predict(path)`, and for many photos
`learn.get_preds(dl=learn.dls.test_dl(paths))` in its own batches of 64 with its own worker processes (docs.fast.ai/
tutorial.vision); its head is not trained, which makes no difference to the time. Headway's many are `predict_many`, in
its own batches of 32, as are the bare side's, which reads and answers by turns.

The row is one of adult (UCI census income): a dict for Headway, `learn.predict` of a pandas row for fastai's
`tabular_learner` (docs.fast.ai/tutorial.tabular), each after an epoch of training. Where fastai is not installed, its
columns are left out. Goals: one photo at most 0.5 ms more than bare at the median; one row in less than 1 ms.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

import headway as hw
from benchmarks.peers import fastai_learner, fastai_loaders, fastai_table, is_installed, quiet
from benchmarks.results import Row, data_folder
from headway.bundle.predictor import GRAPH_INPUT, Predictor, load
from headway.data.dataset import Data

NUM_PHOTOS = 60
ROUNDS = 5
NUM_MANY = 256
MANY_ROUNDS = 3
NUM_ROWS = 200
BATCH_SIZE = 32

Sides = Mapping[str, Callable[[Any], object]]
"""For each side what answers for an item, or for several."""


def run() -> list[Row]:
    """One photo in float32 and in int8, many photos, one row."""
    return [*_photos(), *_rows()]


def _photos() -> list[Row]:
    folder = data_folder("cats_dogs")
    if folder is None:
        print("cats_dogs: not there, left out")
        return []
    data = hw.from_folder(folder)
    learner = hw.Learner(data, "efficientnet_lite0", progress=False)
    learner.fine_tune(0)
    fastai = fastai_learner(fastai_loaders(data.items)) if is_installed("fastai") else None
    with quiet(fastai) if fastai is not None else nullcontext():
        return _photo_rows(learner, fastai)


def _photo_rows(learner: hw.Learner, fastai: Any) -> list[Row]:
    photos, report, rows = learner.data.items["file"].to_list(), learner.report(), []
    one = learner.data.valid.items["file"].to_list()[:NUM_PHOTOS]
    with tempfile.TemporaryDirectory() as scratch:
        for name in (None, "int8"):
            predictor = load(learner.export(Path(scratch) / f"{name}.headway", report=report, quantize=name))
            facts = predictor.manifest["quantization"]
            graph = {"graph": facts["kept"] if facts else "float32"}
            megabytes = {"graph, MB": predictor.manifest["files"]["model.onnx"]["size"] / 1e6}
            # fastai has no int8: it is measured once.
            peer = fastai if name is None else None
            rows.append({"what": "one photo", **graph, **_one_by_one(_sides(predictor, peer), one), **megabytes})
            print(rows[-1], flush=True)
            rows.append({"what": f"{NUM_MANY} photos", **graph, **_many(predictor, peer, photos[:NUM_MANY])})
            print(rows[-1], flush=True)
    return rows


def _sides(predictor: Predictor, fastai: Any) -> Sides:
    def bare(photo: str) -> None:
        image = predictor.input.read(photo)
        predictor.session.run(None, {GRAPH_INPUT: image[None]})

    theirs = {} if fastai is None else {"fastai": fastai.predict}
    return {"bare": bare, "Headway": predictor.predict, **theirs}


def _one_by_one(sides: Sides, items: Sequence[Any]) -> Row:
    """Every side on each item; whoever is second finds a file in the caches, so they take turns."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(ROUNDS + 1):
        for place, item in enumerate(items):
            turn = (number + place) % len(sides)
            for name in [*sides, *sides][turn : turn + len(sides)]:
                # fastai takes a tenth of a second a photo: a round will do.
                if name == "fastai" and number > 1:
                    continue
                spent = _seconds(sides[name], item)
                if number:
                    found[name].append(spent)
    pairs = list(zip(found["Headway"], found["bare"], strict=True))
    row: Row = {}
    if "fastai" in found:
        # Those of the first round.
        ratios = [theirs / ours for theirs, ours in zip(found["fastai"], found["Headway"], strict=False)]
        row = {"fastai / Headway": statistics.median(ratios)}
    return {
        **row,
        "Headway / bare": statistics.median(ours / plain for ours, plain in pairs),
        "more than bare, ms": 1000 * statistics.median(ours - plain for ours, plain in pairs),
        **{f"{name}, ms": 1000 * statistics.median(each) for name, each in found.items()},
        "pairs": len(pairs),
    }


def _many(predictor: Predictor, fastai: Any, photos: list[str]) -> Row:
    def bare(paths: list[str]) -> None:
        for start in range(0, len(paths), BATCH_SIZE):
            images = np.stack([predictor.input.read(path) for path in paths[start : start + BATCH_SIZE]])
            predictor.session.run(None, {GRAPH_INPUT: images})

    sides: dict[str, Callable[[Any], object]] = {
        "bare": bare,
        "Headway": lambda paths: list(predictor.predict_many(paths, batch_size=BATCH_SIZE)),
    }
    if fastai is not None:
        sides["fastai"] = lambda paths: fastai.get_preds(dl=fastai.dls.test_dl(paths))
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(MANY_ROUNDS + 1):
        for name, side in sides.items():
            # A part of them warms up.
            spent = _seconds(side, photos if number else photos[:BATCH_SIZE])
            if number:
                found[name].append(spent)
    ratios = {
        name: statistics.median(each / ours for each, ours in zip(found[name], found["Headway"], strict=True))
        for name in found
    }
    return {
        **({"fastai / Headway": ratios["fastai"]} if fastai is not None else {}),
        "Headway / bare": 1 / ratios["bare"],
        **{f"{name}, ms": 1000 * statistics.median(each) / len(photos) for name, each in found.items()},
        "pairs": MANY_ROUNDS,
    }


def _rows() -> list[Row]:
    folder = data_folder("adult")
    if folder is None:
        print("adult: not there, left out")
        return []
    data = hw.from_csv(folder / "adult.csv", target="Salary")
    learner = hw.Learner(data, progress=False)
    learner.fine_tune(1)
    rows = data.valid.items[:NUM_ROWS].select(data.input.columns).rows(named=True)
    with tempfile.TemporaryDirectory() as scratch:
        predictor = load(learner.export(Path(scratch) / "adult.headway"))

    def bare(row: Row) -> None:
        predictor.session.run(None, {GRAPH_INPUT: predictor.input.read(row["dict"])[None]})

    sides: dict[str, Callable[[Row], object]] = {"bare": bare, "Headway": lambda row: predictor.predict(row["dict"])}
    items: list[Row] = [{"dict": row} for row in rows]
    if is_installed("fastai"):
        fastai = _fastai_rows(data)
        sides["fastai"] = lambda row: fastai.predict(row["series"])
        # Each side gets a row in the form that it takes; that is made outside of the clock.
        items = [{**item, "series": row} for item, row in zip(items, _series(data), strict=True)]
        with quiet(fastai):
            return [{"what": "one row", "graph": "float32", **_one_by_one(sides, items)}]
    return [{"what": "one row", "graph": "float32", **_one_by_one(sides, items)}]


def _fastai_rows(data: Data) -> Any:
    from fastai.tabular.all import tabular_learner  # pyright: ignore[reportMissingImports]

    learner = tabular_learner(fastai_table(data))
    with quiet(learner):
        learner.fit_one_cycle(1)
    return learner


def _series(data: Data) -> list[Any]:
    import pandas as pd

    assert isinstance(data.input, hw.Table)
    plain = data.input.plain(data.valid.items[:NUM_ROWS])
    frame = pd.DataFrame({name: values.to_numpy() for name, values in plain.to_dict().items()})
    return [row for _, row in frame.iterrows()]


def _seconds(call: Callable[[Any], object], item: Any) -> float:
    start = time.perf_counter()
    call(item)
    return time.perf_counter() - start
