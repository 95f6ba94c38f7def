"""Metrics of numbers, each with its direction and its interval."""

from __future__ import annotations

import math

import numpy as np

from headway.judge import intervals
from headway.judge.intervals import Estimate
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


def _rmse(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """The root of the mean squared error; its interval is the root of that mean's."""
    squared = intervals.mean(((answers - targets) ** 2).mean(axis=1), seed=seed)
    return Estimate(*(math.sqrt(max(end, 0.0)) for end in (squared.value, squared.low, squared.high)))


def _r2(targets: np.ndarray, answers: np.ndarray) -> float:
    """The share of the targets' variance that the answers explain; NaN where the targets do not differ."""
    total = ((targets - targets.mean(axis=0)) ** 2).sum()
    return float(1 - ((answers - targets) ** 2).sum() / total) if total > 0 else math.nan


METRICS = TaskMetrics(
    metrics={
        "mae": Metric("mae", by_item=absolute_errors, higher_is_better=False, title="mean absolute error"),
        "rmse": Metric("rmse", interval=_rmse, higher_is_better=False, title="root mean squared error"),
        "r2": Metric("r2", _r2, needs="checked"),
    },
    main="mae",
    of_baselines=("mae", "rmse", "r2"),
    check=check_numbers,
    ensemble_loss=lambda predictions, targets: ((predictions - targets) ** 2).mean(axis=1),
)
