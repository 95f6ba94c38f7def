"""What a model gives to groups of people: fairlearn's values, intervals that hold, and groups as they come."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.errors import ConfigError
from headway.judge.fairness.report import FairnessReport, judge_fairness
from headway.judge.report.card import card
from tests.judging import metrics_of

LABELS = ["no", "yes"]


def people(items: int = 3000, *, classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray, pl.DataFrame]:
    """Probabilities, targets and groups, in which the third group is served worse."""
    draw = np.random.default_rng(seed)
    race, sex = draw.integers(3, size=items), draw.integers(2, size=items)
    targets = draw.integers(classes, size=items)
    predicted = np.where(draw.random(items) < 0.85 - 0.15 * race, targets, draw.integers(classes, size=items))
    probabilities = 0.6 * np.eye(classes)[predicted] + 0.4 * draw.dirichlet(np.ones(classes), size=items)
    table = pl.DataFrame({"race": np.array(["a", "b", "c"])[race], "sex": np.array(["f", "m"])[sex]})
    return probabilities, targets, table


def judged(table: pl.DataFrame, groups: Any, **options: Any) -> FairnessReport:
    probabilities, targets, _ = people(len(table))
    return judge_fairness(probabilities, targets, table, columns=groups, metrics=metrics_of(), labels=LABELS, **options)


@pytest.mark.slow
def test_what_differs_is_said_and_what_does_not_is_not() -> None:
    _, _, table = people()
    report = judged(table, ["race", "sex"])
    verdicts = {(gap.columns, gap.measure): gap.verdict for gap in report.gaps}
    assert verdicts[("race",), "error"] == "differ"
    assert verdicts[("sex",), "error"] == "no measurable difference"
    assert all(verdicts[("race", "sex"), name] == "differ" for name in ("error", "true_positive_rate"))
    assert report.num_compared == 21
    gap = next(gap for gap in report.gaps if gap.columns == ("race",) and gap.measure == "error")
    assert (gap.lowest, gap.highest, gap.num_groups) == ("a", "c", 3)
    assert 0 < gap.difference.low < gap.difference.value < gap.difference.high
    assert gap.ratio.low < gap.ratio.value < gap.ratio.high < 1
    assert gap.sentence in report.sentences
    assert gap.sentence.startswith('The error of "yes" by race differs: lowest for a, highest for c; difference 0.')
    json.dumps(report.to_json(), allow_nan=False)


def test_a_small_group_is_not_judged_and_its_only_member_not_shown() -> None:
    _, _, table = people()
    table = table.with_columns(race=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("only one")).otherwise("race"))
    report = judged(table, ["race"])
    [alone] = [group for group in report.groups if group.where == {"race": "only one"}]
    assert (alone.count, alone.counts["selection_rate"]) == (1, 1)
    assert all(math.isnan(estimate.value) for estimate in alone.rates.values())
    assert report.sentences[-1] == "Cannot say for groups with fewer than 30 items: race = only one (1)."
    assert all(gap.num_groups == 3 for gap in report.gaps)


@pytest.mark.slow
def test_groups_as_they_come() -> None:
    _, _, table = people(1500)
    order = np.arange(1500)
    table = table.with_columns(
        pl.Series("name", [f"person {n}" for n in order]),
        pl.Series("town", [f"town {n % 1000}" for n in order]),
        pl.Series("age", order / 7),
        pl.Series("same", ["all"] * 1500),
        pl.Series("void", [None] * 1500, dtype=pl.String),
        race=pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise("race"),
    )
    missing = judged(table, ["race"])
    assert [group.where["race"] for group in missing.groups][-1] == "(missing)"
    many = judged(table, ["town"])
    assert len(many.groups) == 12
    assert many.notes == [
        '"town" has 1,000 values: the 11 largest groups are shown, the 989 others together. Group them by hand where '
        "they differ."
    ]
    assert {gap.verdict for gap in many.gaps} == {"cannot say"}
    numbers = judged(table, ["age"])
    assert len(numbers.groups) == 5
    assert numbers.notes == ['"age" is a number: its groups are fifths. Make a column of groups that mean something.']
    for column, name in (("same", "all"), ("void", "(missing)")):
        alone = judged(table, [column])
        assert [group.where for group in alone.groups] == [{column: name}]
        assert alone.notes == [f'All items have the same value of "{column}": there is nothing to compare.']
        assert {gap.verdict for gap in alone.gaps} == {"cannot say"}
    assert judged(table, ["name", "town", "age", "race", "sex"]).num_compared > 0


def test_the_target_as_a_group() -> None:
    probabilities, targets, _ = people()
    table = pl.DataFrame({"answer": np.array(LABELS)[targets]})
    report = judge_fairness(probabilities, targets, table, columns=["answer"], metrics=metrics_of(), labels=LABELS)
    gaps = {gap.measure: gap for gap in report.gaps}
    assert gaps["base_rate"].difference.value == 1
    # A group has members of one class alone, so two rates have one group each.
    assert gaps["true_positive_rate"].verdict == gaps["false_positive_rate"].verdict == "cannot say"


@pytest.mark.slow
def test_numbers_have_an_error_and_a_bias() -> None:
    draw = np.random.default_rng(0)
    truth, sex = draw.normal(50, 10, size=(600, 1)), np.repeat(["f", "m"], 300)
    guess = truth + draw.normal(0, 2, size=(600, 1)) - 3 * (sex == "f")[:, None]
    report = hw.judge_predictions(guess, truth, task="regression", items={"sex": sex.tolist()}, groups=["sex"]).fairness
    assert report is not None
    gaps = {gap.measure: gap for gap in report.gaps}
    assert gaps["bias"].difference.value == pytest.approx(3, abs=0.4)
    assert gaps["bias"].verdict == gaps["error"].verdict == "differ"
    assert math.isnan(gaps["bias"].ratio.value)


@pytest.mark.slow
def test_clusters_widen_the_intervals() -> None:
    probabilities, targets, table = people(1200)
    once = slice(0, 1200)
    ten = np.arange(1200).repeat(10)
    options = {"columns": ["sex"], "metrics": metrics_of(), "labels": LABELS}
    plain = judge_fairness(probabilities[once], targets, table, **options)
    copied = judge_fairness(probabilities[ten], targets[ten], table[ten.tolist()], clusters=ten, **options)
    for one, other in zip(plain.gaps, copied.gaps, strict=True):
        assert other.difference.value == pytest.approx(one.difference.value)
        assert other.difference.high == pytest.approx(one.difference.high, abs=0.012)


@pytest.mark.slow
def test_in_the_report() -> None:
    probabilities, targets, table = people()
    report = hw.judge_predictions(probabilities, targets, labels=LABELS, items=table, groups=["race", "sex"])
    assert report.fairness is not None
    assert report.to_json()["fairness"]["gaps"][0]["measure"] == "selection_rate"
    assert report.fairness.sentences[0] in str(report)
    page, text = report._repr_html_(), card(report)
    assert "Who is harmed" in page
    assert f"- {report.fairness.sentences[0]}" in text.partition("## Who is harmed")[2]
    assert "Remedy, by race: thresholds by group, 100% of the way to an equal selection rate: " in text
    assert "- Deployment bias: what is done with an answer" in text.partition("## What is not known")[2]
    without = hw.judge_predictions(probabilities, targets, labels=LABELS, items=table)
    assert without.fairness is None
    assert without.to_json()["fairness"] is None
    assert "## Who is harmed\n\n- No groups of people were compared: ____" in card(without)


def test_names_of_groups_are_escaped() -> None:
    probabilities, targets, _ = people(400)
    names = np.where(np.arange(400) % 2, "<script>alert(1)</script>", "a|b\nc")
    report = hw.judge_predictions(probabilities, targets, items={"<b>": names.tolist()}, groups=["<b>"])
    page = report._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;alert" in page.replace("&amp;", "&")
    assert "\nc" not in card(report).partition("## Who is harmed")[2].partition("##")[0]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            "race",
            "`groups` must be a list of columns that say to which groups people belong.\n"
            "  Given: groups='race'\n"
            '  Fix:   Pass groups=["race"]; for intervals that count groups, such as patients, clusters="race".',
        ),
        (["race", "race"], "`groups` names a column twice.\n  Given: race, race\n  Fix:   Name it once."),
        (
            ["sex", 3],
            "`groups` must hold names of columns.\n"
            "  Given: 3 among 2 entries\n"
            '  Fix:   Pass such as groups=["sex", "race"].',
        ),
        (
            ["rase"],
            "The items have no such column.\n  Given: column 'rase'\n  Fix:   Did you mean \"race\"?",
        ),
    ],
)
def test_wrong_columns(groups: Any, message: str) -> None:
    _, _, table = people(100)
    with pytest.raises(ConfigError) as error:
        judged(table, groups)
    assert str(error.value) == message


def test_groups_without_items() -> None:
    probabilities, targets, _ = people(100)
    with pytest.raises(ConfigError) as error:
        hw.judge_predictions(probabilities, targets, groups=["sex"])
    assert str(error.value) == (
        "Slices and groups are made of the items' columns.\n  Given: groups=['sex'], no items\n  Fix:   Pass `items`."
    )
