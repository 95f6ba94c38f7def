"""Metrics of a user's own: what they are called with, their intervals, verdicts by them, and pseudo-values."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

import headway as hw
from headway.errors import ConfigError
from headway.judge import intervals
from headway.judge.metric import as_metric
from headway.judge.significance import pseudo_values
from tests.judging import metrics_of


def classes(count: int = 300, seed: int = 0, skill: float = 2.0, num: int = 3) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    targets = draw.integers(num, size=count)
    weights = np.exp(draw.normal(size=(count, num)) + skill * np.eye(num)[targets])
    return weights / weights.sum(1, keepdims=True), targets


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (theirs.matthews_corrcoef, lambda t, p: theirs.matthews_corrcoef(t, p.argmax(1))),
        ("f1_macro", lambda t, p: theirs.f1_score(t, p.argmax(1), average="macro")),
        ("neg_log_loss", lambda t, p: -theirs.log_loss(t, p)),
        ("roc_auc_ovr", lambda t, p: theirs.roc_auc_score(t, p, multi_class="ovr")),
        (theirs.make_scorer(theirs.cohen_kappa_score), lambda t, p: theirs.cohen_kappa_score(t, p.argmax(1))),
        (hw.Metric("surest", lambda t, p: p.max(1).mean(), needs="probabilities"), lambda t, p: p.max(1).mean()),
    ],
)
def test_functions_scorers_and_names_give_scikit_learns_values(
    given: Any, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # scikit-learn's functions take milliseconds; how wide intervals are, other tests ask.
    monkeypatch.setattr(intervals, "bootstrap", partial(intervals.bootstrap, samples=100))
    probabilities, targets = classes(100)
    metrics = metrics_of().with_metrics([given])
    [name] = metrics.extra
    assert metrics.score(probabilities, targets, name=name) == pytest.approx(expected(targets, probabilities))
    found = metrics.evaluate(probabilities, targets)[name]
    assert found.low < found.value < found.high
    assert metrics.shown == ("accuracy", name)


def test_of_two_classes_a_scorer_sees_the_second() -> None:
    probabilities, targets = classes(num=2)
    metrics = metrics_of().with_metrics(["roc_auc"])
    assert metrics.score(probabilities, targets, name="roc_auc") == theirs.roc_auc_score(targets, probabilities[:, 1])


def test_one_number_an_item_comes_without_its_column() -> None:
    seen = []

    def own(targets: np.ndarray, predictions: np.ndarray) -> float:
        seen.append((targets.shape, predictions.shape))
        return float(np.abs(targets - predictions).max())

    metrics = metrics_of("regression").with_metrics([own, theirs.median_absolute_error, "neg_mean_squared_error"])
    predictions, targets = np.arange(50.0)[:, None] + 1, np.arange(50.0)[:, None]
    found = {name: metrics.score(predictions, targets, name=name) for name in metrics.extra}
    assert found == {"own": 1.0, "median_absolute_error": 1.0, "neg_mean_squared_error": -1.0}
    assert set(seen) == {((50,), (50,))}
    assert [metrics.metrics[name].higher_is_better for name in metrics.extra] == [True, False, True]


def test_of_several_labels_functions_see_those_that_are_given() -> None:
    probabilities = np.array([[0.3, 0.6], [0.9, 0.1]])
    targets = np.array([[1.0, 1.0], [1.0, 0.0]])
    metrics = metrics_of("multilabel", (0.25, 0.5)).with_metrics([hw.Metric("exact", lambda t, p: (t == p).all())])
    assert metrics.score(probabilities, targets, name="exact") == 1.0


def test_of_masks_functions_see_classes() -> None:
    targets = np.zeros((3, 2, 2), np.uint8)
    predictions = np.zeros((3, 2, 2), np.uint8)
    predictions[0] = 1
    metrics = metrics_of("segmentation").with_metrics([hw.Metric("share", lambda t, p: (t == p).mean())])
    assert metrics.score(predictions, targets, name="share") == pytest.approx(2 / 3)


def matthews_corrcoef(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Of three classes, as scikit-learn's, which takes ten times as long to check its arguments."""
    counts = np.bincount(3 * targets + predictions, minlength=9).reshape(3, 3)
    actual, predicted, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    spread = np.sqrt(float(total**2 - predicted @ predicted) * float(total**2 - actual @ actual))
    return float((counts.trace() * total - predicted @ actual) / spread) if spread else 0.0


def macro_f1_own(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Likewise."""
    counts = np.bincount(3 * targets + predictions, minlength=9).reshape(3, 3)
    sums = counts.sum(axis=0) + counts.sum(axis=1)
    return float((2 * counts.diagonal()[sums > 0] / sums[sums > 0]).mean())


def test_these_are_scikit_learns() -> None:
    probabilities, targets = classes(120)
    answers = probabilities.argmax(1)
    assert matthews_corrcoef(targets, answers) == pytest.approx(theirs.matthews_corrcoef(targets, answers))
    assert macro_f1_own(targets, answers) == pytest.approx(theirs.f1_score(targets, answers, average="macro"))
    assert matthews_corrcoef(targets, np.zeros_like(targets)) == 0.0


@pytest.mark.slow
def test_a_report_by_a_metric_of_ones_own() -> None:
    # Few items: a function of one's own is called for each resample of each row of the report.
    probabilities, targets = classes(120)
    site = np.where(np.arange(120) < 60, "north", "south")
    probabilities[:60] = probabilities[:60, [1, 2, 0]]
    report = hw.judge_predictions(
        probabilities,
        targets,
        items={"site": site},
        slices=["site"],
        baselines={"rival": classes(120, seed=9)[0][np.argsort(targets, kind="stable")]},
        metrics=[matthews_corrcoef],
        main_metric="matthews_corrcoef",
    )
    assert report.metric == "matthews_corrcoef"
    assert report.verdict.sentence.startswith("Not distinguishable") or " matthews corrcoef " in report.verdict.sentence
    assert all("matthews_corrcoef" in row.metrics["valid"] for row in report.baselines)
    assert report.slices is not None
    assert [each.verdict for each in report.slices.slices] == ["worse", "better"]
    assert report.worst_slices is not None
    assert report.worst_slices.found[0].name == "site = north"
    assert "Matthews corrcoef" in report._repr_html_()


@pytest.mark.slow
def test_another_of_the_metrics_comes_first() -> None:
    probabilities, targets = classes()
    report = hw.judge_predictions(probabilities, targets, main_metric="log_loss")
    assert report.verdict.kind == "better"
    assert "(lower is better), p < 0.001, corrected for 2 baselines." in report.verdict.sentence


def test_pseudo_values_are_those_of_leaving_out_one() -> None:
    draw = np.random.default_rng(0)
    values, count = draw.exponential(size=120), 120

    def statistic(rows: np.ndarray) -> float:
        return float(np.exp(values[rows].mean()))

    whole, rows = statistic(np.arange(count)), np.arange(count)
    left = np.array([statistic(rows[rows != row]) for row in rows])
    jackknife = count * whole - (count - 1) * left
    found = pseudo_values(statistic, count)
    assert found.mean() == pytest.approx(whole)
    assert found.std(ddof=1) == pytest.approx(jackknife.std(ddof=1), rel=1e-9)


def test_blocks_tell_the_same_spread() -> None:
    values = np.random.default_rng(0).normal(size=5_000)
    found = pseudo_values(lambda rows: float(values[rows].mean()), 5_000)
    assert found.mean() == pytest.approx(values.mean())
    assert found.std() == pytest.approx(values.std(), rel=0.15)


@pytest.mark.slow
def test_the_interval_covers_and_so_does_the_comparison() -> None:
    """Of F1, whose distribution is known from many samples: 95 of 100 intervals hold the truth."""
    metrics = metrics_of().with_metrics([macro_f1_own], main="macro_f1_own")
    truth = metrics.score(*classes(50_000, seed=1))
    held, alarms = 0, 0
    for seed in range(20):
        probabilities, targets = classes(60, seed=100 + seed)
        parts = metrics.by_item(probabilities, targets)
        error = parts.std(ddof=1) / math.sqrt(len(parts))
        held += abs(parts.mean() - truth) < 1.96 * error
        other = np.roll(probabilities, 0, axis=0).copy()
        wrong = np.random.default_rng(seed).permutation(60)
        other[wrong[:8]] = other[wrong[:8]][:, [1, 2, 0]]
        mine = probabilities.copy()
        mine[wrong[8:16]] = mine[wrong[8:16]][:, [1, 2, 0]]
        alarms += metrics.compare(mine, other, targets).p < 0.05
    assert held >= 18
    assert alarms <= 3


@pytest.mark.parametrize(
    ("extra", "main", "text"),
    [
        (["acuracy_score"], None, "This metric is not known, neither to Headway for this target nor to scikit-learn."),
        ([3], None, "A metric must be a function."),
        ([hw.Metric("accuracy", lambda t, p: 0.0)], None, "Two metrics have the same name."),
        ([], "f1", "The main metric must be one of the metrics."),
    ],
)
def test_what_is_no_metric(extra: list[Any], main: str | None, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        metrics_of().with_metrics(extra, main=main)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("name", "task", "meant"),
    [
        ("AUC", "classification", "auroc"),
        ("ROC-AUC", "classification", "auroc"),
        ("f1_score", "classification", "macro_f1"),
        ("acc", "classification", "accuracy"),
        ("ECE", "classification", "expected_calibration_error"),
        ("mse", "regression", "rmse"),
        ("MAE", "regression", "mae"),
        ("R2_score", "regression", "r2"),
    ],
)
def test_what_other_libraries_call_a_metric(name: str, task: str, meant: str) -> None:
    metrics = metrics_of(task)
    for ask in (
        lambda: metrics.with_metrics([name]),
        lambda: metrics.with_metrics(main=name),
        lambda: metrics.named([name]),
    ):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert str(caught.value).endswith(f'  Fix:   Did you mean "{meant}"?')


def test_the_main_metric_is_one_of_ours() -> None:
    with pytest.raises(ConfigError) as caught:
        metrics_of().with_metrics(main="roc_auc")
    assert str(caught.value) == (
        'The main metric must be one of the metrics.\n  Given: roc_auc\n  Fix:   Did you mean "auroc"?'
    )


def test_a_metric_without_a_function() -> None:
    with pytest.raises(ConfigError, match=r"^A metric needs a function\."):
        hw.Metric("nothing")


def test_a_mistake_in_a_function_is_seen() -> None:
    def own(targets: np.ndarray, predictions: np.ndarray) -> float:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        metrics_of().with_metrics([own]).evaluate(*classes())


def test_the_name_of_a_metric_that_is_there_shows_it_while_training() -> None:
    metrics = metrics_of().with_metrics(["macro_f1"])
    assert metrics.shown == ("accuracy", "macro_f1")
    assert list(metrics.shown_functions()) == ["accuracy", "macro_f1"]
    assert as_metric(metrics.metrics["macro_f1"]) is metrics.metrics["macro_f1"]
