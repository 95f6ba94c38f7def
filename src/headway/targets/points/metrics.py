"""How far points are from where they should be: metrics with their direction and interval, and simple models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from headway.errors import DataError, ShapeError
from headway.judge import intervals
from headway.judge.baselines.base import Baseline, Rows, linear_size, num_features, num_pixels, small_pixels
from headway.judge.intervals import Estimate
from headway.targets.category.metrics import Metric
from headway.targets.number.baselines import ridge

__all__ = ["BASELINES", "POINTS", "check_points", "item_errors", "pixel_errors", "told_points"]

ByItem = Callable[[np.ndarray, np.ndarray], np.ndarray]

_TOLD = 4
_MIN_PIXELS = 8


def check_points(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float64, or an error that names all that is wrong.

    Args:
        answers: Places `[items, 2 x points]`, x and y of each point, from -1 to 1 across what the model sees.
        targets: The same `[items, 2 x points + 2]`, and then how wide and how high, in pixels, that is in the picture.

    Raises:
        ShapeError: If they do not fit together.
        DataError: If they are empty, hold NaN or infinity, or a size is not above 0.

    Example:
        >>> check_points([[0.0, 0.5]], [[0.1, 0.5, 640, 480]])[1].shape
        (1, 4)
    """
    answers, targets = (np.asarray(each, dtype=np.float64) for each in (answers, targets))
    is_flat = answers.ndim == targets.ndim == 2 and answers.shape[1] > 0 and answers.shape[1] % 2 == 0
    if not is_flat or targets.shape != (len(answers), answers.shape[1] + 2):
        what = "`answers` must be [items, 2 x points], and `targets` the same with two more: width and height."
        given = f"answers {list(answers.shape)}, targets {list(targets.shape)}"
        raise ShapeError(what, given=given, fix="Pass one answer for each target, in the same order.")
    wrong = [name for name, each in (("answers", answers), ("targets", targets)) if not np.isfinite(each).all()]
    if wrong or not len(targets) or not (targets[:, -2:] > 0).all():
        what = "`answers` and `targets` must be finite numbers, at least one item, and sizes above 0."
        given = f"{len(targets)} items" + (f"; NaN or infinity in {' and '.join(wrong)}" if wrong else "")
        raise DataError(what, given=given, fix="Leave such items out.")
    return answers, targets


def told_points(values: np.ndarray, labels: Sequence[str]) -> str:
    """One item's answer or target in words: where the first points lie in what the model sees, in per cent.

    Example:
        >>> told_points(np.array([-0.5, 0.0, 1.0, 1.0, 640.0, 480.0]), ())
        '(25, 50), (100, 100) %'
    """
    # A target ends with the picture's size in pixels; no point lies that far outside.
    places = values[:-2] if values[-2:].min() >= _MIN_PIXELS else values
    shown = ((places + 1) * 50).reshape(-1, 2)
    more = " ..." if len(shown) > _TOLD else ""
    return ", ".join(f"({x:.0f}, {y:.0f})" for x, y in shown[:_TOLD]) + more + " %"


def pixel_errors(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far each point is off in pixels of the picture, float64 `[items, points]`; arrays as `check_points` has them.

    Example:
        >>> pixel_errors(np.array([[0.0, 0.5]]), np.array([[0.02, 0.5, 640, 480]])).round(2).tolist()
        [[6.4]]
    """
    away = (answers - targets[:, :-2]).reshape(len(answers), -1, 2) * targets[:, None, -2:] / 2
    return np.hypot(away[..., 0], away[..., 1])


def item_errors(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The mean distance of each item's points as a share of the longer side, float64 `[items]`."""
    return _shares(answers, targets).mean(axis=1)


def _shares(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return pixel_errors(answers, targets) / targets[:, -2:].max(axis=1, keepdims=True)


def _within(limit: float, answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The share of each item's points that are no farther off than that share of the longer side."""
    return (_shares(answers, targets) <= limit).mean(axis=1)


def _metric(name: str, *, higher_is_better: bool, by_item: ByItem) -> Metric:
    most = 1.0 if higher_is_better else np.inf

    def interval(answers: np.ndarray, targets: np.ndarray, seed: int) -> Estimate:
        found = intervals.mean(by_item(answers, targets), seed=seed)
        return Estimate(found.value, max(found.low, 0.0), min(found.high, most))

    return Metric(name, higher_is_better, lambda p, t: float(by_item(p, t).mean()), interval)


POINTS: dict[str, Metric] = {
    "error": _metric("error", higher_is_better=False, by_item=item_errors),
    "error_pixels": _metric(
        "error_pixels", higher_is_better=False, by_item=lambda p, t: pixel_errors(p, t).mean(axis=1)
    ),
    "within_5": _metric("within_5", higher_is_better=True, by_item=lambda p, t: _within(0.05, p, t)),
    "within_10": _metric("within_10", higher_is_better=True, by_item=lambda p, t: _within(0.10, p, t)),
}
"""The mean distance, as a share of the longer side of what the model sees and in pixels of the picture; and the share
of points within 5 and 10 % of that side (PCK, the "percentage of correct keypoints" of Yang and Ramanan 2013, doi:
10.1109/TPAMI.2012.261, here of the picture's size)."""


def _mean_position(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    """Where each point lies on the average."""
    mean = train.targets[:, :num_outputs].mean(axis=0, dtype=np.float64)
    return {part: np.tile(mean, (len(rows.targets), 1)) for part, rows in parts.items()}


def _ridge_pixels(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    inputs = {part: small_pixels(rows) for part, rows in parts.items()}
    return ridge(small_pixels(train), train.targets[:, :num_outputs], inputs, seed=seed)


def _ridge_features(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    assert train.features is not None
    inputs = {part: rows.features for part, rows in parts.items() if rows.features is not None}
    return ridge(train.features, train.targets[:, :num_outputs], inputs, seed=seed)


BASELINES: dict[str, Baseline] = {
    "mean position": Baseline(_mean_position, size=lambda _, outputs: outputs),
    "ridge regression on pixels": Baseline(
        _ridge_pixels, needs="pixels", size=lambda rows, outputs: linear_size(num_pixels(rows), outputs)
    ),
    "ridge regression on frozen features": Baseline(
        _ridge_features, needs="features", size=lambda rows, outputs: linear_size(num_features(rows), outputs)
    ),
}
