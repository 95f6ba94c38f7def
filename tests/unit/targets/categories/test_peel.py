"""Several labels an item as code: each layer trains to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import headway as hw
from tests.unit.peel.running import same_bits


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer", [*(pytest.param(layer, marks=pytest.mark.slow) for layer in ("method", "loop")), "torch"]
)
def test_labels_train_to_the_same_bits(layer: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(120, 2)).round(3)
    labels = ["|".join(np.array(["big", "wide"])[row > 0]) for row in numbers]
    columns = {"x": numbers[:, 0].tolist(), "y": numbers[:, 1].tolist(), "labels": labels}
    learner = hw.Learner(hw.from_items(columns, target=hw.Categories("labels")), batch_size=32, progress=False)
    learner.fine_tune(epochs=1)
    assert same_bits(learner, layer, tmp_path)
