"""Metrics of classification on arrays of probabilities, each with its direction and its interval.

The values are scikit-learn's (the tests compare them); they are computed here from counts and sorted scores, so that
a million predictions take seconds and the same pass gives the interval. Classes that the targets do not hold are left
out of means over classes, never counted as zero. A metric that cannot be computed is NaN, never a made-up number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headway.errors import ConfigError, DataError, ShapeError, did_you_mean
from headway.judge import intervals
from headway.judge.intervals import Estimate, wilson
from headway.judge.rankings import Effects, auroc_effects, precision_effects, rank
from headway.seeds import generator

__all__ = [
    "CLASSIFICATION",
    "ClassScores",
    "LabelScores",
    "Metric",
    "check_predictions",
    "confusion_matrix",
    "evaluate",
    "find_metric",
    "per_class",
]

_BINS = 15


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are.

    Attributes:
        name: Its name, in snake case.
        higher_is_better: Its direction.
        compute: The number from probabilities, float `[items, classes]`, and targets, int64 `[items]`.
        interval: The number with its interval, from the same and a seed; None draws a bootstrap of `compute`.

    Example:
        >>> brier = Metric("brier", False, lambda p, t: float(((p - np.eye(p.shape[1])[t]) ** 2).sum(1).mean()))
        >>> print(brier.estimate(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1])))
        0.273 [0.020, 0.720]
    """

    name: str
    higher_is_better: bool
    compute: Callable[[np.ndarray, np.ndarray], float]
    interval: Callable[[np.ndarray, np.ndarray, int], Estimate] | None = None

    def estimate(self, probabilities: np.ndarray, targets: np.ndarray, *, seed: int = 0) -> Estimate:
        """The metric with its 95 % interval; the arrays are taken as checked."""
        if self.interval is not None:
            return self.interval(probabilities, targets, seed)
        return intervals.bootstrap(
            lambda rows: self.compute(probabilities[rows], targets[rows]), len(targets), seed=seed
        )


@dataclass(frozen=True)
class ClassScores:
    """How well one class is told from the others.

    Attributes:
        label: The class.
        count: Items of it among the targets.
        precision: Of the items given this class, the share that are of it.
        recall: Of the items of this class, the share that were given it.
        f1: Their harmonic mean.
    """

    label: str
    count: int
    precision: Estimate
    recall: Estimate
    f1: Estimate

    @property
    def scores(self) -> dict[str, Estimate]:
        """The three by name."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1}

    def to_json(self) -> dict[str, Any]:
        """The scores as plain JSON values."""
        scores = {name: each.to_json() for name, each in self.scores.items()}
        return {"label": self.label, "count": self.count, **scores}


@dataclass(frozen=True)
class LabelScores:
    """How well one label is told, where an item can have several of them, or a place of it has one.

    Attributes:
        label: The label.
        count: How much of it there is among the targets, such as items.
        scores: Estimates by name.
    """

    label: str
    count: int
    scores: dict[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        """The scores as plain JSON values."""
        return {"label": self.label, "count": self.count} | {name: each.to_json() for name, each in self.scores.items()}


def evaluate(
    probabilities: np.ndarray,
    targets: np.ndarray,
    *,
    metrics: Sequence[str | Metric] | None = None,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Metrics of predictions with their 95 % intervals.

    Args:
        probabilities: Of each class for each item, float `[items, classes]`; rows sum to one.
        targets: Class indices, integers `[items]`.
        metrics: Names from `CLASSIFICATION`, or a `Metric` of your own. Left out: all of `CLASSIFICATION`.
        seed: The run's seed, for the resampling.

    Returns:
        An estimate for each metric by name; NaN where it cannot be computed.

    Raises:
        ShapeError: If the arrays do not fit together.
        DataError: If they hold no probabilities, or targets that are no class.
        ConfigError: If a metric is not known.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
        >>> print(evaluate(probabilities, np.array([0, 1, 1, 0]), metrics=["accuracy"])["accuracy"])
        0.750 [0.301, 0.954]
    """
    wanted = [find_metric(each) for each in (CLASSIFICATION if metrics is None else metrics)]
    probabilities, targets = check_predictions(probabilities, targets)
    return {each.name: each.estimate(probabilities, targets, seed=seed) for each in wanted}


def per_class(
    probabilities: np.ndarray, targets: np.ndarray, *, labels: Sequence[str] | None = None
) -> list[ClassScores]:
    """Precision, recall and F1 of each class, with their 95 % intervals.

    Args:
        probabilities: Of each class for each item, float `[items, classes]`; rows sum to one.
        targets: Class indices, integers `[items]`.
        labels: The classes' names, in the order of the columns. Left out: their indices.

    Returns:
        One a class, in the order of the columns. What has no items to go by is NaN.

    Raises:
        ShapeError: If the arrays do not fit together, or `labels` names more or fewer classes.
        DataError: If they hold no probabilities, or targets that are no class.

    Example:
        >>> scores = per_class(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1]), labels=["a", "b"])
        >>> print(scores[1].label, scores[1].recall)
        b 0.500 [0.095, 0.905]
    """
    probabilities, targets = check_predictions(probabilities, targets)
    counts = confusion_matrix(probabilities, targets)
    names = [str(index) for index in range(len(counts))] if labels is None else list(labels)
    if len(names) != len(counts):
        raise ShapeError(
            "`labels` must name each column of `probabilities`.",
            given=f"{len(names)} labels, {len(counts)} columns",
            fix="Pass one label a class, in the order of the model's outputs.",
        )
    hits, actual, given = counts.diagonal().tolist(), counts.sum(1).tolist(), counts.sum(0).tolist()
    f1 = _f1_scores(counts)
    return [
        ClassScores(name, actual[k], wilson(hits[k], given[k]), wilson(hits[k], actual[k]), f1[k])
        for k, name in enumerate(names)
    ]


def confusion_matrix(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How often each class (row) was given each class (column), int64 `[classes, classes]`.

    Example:
        >>> confusion_matrix(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1])).tolist()
        [[1, 0], [1, 1]]
    """
    classes = probabilities.shape[1]
    cells = np.bincount(targets * classes + probabilities.argmax(1), minlength=classes**2)
    return cells.reshape(classes, classes)


def check_predictions(probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float `[items, classes]` and int64 `[items]`, or an error that names all that is wrong.

    Raises:
        ShapeError: If the arrays do not fit together.
        DataError: If they are empty, are not probabilities (negative, not finite, rows that do not sum to one within
            0.001), or a target is no class.

    Example:
        >>> probabilities, targets = check_predictions([[0.9, 0.1], [0.2, 0.8]], [0, 1])
        >>> probabilities.dtype, targets.dtype
        (dtype('float64'), dtype('int64'))
    """
    probabilities, targets = np.asarray(probabilities), np.asarray(targets)
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
    with np.errstate(invalid="ignore"):
        sums = probabilities.sum(1)
    found = {
        "rows with NaN or infinity": ~np.isfinite(sums),
        "rows with a negative number": probabilities.min(1) < 0,
        "rows that do not sum to one": np.isfinite(sums) & (np.abs(sums - 1) > 1e-3),
    }
    if targets.dtype.kind not in "iu":
        return [f"targets of dtype {targets.dtype}", *_first(found)]
    found[f"targets outside 0 to {probabilities.shape[1] - 1}"] = (targets < 0) | (targets >= probabilities.shape[1])
    return _first(found)


def _first(found: dict[str, np.ndarray]) -> list[str]:
    return [f"{rows.sum():,} {what} (first: row {rows.argmax()})" for what, rows in found.items() if rows.any()]


def find_metric(wanted: str | Metric) -> Metric:
    """A metric of one's own as it is, or one of `CLASSIFICATION` by its name; a ConfigError if that is not known."""
    if isinstance(wanted, Metric):
        return wanted
    if wanted not in CLASSIFICATION:
        raise ConfigError("This metric is not known.", given=wanted, fix=did_you_mean(wanted, CLASSIFICATION))
    return CLASSIFICATION[wanted]


# Proportions, and means of proportions: from the counts alone.


def _accuracy(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    return wilson(int((probabilities.argmax(1) == targets).sum()), len(targets))


def _error_rate(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    return wilson(int((probabilities.argmax(1) != targets).sum()), len(targets))


def _balanced_accuracy(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    counts = confusion_matrix(probabilities, targets)
    return intervals.average(
        [wilson(hits, items) for hits, items in zip(counts.diagonal().tolist(), counts.sum(1).tolist(), strict=True)]
    )


def _macro_f1(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    scores = _f1_scores(confusion_matrix(probabilities, targets))
    # An error lowers the F1 of two classes, a hit raises that of one: classes depend on one another by as much as
    # errors make up their spread, which is the share of hits in the union. Simulated: 0.92 to 0.98 for a nominal 0.95.
    overlaps = [each.value / (2 - each.value) for each in scores if not math.isnan(each.value)]
    return intervals.average(scores, shared=math.fsum(overlaps) / len(overlaps))


def _f1_scores(counts: np.ndarray) -> list[Estimate]:
    """F1 of each class; NaN for one that is neither among the targets nor among the predictions.

    F1 = 2J / (1 + J), where J is the share of hits among the items that are of the class or given it. J is a
    proportion, so its Wilson interval gives F1's (Hand, Christen and Kirielle 2021, arXiv:2008.00103).
    """
    hits = counts.diagonal()
    unions = counts.sum(0) + counts.sum(1) - hits
    overlaps = [wilson(hit, union) for hit, union in zip(hits.tolist(), unions.tolist(), strict=True)]
    return [Estimate(*(2 * end / (1 + end) for end in (each.value, each.low, each.high))) for each in overlaps]


# Means over items.


def _log_loss(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    chosen = probabilities[np.arange(len(targets)), targets]
    # As in scikit-learn, so that one item given zero does not make the whole infinite.
    clipped = np.clip(chosen, np.finfo(chosen.dtype).eps, 1.0).astype(np.float64)
    estimate = intervals.mean(-np.log(clipped), seed=seed)
    return Estimate(estimate.value, max(estimate.low, 0.0), estimate.high)


def _calibration_error(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """Guo et al. 2017, arXiv:1706.04599: 15 bins of equal width by the highest probability.

    The error of a finite sample is biased upwards, and a well-calibrated model's is above zero too. So the interval is
    moved by the bias that resampling shows, and reaches down to 0 when calibration alone could give as much.
    """
    confidence = probabilities.max(1).astype(np.float64)
    gap = confidence - (probabilities.argmax(1) == targets)
    bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    count = len(targets)
    signed = np.bincount(bins, gap, _BINS) / count
    value = float(np.abs(signed).sum())
    noise = generator(seed, "bootstrap").normal(size=(2000, _BINS)) * np.sqrt(np.bincount(bins, gap**2, _BINS)) / count
    bias = float(np.abs(signed + noise).sum(1).mean()) - value
    half = 1.96 * float((np.sign(signed)[bins] * gap).std()) / math.sqrt(count)
    by_chance = float(np.quantile(np.abs(noise).sum(1), 0.975))
    low = 0.0 if value <= by_chance else value - bias - half
    return Estimate(value, min(max(low, 0.0), value), min(max(value - bias + half, value), 1.0))


# Rankings: one class against the rest, averaged over classes.


def _auroc(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    return _ranked(probabilities, targets, auroc_effects)


def _average_precision(probabilities: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    return _ranked(probabilities, targets, precision_effects)


def _ranked(probabilities: np.ndarray, targets: np.ndarray, effects: Effects) -> Estimate:
    counts = np.bincount(targets, minlength=probabilities.shape[1])
    present = np.flatnonzero((counts > 0) & (counts < len(targets)))
    # With two classes the second column tells all, as in scikit-learn.
    columns = present if probabilities.shape[1] > 2 else present[-1:]
    return rank(probabilities[:, columns], targets[:, None] == columns, effects).estimate


def _classification(
    name: str, interval: Callable[[np.ndarray, np.ndarray, int], Estimate], *, higher_is_better: bool = True
) -> Metric:
    return Metric(name, higher_is_better, lambda p, t: interval(p, t, 0).value, interval)


CLASSIFICATION: dict[str, Metric] = {
    each.name: each
    for each in (
        _classification("accuracy", _accuracy),
        _classification("error_rate", _error_rate, higher_is_better=False),
        _classification("balanced_accuracy", _balanced_accuracy),
        _classification("macro_f1", _macro_f1),
        _classification("log_loss", _log_loss, higher_is_better=False),
        _classification("auroc", _auroc),
        _classification("average_precision", _average_precision),
        _classification("expected_calibration_error", _calibration_error, higher_is_better=False),
    )
}
