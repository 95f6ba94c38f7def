"""Linear models: what they learn, and that they are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from headway.judge.baselines.base import scale_of
from headway.judge.baselines.linear import _PENALTIES, _best_penalty, ridge


def numbers(items: int = 300, dim: int = 8, seed: int = 0, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    inputs = draw.normal(size=(items, dim)) * np.linspace(1, 5, dim) + 3
    weights = np.random.default_rng(99).normal(size=(dim, 1))
    return inputs.astype(np.float32), (inputs @ weights + 20 + noise * draw.normal(size=(items, 1))).astype(np.float32)


def test_ridge_is_scikit_learns_with_the_chosen_penalty() -> None:
    inputs, targets = numbers()
    new = numbers(50, seed=1)[0]
    mean, spread = scale_of(inputs)
    scaled = (inputs - mean) / spread
    penalty = _best_penalty(scaled.astype(np.float64), targets - targets.mean(0), 0)
    expected = Ridge(alpha=penalty).fit(scaled, targets).predict((new - mean) / spread)
    assert ridge(inputs, targets, {"new": new}, seed=0)["new"] == pytest.approx(expected.reshape(-1, 1), rel=1e-3)


def test_more_columns_than_rows() -> None:
    """The same answers as when all directions are solved for."""
    inputs, targets = numbers(40, dim=120)
    new = numbers(10, dim=120, seed=1)[0]
    mean, spread = scale_of(inputs)
    found = ridge(inputs, targets, {"new": new}, seed=0)["new"]
    fits = [
        Ridge(alpha=each).fit((inputs - mean) / spread, targets).predict((new - mean) / spread) for each in _PENALTIES
    ]
    gaps = [np.abs(each.reshape(-1, 1) - found).max() for each in fits]
    assert min(gaps) < 1e-2
    assert min(gaps) < 0.2 * sorted(gaps)[1]


def test_the_penalty_grows_with_noise() -> None:
    quiet, loud = (numbers(60, dim=40, noise=noise) for noise in (0.1, 60.0))
    small, large = (
        _best_penalty(np.asarray(StandardScaler().fit_transform(x)), y - y.mean(), 0) for x, y in (quiet, loud)
    )
    assert small < large


def test_one_row_and_columns_that_do_not_differ() -> None:
    found = ridge(np.ones((1, 3)), np.array([[4.0]]), {"new": np.zeros((2, 3))}, seed=0)["new"]
    assert found == pytest.approx(np.full((2, 1), 4.0))
    found = ridge(np.ones((9, 3)), np.arange(9.0)[:, None], {"new": np.ones((2, 3))}, seed=0)["new"]
    assert found == pytest.approx(np.full((2, 1), 4.0))
