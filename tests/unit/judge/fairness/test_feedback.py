"""Feedback: records that follow where one looked, and the remedy that makes them follow what there is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from headway.errors import ConfigError
from headway.judge.fairness.feedback import simulate_feedback


def test_who_is_looked_at_is_who_is_found() -> None:
    loop = simulate_feedback("most records", runs=60)
    assert loop.shares.shape == (60, 50, 2)
    assert np.allclose(loop.shares.sum(2), 1)
    # Eight of ten visits: of 50 rounds' records eight of ten, and of the first hundred about one half.
    assert loop.last[0].value == pytest.approx((52 + 0.8 * 500) / 600, abs=0.01)
    assert loop.sentence.endswith("0.500 of what there is; it has more than that in 60 runs.")
    json.dumps(loop.to_json(), allow_nan=False)


@pytest.mark.parametrize("rule", ["most records", "in proportion", "evenly"])
def test_weighed_records_are_what_there_is(rule: Any) -> None:
    loop = simulate_feedback(rule, records=(5, 5), rates=(0.1, 0.15), runs=60, weighed=True)
    assert loop.last[0].value == pytest.approx(0.4, abs=0.015)


def test_the_worse_place_can_seem_the_better() -> None:
    loop = simulate_feedback("most records", rates=(0.1, 0.15), runs=60)
    assert loop.true_shares.tolist() == pytest.approx([0.4, 0.6])
    assert loop.last[0].low > 0.6


def test_the_same_seed_gives_the_same_runs() -> None:
    first, again, other = (simulate_feedback(runs=3, rounds=4, seed=seed).shares for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_three_places_without_records_and_a_rule_of_ones_own() -> None:
    loop = simulate_feedback("in proportion", records=(0, 0, 0), rates=(0.0, 0.0, 0.0), runs=2, rounds=3)
    assert not loop.shares.any()
    assert loop.true_shares.tolist() == pytest.approx([1 / 3] * 3)
    alone = simulate_feedback(lambda records: np.array([1.0, 0.0]), runs=2, rounds=3, weighed=True)
    assert (alone.shares[:, -1, 0] > 0.5).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"rule": "most record"},
            "This rule is not known.\n  Given: 'most record'\n  Fix:   Did you mean \"most records\"?",
        ),
        (
            {"records": (1,), "rates": (0.1, 2.0), "runs": 0},
            "Feedback needs two places or more, each with its records and its rate, and counts of at least 1.\n"
            "  Given: runs=0, 1 records, 2 rates, a rate of 2\n"
            "  Fix:   Pass such as records=(52, 48), rates=(0.1, 0.1).",
        ),
        (
            {"rule": lambda records: records},
            "A rule must give each place a share of the visits.\n"
            "  Given: shares [52.0, 48.0]\n"
            "  Fix:   Let the shares sum to one.",
        ),
    ],
)
def test_what_cannot_be_simulated(options: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        simulate_feedback(**options)
    assert str(error.value) == message
