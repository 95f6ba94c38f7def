"""Metrics of numbers, each with its direction and its interval."""

from __future__ import annotations

import math

import numpy as np

from headway.judge.intervals import NAN, Estimate, error_size
from headway.judge.metric import Metric, TaskMetrics
from headway.targets.base import check_finite, check_shapes

__all__ = ["METRICS", "absolute_errors", "check_numbers"]


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


def _mae(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    sizes = absolute_errors(answers, targets)
    return error_size(float(sizes.mean()), (sizes - sizes.mean()) / len(sizes), sizes)


def _rmse(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """The root of the mean squared error; its interval is the root of that mean's."""
    squared = _squared(answers, targets)
    mean = error_size(float(squared.mean()), (squared - squared.mean()) / len(squared), squared)
    return Estimate(math.sqrt(mean.value), math.sqrt(mean.low), math.sqrt(mean.high))


def _r2(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """The share of the targets' variance that the answers explain; NaN where the targets do not differ."""
    missed, squared = _unexplained(answers, targets), _squared(answers, targets)
    if not len(missed):
        return NAN
    effects = (missed - missed.mean()) / len(missed)
    # The targets' own variance is estimated from the same items, which takes part of the tail away.
    share = error_size(float(missed.mean()), effects, squared, tail_weight=2.0)
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
