"""Metrics of several labels an item: scikit-learn's values, intervals, thresholds, and what cannot be computed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

from headway.errors import DataError, ShapeError
from headway.judge.rankings import auroc_effects, precision_effects, rank
from headway.judge.report.build import judge_predictions
from headway.targets.categories.metrics import (
    check_answers,
    labels_text,
    multilabel_metrics,
    per_label,
)
from tests.judging import evaluate, metrics_of


def answers(items: int = 200, labels: int = 5, seed: int = 0, skill: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    targets = (draw.random((items, labels)) < np.linspace(0.1, 0.6, labels)).astype(np.float32)
    logits = draw.normal(size=(items, labels)) + skill * (2 * targets - 1)
    # Rounded, so that there are ties.
    return (1 / (1 + np.exp(-logits))).round(2), targets


def test_values_are_scikit_learns() -> None:
    probabilities, targets = answers()
    given = probabilities >= 0.5
    found = {name: each.value for name, each in evaluate(probabilities, targets, task="multilabel").items()}
    clipped = np.clip(probabilities, 1e-15, 1 - 1e-15)
    assert found == {
        "mean_average_precision": pytest.approx(theirs.average_precision_score(targets, probabilities)),
        "macro_f1": pytest.approx(theirs.f1_score(targets, given, average="macro")),
        "micro_f1": pytest.approx(theirs.f1_score(targets, given, average="micro")),
        "subset_accuracy": pytest.approx(theirs.accuracy_score(targets, given)),
        "log_loss": pytest.approx(
            np.mean([theirs.log_loss(targets[:, k], clipped[:, k], labels=[0, 1]) for k in range(5)])
        ),
    }


def test_values_lie_in_their_intervals() -> None:
    found = evaluate(*answers(800), task="multilabel")
    assert all(each.low < each.value < each.high for each in found.values())


def test_each_label_is_scikit_learns() -> None:
    probabilities, targets = answers()
    thresholds = (0.2, 0.5, 0.5, 0.7, 0.4)
    given = probabilities >= np.array(thresholds)
    found = per_label(np.array(thresholds), probabilities, targets, list("abcde"))
    each_label: Any = theirs.precision_recall_fscore_support(targets, given)
    precision, recall, f1, count = each_label
    assert [each.count for each in found] == count.tolist()
    assert [each.label for each in found] == list("abcde")
    for name, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [each.scores[name].value for each in found] == pytest.approx(expected)
    expected = [theirs.average_precision_score(*pair) for pair in zip(targets.T, probabilities.T, strict=True)]
    assert [each.scores["average_precision"].value for each in found] == pytest.approx(expected)


def test_thresholds_change_what_is_given_and_not_how_it_is_ranked() -> None:
    probabilities, targets = answers()
    plain, other = (evaluate(probabilities, targets, task="multilabel", thresholds=each) for each in ((), (0.2,) * 5))
    assert plain["mean_average_precision"] == other["mean_average_precision"]
    assert plain["log_loss"] == other["log_loss"]
    assert plain["micro_f1"] != other["micro_f1"]
    expected = theirs.f1_score(targets, probabilities >= 0.2, average="micro")
    assert other["micro_f1"].value == pytest.approx(expected)


def test_a_perfect_model_is_not_sure_to_be_perfect() -> None:
    targets = answers(items=400)[1]
    found = evaluate(targets.astype(np.float64), targets, task="multilabel")
    for name in ("mean_average_precision", "macro_f1", "micro_f1", "subset_accuracy"):
        assert found[name].value == found[name].high == 1
        assert found[name].low < 0.999


def test_few_positives_have_no_interval() -> None:
    probabilities, targets = answers(items=200)
    found = evaluate(probabilities, targets, task="multilabel")["mean_average_precision"]
    rarest = int(targets.sum(0).min())
    assert rarest < 35
    assert str(found) == f"{found.value:.3f} (no interval: the rarest label has {rarest} items, 35 needed)"
    assert found.to_json() == {
        "value": found.value,
        "low": None,
        "high": None,
        "reason": f"the rarest label has {rarest} items, 35 needed",
    }


def test_labels_that_nobody_has_or_all_have_are_left_out_of_the_mean() -> None:
    probabilities, targets = answers(labels=3)
    targets[:, 0], targets[:, 1] = 0, 1
    expected = theirs.average_precision_score(targets[:, 2], probabilities[:, 2])
    found = evaluate(probabilities, targets, task="multilabel")
    assert found["mean_average_precision"].value == pytest.approx(expected)
    targets[:, 2] = 0
    assert math.isnan(evaluate(probabilities, targets, task="multilabel")["mean_average_precision"].value)


def test_nothing_to_give_and_nothing_given() -> None:
    found = multilabel_metrics().metrics
    empty = np.zeros((4, 2))
    assert math.isnan(found["macro_f1"].compute(empty, empty))
    assert math.isnan(found["micro_f1"].compute(empty, empty))
    assert found["subset_accuracy"].compute(empty, empty) == 1


@pytest.mark.slow
def test_parts_are_pseudo_values() -> None:
    """Their mean is the metric, and they are near to those of leaving out each item in turn."""
    probabilities, targets = answers(items=150)
    parts = metrics_of("multilabel").by_item(probabilities, targets)
    value = theirs.average_precision_score(targets, probabilities)
    assert parts.mean() == pytest.approx(value)
    rows = np.arange(150)
    left = [theirs.average_precision_score(targets[rows != row], probabilities[rows != row]) for row in rows]
    jackknife = 150 * value - 149 * np.array(left)
    assert np.corrcoef(parts, jackknife)[0, 1] > 0.98
    assert parts.std() == pytest.approx(jackknife.std(), rel=0.15)


@pytest.mark.parametrize("effects", [precision_effects, auroc_effects])
def test_effects_sum_to_zero(effects: object) -> None:
    probabilities, targets = answers()
    assert rank(probabilities, targets > 0, effects).effects.sum() == pytest.approx(0, abs=1e-12)  # type: ignore[arg-type]


@pytest.mark.slow
def test_intervals_hold_the_truth_and_equal_models_are_told_apart_rarely() -> None:
    """Nominal 95 %; the truth is that of 60,000 items."""
    truth = {name: each.value for name, each in evaluate(*answers(60_000, seed=1), task="multilabel").items()}
    held, shown, called = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0), 0
    rounds = 200
    for seed in range(rounds):
        probabilities, targets = answers(500, seed=100 + seed)
        for name, each in evaluate(probabilities, targets, task="multilabel", seed=seed).items():
            held[name] += each.low <= truth[name] <= each.high
            shown[name] += not math.isnan(each.low)
        noise = np.random.default_rng(seed).normal(size=(2, *targets.shape))
        one, other = (1 / (1 + np.exp(-(each + 2 * targets - 1))) for each in noise)
        found = metrics_of("multilabel").compare(one, other, targets, seed=seed)
        called += found.p < 0.05
    # Where a label has too few items there is no interval.
    assert all(shown[name] > 0.7 * rounds for name in shown), shown
    assert all(0.91 <= held[name] / shown[name] <= 0.99 for name in held), (held, shown)
    assert 0.02 <= called / rounds <= 0.09


def test_labels_in_words() -> None:
    assert labels_text(np.array(0.5), np.array([0.9, 0.4]), ["cat", "dog"]) == "cat"
    assert labels_text(np.array([0.95, 0.3]), np.array([0.9, 0.4]), ["cat", "dog"]) == "dog"
    assert labels_text(np.array(0.5), np.array([0.1, 0.4]), ["cat", "dog"]) == "no label"


def test_arrays_of_another_shape() -> None:
    with pytest.raises(ShapeError) as caught:
        check_answers(np.zeros((3, 2)), np.zeros(3))
    assert str(caught.value) == (
        "`answers` and `targets` must both be [items, labels].\n"
        "  Given: answers [3, 2], targets [3]\n"
        "  Fix:   Pass a probability and a 0 or 1 for each label of each item."
    )


def test_logits_and_class_indices() -> None:
    with pytest.raises(DataError) as caught:
        check_answers(np.array([[0.5, 2.0], [-1.0, math.nan]]), np.array([[0, 1], [2, 1]]))
    assert str(caught.value) == (
        "`answers` must lie between 0 and 1, and `targets` be 0 or 1.\n"
        "  Given: 3 answers that are not probabilities (first: row 0), "
        "1 targets that are neither 0 nor 1 (first: row 1)\n"
        "  Fix:   Pass the output of a sigmoid (not logits), and targets as `Categories.encode` gives them."
    )
    with pytest.raises(DataError, match="0 items"):
        check_answers(np.zeros((0, 2)), np.zeros((0, 2)))


def test_labels_of_other_outputs() -> None:
    with pytest.raises(ShapeError) as caught:
        judge_predictions(*answers(labels=2), labels=["a"], task="multilabel")
    assert str(caught.value) == (
        "`labels` must name each class.\n"
        "  Given: 1 labels, 2 classes\n"
        "  Fix:   Pass one label a class, in the order of the model's outputs."
    )
