"""Heads of folds in the place of a model's head."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import headway as hw
from headway.train.cross_fitting import FoldHeads, choose_heads, cross_fitting, solve_fold_heads
from headway.train.linear_probe import NUM_FOLDS, solve_head
from headway.train.model import BodyAndHead

ROWS = np.arange(100, 160)


@pytest.fixture
def problem() -> tuple[torch.Tensor, torch.Tensor, hw.Category]:
    draw = np.random.default_rng(0)
    targets = draw.integers(3, size=len(ROWS))
    features = 2 * np.eye(3, 5)[targets] + draw.normal(size=(len(ROWS), 5))
    return (
        torch.from_numpy(features.astype(np.float32)),
        torch.from_numpy(targets),
        hw.Category("y", labels=("a", "b", "c")),
    )


@pytest.fixture
def heads(problem: tuple[torch.Tensor, torch.Tensor, hw.Category]) -> FoldHeads:
    features, targets, target = problem
    return solve_fold_heads(features, targets, ROWS, target=target, seed=0, decays=(1e-2,))


def test_in_training_each_row_is_answered_by_the_head_that_does_not_know_it(heads: FoldHeads, problem: tuple) -> None:
    features, targets, target = problem
    places = np.array([7, 3, 59, 0, 20])
    heads.train().choose(ROWS[places])
    given = heads(features[places])
    for place, outputs in zip(places, given, strict=True):
        others = heads.folds != heads.folds[place]
        alone = solve_head(features[others], targets[others], target=target, seed=0, decays=(1e-2,))
        assert torch.allclose(outputs, alone(features[place : place + 1])[0], atol=1e-4)


def test_elsewhere_all_heads_answer_as_one_layer_with_their_mean(heads: FoldHeads, problem: tuple) -> None:
    features, _, _ = problem
    layer = nn.Linear(5, 3)
    heads.put_mean_into(layer)
    assert torch.allclose(heads.eval()(features), layer(features), atol=1e-5)
    each = torch.stack([features @ weight.T for weight in heads.weight.unflatten(0, (NUM_FOLDS, -1))])
    assert torch.allclose(each.mean(0) + heads.bias.unflatten(0, (NUM_FOLDS, -1)).mean(0), layer(features), atol=1e-5)


def test_the_body_learns_and_the_heads_stay(heads: FoldHeads, problem: tuple) -> None:
    features, targets, _ = problem
    model, before = BodyAndHead(nn.Linear(5, 5), 5, 3), heads.weight.clone()
    with cross_fitting(model, heads):
        model.train()
        choose_heads(model, ROWS)
        nn.functional.cross_entropy(model(features), targets).backward()
        assert model.body.weight.grad is not None
        assert heads.weight.grad is None
    assert torch.equal(heads.weight, before)


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_has_its_own_head_again_whatever_happens(heads: FoldHeads, fails: bool) -> None:
    model = BodyAndHead(nn.Identity(), 5, 3)
    head = model.head
    try:
        with cross_fitting(model, heads):
            assert model.head is heads
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert model.head is head
    assert torch.allclose(head.weight, heads.weight.unflatten(0, (NUM_FOLDS, -1)).mean(0))


def test_other_models_have_nothing_to_choose() -> None:
    choose_heads(nn.Linear(2, 2), ROWS)
    choose_heads(BodyAndHead(nn.Identity(), 5, 3), ROWS)
