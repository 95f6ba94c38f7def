"""Simple forecasts, each with an interval from its own errors on training items: what a model must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from headway.inputs.past.season import usual_change
from headway.judge.baselines.base import Baseline, BaselineData
from headway.targets.future.metrics import QUANTILES
from headway.targets.future.smoothing import exponential_smoothing

__all__ = ["BASELINES", "drift", "naive", "seasonal_naive"]

# Training items whose errors make the intervals.
_MOST = 1_000

Forecast = Callable[..., np.ndarray]


def naive(history: np.ndarray, *, horizon: int, period: int) -> np.ndarray:
    """The last value again and again: float64 `[items, horizon]`, from `[items, moments]`."""
    return np.repeat(history[:, -1:], horizon, axis=1)


def seasonal_naive(history: np.ndarray, *, horizon: int, period: int) -> np.ndarray:
    """The values one season before; the last value where a history is shorter than that.

    Example:
        >>> seasonal_naive(np.array([[1.0, 2.0, 3.0]]), horizon=3, period=2).tolist()
        [[2.0, 3.0, 2.0]]
    """
    ahead = [history.shape[1] - period + step % period for step in range(horizon)]
    if ahead[0] < 0:
        return naive(history, horizon=horizon, period=period)
    return np.where(np.isfinite(history[:, ahead]), history[:, ahead], history[:, -1:])


def drift(history: np.ndarray, *, horizon: int, period: int) -> np.ndarray:
    """The straight line through the first and the last value.

    Example:
        >>> drift(np.array([[np.nan, 1.0, 5.0, 3.0]]), horizon=2, period=1).tolist()
        [[4.0, 5.0]]
    """
    is_known = np.isfinite(history)
    first = history[np.arange(len(history)), is_known.argmax(axis=1)]
    slope = (history[:, -1] - first) / np.maximum(is_known.sum(axis=1) - 1, 1)
    return history[:, -1:] + slope[:, None] * np.arange(1, horizon + 1)


def _ets(history: np.ndarray, *, horizon: int, period: int) -> np.ndarray:
    return exponential_smoothing(history, horizon=horizon, period=period)


def _with_interval(
    forecast: Forecast,
    train: BaselineData,
    parts: Mapping[str, BaselineData],
    *,
    num_outputs: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Forecasts of the parts, with the quantiles of the errors on training items, in usual changes, around them."""
    options: dict[str, Any] = {"horizon": num_outputs // 3, "period": train.about["period"]}
    errors = train.targets[:, :-1] - forecast(train["history"], **options)
    low, high = np.quantile(errors / _usual(train), QUANTILES[1:], axis=0)
    answers = {}
    for part, data in parts.items():
        middle, usual = forecast(data["history"], **options), _usual(data)
        ends = [np.minimum(middle, middle + low * usual), np.maximum(middle, middle + high * usual)]
        answers[part] = np.concatenate([middle, *ends], axis=1)
    return answers


def _usual(data: BaselineData) -> np.ndarray:
    """How much each series usually changed before the forecast, `[items, 1]`."""
    changes = np.array([usual_change(past[np.isfinite(past)], data.about["period"]) for past in data["history"]])
    # One that never changed so far is taken as the others.
    changes[changes == 0] = np.median(changes[changes > 0]) if (changes > 0).any() else 1.0
    return changes[:, None]


def _baseline(forecast: Forecast, size: int) -> Baseline:
    run = partial(_with_interval, forecast)
    return Baseline(run, needs="history", size=lambda _, num_outputs: size + num_outputs, max_rows=_MOST)


BASELINES: dict[str, Baseline] = {
    "naive": _baseline(naive, 0),
    "seasonal naive": _baseline(seasonal_naive, 0),
    "drift": _baseline(drift, 1),
    "exponential smoothing (ETS)": _baseline(_ets, 4),
}
