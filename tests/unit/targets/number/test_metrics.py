"""Intervals of metrics of numbers: where few items decide most of a mean, their ends lie farther off."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from headway.targets.number.metrics import METRICS

Draw = Callable[[np.random.Generator], np.ndarray]


def _exponential(draw: np.random.Generator) -> np.ndarray:
    return 3 * draw.exponential(size=40)


def _lognormal(draw: np.random.Generator) -> np.ndarray:
    return 3 * draw.lognormal(size=40)


def _uniform(draw: np.random.Generator) -> np.ndarray:
    return draw.uniform(-3, 3, size=40)


@pytest.mark.parametrize(
    ("targets", "errors", "truth"),
    [
        # Errors' variance by the targets': 1 / 9, 3 / 9, 3 / 3.
        (_exponential, lambda draw: draw.normal(size=40), 1 - 1 / 9),
        (_exponential, lambda draw: draw.standard_t(3, size=40), 1 - 3 / 9),
        (_uniform, lambda draw: draw.standard_t(3, size=40), 1 - 3 / 3),
        (_lognormal, lambda draw: draw.normal(size=40), 1 - 1 / (9 * math.e * (math.e - 1))),
    ],
)
def test_what_is_explained_lies_in_its_interval_whichever_has_a_tail(targets: Draw, errors: Draw, truth: float) -> None:
    held = 0
    for seed in range(400):
        draw = np.random.default_rng((7, seed))
        values = targets(draw)
        score = METRICS.evaluate(values + errors(draw), values, names=["r2"])["r2"]
        held += score.low <= truth <= score.high
    assert 0.92 <= held / 400 <= 0.98


def test_each_end_is_moved_by_its_own_tail() -> None:
    draw = np.random.default_rng(0)
    values, errors = draw.uniform(-3, 3, size=100), draw.uniform(-1, 1, size=100)
    usual = METRICS.evaluate(values + errors, values, names=["r2"])["r2"]
    errors[0], far = 10.0, np.append(values[1:], 60.0)
    large_error = METRICS.evaluate(values + errors, values, names=["r2"])["r2"]
    far_target = METRICS.evaluate(far + draw.uniform(-1, 1, size=100), far, names=["r2"])["r2"]
    # On the scale of what is not explained, by which factor it may be more, and less.
    more, less = ((1 - score.low) / (1 - score.value) for score in (large_error, far_target))
    assert more > 3 > (1 - usual.low) / (1 - usual.value)
    assert (1 - far_target.value) / (1 - far_target.high) > 5 > (1 - usual.value) / (1 - usual.high)
    assert less > 1


def test_few_items_have_no_interval_as_their_tails_are_not_seen() -> None:
    values, errors = np.arange(40.0), np.tile([1.0, -1.0], 20)
    few, enough = (
        METRICS.evaluate((values + errors)[:count], values[:count], names=["r2"])["r2"] for count in (39, 40)
    )
    assert str(few) == "0.992 (no interval: 39 items, 40 needed)"
    assert enough.low < enough.value < enough.high


def test_answers_without_an_error_explain_all() -> None:
    values = np.arange(40.0)
    score = METRICS.evaluate(values, values, names=["r2"])["r2"]
    assert (score.value, score.low, score.high) == (1.0, 1.0, 1.0)
