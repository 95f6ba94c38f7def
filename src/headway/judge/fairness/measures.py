"""What is compared between groups of people: shares such as the true positive rate, each over the items that count.

Every measure is the mean of one number an item over some of the items, so one mechanism gives all intervals and tests.
The values are fairlearn's (the tests compare them); fairlearn gives no intervals and no tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headway.judge.grouped_items import of_groups
from headway.judge.intervals import CONFIDENCE, Estimate, student, wilson
from headway.judge.metric import TaskMetrics
from headway.judge.slices.compare import ENOUGH

__all__ = ["OF_DATA", "TITLES", "Measure", "class_measures", "estimates", "measures_of"]

# By name: in words, and what it is a share of.
TITLES: dict[str, tuple[str, str]] = {
    "selection_rate": ("selection rate", "of all, those predicted as the class"),
    "true_positive_rate": ("true positive rate", "of those who are of the class, those predicted as it"),
    "false_positive_rate": ("false positive rate", "of those who are not, those predicted as it"),
    "precision": ("precision", "of those predicted as the class, those who are of it"),
    "calibration": ("calibration gap", "the share who are of the class, minus the mean predicted probability"),
    "error": ("error", "of all, those predicted wrongly; of numbers the mean error"),
    "base_rate": ("base rate", "of all, those who are of the class, whatever is predicted"),
    "bias": ("bias", "the mean of predicted minus true"),
    "mean_prediction": ("mean prediction", "the mean of what is predicted"),
    "mean_target": ("mean target", "the mean of what is true, whatever is predicted"),
}
# What no model changes.
OF_DATA = ("base_rate", "mean_target")


@dataclass(frozen=True)
class Measure:
    """A number an item, `values` float64 `[items]`, whose mean over those `counted`, bool `[items]`, is judged.

    `is_share` says whether the values are 0 and 1.
    """

    name: str
    values: np.ndarray
    counted: np.ndarray
    is_share: bool = True


def class_measures(probability: np.ndarray, predicted: np.ndarray, positive: np.ndarray) -> list[Measure]:
    """The measures of one class: its probability, float `[items]`, who is given it and who is of it, bool `[items]`.

    Example:
        >>> predicted, positive = np.array([True, True, False]), np.array([True, False, False])
        >>> measures = class_measures(np.array([0.9, 0.6, 0.2]), predicted, positive)
        >>> [(measure.name, float(measure.values[measure.counted].mean().round(2))) for measure in measures[:3]]
        [('selection_rate', 0.67), ('true_positive_rate', 1.0), ('false_positive_rate', 0.5)]
    """
    everyone = np.ones(len(predicted), dtype=bool)
    given, actual = predicted.astype(np.float64), positive.astype(np.float64)
    return [
        Measure("selection_rate", given, everyone),
        Measure("true_positive_rate", given, positive),
        Measure("false_positive_rate", given, ~positive),
        Measure("precision", actual, predicted),
        Measure("calibration", actual - probability, everyone, is_share=False),
        Measure("error", (predicted != positive).astype(np.float64), everyone),
        Measure("base_rate", actual, everyone),
    ]


def measures_of(
    predictions: np.ndarray, targets: np.ndarray, metrics: TaskMetrics, labels: Sequence[str]
) -> Mapping[str, list[Measure]]:
    """The measures by the class that they are of; of two classes the second is looked at, which tells all.

    Of a target without classes there is one entry without a name: the item's part of the main metric, and of one number
    an item its bias.
    """
    predictions, targets = metrics.check(predictions, targets)
    if metrics.has_classes:
        predicted = metrics.decide(predictions)
        return {
            labels[k]: class_measures(predictions[:, k], predicted == k, targets == k)
            for k in ([1] if len(labels) == 2 else range(len(labels)))
        }
    everyone = np.ones(len(targets), dtype=bool)
    parts = metrics.by_item(predictions, targets)
    measures = [Measure("error", -parts if metrics.higher_is_better else parts, everyone, is_share=False)]
    if predictions.shape == targets.shape == (len(targets), 1):
        numbers = {"bias": predictions - targets, "mean_prediction": predictions, "mean_target": targets}
        measures += [
            Measure(name, values[:, 0].astype(np.float64), everyone, is_share=False) for name, values in numbers.items()
        ]
    return {"": measures}


def estimates(
    measure: Measure,
    index: np.ndarray,
    num_groups: int,
    *,
    confidence: float = CONFIDENCE,
    clusters: np.ndarray | None = None,
) -> tuple[list[Estimate | None], np.ndarray]:
    """A measure by group, each item's group in `index`, int64 `[items]`; and how many items count in each.

    None where fewer than 30 count: their rate would say little, and in a group of one it would say what somebody did.
    """
    counts = np.bincount(index[measure.counted], minlength=num_groups)
    groups: list[Estimate | None] = []
    for group, count in enumerate(counts.tolist()):
        if count < ENOUGH:
            groups.append(None)
            continue
        rows = np.flatnonzero((index == group) & measure.counted)
        estimate = _estimate(measure, rows, confidence)
        if clusters is not None:
            estimate = of_groups(estimate, measure.values[rows], clusters[rows], is_share=measure.is_share)
        groups.append(estimate)
    return groups, counts


def _estimate(measure: Measure, rows: np.ndarray, confidence: float) -> Estimate:
    values, count = measure.values[rows], len(rows)
    if measure.is_share:
        return wilson(int(values.sum()), count, confidence)
    mean = float(values.mean())
    half = student(count - 1, confidence) * float(values.std(ddof=1)) / math.sqrt(count)
    return Estimate(mean, mean - half, mean + half)
