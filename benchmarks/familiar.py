"""Does a model know what it was not trained on?

A model of cats and dogs is shown garments and digits: the share that it calls unfamiliar, with a threshold at which it
refuses at most 5 % of its validation photos. Goal: 99 %. Then the harder case: a model of garments with one class left
out, each in turn; AUROC is how well the distance tells that class's validation photos from those of the others (0.5 is
chance). The method was chosen on folds of training photos, the validation photos served for nothing but this table.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.results import Row, data_folder
from headway.bundle.export import NUM_CHECKS, export_bundle
from headway.bundle.out_of_distribution import find_familiar
from headway.bundle.predictor import Predictor, load
from headway.data.build import from_folder, from_items
from headway.data.dataset import Data
from headway.data.sources import list_folder
from headway.data.splits import ColumnSplit
from headway.inputs.image.field import Image
from headway.learner.learner import Learner
from headway.targets.category.field import Category

NUM_DIGITS = 1000


def run() -> list[Row]:
    """Far from the training data, then near."""
    pets, clothing, mnist = map(data_folder, ("cats_dogs", "clothing", "mnist"))
    if pets is None or clothing is None or mnist is None:
        print("cats_dogs, clothing or mnist: not there, left out")
        return []
    items = list_folder(clothing)
    rows: list[Row] = _far(pets, items["file"].to_list(), mnist)
    aurocs = []
    for label in sorted(items["label"].unique().to_list()):
        known = items.filter(items["label"] != label)
        predictor = _trained(
            from_items(known, input=Image("file"), target=Category("label"), split=ColumnSplit("split"))
        )
        valid = items.filter(items["split"] == "valid")
        distances = _distances(predictor, valid["file"].to_list())
        is_left_out = (valid["label"] == label).to_numpy()
        refused = distances > _threshold(predictor)
        aurocs.append(float(roc_auc_score(is_left_out, distances)))
        rows.append(_row("clothing", f"{label}, left out", refused[is_left_out], refused[~is_left_out], aurocs[-1]))
    rows.append({"trained on": "clothing", "shown": "mean of the ten", "AUROC": float(np.mean(aurocs))})
    return rows


def _far(pets: Path, garments: list[str], mnist: Path) -> list[Row]:
    data = from_folder(pets)
    predictor = _trained(data)
    own = _distances(predictor, data.valid.items["file"].to_list())
    with np.load(mnist / "test.npz") as found:
        digits = list(found["images"][:NUM_DIGITS])
    rows = []
    for name, shown in (("garments", garments), ("digits", digits)):
        distances = _distances(predictor, shown)
        limit = _threshold(predictor)
        auroc = roc_auc_score(np.repeat([0, 1], [len(own), len(distances)]), np.concatenate([own, distances]))
        rows.append(_row("cats_dogs", name, distances > limit, own > limit, float(auroc)))
    return rows


def _row(trained_on: str, shown: str, strange: np.ndarray, known: np.ndarray, auroc: float) -> Row:
    return {
        "trained on": trained_on,
        "shown": shown,
        "items": len(strange),
        "called unfamiliar": f"{strange.mean():.1%}",
        "of the known classes": f"{known.mean():.1%}",
        "AUROC": auroc,
    }


def _trained(data: Data) -> Predictor:
    learner = Learner(data, "efficientnet_lite0", progress=False)
    learner.fine_tune(0)
    # As `learner.export` does, without the report.
    known = learner.features.parts if learner.features else None
    with tempfile.TemporaryDirectory() as folder:
        bundle = export_bundle(
            Path(folder) / "model.headway",
            model=learner.model,
            prepare=learner.prepare,
            input=data.input,
            target=data.target,
            examples=data.input.view(data.valid.canvases(range(NUM_CHECKS))),
            manifest={},
            card="",
            familiar=find_familiar(learner.setup, known),
        )
        return load(bundle)


def _threshold(predictor: Predictor) -> float:
    assert predictor.threshold is not None
    return predictor.threshold


def _distances(predictor: Predictor, items: list[object] | list[str]) -> np.ndarray:
    found = []
    for start in range(0, len(items), 32):
        read = [predictor.input.read(item) for item in items[start : start + 32]]
        distances = predictor.distances(predictor.input.collate(read))
        assert distances is not None
        found.append(distances)
    return np.concatenate(found)
