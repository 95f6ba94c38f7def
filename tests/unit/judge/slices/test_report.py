from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from headway.errors import ConfigError, DataError, HeadwayError, ShapeError
from headway.judge.slices.compare import holm, share_difference
from headway.judge.slices.report import judge_slices
from headway.targets.category.metrics import METRICS
from tests.judging import evaluate, metrics_of

LABELS = ["cat", "dog", "fox"]


def predictions(
    items: pl.DataFrame, accuracy: float | np.ndarray, *, classes: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right for each item with a probability of `accuracy`."""
    draw = np.random.default_rng([seed, 1])
    targets = draw.integers(classes, size=len(items))
    right = draw.random(len(items)) < accuracy
    given_ = np.where(right, targets, (targets + draw.integers(1, classes, size=len(items))) % classes)
    return 0.7 * np.eye(classes)[given_] + 0.3 / classes, targets


def table(count: int, *, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "site": draw.choice(list("abcdef"), count),
            "sex": draw.choice(["f", "m"], count),
            "age": draw.integers(20, 80, count),
        }
    )


@pytest.mark.slow
def test_every_metric_of_every_group() -> None:
    items = table(600).with_columns(site=pl.when(pl.col("age") < 25).then(None).otherwise(pl.col("site")))
    probabilities, targets = predictions(items, 0.8)
    found = judge_slices(
        probabilities, targets, items, columns=["site", "sex"], labels=LABELS, seed=3, metrics=metrics_of()
    )
    assert {each.where.get("sex") for each in found.slices} == {"f", "m", None}
    assert {each.where.get("site") for each in found.slices} >= {"a", "(missing)"}
    assert sum(each.count for each in found.slices) == 1200
    for each in found.slices:
        ((column, group),) = each.where.items()
        rows = items[column].fill_null("(missing)").to_numpy() == group
        assert each.count == rows.sum()
        assert each.metrics == evaluate(probabilities[rows], targets[rows], seed=3)
    assert list(found.slices[0].metrics) == list(METRICS.metrics)
    assert len(found.disparities) == 2 * 3 * 3
    assert found.num_compared == 7 + 1
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["count"] == 600


def test_a_slice_that_is_worse_is_found() -> None:
    items = table(2000)
    probabilities, targets = predictions(items, np.where(items["site"] == "c", 0.7, 0.9))
    found = judge_slices(
        probabilities, targets, items, columns=["site", "sex"], labels=LABELS, names=["accuracy"], metrics=metrics_of()
    )
    # Another may be better than the rest, to which this one belongs.
    (worse,) = [each for each in found.slices if each.verdict == "worse"]
    assert worse.where == {"site": "c"}
    rows = (items["site"] == "c").to_numpy()
    right = probabilities.argmax(1) == targets
    assert worse.difference.value == pytest.approx(100 * (right[rows].mean() - right[~rows].mean()))
    assert worse.difference.high < 0
    assert worse.p < 0.001
    assert found.sentences[0] == worse.sentence
    assert worse.sentence.startswith(f"Worse on site = c ({rows.sum()} items): accuracy {worse.difference.value:.1f} ")


@pytest.mark.slow
def test_false_alarms_are_rare() -> None:
    alarms = 0
    for seed in range(200):
        items = table(600, seed=seed)
        probabilities, targets = predictions(items, 0.85, seed=seed)
        columns = ["site", "sex", "age"]
        found = judge_slices(
            probabilities, targets, items, columns=columns, labels=LABELS, names=["accuracy"], metrics=metrics_of()
        )
        alarms += any(each.verdict in ("better", "worse") for each in found.slices)
    # At most 5 % are to be expected; 18 of 200 would be two standard errors more.
    assert alarms <= 16


def test_small_groups_are_marked() -> None:
    items = pl.DataFrame({"site": ["a"] * 100 + ["b"] * 100 + ["c"] * 29})
    probabilities, targets = predictions(items, 0.8)
    found = judge_slices(probabilities, targets, items, columns=["site"], labels=LABELS, metrics=metrics_of())
    small = found.slices[-1]
    assert (small.name, small.count, small.verdict) == ("site = c", 29, "too small")
    assert all(math.isnan(each.value) for each in small.metrics.values())
    assert math.isnan(small.p)
    assert found.sentences[-1] == "Too few items to compare, fewer than 30: site = c (29)."
    assert small.sentence == "site = c: 29 items are too few to compare."


def test_a_group_that_is_nearly_everything_is_not_compared() -> None:
    items = pl.DataFrame({"site": ["a"] * 100 + ["b"] * 5, "all": [1] * 105})
    found = judge_slices(
        *predictions(items, 0.8),
        items,
        columns=["site", "all"],
        labels=LABELS,
        names=["accuracy"],
        metrics=metrics_of(),
    )
    assert [each.verdict for each in found.slices] == ["not compared", "too small", "not compared"]
    assert found.slices[0].sentence == "site = a: 100 items, and too few others to compare them with."
    assert not math.isnan(found.slices[0].metrics["accuracy"].value)
    assert found.num_compared == 0
    assert len(found.sentences) == 1


def test_two_groups_are_one_comparison() -> None:
    items = table(400)
    judged = judge_slices(
        *predictions(items, 0.8), items, columns=["sex"], labels=LABELS, names=["accuracy"], metrics=metrics_of()
    )
    assert judged.num_compared == 1
    assert judged.slices[0].p == judged.slices[1].p
    assert judged.slices[0].difference.value == pytest.approx(-judged.slices[1].difference.value)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist())


@given(st.integers(0, 60), st.integers(0, 90), st.sampled_from([0.95, 0.999]))
def test_difference_is_newcombes(hits: int, others: int, confidence: float) -> None:
    ours = share_difference(hits, 60, hits + others, 150)(confidence)
    low, high = confint_proportions_2indep(hits, 60, others, 90, method="newcomb", alpha=1 - confidence)
    assert (ours.low, ours.high) == (pytest.approx(float(low), abs=1e-9), pytest.approx(float(high), abs=1e-9))


def test_one_class_only_has_blanks_where_nothing_can_be_said() -> None:
    items = table(200)
    probabilities, _ = predictions(items, 0.8)
    found = judge_slices(
        probabilities, np.zeros(200, dtype=int), items, columns=["sex"], labels=LABELS, metrics=metrics_of()
    )
    assert all(math.isnan(each.metrics["auroc"].value) for each in found.slices)
    assert json.dumps(found.to_json(), allow_nan=False)


def test_large_slices_are_ranked_on_some_of_their_items() -> None:
    items = pl.DataFrame({"site": ["a"] * 25_000 + ["b"] * 100})
    draw = np.random.default_rng(0)
    targets = draw.integers(2, size=len(items))
    score = 1 / (1 + np.exp(-draw.normal(size=len(items)) - 2 * targets + 1))
    probabilities = np.stack([1 - score, score], 1)
    metrics = ["auroc", "accuracy"]
    found = judge_slices(
        probabilities, targets, items, columns=["site"], labels=["no", "yes"], names=metrics, metrics=metrics_of()
    )
    whole = evaluate(probabilities[:25_000], targets[:25_000], metrics=metrics)
    large, small = (each.metrics for each in found.slices)
    assert large["accuracy"] == whole["accuracy"]
    assert large["auroc"] != whole["auroc"]
    assert large["auroc"].low < whole["auroc"].value < large["auroc"].high
    assert small == evaluate(probabilities[25_000:], targets[25_000:], metrics=metrics)


@pytest.mark.slow
def test_a_million_predictions() -> None:
    draw = np.random.default_rng(0)
    targets = draw.integers(10, size=1_000_000)
    probabilities = draw.random((1_000_000, 10), dtype=np.float32)
    probabilities[np.arange(1_000_000), targets] += 1
    probabilities /= probabilities.sum(1, keepdims=True)
    items = pl.DataFrame({"site": targets % 7, "age": draw.random(1_000_000)})
    found = judge_slices(
        probabilities, targets, items, columns=["site", "age"], labels=list("0123456789"), metrics=metrics_of()
    )
    assert [each.count for each in found.slices if "age" in each.where] == [200_000] * 5
    assert found.num_compared == 12


@pytest.mark.slow
def test_compas(shared_data: Callable[[str], Path]) -> None:
    from sklearn.linear_model import LogisticRegression

    items = pl.read_csv(shared_data("compas") / "compas-scores-two-years_deidentified.csv")
    known = items.select("age", "priors_count", "juv_fel_count", "juv_misd_count").to_numpy() / [10, 5, 1, 1]
    targets, train = items["two_year_recid"].to_numpy(), items["id"].to_numpy() % 10 > 2
    model = LogisticRegression().fit(known[train], targets[train])
    probabilities, judged = model.predict_proba(known[~train]), items.filter(pl.Series(~train))
    found = judge_slices(
        probabilities, targets[~train], judged, columns=["race", "sex"], labels=["no", "yes"], metrics=metrics_of()
    )
    by_name = {each.name: each for each in found.slices}
    assert by_name["race = Native American"].verdict == "too small"
    assert by_name["race = African-American"].count > 1000
    parity = {(each.column, each.name): each for each in found.disparities}["race", "demographic_parity_difference"]
    # As published: the groups are told to re-offend at very different rates.
    assert parity.highest == "African-American"
    assert parity.value.low > 0.05


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"probabilities": np.full((40, 3), 0.5)}, DataError, "sum to one"),
        ({"probabilities": np.full((40, 3), np.nan)}, DataError, "NaN"),
        ({"targets": np.full(40, 3)}, DataError, "targets outside 0 to 2"),
        ({"targets": np.zeros(39, int)}, ShapeError, r"targets \[39\]"),
        ({"items": pl.DataFrame({"site": ["a"]})}, ShapeError, "1 items, 3 labels"),
        ({"labels": ["cat"]}, ShapeError, "40 items, 1 labels"),
        ({"columns": []}, ConfigError, "must name the columns"),
        ({"columns": "site"}, ConfigError, "must name the columns"),
        ({"columns": ["place"]}, ConfigError, "no such column"),
        ({"names": ["acuracy"]}, ConfigError, 'Did you mean "accuracy"'),
        (
            {"probabilities": np.zeros((0, 3)), "targets": np.zeros(0, int), "items": pl.DataFrame({"site": []})},
            DataError,
            "0 items",
        ),
    ],
)
def test_bad_input(change: dict[str, Any], kind: type[HeadwayError], text: str) -> None:
    items = pl.DataFrame({"site": ["a"] * 40})
    right = {"probabilities": np.full((40, 3), 1 / 3), "targets": np.zeros(40, int), "items": items}
    arguments: dict[str, Any] = {**right, "columns": ["site"], "labels": LABELS, **change}
    positional = [arguments.pop(name) for name in right]
    with pytest.raises(kind, match=text):
        judge_slices(*positional, **arguments, metrics=metrics_of())
