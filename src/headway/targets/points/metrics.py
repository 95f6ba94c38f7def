"""How far points are from where they should be: metrics, each with its direction and its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headway.judge.metric import Metric, TaskMetrics
from headway.targets.base import check_finite, check_shapes

__all__ = ["METRICS", "check_points", "item_errors", "pixel_errors", "points_text"]

# Points that are told of an item in words.
_SHOWN = 4
# What a picture has at least to a side, and no place is as large as.
_MIN_PIXELS = 8


def check_points(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float64, or an error that names all that is wrong.

    Answers are `[items, 2 x points]`, x and y of each point, from -1 to 1 across what the model sees; targets the same
    `[items, 2 x points + 2]`, and then how wide and how high, in pixels, that is in the picture.

    Example:
        >>> check_points([[0.0, 0.5]], [[0.1, 0.5, 640, 480]])[1].shape
        (1, 4)
    """
    answers, targets = np.asarray(answers, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    is_flat = answers.ndim == targets.ndim == 2 and answers.shape[1] > 0 and answers.shape[1] % 2 == 0
    what = "`answers` must be [items, 2 x points], and `targets` the same with two more: width and height."
    check_shapes(answers, targets, fit=is_flat and targets.shape == (len(answers), answers.shape[1] + 2), what=what)
    what = "`answers` and `targets` must be finite numbers, at least one item, and sizes above 0."
    check_finite(answers, targets, what=what, else_right=bool((targets[:, -2:] > 0).all()))
    return answers, targets


def points_text(values: np.ndarray, labels: Sequence[str]) -> str:
    """One item's answer or target in words: where the first points lie in what the model sees, in per cent.

    Example:
        >>> points_text(np.array([-0.5, 0.0, 1.0, 1.0, 640.0, 480.0]), ())
        '(25, 50), (100, 100) %'
    """
    # A target ends with the picture's size in pixels; no point lies that far outside.
    places = values[:-2] if values[-2:].min() >= _MIN_PIXELS else values
    shown = ((places + 1) * 50).reshape(-1, 2)
    more = " ..." if len(shown) > _SHOWN else ""
    return ", ".join(f"({x:.0f}, {y:.0f})" for x, y in shown[:_SHOWN]) + more + " %"


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


# The mean distance, as a share of the longer side of what the model sees and in pixels of the picture; and the share of
# points within 5 and 10 % of that side (PCK, the "percentage of correct keypoints" of Yang and Ramanan 2013, doi:
# 10.1109/TPAMI.2012.261, here of the picture's size).
_METRICS = (
    Metric(
        "error",
        by_item=item_errors,
        higher_is_better=False,
        is_share=True,
        title="mean distance as a share of the longer side",
    ),
    Metric("error_pixels", by_item=lambda p, t: pixel_errors(p, t).mean(axis=1), higher_is_better=False),
    Metric("within_5", by_item=lambda p, t: _within(0.05, p, t), is_share=True),
    Metric("within_10", by_item=lambda p, t: _within(0.10, p, t), is_share=True),
)

METRICS = TaskMetrics(
    metrics={metric.name: metric for metric in _METRICS},
    main="error",
    of_baselines=("error", "error_pixels", "within_5", "within_10"),
    check=check_points,
    plain=lambda predictions, targets: (predictions, targets[:, :-2]),
    describe=points_text,
)
