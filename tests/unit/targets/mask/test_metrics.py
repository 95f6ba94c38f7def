"""Metrics of masks, beside scikit-learn's over the pixels, and the simple models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score

from headway.errors import DataError, ShapeError
from headway.targets.mask.metrics import (
    check_masks,
    counted_masks,
    item_ious,
    mask_text,
    pixel_scores,
    wrong_shares,
)
from tests.judging import baseline_data, evaluate, metrics_of, run_baselines

KNOWN = metrics_of("segmentation")


def masks(seed: int = 0, *, items: int = 12, classes: int = 3, right: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    targets = draw.integers(0, classes, size=(items, 6, 7)).astype(np.uint8)
    answers = np.where(draw.random(targets.shape) < right, targets, draw.integers(0, classes, size=targets.shape))
    targets[draw.random(targets.shape) < 0.2] = 255
    return answers.astype(np.uint8), targets


def _by_class(score: Any, wanted: np.ndarray, answers: np.ndarray) -> np.ndarray:
    return score(wanted, answers, average=None)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), classes=st.integers(2, 5))
def test_the_same_as_scikit_learn_over_all_pixels(seed: int, classes: int) -> None:
    answers, targets = masks(seed, classes=classes)
    known = targets != 255
    given_, wanted = answers[known], targets[known]
    found = {name: each.compute(*check_masks(answers, targets)) for name, each in KNOWN.metrics.items()}
    assert found["mean_iou"] == pytest.approx(jaccard_score(wanted, given_, average="macro"))
    assert found["mean_dice"] == pytest.approx(f1_score(wanted, given_, average="macro"))
    assert found["pixel_accuracy"] == pytest.approx((given_ == wanted).mean())
    scores = pixel_scores(*check_masks(answers, targets), labels=[str(each) for each in range(classes)])
    assert [each.scores["iou"].value for each in scores] == pytest.approx(_by_class(jaccard_score, wanted, given_))
    assert [each.scores["dice"].value for each in scores] == pytest.approx(_by_class(f1_score, wanted, given_))
    assert [each.count for each in scores] == np.bincount(wanted, minlength=classes).tolist()
    assert all(score.low <= score.value <= score.high for each in scores for score in each.scores.values())


def test_probabilities_count_by_the_most_probable_class() -> None:
    answers, targets = masks()
    probabilities = np.moveaxis(np.eye(3)[answers] * 0.6 + 0.1, -1, 1)
    for ours, theirs in zip(check_masks(probabilities, targets), check_masks(answers, targets), strict=True):
        assert (ours == theirs).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), right=st.floats(0, 1))
def test_the_items_parts_have_the_metric_as_their_mean(seed: int, right: float) -> None:
    counts, labelled = check_masks(*masks(seed, right=right))
    assert item_ious(counts, labelled).mean() == pytest.approx(KNOWN.metric.compute(counts, labelled))


def test_the_spread_of_the_parts_is_that_of_a_bootstrap() -> None:
    counts, labelled = check_masks(*masks(items=200))
    part = item_ious(counts, labelled)
    found = KNOWN.metric.estimate(counts, labelled)
    assert 2 * 1.96 * part.std() / math.sqrt(len(part)) == pytest.approx(found.high - found.low, rel=0.2)


def test_a_perfect_answer_and_classes_that_are_not_there() -> None:
    targets = np.zeros((3, 4, 4), np.uint8)
    targets[:, 2:] = 2
    found = evaluate(targets, targets, task="segmentation")
    assert {name: each.value for name, each in found.items()} == {"mean_iou": 1, "mean_dice": 1, "pixel_accuracy": 1}
    scores = pixel_scores(*check_masks(targets, targets), labels=["a", "b", "c", "d"])
    assert [each.scores["iou"].value for each in scores] == pytest.approx([1, math.nan, 1, math.nan], nan_ok=True)
    assert [each.count for each in scores] == [24, 0, 24, 0]


def test_an_item_without_labels_counts_for_nothing() -> None:
    answers, targets = masks()
    targets[3] = 255
    counts, labelled = check_masks(answers, targets)
    assert labelled[3] == 0
    assert wrong_shares(counts, labelled)[3] == 0
    less = np.delete(answers, 3, axis=0), np.delete(targets, 3, axis=0)
    assert KNOWN.score(answers, targets) == KNOWN.score(*less)


def test_how_wrong_each_item_is() -> None:
    answers, targets = np.array([[[0, 1, 1, 0]]]), np.array([[[0, 1, 0, 255]]])
    assert KNOWN.item_losses(answers, targets).tolist() == pytest.approx([1 / 3])


def test_two_models_are_compared_item_by_item() -> None:
    (answers, targets), others = masks(items=40), masks(items=40, right=0.3)[0]
    found = KNOWN.compare(answers, others, targets)
    gap = KNOWN.score(answers, targets) - KNOWN.score(others, targets)
    assert found.difference.value == pytest.approx(100 * gap)
    assert found.difference.low > 0
    assert found.p < 0.001


@pytest.mark.parametrize(
    ("answers", "targets", "given_"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 4)), "answers [2, 3, 3], targets [2, 3, 4]"),
        (np.zeros((2, 3)), np.zeros((2, 3)), "answers [2, 3], targets [2, 3]"),
        (np.zeros((2, 5, 3, 3)), np.zeros((2, 5, 3)), "answers [2, 3, 3], targets [2, 5, 3]"),
    ],
)
def test_shapes_that_do_not_fit(answers: Any, targets: Any, given_: str) -> None:
    with pytest.raises(ShapeError) as caught:
        check_masks(answers, targets)
    assert str(caught.value) == (
        "`answers` and `targets` must be class indices of one shape, [items, height, width].\n"
        f"  Given: {given_}\n  Fix:   Pass one answer for each target, in the same order."
    )


@pytest.mark.parametrize(("target", "count"), [(255, 0), (-1, 8), (300, 8)])
def test_targets_that_are_no_classes(target: int, count: int) -> None:
    with pytest.raises(DataError) as caught:
        check_masks(np.zeros((2, 2, 2), int), np.full((2, 2, 2), target))
    assert str(caught.value) == (
        "`answers` and `targets` must be class indices from 0 to 254, and some of the pixels must have a label.\n"
        f"  Given: 2 items, {count} pixels with a label\n"
        "  Fix:   Leave out items without a label, and mark no label as 255."
    )


def test_what_is_no_class_is_counted_nowhere() -> None:
    counts, labelled = counted_masks(np.array([[[0, 255, 1]]]), np.array([[[0, 0, 255]]]), 2)
    assert counts.tolist() == [[[1, 0], [0, 0]]]
    assert labelled.tolist() == [2]


def test_a_mask_in_words() -> None:
    mask = np.array([[0, 1, 1, 255]])
    assert mask_text(mask, ["pet", "background"]) == "background 67 %, pet 33 %"
    assert mask_text(np.full((2, 2), 255), ["pet", "background"]) == "no label"


def test_simple_models() -> None:
    targets = np.full((9, 4, 6), 1, np.uint8)
    targets[:6, 1:3, 2:4] = 0
    targets[0] = 255
    found = {
        each.name: each.predictions["valid"]
        for each in run_baselines(
            baseline_data(targets=targets),
            {"valid": baseline_data(targets=targets[:2])},
            num_outputs=2,
            task="segmentation",
        )
    }
    assert (found["majority class"] == 1).all()
    expected = np.ones((4, 6), np.uint8)
    expected[1:3, 2:4] = 0
    assert (found["commonest class at each place"] == expected).all()
    assert found["majority class"].shape == (2, 4, 6)
    assert all(each.dtype == np.uint8 for each in found.values())
