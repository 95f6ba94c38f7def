"""Exponential smoothing (ETS) of many series at once, its parameters chosen from a grid by their likelihood.

A library fits one series in 6 to 80 ms; a backtest has thousands of them. Here all series and all parameters take each
moment together.
"""

from __future__ import annotations

from itertools import product

import numpy as np

__all__ = ["exponential_smoothing"]

_LEVELS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.999)
# How fast the trend follows, as a share of the level's, and by what it fades each moment; (0, 0) is no trend.
_TRENDS = ((0.0, 0.0), (0.02, 1.0), (0.05, 0.98), (0.05, 0.9), (0.2, 0.98), (0.2, 0.9))
_SEASONS = (0.0, 0.1, 0.25, 0.5)
# Values of each series that count, and series that are smoothed together.
_MOST, _TOGETHER = 256, 32
# A season longer than this takes too much memory for what it gains.
_LONGEST_PERIOD = 60


def exponential_smoothing(history: np.ndarray, *, horizon: int, period: int = 1) -> np.ndarray:
    """Forecasts by the best of simple, trended, damped and seasonal smoothing, of values or their logarithms.

    Args:
        history: float64 `[series, moments]`, NaN in front of shorter series.
        horizon: Values to forecast.
        period: Moments of a season; 1 for none. A series of less than two periods has none.

    Returns:
        float64 `[series, horizon]`.

    Example:
        >>> exponential_smoothing(np.full((1, 20), 7.0), horizon=2).round(3).tolist()
        [[7.0, 7.0]]

    Source:
        Hyndman et al. 2008, "Forecasting with exponential smoothing": additive errors, with and without logarithms;
        the model with the least AIC (Akaike 1974).
    """
    history = history[:, -_MOST:]
    pieces = [history[start : start + _TOGETHER] for start in range(0, len(history), _TOGETHER)]
    return np.concatenate([_piece(piece, horizon, period) for piece in pieces])


def _piece(history: np.ndarray, horizon: int, period: int) -> np.ndarray:
    is_known = np.isfinite(history)
    # Of a series that has values of 0 or below there are no logarithms.
    positive = np.where(is_known, history, 1.0).min(axis=1) > 0
    logs = np.log(
        np.where(positive[:, None], history, np.nan), where=is_known & positive[:, None], out=history * np.nan
    )
    tried = [_smooth(history, horizon, 1)]
    if positive.any():
        tried.append(_of_logs(logs, horizon, 1))
    if 1 < period <= _LONGEST_PERIOD:
        long = is_known.sum(axis=1) >= 2 * period
        for aic, forecasts in (_smooth(history, horizon, period), _of_logs(logs, horizon, period)):
            tried.append((np.where(long, aic, np.inf), forecasts))
    best = np.argmin([aic for aic, _ in tried], axis=0)
    return np.stack([forecasts for _, forecasts in tried])[best, np.arange(len(history))]


def _of_logs(logs: np.ndarray, horizon: int, period: int) -> tuple[np.ndarray, np.ndarray]:
    """As `_smooth`, in the unit of the values: logarithms have another density."""
    aic, forecasts = _smooth(logs, horizon, period)
    usable = np.isfinite(logs).any(axis=1)
    aic = np.where(usable, aic + 2 * np.nansum(logs, axis=1), np.inf)
    # A trend of logarithms may go anywhere; no series grows a million times within a horizon.
    return aic, np.exp(
        np.clip(np.nan_to_num(forecasts), -700, np.nan_to_num(np.nanmax(logs, axis=1, initial=-700))[:, None] + 14)
    )


def _smooth(history: np.ndarray, horizon: int, period: int) -> tuple[np.ndarray, np.ndarray]:
    """AIC `[series]` and forecasts `[series, horizon]` of the best parameters for each series."""
    grid = np.array([[*one] for one in product(_LEVELS, _TRENDS, _SEASONS if period > 1 else (0.0,))], dtype=object)
    alpha = np.array(grid[:, 0], dtype=float)
    beta, phi = np.array(list(grid[:, 1]), dtype=float).T
    gamma = np.array(grid[:, 2], dtype=float)
    is_known, moments = np.isfinite(history), history.shape[1]
    level, trend, season = _start(history, is_known, period, has_trend=phi > 0)
    errors = np.zeros_like(level)
    for moment in range(moments):
        here, known = (moment - moments) % period, is_known[:, moment, None]
        expected = level + phi * trend
        gap = np.where(known, history[:, moment, None] - expected - season[..., here], 0.0)
        errors += gap**2
        level = np.where(known, expected + alpha * gap, level)
        trend = np.where(known, phi * trend + alpha * beta * gap, trend)
        season[..., here] += gamma * (1 - alpha) * gap
    count = np.maximum(is_known.sum(axis=1), 1)[:, None]
    parameters = 2 + 2 * (phi > 0) + (phi < 1) * (phi > 0) + (period > 1) * (period + (gamma > 0))
    # What fits perfectly would have an infinite likelihood.
    floor = 1e-12 * (np.where(is_known, history, 0.0) ** 2).sum(axis=1, keepdims=True) / count + 1e-30
    aic = count * np.log(errors / count + floor) + 2 * parameters
    best, rows = aic.argmin(axis=1), np.arange(len(history))
    faded = np.cumsum(phi[best, None] ** np.arange(1, horizon + 1), axis=1)
    seasons = season[rows, best][:, np.arange(horizon) % period]
    return aic[rows, best], level[rows, best, None] + faded * trend[rows, best, None] + seasons


def _start(
    history: np.ndarray, is_known: np.ndarray, period: int, *, has_trend: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level and trend before the first value `[series, grid]`, and the season `[series, grid, period]`.

    The season is the mean over the history of what each of its moments lies above a straight line.
    """
    moments = history.shape[1]
    times, weights = np.arange(moments) - moments, is_known.astype(float)
    count = np.maximum(weights.sum(1), 1)
    values = np.where(is_known, history, 0.0)
    middle, mean = (weights * times).sum(1) / count, values.sum(1) / count
    apart = weights * (times - middle[:, None])
    slope = (apart * values).sum(1) / np.maximum((apart**2).sum(1), 1e-30)
    beyond = weights * (history - mean[:, None] - slope[:, None] * (times - middle[:, None]))
    beyond = np.where(is_known, beyond, 0.0)
    season = (
        np.stack(
            [
                beyond[:, times % period == phase].sum(1) / np.maximum(weights[:, times % period == phase].sum(1), 1)
                for phase in range(period)
            ],
            axis=1,
        )
        if period > 1
        else np.zeros((len(history), 1))
    )
    # The mean of the first season, or of the first few values, without what the season adds.
    first = is_known.argmax(1)[:, None] + np.arange(max(period, 3))
    first = np.minimum(first, moments - 1)
    start = np.take_along_axis(values, first, 1).mean(1)
    begin = np.where(has_trend, (start - slope * (max(period, 3) + 1) / 2)[:, None], start[:, None])
    trend = np.where(has_trend, slope[:, None], 0.0)
    return begin, trend, np.repeat(season[:, None], len(has_trend), axis=1)
