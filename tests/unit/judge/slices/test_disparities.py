from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest

from headway.judge.slices.disparities import Disparity, disparities
from headway.judge.slices.groups import Groups


def answers(items: int, classes: int, *, groups: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Groups]:
    draw = np.random.default_rng(seed)
    index = draw.integers(groups, size=items)
    targets = (draw.integers(classes, size=items) + (draw.random(items) < 0.2) * index) % classes
    predicted = np.where(draw.random(items) < 0.6 + 0.1 * index, targets, draw.integers(classes, size=items))
    return predicted, targets, Groups(tuple("abcdefgh"[:groups]), index)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 4])
def test_values_are_fairlearns(classes: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fairlearn import metrics as fairlearn

    predicted, targets, groups = answers(2000, classes)
    labels = [f"class {k}" for k in range(classes)]
    found = disparities(predicted, targets, groups, column="site", labels=labels)
    assert len(found) == 3 * (classes if classes > 2 else 1)
    for each in found:
        k = labels.index(each.label)
        theirs = getattr(fairlearn, each.name)(
            (targets == k).astype(int), (predicted == k).astype(int), sensitive_features=groups.index
        )
        assert each.value.value == pytest.approx(theirs, abs=1e-12)
        assert each.value.low <= each.value.value <= each.value.high
        assert each.num_groups == 3


def test_by_hand() -> None:
    # north: 40 of 50 given it, of 40 that are of it 36; south: 20 of 50 and 20 of 40.
    given_ = np.repeat([1, 0, 1, 0], [36, 4, 4, 6]), np.repeat([1, 0, 1, 0], [20, 20, 0, 10])
    actual = np.repeat([1, 0], [40, 10])
    groups = Groups(("north", "south"), np.repeat([0, 1], 50))
    parity, opportunity, odds = disparities(
        np.concatenate(given_), np.tile(actual, 2), groups, column="site", labels=["no", "yes"]
    )
    assert (parity.value.value, parity.lowest, parity.highest) == (pytest.approx(0.4), "south", "north")
    assert (opportunity.value.value, opportunity.label) == (pytest.approx(0.4), "yes")
    # Ten items of the other class in each are too few to tell how many of them are given it.
    assert odds == Disparity(
        name="equalized_odds_difference",
        column="site",
        label="yes",
        value=odds.value,
        lowest="",
        highest="",
        num_groups=0,
    )
    assert math.isnan(odds.value.value)
    assert json.loads(json.dumps(odds.to_json(), allow_nan=False))["value"] == {
        "value": None,
        "low": None,
        "high": None,
    }


def test_small_groups_are_left_out() -> None:
    predicted, targets, groups = answers(2000, 2)
    index = groups.index.copy()
    index[:20] = 3
    predicted[:20] = 1 - targets[:20]
    whole = Groups((*groups.names, "tiny"), index)
    rest = index < 3
    expected = disparities(predicted[rest], targets[rest], Groups(groups.names, index[rest]), column="x", labels="ab")
    assert disparities(predicted, targets, whole, column="x", labels="ab") == expected


@pytest.mark.slow
def test_where_groups_are_equal_the_interval_reaches_zero() -> None:
    draw = np.random.default_rng(0)
    alarms = trials = 0
    for _ in range(150):
        targets, index = draw.integers(2, size=1000), draw.integers(6, size=1000)
        predicted = np.where(draw.random(1000) < 0.8, targets, 1 - targets)
        found = disparities(predicted, targets, Groups(tuple("abcdef"), index), column="site", labels=["no", "yes"])
        alarms += any(each.value.low > 0 for each in found)
        trials += 1
        assert all(each.value.value > 0 for each in found)
    assert alarms / trials <= 0.05
