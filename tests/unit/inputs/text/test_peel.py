"""A run on texts as code: each layer trains to the same bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headway as hw
from headway.peel.write import LAYERS
from headway.train import aside, stage_one
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


@pytest.fixture(scope="module")
def doubtful(reviews: hw.Data) -> hw.Data:
    """The same with a tenth of the labels wrong, so that no model is right on all held-out training rows."""
    draw = np.random.default_rng(1)
    others = {"yes": "no", "no": "yes"}
    columns: dict[str, Any] = reviews.items.select("title", "body", "liked").to_dict(as_series=False)
    columns["liked"] = [label if draw.random() > 0.1 else others[label] for label in columns["liked"]]
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
def test_texts_of_a_pretrained_encoder(doubtful: hw.Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that the head's answers go by scores of tokens, whatever so few texts say of them.
    monkeypatch.setattr(stage_one, "WORTH_LOOKING", 100.0)
    learner = trained(doubtful, "minilm")
    assert "(naive Bayes)" in learner.history.notes[0]
    for layer in LAYERS[1:]:
        assert same_bits(learner, layer, tmp_path)
    lines = {layer: len(learner.peel(layer=layer).text.splitlines()) for layer in LAYERS}
    assert lines["torch"] <= 620
    assert lines["method"] + lines["loop"] <= 156


@pytest.mark.slow
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
