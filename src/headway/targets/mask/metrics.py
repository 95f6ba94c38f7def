"""How well each pixel's class is told: metrics with their direction and interval, and simple models.

All of it is computed from one small table an item: how many of its pixels of each class were given each class. So the
metrics of thousands of photos, and their intervals over photos, take as long as those of a few.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from headway.errors import DataError, ShapeError
from headway.judge import intervals
from headway.judge.baselines.base import Baseline, BaselineData
from headway.judge.intervals import Estimate
from headway.judge.metric import LabelScores, Metric, TaskMetrics
from headway.targets.mask.field import UNLABELLED

__all__ = [
    "BASELINES",
    "METRICS",
    "SEGMENTATION",
    "check_masks",
    "counted_masks",
    "item_ious",
    "pixel_counts",
    "pixel_scores",
    "told_mask",
    "wrong_shares",
]


def check_masks(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the metrics take, or an error that says what is wrong.

    Args:
        answers: Class indices, uint8 `[items, height, width]`; or probabilities, float `[items, classes, height,
            width]`, of which the most probable class counts; or counts as `counted_masks` gives them.
        targets: Class indices, uint8 `[items, height, width]`; 255 where there is no label. With counts, int64
            `[items]`.

    Returns:
        For each item how many pixels of each class (row) were given each class (column), int64 `[items, classes,
        classes]`; and how many have a label, int64 `[items]`.

    Raises:
        ShapeError: If they are not of one shape.
        DataError: If they are no class indices, or no pixel has a label.

    Example:
        >>> counts, labelled = check_masks(np.array([[[0, 1, 1]]]), np.array([[[0, 0, 255]]]))
        >>> counts.tolist(), labelled.tolist()
        ([[[1, 1], [0, 0]]], [2])
    """
    answers, targets = np.asarray(answers), np.asarray(targets)
    if answers.ndim == 3 and targets.ndim == 1 and targets.any():
        return answers, targets
    if answers.ndim == 4:
        answers = answers.argmax(axis=1)
    if answers.ndim != 3 or answers.shape != targets.shape:
        what = "`answers` and `targets` must be class indices of one shape, [items, height, width]."
        given = f"answers {list(answers.shape)}, targets {list(targets.shape)}"
        raise ShapeError(what, given=given, fix="Pass one answer for each target, in the same order.")
    labelled = (targets != UNLABELLED).sum(axis=(1, 2))
    inside = [each[each != UNLABELLED] for each in (answers, targets)]
    wrong = [each for each in inside if each.size and (each.min() < 0 or each.max() > UNLABELLED)]
    if wrong or not labelled.any():
        what = "`answers` and `targets` must be class indices from 0 to 254, and some of the pixels must have a label."
        given = f"{len(targets)} items, {int(labelled.sum())} pixels with a label"
        raise DataError(what, given=given, fix="Leave out items without a label, and mark no label as 255.")
    num_classes = 1 + max(int(each.max(initial=0)) for each in inside)
    return pixel_counts(answers, targets, num_classes=num_classes), labelled


def counted_masks(answers: np.ndarray, targets: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Of masks all that the metrics look at, in far less memory than the masks: `check_masks` takes it in their place.

    Args:
        answers: Class indices, uint8 `[items, height, width]`.
        targets: The same; 255 where there is no label.
        num_classes: How many classes there are.

    Returns:
        What `pixel_counts` gives; and how many pixels have a label, int64 `[items]`.
    """
    return pixel_counts(answers, targets, num_classes=num_classes), (targets != UNLABELLED).sum(axis=(1, 2))


def pixel_counts(answers: np.ndarray, targets: np.ndarray, *, num_classes: int) -> np.ndarray:
    """How many of an item's pixels of each class (row) were given each class (column).

    Args:
        answers: Class indices `[items, height, width]`. What is no class, such as 255, counts as wrong nowhere.
        targets: The same; 255 where there is no label.
        num_classes: How many classes there are.

    Returns:
        int64 `[items, num_classes, num_classes]`.
    """
    counts = np.empty((len(answers), num_classes, num_classes), dtype=np.int64)
    for place, (answer, target) in enumerate(zip(answers, targets, strict=True)):
        known = (target < num_classes) & (answer < num_classes)
        cells = target[known].astype(np.int64) * num_classes + answer[known]
        counts[place] = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    return counts


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


def told_mask(mask: np.ndarray, labels: Sequence[str]) -> str:
    """A mask in words: the classes' shares of its labelled pixels, the largest first.

    Example:
        >>> told_mask(np.array([[0, 1], [1, 1]]), ["pet", "background"])
        'background 75 %, pet 25 %'
    """
    mask = mask.argmax(axis=0) if mask.ndim == 3 else mask
    shares = np.bincount(mask[mask < len(labels)].ravel(), minlength=len(labels))
    shares = shares / max(shares.sum(), 1)
    shown = [place for place in np.argsort(-shares, kind="stable") if shares[place] > 0]
    return ", ".join(f"{labels[place]} {100 * shares[place]:.0f} %" for place in shown[:4]) or "no label"


def pixel_scores(counts: np.ndarray, _: np.ndarray, labels: Sequence[str]) -> list[LabelScores]:
    """Intersection over union and Dice of each class, with their 95 % intervals over items.

    Args:
        counts: As `check_masks` gives them.
        labels: The classes' names, in their order.

    Example:
        >>> counts, labelled = check_masks(np.array([[[0, 1, 1]], [[0, 1, 1]]]), np.array([[[0, 0, 1]], [[0, 1, 1]]]))
        >>> [round(each.scores["iou"].value, 3) for each in pixel_scores(counts, labelled, ["pet", "background"])]
        [0.667, 0.75]
    """
    spare = len(labels) - counts.shape[1]
    counts = np.pad(counts, ((0, 0), (0, spare), (0, spare))) if spare > 0 else counts
    inside, union = _areas(counts)

    def scores(place: int) -> dict[str, Estimate]:
        both, either = inside[:, place], union[:, place]
        iou = intervals.bootstrap(lambda rows: _share(both[rows].sum(), either[rows].sum()), len(counts))
        return {"iou": iou, "dice": intervals.f1_of(iou)}

    totals = counts.sum(axis=(0, 2)).tolist()
    return [LabelScores(label, totals[place], scores(place)) for place, label in enumerate(labels)]


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _areas(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each item's intersection and union of each class, in pixels, `[items, classes]`."""
    inside = counts.diagonal(axis1=1, axis2=2)
    return inside, counts.sum(axis=1) + counts.sum(axis=2) - inside


def _ious(counts: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, over all items; NaN where it is neither there nor given."""
    inside, union = (each.sum(axis=0) for each in _areas(counts))
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
SEGMENTATION: dict[str, Metric] = {
    each.name: each
    for each in (
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
}


METRICS = TaskMetrics(
    metrics=SEGMENTATION,
    main="mean_iou",
    of_baselines=("mean_iou", "mean_dice", "pixel_accuracy"),
    check=check_masks,
    decide=lambda answers: answers.argmax(axis=1) if answers.ndim == 4 else answers,
    losses=wrong_shares,
    describe=told_mask,
    per_label=pixel_scores,
    counted="pixels",
    condense=counted_masks,
)


def _majority(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """The class with the most pixels, for every pixel."""
    counts = np.bincount(train.targets.ravel(), minlength=num_outputs)[:num_outputs]
    return {part: np.full(data.targets.shape, counts.argmax(), dtype=np.uint8) for part, data in parts.items()}


def _prior_map(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """For each place in the picture the class that most training masks have there."""
    counts = np.stack([(train.targets == index).sum(axis=0) for index in range(num_outputs)])
    commonest = counts.argmax(axis=0).astype(np.uint8)
    return {part: np.repeat(commonest[None], len(data), axis=0) for part, data in parts.items()}


BASELINES: dict[str, Baseline] = {
    "majority class": Baseline(_majority, size=lambda _, outputs: outputs),
    "commonest class at each place": Baseline(_prior_map, size=lambda train, _: train.targets[0].size),
}
