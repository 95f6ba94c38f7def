from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from torch import nn

import headway as hw
from headway.train import linear_probe
from headway.train.linear_probe import NUM_FOLDS, WEIGHT_DECAYS, Head, _solve, fold_numbers, solve_head

Problem = tuple[torch.Tensor, torch.Tensor]


def problem(classes: int, *, items: int = 300, width: int = 12, seed: int = 0, noise: float = 1.0) -> Problem:
    """Clouds of points, each feature with a scale and a middle of its own."""
    draw = np.random.default_rng(seed)
    targets = draw.integers(classes, size=items)
    points = draw.normal(size=(classes, width))[targets] + noise * draw.normal(size=(items, width))
    features = points * draw.uniform(0.1, 30, size=width) + draw.uniform(-50, 50, size=width)
    return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(targets)


def standardised(features: torch.Tensor) -> torch.Tensor:
    return (features - features.mean(dim=0)) / features.std(dim=0)


@pytest.mark.parametrize("decay", [1e-1, 1e-2, 1e-3])
@pytest.mark.parametrize("classes", [3, 6])
@pytest.mark.parametrize(("items", "width"), [(300, 12), (60, 200)])
def test_the_solution_is_scikit_learns(classes: int, decay: float, items: int, width: int) -> None:
    """Also where items are few, and the search is among as many coordinates."""
    features, targets = problem(classes, items=items, width=width)
    head = solve_head(
        features, targets, target=hw.Category("label", labels=tuple(map(str, range(classes)))), seed=0, decays=(decay,)
    )
    # The same objective: its C weighs the sum of losses against half the weights' squares.
    theirs = LogisticRegression(C=1 / (len(targets) * decay), tol=1e-8, max_iter=5000)
    theirs.fit(standardised(features).double().numpy(), targets.numpy())
    weight = (head.weight * features.std(dim=0)).numpy()
    assert np.abs(weight - theirs.coef_).max() < 0.01 * np.abs(theirs.coef_).max()
    ours = head(features).softmax(dim=1).numpy()
    assert ours == pytest.approx(theirs.predict_proba(standardised(features).numpy()), abs=5e-3)


def test_two_classes_too() -> None:
    features, targets = problem(2)
    head = solve_head(
        features, targets, target=hw.Category("label", labels=tuple(map(str, range(2)))), seed=0, decays=(1e-2,)
    )
    # Two rows of weights share the penalty that its one row bears alone.
    theirs = LogisticRegression(C=2 / (len(targets) * 1e-2), tol=1e-8, max_iter=5000)
    theirs.fit(standardised(features).double().numpy(), targets.numpy())
    ours = head(features).softmax(dim=1).numpy()
    assert ours == pytest.approx(theirs.predict_proba(standardised(features).numpy()), abs=5e-3)


def test_the_solution_has_the_features_dtype_whatever_torchs_default_is() -> None:
    features, targets = problem(3, items=40)
    labels = hw.Category("label", labels=("a", "b", "c"))
    torch.set_default_dtype(torch.float64)
    try:
        head = solve_head(features, targets, target=labels, seed=0)
    finally:
        torch.set_default_dtype(torch.float32)
    assert head.weight.dtype == torch.float32


def test_the_head_takes_features_as_they_are() -> None:
    """On raw features it says what the solution says on standardised ones."""
    features, targets = problem(4)
    scaled = standardised(features)
    raw = solve_head(
        features, targets, target=hw.Category("label", labels=tuple(map(str, range(4)))), seed=0, decays=(1e-2,)
    )
    same = solve_head(
        scaled, targets, target=hw.Category("label", labels=tuple(map(str, range(4)))), seed=0, decays=(1e-2,)
    )
    assert torch.allclose(raw(features), same(scaled), atol=2e-3)
    assert not torch.allclose(raw.weight, same.weight, atol=2e-3)


def test_the_bias_is_not_decayed() -> None:
    """Without anything to go by, it gives the classes' shares, however strong the decay."""
    targets = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32))
    head = solve_head(
        features, targets, target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=0, decays=(1e4,)
    )
    shares = head(features).softmax(dim=1).mean(dim=0)
    assert shares.tolist() == pytest.approx([0.6, 0.3, 0.1], abs=5e-3)


def test_features_that_are_held_back_cost_more_decay() -> None:
    """At a third of the size the same weight is three times as long: nine times the decay."""
    features, targets = problem(3)
    head = solve_head(
        features,
        targets,
        target=hw.Category("label", labels=tuple(map(str, range(3)))),
        seed=0,
        decays=(1e-2,),
        held_back=(4, 1 / 3),
    )
    weight = (head.weight * features.std(dim=0)).requires_grad_()
    loss = F.cross_entropy(standardised(features) @ weight.T + head(features.mean(dim=0)[None]), targets)
    decays = 1e-2 * torch.tensor([1.0] * 4 + [9.0] * (features.shape[1] - 4))
    (gradient,) = torch.autograd.grad(loss, weight)
    assert torch.allclose(gradient, -decays * weight, atol=2e-4)
    assert Head.from_saved(head.to_saved()).choices == head.choices == {"decays": (1e-2,), "held_back": (4, 1 / 3)}


def test_its_loss_is_that_of_the_training_rows() -> None:
    features, targets = problem(3)
    head = solve_head(
        features, targets, target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=0, decays=(1e-2,)
    )
    assert head.train_loss == pytest.approx(F.cross_entropy(head(features), targets).item(), rel=1e-3)
    assert head.held_out_accuracy is None


def test_a_feature_that_never_changes_does_no_harm() -> None:
    features, targets = problem(3)
    features[:, 4] = 7.0
    head = solve_head(
        features, targets, target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=0, decays=(1e-2,)
    )
    assert head(features).isfinite().all()
    without = torch.cat([features[:, :4], features[:, 5:]], dim=1)
    other = solve_head(
        without, targets, target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=0, decays=(1e-2,)
    )
    assert torch.allclose(head(features).softmax(1), other(without).softmax(1), atol=5e-3)


@pytest.mark.slow
def test_the_decay_suits_the_noise() -> None:
    """Where features say nothing the strongest is best; where they say all, a weaker one."""
    draw = np.random.default_rng(1)
    nothing = torch.from_numpy(draw.normal(size=(120, 60)).astype(np.float32))
    targets = torch.from_numpy(draw.integers(3, size=120))
    guess = solve_head(nothing, targets, target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=0)
    assert guess.weight_decay == max(WEIGHT_DECAYS)
    assert guess.held_out_accuracy is not None
    assert guess.held_out_accuracy < 0.5
    clear = solve_head(*problem(3, noise=0.3), target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=0)
    assert clear.weight_decay < max(WEIGHT_DECAYS)
    assert clear.held_out_accuracy is not None
    assert clear.held_out_accuracy > 0.97


def test_candidates_run_from_strong_to_weak() -> None:
    """Each solution starts from the one before."""
    assert all(a > b > 0 for a, b in pairwise(WEIGHT_DECAYS))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_head() -> None:
    features, targets = problem(3)
    torch.manual_seed(0)
    first = solve_head(features, targets, target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=4)
    torch.manual_seed(1)
    second = solve_head(features, targets, target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=4)
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)


def test_heads_solved_together_are_those_solved_alone() -> None:
    features, targets = problem(3, items=120)
    features = F.pad(standardised(features), (0, 1), value=1)
    target = hw.Category("label", labels=("a", "b", "c"))
    inside = torch.arange(120)[:, None] % 3 != torch.arange(3)
    together = _solve(features, targets, target, target.objective(), 1e-2, inside)
    for head, rows in zip(together, inside.T, strict=True):
        everything = torch.ones(int(rows.sum()), 1, dtype=torch.bool)
        alone = _solve(features[rows], targets[rows], target, target.objective(), 1e-2, everything)[0]
        assert torch.allclose((features @ head.T).softmax(1), (features @ alone.T).softmax(1), atol=5e-3)


def test_weaker_decays_are_not_tried_once_one_does_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features that say nothing: the strongest is best, and with the next the search is over."""
    draw, tried = np.random.default_rng(1), []

    def counted(*problem: Any) -> torch.Tensor:
        tried.append(problem[4])
        return _solve(*problem)

    monkeypatch.setattr(linear_probe, "_solve", counted)
    features = torch.from_numpy(draw.normal(size=(120, 60)).astype(np.float32))
    target = hw.Category("label", labels=("a", "b", "c"))
    head = solve_head(features, torch.from_numpy(draw.integers(3, size=120)), target=target, seed=0)
    assert head.weight_decay == WEIGHT_DECAYS[0]
    # The last is the head on all rows.
    assert tried == [*WEIGHT_DECAYS[:2], WEIGHT_DECAYS[0]]


@pytest.mark.parametrize("counts", [[50, 50], [33, 7, 60], [5, 5, 5, 5], [4, 3]])
def test_folds_hold_each_class_evenly(counts: list[int]) -> None:
    targets = np.repeat(np.arange(len(counts)), counts)
    folds = fold_numbers(targets, seed=0)
    for label, count in enumerate(counts):
        held = np.bincount(folds[targets == label], minlength=NUM_FOLDS)
        assert held.max() - held.min() <= 1, label
        assert held.sum() == count
    everything = np.bincount(folds, minlength=NUM_FOLDS)
    assert everything.max() - everything.min() <= 1


@pytest.mark.parametrize("seed", range(8))
def test_a_rare_class_is_predicted_by_heads_that_have_seen_it(seed: int) -> None:
    """Its two items are never in the same fold; of unstratified folds one in four has both."""
    draw = np.random.default_rng(seed)
    targets = np.array([0] * 30 + [1] * 30 + [2] * 2)
    features = (8 * np.eye(3)[targets] + draw.normal(size=(62, 3))).astype(np.float32)
    target = hw.Category("label", labels=("a", "b", "rare"))
    head = solve_head(
        torch.from_numpy(features), torch.from_numpy(targets), target=target, seed=seed, decays=(1e-2, 1e-3)
    )
    assert head.held_out is not None
    assert head.held_out[-2:].argmax(dim=1).tolist() == [2, 2]


def test_folds_depend_on_the_seed_alone() -> None:
    targets = np.repeat([0, 1], 40)
    assert np.array_equal(fold_numbers(targets, seed=1), fold_numbers(targets, seed=1))
    assert not np.array_equal(fold_numbers(targets, seed=1), fold_numbers(targets, seed=2))


def test_a_head_is_put_into_a_layer() -> None:
    features, targets = problem(3)
    head = solve_head(
        features, targets, target=hw.Category("label", labels=tuple(map(str, range(3)))), seed=0, decays=(1e-2,)
    )
    layer = nn.Linear(12, 3)
    parameter = layer.weight
    head.put_into(layer)
    assert layer.weight is parameter
    assert parameter.requires_grad
    assert torch.allclose(layer(features), head(features), atol=1e-3)


def test_a_head_gives_logits_by_hand() -> None:
    head = Head(torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([0.5, 0.0]), 0.1, 0.0, None)
    assert head(torch.tensor([[3.0, 4.0]])).tolist() == [[11.5, -4.0]]
