"""A run on texts as code: each layer trains to the same bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headway as hw
from headway.peel.write import LAYERS
from headway.train import aside
from tests.unit.peel.running import same_bits


@pytest.fixture(scope="module")
def reviews() -> hw.Data:
    """Words that praise or blame among others, in two columns."""
    draw = np.random.default_rng(0)
    words = {"yes": ["fine", "lovely", "warm"], "no": ["dull", "awful", "cold"]}
    labels = ["yes", "no"] * 30
    titles = [f"{draw.choice(words[label])} film {number}" for number, label in enumerate(labels)]
    others = ["the", "plot", "actor", "scene", "was", "and"]
    bodies = [" ".join(draw.choice([*words[label], *others], int(draw.integers(4, 12)))) for label in labels]
    columns: dict[str, Any] = {"title": titles, "body": bodies, "liked": labels}
    return hw.from_items(columns, input=hw.Text(["title", "body"]), target="liked")


def trained(data: hw.Data, arch: str, **options: Any) -> hw.Learner:
    learner = hw.Learner(data, arch, batch_size=16, precision="float32", progress=False, **options)
    learner.fine_tune(epochs=1)
    return learner


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["text_cnn", "lstm"])
def test_texts_of_a_small_network(reviews: hw.Data, tmp_path: Path, arch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "MIN_OF_CLASS", 1)
    learner = hw.Learner(
        reviews, arch, batch_size=16, precision="float32", progress=False, pretrained=False, two_stages=True
    )
    # Fewer rows judge the stages than usual, as the recipe of an encoder wants it.
    recipe = replace(learner.setup.fine_tuning, most_aside=10)
    learner.setup = replace(learner.setup, fine_tuning=recipe)
    learner.fine_tune(epochs=1)
    assert "on 10 held-out training rows" in learner.history.notes[-1]
    assert same_bits(learner, "loop", tmp_path)
    assert same_bits(learner, "torch", tmp_path)
    # The tokenizer that training rows taught lies beside the file.
    assert (tmp_path / "run_torch.json").exists()


@pytest.mark.slow
def test_texts_of_a_pretrained_encoder(reviews: hw.Data, tmp_path: Path) -> None:
    learner = trained(reviews, "minilm")
    for layer in LAYERS[1:]:
        assert same_bits(learner, layer, tmp_path)
    lines = {layer: len(learner.peel(layer=layer).text.splitlines()) for layer in LAYERS}
    assert lines["torch"] <= 500
    assert lines["method"] + lines["loop"] <= 150


def test_a_split_that_cannot_be_drawn_again(reviews: hw.Data) -> None:
    data = replace(reviews, split=hw.RandomSplit(0.3, seed=7))
    learner = trained(data, "text_cnn", pretrained=False, two_stages=True)
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel(layer="loop")
    assert str(raised.value) == (
        "This run cannot be written as the layer 'loop'.\n"
        "  Given: its split cannot be drawn again, as near copies were moved or left out\n"
        '  Fix:   Pass layer="torch".'
    )
