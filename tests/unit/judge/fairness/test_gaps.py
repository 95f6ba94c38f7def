"""How far apart groups are: intervals that hold the truth, and tests that seldom see what is not there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headway.judge.fairness.gaps import Gap, measure_gap
from headway.judge.fairness.measures import Measure


def gap_of(*shares: tuple[int, int]) -> Gap:
    values = np.concatenate([np.repeat([1.0, 0.0], [hits, count - hits]) for hits, count in shares])
    index = np.repeat(np.arange(len(shares)), [count for _, count in shares])
    measure = Measure("selection_rate", values, np.ones(len(values), dtype=bool))
    names = [f"group {number}" for number in range(len(shares))]
    return measure_gap(measure, index, names, columns=("site",), label="yes")


def test_a_rate_of_zero() -> None:
    none, some = gap_of((0, 100), (0, 100)), gap_of((0, 100), (50, 100))
    assert math.isnan(none.ratio.value)
    assert (none.difference.value, none.difference.low, none.verdict) == (0, 0, "no measurable difference")
    assert (some.ratio.value, some.ratio.low) == (0, 0)
    assert 0 < some.ratio.high < 0.12
    assert some.verdict == "differ"


@pytest.mark.slow
def test_intervals_hold_the_truth_and_alarms_are_rare() -> None:
    """Four groups of 60 to 400: the interval of the largest difference, of the ratio, and the test."""
    rates, sizes, draw = np.array([0.5, 0.4, 0.45, 0.3]), np.array([400, 200, 100, 60]), np.random.default_rng(0)
    inside = {"difference": 0, "ratio": 0}
    for _ in range(400):
        gap = gap_of(*zip(draw.binomial(sizes, rates).tolist(), sizes.tolist(), strict=True))
        inside["difference"] += gap.difference.low <= 0.2 <= gap.difference.high
        inside["ratio"] += gap.ratio.low <= 0.6 <= gap.ratio.high
    assert min(inside.values()) >= 0.95 * 400
    equal = [gap_of(*zip(draw.binomial(sizes, 0.3).tolist(), sizes.tolist(), strict=True)) for _ in range(400)]
    assert sum(gap.p < 0.05 for gap in equal) <= 0.05 * 400
    assert sum(gap.verdict == "differ" for gap in equal) <= 0.03 * 400
