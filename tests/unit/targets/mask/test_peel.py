"""Masks as code: each layer trains to the same bits."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.targets.mask.peel import parts
from tests.unit.peel.running import same_bits


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["method", "loop", "torch"])
def test_masks_train_to_the_same_bits(layer: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(16):
        mask = np.repeat(np.repeat(draw.integers(1, 4, (4, 5), dtype=np.uint8), 10, axis=0), 10, axis=1)
        photo = np.clip(80 * mask[..., None] + draw.normal(0, 20, (*mask.shape, 3)), 0, 255).astype(np.uint8)
        PILImage.fromarray(photo).save(tmp_path / f"{number}.png")
        PILImage.fromarray(mask).save(tmp_path / f"{number}-mask.png")
    columns: dict[str, Any] = {
        "photo": [str(tmp_path / f"{number}.png") for number in range(16)],
        "mask": [str(tmp_path / f"{number}-mask.png") for number in range(16)],
    }
    target = hw.Mask("mask", classes={2: "out", 1: "in"}, ignore=3)
    data = hw.from_items(columns, input=hw.Image("photo", size=32, crop=0.9), target=target)
    learner = hw.Learner(data, "resnet18", pretrained=False, batch_size=4, precision="float32", progress=False)
    learner.fine_tune(epochs=1)
    assert same_bits(learner, layer, tmp_path)


def test_masks_at_addresses_are_read_by_headway_alone() -> None:
    field = hw.Mask("mask", classes=["around", "digit"])
    data = SimpleNamespace(items=pl.DataFrame({"mask": ["https://example.org/1.png"]}))
    with pytest.raises(hw.ConfigError) as raised:
        parts(field, cast("Any", SimpleNamespace(setup=SimpleNamespace(data=data))))
    assert str(raised.value) == (
        "This run cannot be written as the layer 'torch'.\n"
        "  Given: its masks lie at addresses, which Pillow does not read\n"
        '  Fix:   Pass layer="method", or "loop" where that can be written.'
    )
