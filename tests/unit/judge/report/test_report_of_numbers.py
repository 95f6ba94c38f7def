"""Reports on numbers and on several labels: verdict, text, JSON, page, card, slices and diagnosis."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_ind

import headway as hw
from headway.errors import ConfigError, DataError, ShapeError
from headway.judge.baselines.run import BaselineResult
from headway.judge.diagnosis.diagnose import diagnose
from headway.judge.report.card import card
from headway.judge.report.inputs import ReportInputs, checked_predictions
from headway.judge.report.page import render
from headway.judge.report.page.marks import number
from headway.judge.report.report import Picture, Report
from headway.judge.slices.report import judge_slices
from headway.judge.verdict import verdict
from headway.targets.number.page import judge_residuals
from headway.targets.registry import TASKS
from tests.judging import metrics_of, target_of


def ages(items: int = 300, spread: float = 4.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    truth = draw.uniform(1, 90, size=items)
    return truth + draw.normal(0, spread, size=items), truth


def tags(items: int = 300, skill: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    truth = (draw.random((items, 3)) < 0.4).astype(np.float32)
    return 1 / (1 + np.exp(-(draw.normal(size=truth.shape) + skill * (2 * truth - 1)))), truth


@pytest.fixture(scope="module")
def of_ages() -> Report:
    answers, truth = ages()
    columns = {"site": ["north", "south", "east"] * 100}
    history = [
        {"stage": "all", "epoch": k, "train_loss": 1 / k, "valid_loss": 1.2 / k, "mae": 9 / k, "lr": 0.1, "seconds": 1}
        for k in (1, 2, 3)
    ]
    given = {"items": columns, "slices": ["site"], "history": history, "seconds": 30.0, "name": "ages"}
    return hw.judge_predictions(
        answers, truth, task="regression", baselines={"a rule": ages(spread=8, seed=1)[0]}, **given
    )


@pytest.fixture(scope="module")
def of_tags() -> Report:
    answers, truth = tags()
    return hw.judge_predictions(answers, truth, task="multilabel", labels=["cat", "<dog>", "indoors"], name="tags")


def test_numbers_beside_their_mean_and_median(of_ages: Report) -> None:
    assert (of_ages.task, of_ages.metric, of_ages.labels) == ("regression", "mae", [])
    assert [row.name for row in of_ages.baselines] == ["mean", "median", "a rule"]
    answers, truth = ages()
    assert of_ages.parts["valid"].metrics["mae"].value == pytest.approx(np.abs(answers - truth).mean())
    assert of_ages.baselines[1].metrics["valid"]["mae"].value == pytest.approx(np.abs(truth - np.median(truth)).mean())
    assert of_ages.verdict.baseline == min(of_ages.baselines, key=lambda row: row.metrics["valid"]["mae"].value).name


@pytest.mark.slow
def test_the_verdict_on_numbers_says_its_metric_and_its_direction() -> None:
    answers, truth = ages()
    report = hw.judge_predictions(answers, truth, task="regression")
    gap, best = report.verdict.difference, report.baselines[1].metrics["valid"]["mae"].value
    assert report.verdict.sentence == (
        f"Better than the best baseline (median, {best:.2f}): mean absolute error {gap.value:+.2f} "
        f"[{gap.low:.2f}, {gap.high:.2f}] (lower is better), p < 0.001, corrected for 2 baselines."
    )
    assert gap.high < 0
    flipped = hw.judge_predictions(ages(spread=80)[0], truth, task="regression")
    assert (flipped.verdict.kind, flipped.verdict.sentence[:32]) == ("worse", "Worse than the best baseline (me")
    assert flipped.verdict.difference.low > 0


def test_numbers_that_are_as_good_as_another() -> None:
    answers, truth = ages()
    other = BaselineResult("twin", {"valid": ages(seed=0)[0] + np.tile([0.1, -0.1], 150)}, 0.0)
    found = verdict(answers, truth, [other], part="valid", metrics=metrics_of("regression"))
    assert found.kind == "indistinguishable"
    assert found.sentence.startswith("Not distinguishable from the best baseline (twin, ")


def test_the_text_of_numbers(of_ages: Report) -> None:
    lines = str(of_ages).splitlines()
    assert lines[0].split("  ")[0] == "valid, 300 items"
    assert "mean absolute error (95 % interval)" in lines[0]
    value = of_ages.parts["valid"].metrics["mae"]
    assert lines[4].startswith("this model")
    assert f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]" in lines[4]
    assert len({len(line) for line in lines[:5]}) == 1


def test_the_json_of_numbers_leaves_empty_what_only_classes_have(of_ages: Report, tmp_path: Path) -> None:
    saved = json.loads(of_ages.save(tmp_path / "report.json").read_text(encoding="utf-8"))
    assert saved == of_ages.to_json()
    assert (saved["schema_version"], saved["task"], saved["metric"]) == (1, "regression", "mae")
    assert set(saved["parts"]["valid"]["metrics"]) == {"mae", "rmse", "r2"}
    assert saved["parts"]["valid"]["confusion"] is None
    assert saved["labels"] == []
    assert not {"confusion", "top_losses", "label_issues", "calibration"} & saved.keys()
    assert (saved["learning_curve"], saved["worst_slices"]) == (None, None)
    assert list(saved["far_items"][0]) == ["row", "target", "prediction", "loss"]
    assert list(saved["fit"]) == ["count", "bias", "groups", "sentence"]
    assert list(saved["fit"]["groups"][0]) == ["low", "high", "count", "error", "bias"]


def test_the_farthest_items_come_first(of_ages: Report) -> None:
    answers, truth = ages()
    worst = np.argsort(-np.abs(answers - truth))[:12]
    assert [each.row for each in of_ages["far_items"]] == worst.tolist()
    first = of_ages["far_items"][0]
    assert (first.target, first.prediction) == (f"{truth[worst[0]]:.4g}", f"{answers[worst[0]]:.4g}")
    assert first.loss == pytest.approx(abs(answers[worst[0]] - truth[worst[0]]))


def test_the_page_of_numbers(of_ages: Report) -> None:
    of_ages.pictures[of_ages["far_items"][0].row] = Picture(b"\xff\xd8")
    page = render(of_ages)
    for section in (
        "Predictions beside the truth",
        "Farthest from the truth",
        "Slices",
        "Mean absolute error on valid",
    ):
        assert section in page
    for other in ("Confusion", "Calibration", "Suspected labels", "Top losses", "McNemar", "Accuracy"):
        assert other not in page
    assert page.count("<img") == 1
    assert page.count('class="dot"') >= 2 * 300  # both clouds
    assert "Mean absolute error on validation" in page
    del of_ages.pictures[of_ages["far_items"][0].row]


def test_the_card_of_numbers(of_ages: Report) -> None:
    text = card(of_ages)
    assert "- Task: regression\n" in text
    assert "| baseline | mean absolute error | 95 % interval | difference | 95 % interval |" in text
    assert "the difference is the model's mean absolute error minus the baseline's; lower is better." in text
    assert "| slice | items | mean absolute error | 95 % interval |" in text


def test_several_labels(of_tags: Report) -> None:
    assert (of_tags.metric, of_tags.verdict.kind) == ("mean_average_precision", "better")
    gap = of_tags.verdict.difference
    best = of_tags.baselines[0].metrics["valid"]["mean_average_precision"].value
    assert of_tags.verdict.sentence == (
        f"Better than the best baseline (label frequencies, {best:.3f}): mean average precision {gap.value:+.1f} "
        f"points [{gap.low:.1f}, {gap.high:.1f}], sign-flip test p < 0.001."
    )
    scores = of_tags.parts["valid"].per_class
    assert [each.label for each in scores] == ["cat", "<dog>", "indoors"]
    assert list(scores[0].to_json()) == ["label", "count", "precision", "recall", "f1", "average_precision"]
    worst = of_tags["far_items"][0]
    truth = tags()[1][worst.row]
    names = [name for name, has in zip(["cat", "<dog>", "indoors"], truth, strict=True) if has]
    assert worst.target == (", ".join(names) or "no label")


def test_the_page_and_the_card_of_several_labels(of_tags: Report) -> None:
    page = render(of_tags)
    assert '<th scope="row">&lt;dog&gt;</th>' in page
    assert "Average precision" in page
    assert "predicted as this label that have it" in page
    assert "Mean average precision on valid" in page
    for other in ("Confusion", "Predictions beside the truth", "Calibration"):
        assert other not in page
    assert "- Task: multilabel, 3 labels: cat, <dog>, indoors" in card(of_tags)


def test_labels_without_names_are_called_by_their_places() -> None:
    report = hw.judge_predictions(*tags(), task="multilabel")
    assert report.labels == ["0", "1", "2"]


def test_slices_of_numbers_are_welchs_test(of_ages: Report) -> None:
    found = of_ages.slices
    assert found is not None
    assert [each.name for each in found.slices] == ["site = east", "site = north", "site = south"]
    answers, truth = ages()
    errors = np.abs(answers - truth)
    rows = np.arange(300) % 3 == 2
    expected: Any = ttest_ind(errors[rows], errors[~rows], equal_var=False)
    assert found.slices[0].difference.value == pytest.approx(errors[rows].mean() - errors[~rows].mean())
    assert found.slices[0].p >= expected.pvalue  # corrected
    assert found.sentences == [
        "No measurable difference in mean absolute error between a slice and the rest (3 compared)."
    ]


def test_the_larger_error_is_worse_and_the_larger_precision_better() -> None:
    answers, truth = ages()
    items = pl.DataFrame({"site": ["north"] * 200 + ["south"] * 70 + ["west"] * 30})
    answers[200:270] += 30
    found = judge_slices(answers, truth, items, columns=["site"], metrics=metrics_of("regression"))
    assert [each.verdict for each in found.slices] == ["better", "worse", "better"]
    assert found.sentences[0].startswith("Worse on site = south (70 items): mean absolute error +")
    probabilities, targets = tags()
    probabilities[200:270] = 0.5
    found = judge_slices(probabilities, targets, items, columns=["site"], metrics=metrics_of("multilabel"))
    assert found.slices[1].verdict == "worse"
    assert " points [" in found.slices[1].sentence
    few = items.with_columns(site=pl.Series(["north"] * 280 + ["south"] * 20))
    found = judge_slices(answers, truth, few, columns=["site"], metrics=metrics_of("regression"))
    assert [each.verdict for each in found.slices] == ["not compared", "too small"]
    assert math.isnan(found.slices[1].metrics["mae"].value)


def test_slices_of_other_items() -> None:
    answers, truth = ages()
    with pytest.raises(ShapeError) as caught:
        judge_slices(answers, truth, pl.DataFrame({"a": [1]}), columns=["a"], metrics=metrics_of("regression"))
    assert str(caught.value) == (
        "`items` must have a row for each prediction, and `labels` a name for each class.\n"
        "  Given: 1 items, 0 labels, predictions [300]\n"
        "  Fix:   Pass the items that were predicted, in the same order, and all classes."
    )
    with pytest.raises(ConfigError, match=r"^`columns` must name the columns to slice by\."):
        judge_slices(answers, truth, pl.DataFrame({"a": truth}), columns="a", metrics=metrics_of("regression"))


def test_bias_by_the_size_of_the_truth() -> None:
    truth = np.linspace(0, 100, 1_000)
    found = judge_residuals(50 + 0.8 * (truth - 50), truth, np.arange(1_000))
    assert found.sentence.startswith("No clear bias: ")
    assert [each.count for each in found.groups] == [200] * 5
    assert found.groups[0].bias.low > 0 > found.groups[-1].bias.high
    assert len(found.truth) == 500
    assert set(found.answers.tolist()) <= set((50 + 0.8 * (truth - 50)).tolist())
    low = judge_residuals(truth - 3 + np.tile([0.5, -0.5], 500), truth, np.arange(1_000))
    assert low.sentence == f"Predictions are too low by 3 on average [{-low.bias.high:.4g}, {-low.bias.low:.4g}]."
    same = judge_residuals(np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.arange(2))
    assert same.groups == []


def given(spread: float, *, baseline: float, train: float | None = None, **more: Any) -> ReportInputs:
    answers, truth = ages(spread=spread)
    best = BaselineResult("ridge", {"valid": ages(spread=baseline, seed=5)[0] - ages(seed=5)[1] + truth}, 0.0)
    known = metrics_of("regression")
    return ReportInputs(
        target=target_of("regression"),
        metrics=known,
        parts={"valid": checked_predictions(answers, truth, metrics=known)},
        baselines=[best],
        train=checked_predictions(*ages(200, train, 3), metrics=known) if train else None,
        **more,
    )


def test_nothing_wrong_with_numbers() -> None:
    assert diagnose(given(4, baseline=9, train=3.8)) == []


def test_no_better_than_a_baseline() -> None:
    [worse] = diagnose(given(9, baseline=4))
    assert (worse.kind, worse.severity) == ("no_better_than_baseline", "serious")
    answers, truth = ages(spread=9)
    error, theirs = np.abs(answers - truth).mean(), worse.evidence["baseline"]
    assert worse.sentence == (
        f"On valid the model's mean absolute error, {error:.4g}, is worse than that of ridge, {theirs:.4g}."
    )
    [same] = diagnose(given(4, baseline=4.0))
    assert same.severity == "warning"
    assert "not distinguishable from" in same.sentence


def test_numbers_learned_by_heart() -> None:
    [found] = diagnose(given(8, baseline=20, train=1))
    assert (found.kind, found.severity) == ("overfitting", "warning")
    assert "training items: the model is " in found.sentence
    assert found.evidence["ratio"] == pytest.approx(8, rel=0.2)
    assert diagnose(given(8, baseline=20, train=7)) == []


def test_a_loss_that_is_no_number() -> None:
    rows = [
        {"stage": "all", "train_loss": 1.0, "valid_loss": 1.0},
        {"stage": "all", "train_loss": None, "valid_loss": 1},
    ]
    [found] = diagnose(given(4, baseline=9, history=rows))
    assert (found.kind, found.severity) == ("not_finite", "serious")
    assert found.sentence == "The loss is NaN or infinite in 1 of 2 epochs, first in entry 1."


@pytest.mark.parametrize(("value", "digits"), [(0.001234, 6), (0.5, 4), (3.2, 3), (45.0, 2), (250_000.0, 0), (0.0, 3)])
def test_four_figures(value: float, digits: int) -> None:
    from headway.judge.intervals import Estimate

    score = Estimate(value, value, value)
    assert score.digits == digits
    assert number(score, digits=score.digits).startswith(f"<td>{value:.{digits}f} ")


def test_every_task_has_its_direction_and_its_baselines_metrics() -> None:
    for task in TASKS:
        known = metrics_of(task)
        assert known.main in known.metrics, task
        assert set(known.of_baselines) <= set(known.metrics), task
        assert known.main in known.of_baselines, task
        assert known.title


def test_tasks_and_metrics_that_are_not_known() -> None:
    with pytest.raises(ConfigError) as caught:
        metrics_of("regresion")
    assert str(caught.value) == ('Unknown task.\n  Given: regresion\n  Fix:   Did you mean "regression"?')
    with pytest.raises(DataError, match=r"^`answers` and `targets` must be finite numbers"):
        hw.judge_predictions(np.array([1.0, math.nan]), np.array([1.0, 2.0]), task="regression")
    with pytest.raises(ConfigError, match=r"^A baseline of your own has the name of another"):
        hw.judge_predictions(*ages(), task="regression", baselines={"median": ages()[0]})
