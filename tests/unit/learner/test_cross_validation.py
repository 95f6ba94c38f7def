from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from torch import nn

import headway as hw
from headway.learner.cross_validation import CrossValidation, fold_data
from tests.judging import metrics_of
from tests.stopping import QUIET, same_bits, told, weights

Make = Callable[..., nn.Module]
DRAW = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "x": DRAW.normal(size=90),
        "site": [f"site {number // 6}" for number in range(90)],
        "day": [date(2024, 1, 1) + timedelta(number) for number in range(90)],
        "y": ["rare" if number % 9 == 0 else "usual" for number in range(90)],
    }
)


def table(split: Any = None) -> hw.Data:
    return hw.from_items(FRAME, input=hw.Table(continuous=["x"]), target="y", split=split)


def test_every_row_is_judged_once_by_a_model_that_has_not_seen_it() -> None:
    data = table(hw.RandomSplit(0.2, test=0.1))
    folds = fold_data(data, 4, seed=0)
    judged = [row for fold in folds for row in fold.valid.rows.tolist()]
    assert sorted(judged) == sorted([*data.train.rows.tolist(), *data.valid.rows.tolist()])
    for fold in folds:
        assert not set(fold.train.rows) & set(fold.valid.rows)
        assert not len(fold.test)
        assert 1 <= (fold.valid.items["y"] == "rare").sum() <= 4


def test_fields_are_fitted_on_the_training_rows_of_each_fold() -> None:
    for fold in fold_data(table(), 3, seed=0):
        (column,) = fold.input.form()
        assert column.typical == pytest.approx(fold.train.items["x"].median(), abs=1e-6)
        assert fold.target.labels == ("rare", "usual")


def test_the_seed_decides_the_folds() -> None:
    rows = [[fold.valid.rows.tolist() for fold in fold_data(table(), 3, seed=seed)] for seed in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2]


def test_groups_stay_whole() -> None:
    for fold in fold_data(table(hw.GroupSplit("site")), 5, seed=0):
        assert not set(fold.train.items["site"]) & set(fold.valid.items["site"])


def test_time_goes_forward() -> None:
    for fold in fold_data(table(hw.TimeSplit("day")), 5, seed=0):
        assert fold.train.items["day"].max() < fold.valid.items["day"].min()  # type: ignore[operator]


@pytest.mark.parametrize("folds", [1, 2.0, "5"])
def test_the_number_of_folds(folds: Any) -> None:
    with pytest.raises(hw.ConfigError, match="`folds` must be a whole number from 2"):
        fold_data(table(), folds, seed=0)


def test_too_few_groups() -> None:
    with pytest.raises(hw.ConfigError) as caught:
        fold_data(table(hw.GroupSplit("site")), 20, seed=0)
    assert str(caught.value) == (
        "There are too few rows to divide into folds.\n  Given: folds=20, 15 groups\n  Fix:   Pass fewer folds."
    )


@pytest.mark.slow
@pytest.mark.parametrize("is_own", [True, False])
def test_a_learner_is_trained_as_before_and_stays_as_it_is(linear: Make, digits_data: hw.Data, is_own: bool) -> None:
    learner = hw.Learner(digits_data, linear(), **QUIET) if is_own else hw.Learner(table(), **QUIET)
    learner.fit(2, lr=1e-2)
    before, history = weights(learner.model), told(learner.history)
    found = learner.cross_validate(3)
    assert same_bits(learner.model, before)
    assert told(learner.history) == history
    assert len(found.folds) == 3
    assert found.metrics["accuracy"].value == pytest.approx(np.mean([fold["accuracy"] for fold in found.folds]))
    assert found.metrics["accuracy"].low < found.metrics["accuracy"].value < found.metrics["accuracy"].high
    assert [each["accuracy"] for each in learner.cross_validate(3).folds] == [each["accuracy"] for each in found.folds]
    assert repr(found).startswith("CrossValidation(3 folds, accuracy 0.")
    assert found.to_frame().shape == (3, 1 + len(found.metrics))


def test_the_interval_covers_the_mean_of_folds_that_share_rows() -> None:
    """As Nadeau and Bengio: wider than of independent numbers, by the root of 1 + folds / (folds - 1)."""
    found = CrossValidation.of([{"accuracy": value} for value in (0.8, 0.9, 0.85, 0.95, 0.7)], metrics_of())
    values = np.array([0.8, 0.9, 0.85, 0.95, 0.7])
    naive = 2.776445 * values.std(ddof=1) / 5**0.5
    estimate = found.metrics["accuracy"]
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.value - estimate.low == pytest.approx(naive * (1 + 5 / 4) ** 0.5, rel=1e-4)
    assert estimate.high == 1.0  # a share


def test_a_module_of_ones_own_is_trained_from_its_start_again_for_an_ensemble() -> None:
    learner = hw.Learner(table(), nn.Linear(1, 2), **QUIET)
    learner.fit(2, lr=1e-2)
    assert 0 <= learner.ensemble_with("logistic regression").weight <= 1
