"""Metrics of numbers, each with its direction and its interval."""

from __future__ import annotations

import math

import numpy as np

from headway.errors import DataError, ShapeError
from headway.judge import intervals
from headway.judge.intervals import Estimate
from headway.judge.metric import Metric, TaskMetrics

__all__ = ["METRICS", "REGRESSION", "absolute_errors", "check_numbers"]


def check_numbers(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float64 `[items, outputs]`, or an error that names all that is wrong.

    Raises:
        ShapeError: If they are not of one shape.
        DataError: If they are empty, or hold NaN or infinity.

    Example:
        >>> check_numbers([1.0, 2.0], [1.5, 2.5])[0].shape
        (2, 1)
    """
    answers, targets = (np.asarray(each, dtype=np.float64) for each in (answers, targets))
    answers, targets = (each[:, None] if each.ndim == 1 else each for each in (answers, targets))
    if answers.ndim != 2 or answers.shape != targets.shape:
        what = "`answers` and `targets` must have one shape, [items] or [items, outputs]."
        given = f"answers {list(answers.shape)}, targets {list(targets.shape)}"
        raise ShapeError(what, given=given, fix="Pass one answer for each target, in the same order.")
    wrong = [name for name, each in (("answers", answers), ("targets", targets)) if not np.isfinite(each).all()]
    if wrong or not len(targets):
        what = "`answers` and `targets` must be finite numbers, at least one."
        given = f"{len(targets)} items" + (f"; NaN or infinity in {' and '.join(wrong)}" if wrong else "")
        raise DataError(what, given=given, fix="Leave such items out.")
    return answers, targets


def absolute_errors(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far each item's answer is off, in the unit, float64 `[items]`; the mean over its outputs."""
    return np.abs(answers - targets).mean(axis=1)


def _rmse(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
    """The root of the mean squared error; its interval is the root of that mean's."""
    found = intervals.mean(((answers - targets) ** 2).mean(axis=1), seed=seed)
    return Estimate(*(math.sqrt(max(each, 0.0)) for each in (found.value, found.low, found.high)))


def _r2(targets: np.ndarray, answers: np.ndarray) -> float:
    """The share of the targets' variance that the answers explain; NaN where the targets do not differ."""
    total = ((targets - targets.mean(axis=0)) ** 2).sum()
    return float(1 - ((answers - targets) ** 2).sum() / total) if total > 0 else math.nan


REGRESSION: dict[str, Metric] = {
    "mae": Metric("mae", by_item=absolute_errors, higher_is_better=False, title="mean absolute error"),
    "rmse": Metric("rmse", interval=_rmse, higher_is_better=False, title="root mean squared error"),
    "r2": Metric("r2", _r2, needs="checked"),
}

METRICS = TaskMetrics(
    metrics=REGRESSION,
    main="mae",
    of_baselines=("mae", "rmse", "r2"),
    check=check_numbers,
    ensemble_loss=lambda predictions, targets: ((predictions - targets) ** 2).mean(axis=1),
)
