"""Items that come in groups, such as the photos of a patient: intervals, tests and slices count the groups."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from headway.errors import ConfigError, ShapeError
from headway.judge.grouped_items import looks_grouped, number_groups, of_groups
from headway.judge.intervals import wilson
from headway.judge.report.build import judge_predictions
from headway.judge.report.card import card
from headway.judge.report.report import Report
from headway.judge.significance import compare_groups, compare_numbers
from tests.judging import metrics_of

PATIENTS = np.repeat(np.arange(40), 10)
TARGETS = np.arange(400) % 2


def copies(seed: int, share: float = 0.9) -> np.ndarray:
    """Probabilities that are right for all ten items of a patient, or for none."""
    right = np.repeat(np.random.default_rng(seed).random(40) < share, 10)
    return np.eye(2)[np.where(right, TARGETS, 1 - TARGETS)] * 0.8 + 0.1


def judged(**options: object) -> Report:
    items = {"patient": [f"p{index}" for index in PATIENTS], "site": ["north", "south"] * 200}
    return judge_predictions(copies(0), TARGETS, items=items, slices=["site"], **options)  # type: ignore[arg-type]


def test_copies_count_once() -> None:
    right = np.repeat([1.0, 0.0], [360, 40])
    found = of_groups(wilson(360, 400), right, PATIENTS, is_share=True)
    alone = wilson(36, 40)
    assert [found.low, found.high] == pytest.approx([alone.low, alone.high], abs=0.01)


def test_independent_items_in_groups_keep_their_interval() -> None:
    right = np.tile(np.repeat([1.0, 0.0], [9, 1]), 40)
    found, plain = of_groups(wilson(360, 400), right, PATIENTS, is_share=True), wilson(360, 400)
    assert [found.low, found.high] == pytest.approx([plain.low, plain.high], abs=0.003)


def test_few_groups_have_no_interval() -> None:
    found = of_groups(wilson(90, 100), np.ones(100), np.arange(100) // 10, is_share=True)
    assert str(found) == "0.900 (no interval: 10 groups, 30 needed)"
    one = of_groups(wilson(90, 100), np.ones(100), np.zeros(100, np.int64), is_share=True)
    assert str(one) == "0.900 (no interval: 1 group, 30 needed)"


@pytest.mark.slow
def test_equal_models_are_told_apart_rarely() -> None:
    draw, told = np.random.default_rng(0), 0
    for seed in range(200):
        ours, theirs = (np.repeat(draw.random(30) < 0.9, 10).astype(float) for _ in range(2))
        groups = np.repeat(np.arange(30), 10)
        told += compare_groups(ours, theirs, groups=groups, seed=seed).p < 0.05
    assert told <= 14
    assert compare_numbers(ours, theirs).p <= compare_groups(ours, theirs, groups=groups).p


@pytest.mark.slow
def test_a_report_counts_groups() -> None:
    plain, grouped = judged(), judged(clusters="patient")
    wide, narrow = (report.parts["valid"].metrics["accuracy"] for report in (grouped, plain))
    assert wide.value == narrow.value
    assert wide.high - wide.low > 2.5 * (narrow.high - narrow.low)
    assert grouped.notes[-1] == (
        "Items come in groups: intervals and tests on valid count its 40 groups, not its items."
    )
    assert "corrected for 2 baselines" in grouped.verdict.sentence
    assert grouped.parts["valid"].metrics["expected_calibration_error"].reason == "items come in groups"
    assert grouped.parts["valid"].per_class[0].scores["recall"].reason == "items come in groups"
    assert grouped.slices is not None
    assert grouped.slices.slices[0].verdict == "indistinguishable"
    assert judged(clusters=PATIENTS.tolist()).parts["valid"].metrics["accuracy"] == wide
    assert "no interval: items come in groups" in grouped._repr_html_()
    assert "not shown: items come in groups" in card(grouped)


def test_a_column_of_near_copies_is_pointed_out() -> None:
    assert judged().notes[-1] == (
        "Items with the same 'patient' are right or wrong together: intervals that count them as independent are too "
        "narrow. Pass clusters='patient' (--clusters patient), and split by it."
    )
    draw = np.random.default_rng(0)
    items = judged_items()
    told = [looks_grouped(draw.random(400), items, ["patient", "site"]) for _ in range(200)]
    assert told.count(None) >= 198


def judged_items() -> pl.DataFrame:
    return pl.DataFrame({"patient": [f"p{index}" for index in PATIENTS], "site": ["north", "south"] * 200})


def test_an_item_without_a_group_is_one() -> None:
    assert number_groups(["a", None, "a", None]).tolist() == [0, 1, 0, 2]


def test_groups_of_numbers() -> None:
    draw = np.random.default_rng(0)
    answers = np.repeat(draw.normal(size=40), 10)[:, None]
    metrics = metrics_of("regression")
    options = {"names": ["mae", "rmse", "r2"]}
    plain = metrics.evaluate(answers, draw.normal(size=(400, 1)), **options)
    grouped = metrics.evaluate(answers, np.zeros((400, 1)) + draw.normal(size=(400, 1)) / 9, groups=PATIENTS, **options)
    assert all(grouped[name].low < grouped[name].value < grouped[name].high for name in plain)
    assert grouped["mae"].low >= 0


def test_groups_that_are_no_column() -> None:
    with pytest.raises(ConfigError) as caught:
        judged(clusters="patients")
    assert str(caught.value) == (
        "`clusters` must be a column of `items`, or a value for each item.\n"
        "  Given: clusters='patients'\n"
        '  Fix:   Did you mean "patient"?'
    )


def test_groups_of_other_items() -> None:
    with pytest.raises(ShapeError) as caught:
        judged(clusters=["a", "b"])
    assert str(caught.value) == (
        "`clusters` must have a value for each item.\n"
        "  Given: 2 values, 400 items\n"
        "  Fix:   Pass them in the order of the predictions."
    )
