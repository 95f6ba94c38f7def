"""Two models on the same items: the sign-flip test and the paired difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import permutation_test

from headway.judge.significance import Comparison, best_of, compare_numbers, compare_right, sign_flip


def test_the_p_is_scipys() -> None:
    gaps = np.random.default_rng(0).normal(0.3, 1, size=40)
    mean = lambda values, axis: values.mean(axis)  # noqa: E731
    theirs = permutation_test((gaps,), mean, permutation_type="samples", n_resamples=20_000)
    assert sign_flip(gaps) == pytest.approx(theirs.pvalue, abs=0.01)


def test_few_items_have_the_p_of_counting() -> None:
    """Of the 8 ways to sign three differences, two are as far from zero as all of them above it."""
    assert sign_flip(np.array([1.0, 2.0, 4.0]), samples=20_000) == pytest.approx(2 / 8, abs=0.01)


@pytest.mark.slow
def test_beyond_5000_items_it_is_normal_and_agrees() -> None:
    gaps = np.random.default_rng(1).normal(0.02, 1, size=5_000)
    assert sign_flip(gaps) == pytest.approx(sign_flip(gaps[:4_999]), abs=0.02)


def test_equal_models_are_called_different_in_one_of_twenty() -> None:
    draw = np.random.default_rng(2)
    skewed = draw.exponential(size=(400, 30)) - draw.exponential(size=(400, 30))
    found = [sign_flip(gaps, samples=400) < 0.05 for gaps in skewed]
    assert 0.02 < np.mean(found) < 0.085


def test_right_and_wrong_are_compared_by_mcnemar() -> None:
    found = compare_right(np.ones(20), np.repeat([1.0, 0.0], 10)).scaled(100)
    assert (found.test, found.difference.value) == ("McNemar", 50.0)
    assert found.p == pytest.approx(2 * 0.5**10)


def test_models_that_never_differ() -> None:
    found = compare_numbers(np.ones(20), np.ones(20))
    assert (found.difference.value, found.p, found.test) == (0.0, 1.0, "sign-flip test")


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100)))
def test_the_p_has_no_direction_and_no_unit(gaps: np.ndarray) -> None:
    p = sign_flip(gaps, samples=200)
    assert 0 < p <= 1
    assert sign_flip(-gaps, samples=200) == p
    assert sign_flip(gaps * 4, samples=200) == p


def beside(ours: np.ndarray, others: np.ndarray, seed: int = 0) -> tuple[float, float, float, float]:
    """Difference from the best of others, `[items, others]`, its interval and p."""
    order = np.argsort(-others.mean(0), kind="stable")
    compared = [compare_right(ours, other, seed=seed) for other in others.T[order]]
    found = best_of(compared, (ours[:, None] - others)[:, order], higher_is_better=True)
    return found.difference.value, found.difference.low, found.difference.high, found.p


@pytest.mark.slow
def test_the_luck_of_the_best_of_many_is_accounted_for() -> None:
    draw, alone, corrected = np.random.default_rng(0), 0, 0
    for _ in range(60):
        right = (draw.random((200, 13)) < 0.85).astype(float)
        ours, others = right[:, 0], right[:, 1:]
        best = others[:, others.mean(0).argmax()]
        alone += compare_right(ours, best, seed=0).difference.high < 0
        _, _, high, p = beside(ours, others)
        corrected += high < 0 and p < 0.05
    assert alone > 4
    assert corrected <= 4


def test_better_must_hold_against_each() -> None:
    ours, draw = np.ones(200), np.random.default_rng(1)
    others = np.stack([draw.random(200) < share for share in (0.85, 0.92)], axis=1).astype(float)
    value, low, high, p = beside(ours, others)
    assert value == pytest.approx(1 - others[:, 1].mean())
    assert 0 < low < value < high
    assert p == compare_right(ours, others[:, 1]).p


def beside_chosen(ours: np.ndarray, others: np.ndarray, reference: int) -> Comparison:
    """Beside others, `[items, others]`, the best first, one of which was chosen on other items."""
    compared = [compare_right(ours, other) for other in others.T]
    return best_of(compared, ours[:, None] - others, higher_is_better=True, reference=reference)


def test_the_one_that_was_chosen_before_is_enough() -> None:
    draw = np.random.default_rng(0)
    ours, others = np.repeat([1.0, 0.0], [188, 12]), (draw.random((200, 6)) < 0.85).astype(float)
    others = others[:, np.argsort(-others.mean(0), kind="stable")]
    alone, among = compare_right(ours, others[:, 2]), beside_chosen(ours, others, 2)
    assert (among.against, among.difference.value) == (2, alone.difference.value)
    assert among.p >= alone.p
    assert among.p < beside(ours, others)[3]


def test_who_is_not_ahead_of_all_is_not_better() -> None:
    ours = np.repeat([1.0, 0.0], [180, 20])
    equal, far = np.roll(ours, 20), np.repeat([1.0, 0.0], [120, 80])
    found = beside_chosen(ours, np.stack([equal, far], axis=1), 1)
    assert found.against == 1
    assert found.p == pytest.approx(0.1)
    assert found.difference.low < 0


def test_worse_needs_the_best_of_all() -> None:
    ours, better = np.repeat([1.0, 0.0], [120, 80]), np.repeat([1.0, 0.0], [180, 20])
    found = beside_chosen(ours, np.stack([better, ours], axis=1), 1)
    assert (found.against, found.p < 0.001, found.difference.high < 0) == (0, True, True)
