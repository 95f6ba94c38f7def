"""Simple models for numbers: which there are, and that they say what their names promise."""

from __future__ import annotations

import numpy as np
import pytest

from tests.judging import baseline_data, evaluate, run_baselines


def test_numbers_have_the_baselines_that_their_rows_have_the_means_for() -> None:
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(300, 8)).astype(np.float32)
    targets = (inputs.sum(axis=1, keepdims=True) + 20 + 0.1 * draw.normal(size=(300, 1))).astype(np.float32)
    parts = {"valid": baseline_data(targets=targets[200:], features=inputs[200:])}
    found = run_baselines(
        baseline_data(targets=targets[:200], features=inputs[:200]), parts, num_outputs=1, task="regression"
    )
    assert [each.name for each in found] == ["mean", "median", "ridge regression on frozen features"]
    assert [each.size for each in found] == [1, 1, 9 + 16]
    errors = [evaluate(each.predictions["valid"], targets[200:], task="regression")["mae"].value for each in found]
    assert errors[2] < 0.2 * min(errors[:2])
    assert found[0].predictions["valid"] == pytest.approx(np.full((100, 1), targets[:200].mean()))
    assert found[1].predictions["valid"] == pytest.approx(np.full((100, 1), np.median(targets[:200])))
