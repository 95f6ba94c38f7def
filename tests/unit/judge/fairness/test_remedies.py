"""Remedies: gaps that they close, prices on rows that nothing was chosen on, and what needs training once more."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from headway.judge.fairness.proxies import proxies
from headway.judge.fairness.remedies import EQUALIZED, STRENGTHS, retrained, reweighed, threshold_curve
from headway.judge.slices.groups import Groups, group_items
from tests.unit.judge.fairness.test_proxies import learned


def scores(rows: int = 4000, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Groups]:
    draw = np.random.default_rng(seed)
    index = draw.integers(2, size=rows)
    positive = draw.random(rows) < 0.3 + 0.2 * index
    probability = (0.35 * positive + 0.1 * index + 0.55 * draw.random(rows)).clip(0, 1)
    return probability, positive, Groups(("a", "b"), index)


@pytest.mark.parametrize("is_apart", [False, True])
def test_thresholds_close_the_gap_that_they_are_to_close(is_apart: bool) -> None:
    chosen_on = scores(seed=1) if is_apart else None
    curve = threshold_curve(*scores(), column="sex", chosen_on=chosen_on)
    assert [(one.measure, one.strength) for one in curve] == [(name, step) for name in EQUALIZED for step in STRENGTHS]
    for measure in EQUALIZED:
        none, *_, whole = [one for one in curve if one.measure == measure]
        assert none.price.value == 0
        assert none.gaps[measure].value > 0.1
        # What is left is the luck of the rows that thresholds were chosen on.
        assert whole.gaps[measure].value < 0.08
    parity = next(one for one in curve if one.measure == "selection_rate" and one.strength == 1)
    assert parity.price.value < 0
    assert parity.sentence.startswith("thresholds by group, 100% of the way to an equal selection rate: -")


def test_the_line_of_thresholds_gives_what_they_promise() -> None:
    probability, positive, groups = scores()
    curve = threshold_curve(probability, positive, groups, column="sex", chosen_on=(probability, positive, groups))
    remedy = next(one for one in curve if one.measure == "selection_rate" and one.strength == 1)
    assert remedy.line is not None
    items = pl.DataFrame({"sex": [groups.names[group] for group in groups.index]})
    names: dict[str, Any] = {"predictions": np.stack([1 - probability, probability], axis=1), "items": items}
    exec(remedy.line.python, names)
    shares = [names["positive"][groups.index == group].mean() for group in (0, 1)]
    assert abs(shares[0] - shares[1]) == pytest.approx(remedy.gaps["selection_rate"].value, abs=1e-3)
    assert names["positive"].sum() > 0


def test_groups_are_known_by_their_names() -> None:
    probability, positive, groups = scores()
    other, truth, turned = scores(seed=1)
    renamed = Groups(("b", "a"), 1 - turned.index)
    options: dict[str, Any] = {"column": "sex"}
    same = threshold_curve(probability, positive, groups, chosen_on=(other, truth, turned), **options)
    assert threshold_curve(probability, positive, groups, chosen_on=(other, truth, renamed), **options) == same


def test_nothing_is_chosen_on_rows_that_it_is_judged_on() -> None:
    """Of noise, thresholds chosen on the same rows would leave no gap at all; on others they leave the luck."""
    draw = np.random.default_rng(0)
    index, positive, probability = draw.integers(2, size=200), draw.random(200) < 0.5, draw.random(200)
    left = [
        one.gaps["selection_rate"].value
        for one in threshold_curve(probability, positive, Groups(("a", "b"), index), column="sex")
        if one.strength == 1 and one.measure == "selection_rate"
    ]
    assert left[0] > 0.01


@pytest.mark.slow
def test_clusters_stay_in_one_half() -> None:
    probability, positive, groups = scores(400)
    ten = np.arange(400).repeat(10)
    copied = Groups(groups.names, groups.index[ten])
    curve = threshold_curve(probability[ten], positive[ten], copied, column="sex", clusters=ten)
    plain = threshold_curve(probability, positive, groups, column="sex")
    for one, other in zip(curve, plain, strict=True):
        assert one.accuracy.high - one.accuracy.low == pytest.approx(other.accuracy.high - other.accuracy.low, rel=0.15)


def test_weights_make_group_and_class_independent() -> None:
    draw = np.random.default_rng(0)
    groups = draw.integers(3, size=900)
    targets = (draw.random(900) < 0.2 + 0.2 * groups).astype(int)
    weights = reweighed(targets, groups)
    shares = [np.average(targets[groups == group], weights=weights[groups == group]) for group in range(3)]
    assert shares == pytest.approx([targets.mean()] * 3)
    assert weights.sum() == pytest.approx(900)


@pytest.mark.slow
def test_training_once_more() -> None:
    known = learned(1500)
    groups = group_items(known.items, "group")
    found = proxies(known, "group")
    remedies = retrained(known, groups, column="group", positive=1, found=found)
    assert [remedy.kind for remedy in remedies] == ["none", "reweight", "drop", "drop", "collect", "collect"]
    assert [remedy.name for remedy in remedies][2:] == [
        "without group",
        "without income, group, district",
        "b alone, with 25% of its training rows",
        "b alone, with 50% of its training rows",
    ] or "a alone" in remedies[-1].name
    assert math.isnan(remedies[0].price.value)
    assert all(remedy.price.low <= remedy.price.value <= remedy.price.high for remedy in remedies[1:])


def test_other_inputs_than_tables_are_not_trained_again() -> None:
    known = learned(200)
    plain = type(known)(train=type(known.train)(targets=known.train.targets), items=known.items, judged=known.judged)
    assert retrained(plain, group_items(known.items, "group"), column="group", positive=1, found=[]) == []
