"""Ratings as code: each layer trains to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import headway as hw
from tests.unit.peel.running import same_bits


def trained(arch: str) -> hw.Learner:
    draw = np.random.default_rng(0)
    users, items = draw.integers(0, 20, 300), draw.integers(0, 30, 300)
    stars = np.clip(3 + users % 3 - items % 2 + draw.normal(0, 0.5, 300), 1, 5).round()
    columns = {"reader": [f"r{user}" for user in users], "book": items.tolist(), "stars": stars.tolist()}
    data = hw.from_items(columns, input=["reader", "book"], target=hw.Number("stars", low=1, high=5))
    learner = hw.Learner(data, arch, progress=False)
    learner.fine_tune(epochs=1)
    return learner


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["collab_mlp", "dot_product"])
@pytest.mark.parametrize(
    "layer", [*(pytest.param(layer, marks=pytest.mark.slow) for layer in ("method", "loop")), "torch"]
)
def test_ratings_train_to_the_same_bits(layer: str, arch: str, tmp_path: Path) -> None:
    assert same_bits(trained(arch), layer, tmp_path)
