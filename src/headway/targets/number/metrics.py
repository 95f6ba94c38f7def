"""Metrics of numbers, each with its direction and its interval."""

from __future__ import annotations

import math

import numpy as np

from headway.judge.intervals import NAN, Estimate, student
from headway.judge.metric import Metric, TaskMetrics
from headway.targets.base import check_finite, check_shapes

__all__ = ["METRICS", "absolute_errors", "check_numbers"]

# A tail index above this widens the upper end, so many times as fast; chosen on normal, t3, lognormal, Laplace errors.
_LIGHT_TAIL, _TAIL_WEIGHT = 0.25, 3.0


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


def _error_size(value: float, effects: np.ndarray, sizes: np.ndarray, *, tail_weight: float = _TAIL_WEIGHT) -> Estimate:
    """How large errors are, a number above 0, from each item's effect on it and the sizes themselves, `[items]`.

    Normal in its logarithm. The few largest errors decide such a mean, and the largest is seldom among those seen: the
    upper end is the farther off, the heavier their tail; `tail_weight` says how fast.

    Source:
        Bonett 2006, "Approximate confidence interval for standard deviation of nonnormal distributions", for the
        logarithm; Hill 1975, "A simple general approach to inference about the tail of a distribution".
    """
    count = len(effects)
    if count == 1:
        return Estimate(value, 0.0, math.inf)
    if value == 0:
        return Estimate(0.0, 0.0, 0.0)
    reach = student(count - 1) * math.sqrt(float((effects**2).sum()) * count / (count - 1)) / value
    # Hill's estimate takes the root of the items, which is few enough to be the tail and enough to be stable.
    largest = np.sort(sizes)[::-1][: max(math.isqrt(count), 5) + 1]
    tail = float(np.log(largest[:-1] / largest[-1]).mean()) if len(largest) > 1 and largest[-1] > 0 else math.inf
    wider = 1 + tail_weight * max(0.0, min(tail, 1.0) - _LIGHT_TAIL)
    return Estimate(value, value * math.exp(-reach), value * math.exp(min(reach * wider, 700.0)))


def _mae(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    sizes = absolute_errors(answers, targets)
    return _error_size(float(sizes.mean()), (sizes - sizes.mean()) / len(sizes), sizes)


def _rmse(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """The root of the mean squared error; its interval is the root of that mean's."""
    squared = _squared(answers, targets)
    mean = _error_size(float(squared.mean()), (squared - squared.mean()) / len(squared), squared)
    return Estimate(math.sqrt(mean.value), math.sqrt(mean.low), math.sqrt(mean.high))


def _r2(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """The share of the targets' variance that the answers explain; NaN where the targets do not differ."""
    missed, squared = _unexplained(answers, targets), _squared(answers, targets)
    if not len(missed):
        return NAN
    effects = (missed - missed.mean()) / len(missed)
    # The targets' own variance is estimated from the same items, which takes part of the tail away.
    share = _error_size(float(missed.mean()), effects, squared, tail_weight=2.0)
    # Turned over: the most that is unexplained is the least that is explained.
    return Estimate(1 - share.value, 1 - share.high, 1 - share.low)


def _r2_parts(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    missed = _unexplained(answers, targets)
    return 1 - missed if len(missed) else np.full(len(targets), math.nan)


def _root_parts(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    squared = _squared(answers, targets)
    root = math.sqrt(float(squared.mean()))
    return root + (squared - root**2) / (2 * root) if root else squared


def _squared(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return ((answers - targets) ** 2).mean(axis=1)


def _unexplained(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Pseudo-values of the share of the targets' variance that is not explained; empty where they do not differ."""
    squared, around = _squared(answers, targets), ((targets - targets.mean(axis=0)) ** 2).mean(axis=1)
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
