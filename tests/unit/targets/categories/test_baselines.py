"""Simple models for several labels: what they learn, and that they are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from headway.judge.baselines.base import scale_of
from headway.targets.categories.baselines import logistic_regressions
from tests.judging import baseline_data, evaluate, run_baselines


def labelled(items: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    inputs = draw.normal(size=(items, 6)).astype(np.float32)
    logits = inputs @ np.random.default_rng(9).normal(size=(6, 3)) - 1
    return inputs, (draw.random((items, 3)) < 1 / (1 + np.exp(-logits))).astype(np.float32)


def test_a_logistic_regression_a_label_is_scikit_learns() -> None:
    inputs, targets = labelled()
    new = labelled(50, seed=1)[0]
    mean, spread = scale_of(inputs)
    found = logistic_regressions(inputs, targets, {"new": new}, penalty=10.0)["new"]
    for label in range(3):
        model = LogisticRegression(C=0.1, tol=1e-8, max_iter=1000).fit((inputs - mean) / spread, targets[:, label])
        expected = model.predict_proba((new - mean) / spread)[:, 1]
        assert found[:, label] == pytest.approx(expected, abs=2e-3)


def test_labels_have_their_baselines() -> None:
    inputs, targets = labelled()
    targets[:200, 2] = 0  # nobody to learn from has it
    parts = {"valid": baseline_data(targets=targets[200:], features=inputs[200:])}
    train = baseline_data(targets=targets[:200], features=inputs[:200])
    found = run_baselines(train, parts, num_outputs=3, task="multilabel")
    assert [each.name for each in found] == ["label frequencies", "logistic regression on frozen features"]
    assert found[0].predictions["valid"][0] == pytest.approx(targets[:200].mean(0))
    assert found[1].predictions["valid"][:, 2].max() < 0.02
    losses = [evaluate(each.predictions["valid"], targets[200:], task="multilabel")["log_loss"].value for each in found]
    assert losses[1] < losses[0]
