"""Points in photos as code: each layer trains to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import headway as hw
from tests.unit.peel.running import same_bits


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer", [*(pytest.param(layer, marks=pytest.mark.slow) for layer in ("method", "loop")), "torch"]
)
def test_points_train_to_the_same_bits(layer: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    points = draw.integers(4, 20, (24, 4))
    for number in range(24):
        PILImage.fromarray(draw.integers(0, 256, (24, 30, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    columns: dict[str, Any] = {
        "photo": [str(tmp_path / f"{number}.png") for number in range(24)],
        "points": [" ".join(map(str, row)) for row in points.tolist()],
    }
    target = hw.Points("points", swap=[(0, 1)])
    data = hw.from_items(columns, input=hw.Image("photo", size=16, crop=0.9), target=target)
    learner = hw.Learner(data, "small_resnet", batch_size=8, precision="float32", progress=False)
    learner.fine_tune(epochs=1)
    assert same_bits(learner, layer, tmp_path)
