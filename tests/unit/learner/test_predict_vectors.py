"""Vectors of items, and the training items that are most like one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import headway as hw
from headway.errors import ConfigError, ReadError
from headway.inputs.text.encoder import Encoder, EncoderSize
from headway.inputs.text.networks import PooledEncoder
from headway.train.model import BodyAndHead
from tests.stopping import QUIET

TEXTS = [f"{number} {animal}s in the garden" for number in range(10, 20) for animal in ("cat", "dog")]


@pytest.fixture(scope="module")
def learner() -> hw.Learner:
    data = hw.from_items({"text": TEXTS, "animal": ["cat", "dog"] * 10}, input=hw.Text("text"), target="animal")
    torch.manual_seed(0)
    body = PooledEncoder(Encoder(EncoderSize(dim=16, heads=2, layers=1, width=32)), (0, 1))
    return hw.Learner(data, hw.Model(BodyAndHead(body, body.num_features, 2), pretrained="a test"), **QUIET)


def test_vectors_are_what_the_head_reads(learner: hw.Learner) -> None:
    vectors = learner.embed(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((20, 32), np.float32)
    # In batches of any size, and from a frame's column.
    assert np.allclose(learner.embed({"text": TEXTS}, batch_size=3), vectors, atol=1e-5)
    assert learner.embed([]).shape == (0, 32)
    head = learner.model.get_submodule("head")
    with torch.no_grad():
        probabilities = head(torch.from_numpy(vectors)).softmax(dim=1).numpy()
    answers = [list(answer.probabilities.items()) for answer in learner.predict_many(TEXTS)]
    assert np.allclose([dict(answer)["cat"] for answer in answers], probabilities[:, 0], atol=1e-5)


def test_a_training_item_is_nearest_to_itself(learner: hw.Learner) -> None:
    items = learner.data.train.items
    found = learner.nearest(items["text"][3], k=3)
    assert found.columns == ["text", "animal", "row", "similarity"]
    assert found["row"][0] == items["row"][3]
    assert found["similarity"][0] == pytest.approx(1, abs=1e-5)
    assert found["similarity"].is_sorted(descending=True)
    assert len(learner.nearest("a garden", k=1_000)) == len(items)


def test_what_has_no_vectors(learner: hw.Learner) -> None:
    rows = {"size": [float(number % 7) for number in range(40)], "animal": ["cat", "dog"] * 20}
    table = hw.Learner(hw.from_items(rows, target="animal"), torch.nn.Linear(1, 2), **QUIET)
    with pytest.raises(ConfigError) as error:
        table.embed([{"size": 1.0}])
    assert str(error.value) == (
        "Vectors of items need a model with a `body` and a linear `head`.\n"
        "  Given: Linear\n"
        "  Fix:   Train a pretrained architecture."
    )
    with pytest.raises(ConfigError) as error:
        learner.nearest("a cat", k=0)
    assert str(error.value) == "`k` must be a whole number from 1.\n  Given: k=0\n  Fix:   Leave it out for 5."
    with pytest.raises(ReadError, match=r"empty: there is no text in it$"):
        learner.embed(["a cat", " "])
