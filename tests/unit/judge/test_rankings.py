"""Intervals of rankings: Wilson's, with as many trials as the columns show or are expected to have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headway.judge.intervals import wilson
from headway.judge.rankings import auroc_effects, precision_effects, rank, rank_classes


def scores_of(columns: int, *, apart: float, items: int = 200) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    positive = np.arange(items)[:, None] % 2 == np.zeros(columns)
    return draw.normal(size=(items, columns)) + apart * positive, positive


def test_a_perfect_column_has_fewer_trials_than_positives() -> None:
    """The highest negative is seldom among those seen, so a hundred of a hundred say less here than of a rate."""
    scores, positive = scores_of(1, apart=20)
    found = rank(scores, positive, precision_effects).estimate
    assert (found.value, found.high) == (1, 1)
    assert 0.8 < found.low < wilson(100, 100).low


def test_independent_columns_are_surer_together() -> None:
    one, three = (rank(*scores_of(columns, apart=1.5), auroc_effects).estimate for columns in (1, 3))
    assert three.high - three.low < 0.7 * (one.high - one.low)


def test_equal_columns_are_no_surer_together() -> None:
    scores, positive = scores_of(1, apart=1.5)
    one = rank(scores, positive, auroc_effects).estimate
    three = rank(np.repeat(scores, 3, axis=1), np.repeat(positive, 3, axis=1), auroc_effects).estimate
    assert (three.value, three.low, three.high) == pytest.approx((one.value, one.low, one.high))


def test_few_items_out_of_order_leave_the_lower_end_open() -> None:
    """One pair of 200 items is swapped: what is seen would put the lower end closer than what is expected."""
    scores, positive = np.arange(200.0)[:, None], np.arange(200)[:, None] >= 100
    positive[[99, 100]] = positive[[100, 99]]
    found = rank(scores, positive, auroc_effects).estimate
    assert found.value == pytest.approx(0.9999)
    assert found.value - found.low > 20 * (found.high - found.value)


def test_no_column_has_no_interval() -> None:
    found = rank(np.zeros((5, 0)), np.zeros((5, 0), dtype=bool), auroc_effects)
    assert math.isnan(found.value)
    assert math.isnan(found.estimate.low)


def test_more_columns_need_more_positives() -> None:
    scores, positive = scores_of(3, apart=1.5, items=48)
    assert rank_classes(scores, positive, precision_effects, what="label").reason == (
        "the rarest label has 24 items, 25 needed"
    )
    assert not rank_classes(scores[:, :1], positive[:, :1], precision_effects, what="label").reason
    assert not rank_classes(scores, positive, auroc_effects, what="label").reason
