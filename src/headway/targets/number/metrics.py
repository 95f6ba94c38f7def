"""Metrics of numbers, each with its direction and its interval."""

from __future__ import annotations

import math

import numpy as np

from headway.judge.intervals import NAN, Estimate, student
from headway.judge.metric import Metric, TaskMetrics
from headway.targets.base import check_finite, check_shapes

__all__ = ["METRICS", "absolute_errors", "check_numbers"]

# A tail index above this moves an end outwards, so many times as fast; chosen on normal, t3, lognormal, Laplace errors.
_LIGHT_TAIL, _TAIL_WEIGHT = 0.25, 3.0
# The same for the variance of targets, chosen on normal, uniform, exponential and t3 ones.
_TARGET_TAIL_WEIGHT = 2.5
# Fewer do not show how heavy the tail of the targets is: with lognormal ones, intervals held the truth in 87 to 92 %.
_ITEMS_OF_R2 = 40


def check_numbers(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float64 `[items, outputs]`, or an error that names all that is wrong.

    Example:
        >>> check_numbers([1.0, 2.0], [1.5, 2.5])[0].shape
        (2, 1)
    """
    answers, targets = np.asarray(answers, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    answers, targets = (array[:, None] if array.ndim == 1 else array for array in (answers, targets))
    what = "`answers` and `targets` must have one shape, [items] or [items, outputs]."
    check_shapes(answers, targets, fit=answers.ndim == 2 and answers.shape == targets.shape, what=what)
    check_finite(answers, targets, what="`answers` and `targets` must be finite numbers, at least one.")
    return answers, targets


def absolute_errors(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far each item's answer is off, in the unit, float64 `[items]`; the mean over its outputs."""
    return np.abs(answers - targets).mean(axis=1)


def _error_size(value: float, effects: np.ndarray, sizes: np.ndarray) -> Estimate:
    """How large errors are, a number above 0, from each item's effect on it and the sizes themselves, `[items]`.

    Normal in its logarithm. The few largest errors decide such a mean, and the largest is seldom among those seen: the
    upper end is the farther off, the heavier their tail.

    Source:
        Bonett 2006, "Approximate confidence interval for standard deviation of nonnormal distributions", for the
        logarithm.
    """
    if len(effects) == 1:
        return Estimate(value, 0.0, math.inf)
    if value == 0:
        return Estimate(0.0, 0.0, 0.0)
    reach = student(len(effects) - 1) * math.sqrt(_variance(effects / value))
    upper = min(reach * _wider(sizes, _TAIL_WEIGHT), 700.0)
    return Estimate(value, value * math.exp(-reach), value * math.exp(upper))


def _variance(effects: np.ndarray) -> float:
    """Of a sum, from each item's effect on it, whose own sum is 0."""
    return float((effects**2).sum()) * len(effects) / (len(effects) - 1)


def _wider(sizes: np.ndarray, weight: float) -> float:
    """How many times as far the end of an interval lies off, past which the largest sizes that were not seen are.

    Source:
        Hill 1975, "A simple general approach to inference about the tail of a distribution".
    """
    # Hill's estimate takes the root of the items, which is few enough to be the tail and enough to be stable.
    largest = np.sort(sizes)[::-1][: max(math.isqrt(len(sizes)), 5) + 1]
    tail = float(np.log(largest[:-1] / largest[-1]).mean()) if len(largest) > 1 and largest[-1] > 0 else math.inf
    return 1 + weight * max(0.0, min(tail, 1.0) - _LIGHT_TAIL)


def _mae(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    sizes = absolute_errors(answers, targets)
    return _error_size(float(sizes.mean()), (sizes - sizes.mean()) / len(sizes), sizes)


def _rmse(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """The root of the mean squared error; its interval is the root of that mean's."""
    squared = _squared(answers, targets)
    mean = _error_size(float(squared.mean()), (squared - squared.mean()) / len(squared), squared)
    return Estimate(math.sqrt(mean.value), math.sqrt(mean.low), math.sqrt(mean.high))


def _r2(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """The share of the targets' variance that the answers explain; NaN where the targets do not differ.

    What is not explained is one mean by another, and normal in its logarithm. Each of the two has a tail: the largest
    error that was not seen would make it higher, the target farthest off that was not seen would make it lower. Below
    40 items there is no interval: they do not show these tails.
    """
    squared, around = _squared(answers, targets), _around(targets)
    mean, total = float(squared.mean()), float(around.mean())
    if total == 0:
        return NAN
    if len(squared) < _ITEMS_OF_R2:
        return Estimate(1 - mean / total, math.nan, math.nan, f"{len(squared)} items, {_ITEMS_OF_R2} needed")
    if mean == 0:
        return Estimate(1.0, 1.0, 1.0)
    errors, spread = (squared / mean - 1) / len(squared), (around / total - 1) / len(around)
    both, z = _variance(errors - spread), student(len(squared) - 1)
    more = both + _variance(errors) * (_wider(squared, _TAIL_WEIGHT) ** 2 - 1)
    less = both + _variance(spread) * (_wider(around, _TARGET_TAIL_WEIGHT) ** 2 - 1)
    most, least = math.exp(min(z * math.sqrt(more), 700.0)), math.exp(-z * math.sqrt(less))
    # Turned over: the most that is unexplained is the least that is explained.
    return Estimate(1 - mean / total, 1 - mean / total * most, 1 - mean / total * least)


def _r2_parts(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    missed = _unexplained(answers, targets)
    return 1 - missed if len(missed) else np.full(len(targets), math.nan)


def _root_parts(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    squared = _squared(answers, targets)
    root = math.sqrt(float(squared.mean()))
    return root + (squared - root**2) / (2 * root) if root else squared


def _squared(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return ((answers - targets) ** 2).mean(axis=1)


def _around(targets: np.ndarray) -> np.ndarray:
    """How far each item's target is from their mean, squared."""
    return ((targets - targets.mean(axis=0)) ** 2).mean(axis=1)


def _unexplained(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Pseudo-values of the share of the targets' variance that is not explained; empty where they do not differ."""
    squared, around = _squared(answers, targets), _around(targets)
    total = float(around.mean())
    if total == 0:
        return squared[:0]
    share = float(squared.mean()) / total
    return share + (squared - share * around) / total


_MAE, _RMSE = "mean absolute error", "root mean squared error"

METRICS = TaskMetrics(
    metrics={
        "mae": Metric("mae", interval=_mae, by_item=absolute_errors, higher_is_better=False, title=_MAE),
        "rmse": Metric("rmse", interval=_rmse, by_item=_root_parts, higher_is_better=False, title=_RMSE),
        "r2": Metric("r2", interval=_r2, by_item=_r2_parts),
    },
    main="mae",
    of_baselines=("mae", "rmse", "r2"),
    check=check_numbers,
    ensemble_loss=lambda predictions, targets: ((predictions - targets) ** 2).mean(axis=1),
)
