"""Rules that cannot all hold: the equation, and when it is said."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from headway.judge.fairness.conflict import implied_false_positive_rate
from headway.judge.fairness.report import judge_fairness
from tests.judging import metrics_of


def test_the_equation_holds_for_any_counts() -> None:
    draw = np.random.default_rng(0)
    for _ in range(20):
        hits, misses, alarms, others = draw.integers(1, 100, size=4).tolist()
        count = hits + misses + alarms + others
        implied = implied_false_positive_rate(
            (hits + misses) / count, precision=hits / (hits + alarms), true_positive_rate=hits / (hits + misses)
        )
        assert implied == pytest.approx(alarms / (alarms + others))


@pytest.mark.parametrize(("base_rate", "precision"), [(0.0, 0.5), (1.0, 0.5), (0.5, 0.0)])
def test_where_it_says_nothing(base_rate: float, precision: float) -> None:
    assert math.isnan(implied_false_positive_rate(base_rate, precision=precision, true_positive_rate=0.5))


@pytest.mark.parametrize(("other", "expected"), [(0.25, 1), (0.5, 0)])
def test_said_where_base_rates_differ(other: float, expected: int) -> None:
    draw = np.random.default_rng(0)
    group = np.repeat([0, 1], 1000)
    targets = (draw.random(2000) < np.where(group, other, 0.5)).astype(int)
    predicted = np.where(draw.random(2000) < 0.8, targets, 1 - targets)
    report = judge_fairness(
        np.eye(2)[predicted],
        targets,
        pl.DataFrame({"group": np.array(["a", "b"])[group]}),
        columns=["group"],
        metrics=metrics_of(),
        labels=["no", "yes"],
    )
    assert len(report.conflicts) == expected
    for conflict in report.conflicts:
        assert conflict.groups == ("b", "a")
        assert conflict.false_positive_rates[0] < conflict.false_positive_rates[1]
        assert conflict.sentence.startswith('By group the base rate of "yes" is 0.2')
        assert "equal precision and equal error rates cannot both hold" in conflict.sentence
