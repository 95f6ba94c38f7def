"""How good forecasts are: the error of the median, and the score of the interval, in usual changes of the series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headway.judge.metric import Metric, TaskMetrics
from headway.targets.base import check_finite, check_shapes

__all__ = [
    "COVERAGE",
    "METRICS",
    "QUANTILES",
    "SHARE",
    "check_forecasts",
    "describe",
    "is_inside",
    "scaled_errors",
    "shown",
]

# Of the median, and of the ends of an interval that holds so large a share.
QUANTILES = (0.5, 0.1, 0.9)
SHARE = 0.8


def check_forecasts(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The arrays as float64, or an error that says what is wrong.

    Args:
        answers: Medians, low ends and high ends, float `[items, 3 * horizon]`.
        targets: What came, and last the usual change of the series, above 0, float `[items, horizon + 1]`.

    Example:
        >>> check_forecasts([[2, 1, 3]], [[2, 1]])[0].tolist()
        [[2.0, 1.0, 3.0]]
    """
    answers, targets = np.asarray(answers, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    fit = answers.ndim == targets.ndim == 2 and answers.shape == (len(targets), 3 * (targets.shape[1] - 1))
    what = "`answers` must be medians, low and high ends, [items, 3 * horizon], and `targets` [items, horizon + 1]."
    check_shapes(answers, targets, fit=fit and answers.shape[1] > 0, what=what)
    what = "Forecasts and values must be finite, and the usual change of a series, the last of `targets`, above 0."
    check_finite(answers, targets, what=what, else_right=bool((targets[:, -1] > 0).all()))
    return answers, targets


def scaled_errors(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Absolute errors of the medians in usual changes, float64 `[items, horizon]`."""
    return _errors(answers, targets) / targets[:, -1:]


def is_inside(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Whether each value lies in its interval, bool `[items, horizon]`."""
    _, low, high = np.split(answers, 3, axis=1)
    return (targets[:, :-1] >= low) & (targets[:, :-1] <= high)


def _errors(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.abs(np.split(answers, 3, axis=1)[0] - targets[:, :-1])


def _interval_scores(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """An interval's width, and ten times how far the value lies outside of it, in usual changes; `[items]`.

    Source:
        Gneiting and Raftery 2007, "Strictly proper scoring rules, prediction, and estimation", section 6.2.
    """
    _, low, high = np.split(answers, 3, axis=1)
    following, outside = targets[:, :-1], 2 / (1 - SHARE)
    scores = (high - low) + outside * (np.maximum(low - following, 0) + np.maximum(following - high, 0))
    return (scores / targets[:, -1:]).mean(axis=1)


def shown(value: float) -> str:
    """A value as a person reads it.

    Example:
        >>> shown(0.123456), shown(13020.4)
        ('0.1235', '13020')
    """
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"


def describe(values: np.ndarray, labels: Sequence[str], *, horizon: int) -> str:
    """The medians of a forecast, or what came, the first six of them."""
    text = ", ".join(map(shown, values[: min(horizon, 6)]))
    return f"{text} ..." if horizon > 6 else text


# Not among the metrics, as it has no direction: it should be 80 %, neither less nor more.
COVERAGE = Metric("coverage", by_item=lambda answers, targets: is_inside(answers, targets).mean(axis=1), is_share=True)

METRICS = TaskMetrics(
    metrics={
        "mase": Metric(
            "mase",
            by_item=lambda answers, targets: scaled_errors(answers, targets).mean(axis=1),
            higher_is_better=False,
            title="mean absolute scaled error",
        ),
        "interval_score": Metric(
            "interval_score", by_item=_interval_scores, higher_is_better=False, title="interval score (80 %)"
        ),
        "mae": Metric(
            "mae",
            by_item=lambda answers, targets: _errors(answers, targets).mean(axis=1),
            higher_is_better=False,
            title="mean absolute error",
        ),
    },
    main="mase",
    of_baselines=("mase", "interval_score", "mae"),
    check=check_forecasts,
)
