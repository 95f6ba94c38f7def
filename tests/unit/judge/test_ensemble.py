from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.judge.baselines.run import BaselineResult
from headway.judge.ensemble import Ensemble, choose_weight, judge_ensemble
from tests.judging import metrics_of


def made(model: np.ndarray, other: np.ndarray, targets: np.ndarray, *, weight: float) -> Ensemble:
    baseline = BaselineResult("gradient boosting", {"valid": other}, 1.0)
    task = "classification" if targets.ndim == 1 else "regression"
    return judge_ensemble(
        {"valid": model}, baseline, {"valid": targets}, weight=weight, metrics=metrics_of(task), chosen_on=100, seed=0
    )


def numbers(count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two that are wrong in different ways, so that their mean is better."""
    draw = np.random.default_rng(0)
    targets = draw.normal(size=(count, 1))
    return targets + draw.normal(size=(count, 1)), targets + draw.normal(size=(count, 1)), targets


def test_two_that_err_differently_gain() -> None:
    model, other, targets = numbers()
    weight = choose_weight(model, other, targets, metrics=metrics_of("regression"))
    assert 0.35 <= weight <= 0.65
    found = made(model, other, targets, weight=weight)
    assert found.gains
    assert found.sentence == "Better than either alone."
    np.testing.assert_allclose(found.predictions["valid"], weight * model + (1 - weight) * other)
    lines = str(found).splitlines()
    shares = f"{weight:.0%} the model, {1 - weight:.0%} gradient boosting"
    assert lines[0] == f"{shares}; chosen on 100 held-out training rows"
    assert lines[1].startswith("On valid: mae ")
    assert lines[2].startswith("Better than the model alone: mean absolute error -")
    assert lines[3].startswith("Better than gradient boosting alone: mean absolute error -")


def test_where_one_is_hopeless_the_other_is_taken_and_it_says_so() -> None:
    _, other, targets = numbers()
    hopeless = np.random.default_rng(1).normal(size=targets.shape) * 50
    weight = choose_weight(hopeless, other, targets, metrics=metrics_of("regression"))
    assert weight == 0
    found = made(hopeless, other, targets, weight=weight)
    assert not found.gains
    assert found.sentence == "No gain: on the training rows set aside, gradient boosting alone was best."
    assert made(hopeless, other, targets, weight=1.0).sentence == (
        "No gain: on the training rows set aside, the model alone was best."
    )


def test_two_that_are_the_same_gain_nothing() -> None:
    targets = np.arange(100) % 2
    answers = np.eye(2)[targets] * 0.6 + 0.2
    answers[:10] = answers[:10, ::-1]
    assert choose_weight(answers, answers, targets, metrics=metrics_of("classification")) == 0.5
    found = made(answers, answers, targets, weight=0.5)
    assert found.sentence == ("No measurable gain: not distinguishable from the model or gradient boosting alone.")
    assert found.against_model.kind == found.against_baseline.kind == "indistinguishable"
    assert found.to_json()["metrics"]["valid"]["accuracy"]["value"] == 0.9


def test_an_ensemble_that_is_worse_than_one_of_them_says_so() -> None:
    model, other, targets = numbers()
    found = made(targets + 0.01, other, targets, weight=0.5)
    assert found.against_model.kind == "worse"
    assert found.sentence == "No gain: worse than the model alone."
    assert model.shape == other.shape


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), task=st.sampled_from(["classification", "regression"]))
def test_the_weight_is_never_worse_than_either_alone_where_it_was_chosen(seed: int, task: str) -> None:
    draw = np.random.default_rng(seed)
    if task == "classification":
        targets = draw.integers(3, size=50)
        one, other = (draw.dirichlet(np.ones(3), size=50) for _ in range(2))

        def loss(answers: np.ndarray) -> float:
            return float(-np.log(answers[np.arange(50), targets]).mean())
    else:
        targets = draw.normal(size=(50, 1))
        one, other = (draw.normal(size=(50, 1)) for _ in range(2))

        def loss(answers: np.ndarray) -> float:
            return float(((answers - targets) ** 2).mean())

    weight = choose_weight(one, other, targets, metrics=metrics_of(task))
    assert 0 <= weight <= 1
    assert loss(weight * one + (1 - weight) * other) <= min(loss(one), loss(other)) + 1e-9
    assert choose_weight(other, one, targets, metrics=metrics_of(task)) == pytest.approx(1 - weight, abs=0.051)
