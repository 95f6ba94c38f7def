"""How well each pixel's class is told: metrics, each with its direction and its interval.

All of it is computed from one small table an item: how many of its pixels of each class were given each class. So the
metrics of thousands of photos, and their intervals over photos, take as long as those of a few.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from headway.errors import DataError
from headway.judge import intervals
from headway.judge.metric import LabelScores, Metric, TaskMetrics
from headway.targets.base import check_shapes
from headway.targets.mask.field import UNLABELLED

__all__ = [
    "METRICS",
    "check_masks",
    "counted_masks",
    "item_ious",
    "mask_text",
    "most_probable",
    "pixel_scores",
    "wrong_shares",
]


def check_masks(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `counted_masks` gives, which the metrics take, or an error that says what is wrong.

    Args:
        answers: Class indices, uint8 `[items, height, width]`; or probabilities, float `[items, classes, height,
            width]`, of which the most probable class counts; or counts as `counted_masks` gives them.
        targets: Class indices, uint8 `[items, height, width]`, 255 where there is no label; with counts their number.

    Example:
        >>> counts, labelled = check_masks(np.array([[[0, 1, 1]]]), np.array([[[0, 0, 255]]]))
        >>> counts.tolist(), labelled.tolist()
        ([[[1, 1], [0, 0]]], [2])
    """
    answers, targets = np.asarray(answers), np.asarray(targets)
    # Counts already: whoever judges many photos condenses them batch by batch.
    if answers.ndim == 3 and targets.ndim == 1 and targets.any():
        return answers, targets
    answers = most_probable(answers)
    what = "`answers` and `targets` must be class indices of one shape, [items, height, width]."
    check_shapes(answers, targets, fit=answers.ndim == 3 and answers.shape == targets.shape, what=what)
    known = [indices[indices != UNLABELLED] for indices in (answers, targets)]
    num_classes = 1 + max(int(indices.max(initial=0)) for indices in known)
    if not known[1].size or num_classes > UNLABELLED or any(indices.min(initial=0) < 0 for indices in known):
        what = "`answers` and `targets` must be class indices from 0 to 254, and some of the pixels must have a label."
        given = f"{len(targets)} items, {known[1].size} pixels with a label"
        raise DataError(what, given=given, fix="Leave out items without a label, and mark no label as 255.")
    return counted_masks(answers, targets, num_classes)


def counted_masks(answers: np.ndarray, targets: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Of class indices all that the metrics look at, in far less memory than masks: `check_masks` takes it for them.

    Returns:
        How many of an item's pixels of each class (row) were given each class (column), int64 `[items, num_classes,
        num_classes]`; and how many pixels have a label, int64 `[items]`.
    """
    counts = np.empty((len(answers), num_classes, num_classes), dtype=np.int64)
    for index, (answer, target) in enumerate(zip(answers, targets, strict=True)):
        # What is no class, such as 255, counts as wrong nowhere.
        known = (target < num_classes) & (answer < num_classes)
        # One number for each pair of classes, as counting these is one pass over the pixels.
        cells = target[known].astype(np.int64) * num_classes + answer[known]
        counts[index] = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    return counts, (targets != UNLABELLED).sum(axis=(1, 2))


def most_probable(answers: np.ndarray) -> np.ndarray:
    """Class indices `[items, height, width]`, of probabilities the index of the largest; others as they are."""
    return answers.argmax(axis=1) if answers.ndim == 4 else answers


def item_ious(counts: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Each item's part of the mean intersection over union, float64 `[items]`; their mean is the metric.

    The mean over classes is of whole sums over items, so it is no mean over items. These are its pseudo-values: the
    metric and, times the number of items, the item's influence on it (Efron 1982, "The jackknife, the bootstrap and
    other resampling plans", chapter 6).
    """
    inside, union = _areas(counts)
    both, either = inside.sum(axis=0), union.sum(axis=0)
    present = either > 0
    ious = both[present] / either[present]
    influence = (inside[:, present] - ious * union[:, present]) / either[present]
    return ious.mean() + len(counts) * influence.mean(axis=1)


def wrong_shares(counts: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """The share of each item's labelled pixels that were given another class, float64 `[items]`; 0 without any."""
    right = counts.diagonal(axis1=1, axis2=2).sum(axis=1)
    return 1 - np.where(labelled > 0, right, 1) / np.maximum(labelled, 1)


def mask_text(mask: np.ndarray, labels: Sequence[str]) -> str:
    """A mask in words: the classes' shares of its labelled pixels, the largest first.

    Example:
        >>> mask_text(np.array([[0, 1], [1, 1]]), ["pet", "background"])
        'background 75 %, pet 25 %'
    """
    mask = mask.argmax(axis=0) if mask.ndim == 3 else mask
    shares = np.bincount(mask[mask < len(labels)].ravel(), minlength=len(labels))
    shares = shares / max(shares.sum(), 1)
    shown = [index for index in np.argsort(-shares, kind="stable") if shares[index] > 0]
    return ", ".join(f"{labels[index]} {100 * shares[index]:.0f} %" for index in shown[:4]) or "no label"


def pixel_scores(counts: np.ndarray, _: np.ndarray, labels: Sequence[str]) -> list[LabelScores]:
    """Intersection over union and Dice of each class, with their 95 % intervals over items.

    Args:
        counts: As `check_masks` gives them.
        labels: The classes' names, in their order.

    Example:
        >>> counts, labelled = check_masks(np.array([[[0, 1, 1]], [[0, 1, 1]]]), np.array([[[0, 0, 1]], [[0, 1, 1]]]))
        >>> [round(label.scores["iou"].value, 3) for label in pixel_scores(counts, labelled, ["pet", "background"])]
        [0.667, 0.75]
    """
    # Classes that neither targets nor answers have were not counted.
    spare = max(len(labels) - counts.shape[1], 0)
    counts = np.pad(counts, ((0, 0), (0, spare), (0, spare)))
    inside, union = _areas(counts)
    totals = counts.sum(axis=(0, 2)).tolist()
    scores = []
    for label, total, both, either in zip(labels, totals, inside.T, union.T, strict=False):
        iou = intervals.bootstrap(partial(_iou, both, either), len(counts))
        scores.append(LabelScores(label, total, {"iou": iou, "dice": intervals.f1_of(iou)}))
    return scores


def _iou(both: np.ndarray, either: np.ndarray, rows: np.ndarray) -> float:
    whole = either[rows].sum()
    return both[rows].sum() / whole if whole else math.nan


def _areas(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each item's intersection and union of each class, in pixels, `[items, classes]`."""
    inside = counts.diagonal(axis1=1, axis2=2)
    return inside, counts.sum(axis=1) + counts.sum(axis=2) - inside


def _ious(counts: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, over all items; NaN where it is neither there nor given."""
    inside, union = (areas.sum(axis=0) for areas in _areas(counts))
    return np.where(union > 0, inside / np.maximum(union, 1), np.nan)


def _dices(counts: np.ndarray) -> np.ndarray:
    """Dice's coefficient of each class, which is F1 over pixels."""
    ious = _ious(counts)
    return 2 * ious / (1 + ious)


def _mean(scores: np.ndarray) -> float:
    """Over the classes that there are."""
    return math.nan if np.isnan(scores).all() else float(np.nanmean(scores))


def _accuracy(_: np.ndarray, counts: np.ndarray) -> float:
    return float(counts.diagonal(axis1=1, axis2=2).sum() / counts.sum())


# Intersection over union (Jaccard 1912) and Dice's coefficient (1945), each over the pixels of all items and then the
# mean over classes, as in Everingham et al. 2015, doi:10.1007/s11263-014-0733-5; and the share of pixels that are
# right. Classes that are neither there nor given are left out of means; pixels without a label are left out of all.
_METRICS = (
    Metric(
        "mean_iou",
        lambda _, counts: _mean(_ious(counts)),
        needs="checked",
        by_item=item_ious,
        is_share=True,
        title="mean intersection over union",
    ),
    Metric("mean_dice", lambda _, counts: _mean(_dices(counts)), needs="checked", is_share=True),
    Metric("pixel_accuracy", _accuracy, needs="checked", is_share=True),
)

METRICS = TaskMetrics(
    metrics={metric.name: metric for metric in _METRICS},
    main="mean_iou",
    of_baselines=("mean_iou", "mean_dice", "pixel_accuracy"),
    check=check_masks,
    decide=most_probable,
    losses=wrong_shares,
    describe=mask_text,
    per_label=pixel_scores,
    counted="pixels",
    condense=counted_masks,
)
