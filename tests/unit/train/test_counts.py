"""Scores that are counted: when they are put in, taken out, kept, and that weights train without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import headway as hw
from headway.train import counts, stage_one
from headway.train.counts import add_scores, forget_counts, judged
from headway.train.fine_tune import fine_tune
from headway.train.history import History
from headway.train.model import BodyAndHead, Model


class Counter(nn.Module):
    """A score for each class by the first column's sign, which the body below does not see."""

    table: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(2))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows[:, :1].sign() * self.table

    def count(self, rows: torch.Tensor, classes: torch.Tensor, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        assert len(rows) == len(classes)
        table = torch.tensor([-2.0, 2.0])
        return table, rows[:, :1].sign() * table

    def put(self, table: torch.Tensor) -> None:
        self.table.copy_(table)


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.counter = nn.Linear(1, 3), Counter()
        self.trained_with: list[float] = []

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.trained_with.append(self.counter.table.abs().sum().item())
        return torch.cat([self.layer(rows[:, 1:]).tanh(), self.counter(rows)], dim=1)


@pytest.fixture
def data() -> hw.Data:
    """Two columns, each of which tells the class of nine rows in ten."""
    draw = np.random.default_rng(0)
    classes = np.arange(600) % 2
    rows = np.stack([np.where(draw.random(600) < 0.9, 2 * classes - 1, 1 - 2 * classes) for _ in range(2)], axis=1)
    return hw.from_arrays(rows + draw.normal(0, 0.1, rows.shape), classes.astype(str))


@pytest.fixture
def learner(data: hw.Data) -> hw.Learner:
    torch.manual_seed(0)
    module = BodyAndHead(Body(), 5, 2)
    return hw.Learner(data, Model(module, pretrained="nowhere"), progress=False, batch_size=32)


def test_the_head_adds_scores_where_heads_do_better_so(learner: hw.Learner) -> None:
    body: Any = learner.model.get_submodule("body")
    learner.fine_tune(epochs=0)
    assert "(naive Bayes)" in learner.history.notes[0]
    assert body.counter.table.tolist() == [-2.0, 2.0]
    # What the history says of the head is what the model answers.
    assert learner.history.epochs[-1].metrics["accuracy"] == learner.evaluate()["accuracy"].value
    # Scores are not among the features that baselines see: they were counted on the training rows themselves.
    assert learner.features is not None
    assert (learner.features.parts["train"][:, -2:] == 0).all()


def test_vectors_of_items_are_without_them(learner: hw.Learner) -> None:
    learner.fine_tune(epochs=0)
    assert learner.embed(learner.data.train.items.head(3)).shape == (3, 3)
    assert learner.embed([]).shape == (0, 3)
    assert len(learner.nearest(learner.data.train.items.row(0, named=True), k=2)) == 2


def test_weights_train_without_scores(learner: hw.Learner) -> None:
    body: Any = learner.model.get_submodule("body")
    for _ in range(2):
        learner.fine_tune(epochs=1)
        assert set(body.trained_with) == {0.0}
        assert body.counter.table.tolist() == [-2.0, 2.0]


def test_they_are_left_out_where_nothing_is_better(learner: hw.Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_one, "WORTH_LOOKING", 0.0)
    body: Any = learner.model.get_submodule("body")
    learner.fine_tune(epochs=0)
    assert (body.counter.table == 0).all()
    assert learner.history.notes == []


def test_many_items_are_not_counted(learner: hw.Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_COUNTED", 10)
    body: Any = learner.model.get_submodule("body")
    fine_tune(learner.setup, History(), epochs=1)
    assert (body.counter.table == 0).all()


@pytest.mark.slow
def test_a_bundle_answers_with_them(learner: hw.Learner, tmp_path: Path) -> None:
    learner.fine_tune(epochs=0)
    predictor = hw.load(learner.export(tmp_path / "one.headway"))
    rows = learner.data.valid.items.select(learner.data.input.columns).to_dicts()[:20]
    of_bundle = [answer.probabilities["1"] for answer in predictor.predict_many(rows)]
    here = [answer.probabilities["1"] for answer in learner.predict_many(rows)]
    np.testing.assert_allclose(of_bundle, here, atol=1e-5)


def test_the_lower_loss_is_judged() -> None:
    outputs, classes = torch.zeros(4, 2), torch.tensor([0, 1, 0, 1])
    right = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(2, 1)
    objective = hw.Category("kind", labels=("a", "b")).objective()
    plain, is_scored = judged(outputs, classes, None, objective=objective)
    assert not is_scored
    better, is_scored = judged(outputs, classes, right, objective=objective)
    assert is_scored
    assert better.mean() < plain.mean()
    worse, is_scored = judged(outputs, classes, -right, objective=objective)
    assert not is_scored
    assert torch.equal(worse, plain)


def test_scores_come_and_go() -> None:
    model: Any = BodyAndHead(Body(), 5, 2)
    rows = torch.tensor([[1.0, 0.5]])
    before = model(rows) - model.head.weight[:, -2:] @ model.body.counter(rows)[0]
    model.body.counter.put(torch.tensor([-2.0, 2.0]))
    add_scores(model.head)
    assert torch.allclose(model(rows), before + torch.tensor([-2.0, 2.0]), atol=1e-6)
    forget_counts(model)
    assert torch.allclose(model(rows), before, atol=1e-6)
