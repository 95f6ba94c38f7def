"""Metrics of classification on arrays of probabilities, each with its direction and its interval.

The values are scikit-learn's (the tests compare them); they are computed here from counts and sorted scores, so that
a million predictions take seconds and the same pass gives the interval. Classes that the targets do not hold are left
out of means over classes, never counted as zero. A metric that cannot be computed is NaN, never a made-up number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from headway.errors import DataError, ShapeError
from headway.judge import intervals
from headway.judge.intervals import Estimate, f1_of, few_errors, if_enough, rate, wilson
from headway.judge.metric import LabelScores, Metric, TaskMetrics
from headway.judge.rankings import Effects, auroc_effects, precision_effects, rank, rank_classes
from headway.seeds import generator

__all__ = [
    "METRICS",
    "NUM_BINS",
    "check_predictions",
    "confidence_bins",
    "confusion_matrix",
    "item_log_losses",
    "per_class",
]

# Of confidence, for the calibration error and for the diagram that shows what it measures.
NUM_BINS = 15
# Items that each class has at least for the interval of a mean over classes.
_NEEDED = 5
# Items that the bins of confidence need for the interval of the calibration error.
_BINNED = 100


def per_class(probabilities: np.ndarray, targets: np.ndarray, labels: Sequence[str]) -> list[LabelScores]:
    """Precision, recall and F1 of each class in the order of the labels; NaN for what has no items to go by.

    Example:
        >>> scores = per_class(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1]), ["a", "b"])
        >>> print(scores[1].label, scores[1].scores["recall"])
        b 0.500 [0.026, 0.974]
    """
    counts = confusion_matrix(probabilities, targets)
    columns = counts.diagonal().tolist(), counts.sum(1).tolist(), counts.sum(0).tolist(), _f1_scores(counts)
    return [
        LabelScores(label, items, {"precision": rate(hits, answers), "recall": rate(hits, items), "f1": f1})
        for label, hits, items, answers, f1 in zip(labels, *columns, strict=True)
    ]


def confusion_matrix(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How often each class (row) was given each class (column), int64 `[classes, classes]`; arrays as checked.

    Example:
        >>> confusion_matrix(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1])).tolist()
        [[1, 0], [1, 1]]
    """
    classes = probabilities.shape[1]
    cells = np.bincount(targets * classes + probabilities.argmax(1), minlength=classes**2)
    return cells.reshape(classes, classes)


def check_predictions(probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float `[items, classes]` and int64 `[items]`, or an error that names all that is wrong.

    Example:
        >>> probabilities, targets = check_predictions([[0.9, 0.1], [0.2, 0.8]], [0, 1])
        >>> probabilities.dtype, targets.dtype
        (dtype('float64'), dtype('int64'))
    """
    probabilities, targets = np.asarray(probabilities), np.asarray(targets)
    # Float32 stays: the log loss clips at the smallest difference from one that the dtype has.
    if probabilities.dtype not in (np.float32, np.float64):
        probabilities = probabilities.astype(np.float64)
    if probabilities.ndim != 2 or probabilities.shape[1] < 2 or targets.shape != probabilities.shape[:1]:
        raise ShapeError(
            "`probabilities` must be [items, classes], with two classes or more, and `targets` [items].",
            given=f"probabilities {list(probabilities.shape)}, targets {list(targets.shape)}",
            fix="Pass one row of probabilities and one class index for each item, in the same order.",
        )
    problems = _problems(probabilities, targets)
    if problems:
        raise DataError(
            "`probabilities` must be finite, not negative and sum to one in each row; `targets` must be classes.",
            given=problems,
            fix="Pass the output of a softmax (not logits), and class indices as `Category.encode` gives them.",
        )
    return probabilities, targets.astype(np.int64)


def _problems(probabilities: np.ndarray, targets: np.ndarray) -> list[str]:
    """What is wrong with arrays whose shapes are right, one line each."""
    if not len(targets):
        return ["0 items"]
    # Infinity less infinity is NaN, which the next lines name.
    with np.errstate(invalid="ignore"):
        sums = probabilities.sum(1)
    wrong = {
        "rows with NaN or infinity": ~np.isfinite(sums),
        "rows with a negative number": probabilities.min(1) < 0,
        "rows that do not sum to one": np.isfinite(sums) & (np.abs(sums - 1) > 1e-3),
    }
    is_whole, classes = targets.dtype.kind in "iu", probabilities.shape[1]
    if is_whole:
        wrong[f"targets outside 0 to {classes - 1}"] = (targets < 0) | (targets >= classes)
    lines = [f"{rows.sum():,} {what} (first: row {rows.argmax()})" for what, rows in wrong.items() if rows.any()]
    return lines if is_whole else [f"targets of dtype {targets.dtype}", *lines]


def _is_right(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return (probabilities.argmax(1) == targets).astype(np.float64)


def _is_wrong(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return 1 - _is_right(probabilities, targets)


def _accuracy(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    return rate(int(_is_right(probabilities, targets).sum()), len(targets))


def _error_rate(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    return rate(int((1 - _is_right(probabilities, targets)).sum()), len(targets))


def _balanced_accuracy(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    counts = confusion_matrix(probabilities, targets)
    totals = counts.sum(1)
    hits, items = counts.diagonal()[totals > 0], totals[totals > 0]
    # Two items more of each class, by how often classes are right, so that none seems certain.
    typical = (float((hits / items).sum()) + 1) / (len(items) + 2)
    shares = (hits + 2 * typical) / (items + 2)
    variance = float((shares * (1 - shares) / items).sum()) / len(items) ** 2
    estimate = intervals.effective_share(float((hits / items).mean()), float(shares.mean()), variance)
    return if_enough(estimate, int(totals.min()), _NEEDED, "class")


def _recall_parts(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Pseudo-values of the balanced accuracy: what an item adds to its class's recall."""
    counts = confusion_matrix(probabilities, targets)
    items = counts.sum(1)
    recalls, present = counts.diagonal() / np.maximum(items, 1), int((items > 0).sum())
    moved = (_is_right(probabilities, targets) - recalls[targets]) / items[targets]
    return recalls.sum() / present + len(targets) * moved / present


def _macro_f1(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """By the delta method on the cells of the confusion matrix; and the classes' own intervals put together.

    The first is too narrow where a rare class is told badly, the second too wide: where it is the wider one, the
    interval ends half way between the two.
    """
    counts = confusion_matrix(probabilities, targets)
    scores = _f1_scores(counts)
    # An error lowers the F1 of two classes, a hit raises that of one: classes depend on one another by as much as
    # errors make up their spread, which is the share of hits in the union.
    overlaps = [score.value / (2 - score.value) for score in scores if not math.isnan(score.value)]
    apart = intervals.average(scores, shared=math.fsum(overlaps) / len(overlaps))
    present = (counts.sum(0) + counts.sum(1)) > 0
    cells = counts[np.ix_(present, present)].astype(np.float64)
    right, classes = _smoothed(counts), len(cells)
    if classes < 2:
        return if_enough(apart, int(counts.sum(1).min()), _NEEDED, "class")
    added = np.full((classes, classes), 2 * (1 - right) / (classes - 1))
    np.fill_diagonal(added, 2 * right)
    slopes, smoothed = _f1_slopes(cells + added)
    weights = (cells + added) / (cells + added).sum()
    spread = float((weights * slopes**2).sum() - (weights * slopes).sum() ** 2) / len(targets)
    together = intervals.effective_share(apart.value, smoothed, max(spread, 1e-12))
    low = together.low - max(together.low - apart.low, 0.0) / 2
    estimate = Estimate(apart.value, low, together.high + max(apart.high - together.high, 0.0) / 2)
    return if_enough(estimate, int(counts.sum(1).min()), _NEEDED, "class")


def _f1_parts(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Pseudo-values of macro F1: what an item in a cell of the confusion matrix adds to it."""
    slopes, value = _f1_slopes(confusion_matrix(probabilities, targets).astype(np.float64))
    moved = slopes[targets, probabilities.argmax(1)]
    return value + moved - moved.mean()


def _f1_slopes(cells: np.ndarray) -> tuple[np.ndarray, float]:
    """How macro F1 grows with each cell's share of the items, and macro F1 itself, of classes that there are."""
    sums = cells.sum(0) + cells.sum(1)
    present = int((sums > 0).sum())
    sums = np.maximum(sums, 1e-12)
    scores = 2 * cells.diagonal() / sums
    slopes = -(scores / sums)[:, None] - scores / sums
    slopes[np.diag_indices_from(slopes)] += 2 / sums
    return slopes * cells.sum() / present, float(scores.sum()) / present


def _smoothed(counts: np.ndarray) -> float:
    """The share of right answers, with one right and one wrong one added, so that it is never 0 or 1."""
    return float(counts.diagonal().sum() + 1) / float(counts.sum() + 2)


def _f1_scores(counts: np.ndarray) -> list[Estimate]:
    """F1 of each class; NaN for one that is neither among the targets nor among the predictions."""
    hits = counts.diagonal()
    unions = counts.sum(0) + counts.sum(1) - hits
    return [f1_of(wilson(hit, union)) for hit, union in zip(hits.tolist(), unions.tolist(), strict=True)]


def item_log_losses(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The log loss of each item in nats, float64 `[items]`; arrays as `check_predictions` gives them."""
    chosen = probabilities[np.arange(len(targets)), targets]
    # As in scikit-learn, so that one item given zero does not make the whole infinite.
    return -np.log(np.clip(chosen, np.finfo(chosen.dtype).eps, 1.0).astype(np.float64))


def _log_loss(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """Its interval knows that an error may cost more than was seen so far, and how much the model expects it to."""
    losses, answers = item_log_losses(probabilities, targets), probabilities.argmax(1)

    def expected() -> tuple[np.ndarray, np.ndarray]:
        others = probabilities.astype(np.float64)
        others[np.arange(len(targets)), answers] = 0.0
        doubt = others.sum(1)
        tiny = np.finfo(probabilities.dtype).eps
        others /= np.maximum(doubt, 1e-300)[:, None]
        return -(others * np.log(np.clip(probabilities, tiny, 1.0))).sum(1), doubt

    return few_errors(losses, answers != targets, expected, seed)


def confidence_bins(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The probability of each item's answer, float64 `[items]`, and which of `NUM_BINS` equal bins it lies in."""
    confidence = probabilities.max(1).astype(np.float64)
    return confidence, np.minimum((confidence * NUM_BINS).astype(np.int64), NUM_BINS - 1)


def _calibration_error(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """Guo et al. 2017, arXiv:1706.04599: 15 bins of equal width by the highest probability.

    The error of a finite sample is biased upwards, and a well-calibrated model's is above zero too. So the interval is
    moved by the bias that resampling shows, and reaches down to 0 when a calibrated model could give as much (Bröcker
    and Smith 2007, "Increasing the reliability of reliability diagrams"). As the error is at least what the mean
    confidence is off, the interval also ends where that does, with Wilson's interval for the errors.
    """
    confidence, bins = confidence_bins(probabilities)
    right = probabilities.argmax(1) == targets
    gap, count = confidence - right, len(targets)
    signed = np.bincount(bins, gap, NUM_BINS) / count
    value = float(np.abs(signed).sum())
    draw = generator(seed, "bootstrap")
    # As the sums of many gaps are nearly normal, fifteen numbers a draw stand for a resample of all items.
    noise = draw.normal(size=(1000, NUM_BINS)) * np.sqrt(np.bincount(bins, gap**2, NUM_BINS)) / count
    bias = float(np.abs(signed + noise).sum(1).mean()) - value
    # Rounded: the sign of a gap that is nothing but rounding would follow the order of the items.
    half = intervals.Z_SCORE * float((np.sign(np.round(signed, 12))[bins] * gap).std()) / math.sqrt(count)
    items, sums = np.bincount(bins, minlength=NUM_BINS), np.bincount(bins, confidence, NUM_BINS)
    calibrated = draw.binomial(items, np.clip(sums / np.maximum(items, 1), 0, 1), size=(1000, NUM_BINS)) - sums
    by_chance = float(np.quantile(np.abs(calibrated).sum(1), intervals.CONFIDENCE)) / count
    accuracy, mean_confidence = wilson(int(right.sum()), count), float(confidence.mean())
    low = max(value - bias - half, mean_confidence - accuracy.high, accuracy.low - mean_confidence, 0.0)
    high = max(value - bias + half, value, abs(mean_confidence - accuracy.low))
    estimate = Estimate(value, min(low, value) if value > by_chance else 0.0, min(high, 1.0))
    return estimate if count >= _BINNED else estimate.without_interval(f"{count} items, {_BINNED} needed")


def _ranked(effects: Effects) -> dict[str, Any]:
    """One class against the rest, averaged over classes: the interval and the items' parts."""

    def columns(probabilities: np.ndarray) -> np.ndarray:
        # With two classes the second column tells all, as in scikit-learn.
        return np.arange(probabilities.shape[1])[-1 if probabilities.shape[1] == 2 else 0 :]

    def interval(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
        chosen = columns(probabilities)
        return rank_classes(probabilities[:, chosen], targets[:, None] == chosen, effects, what="class")

    def parts(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        present = np.intersect1d(columns(probabilities), targets)
        mixed = present if len(np.unique(targets)) > 1 else present[:0]
        return rank(probabilities[:, mixed], targets[:, None] == mixed, effects).parts

    return {"interval": interval, "by_item": parts, "is_share": True, "sorts": True}


_METRICS = (
    Metric("accuracy", interval=_accuracy, by_item=_is_right, is_right=True, is_share=True),
    Metric("error_rate", interval=_error_rate, by_item=_is_wrong, higher_is_better=False, is_share=True),
    Metric("balanced_accuracy", interval=_balanced_accuracy, by_item=_recall_parts, is_share=True),
    Metric("macro_f1", interval=_macro_f1, by_item=_f1_parts, is_share=True),
    Metric("log_loss", interval=_log_loss, by_item=item_log_losses, higher_is_better=False),
    Metric("auroc", **_ranked(auroc_effects)),
    Metric("average_precision", **_ranked(precision_effects)),
    Metric("expected_calibration_error", interval=_calibration_error, higher_is_better=False, is_share=True),
)

METRICS = TaskMetrics(
    metrics={metric.name: metric for metric in _METRICS},
    main="accuracy",
    of_baselines=("accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
    check=check_predictions,
    decide=lambda probabilities: np.argmax(probabilities, axis=1),
    ensemble_loss=item_log_losses,
    per_label=per_class,
    confusion=confusion_matrix,
)
