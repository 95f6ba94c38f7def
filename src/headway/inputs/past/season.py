"""After how many moments a series repeats itself, and how large its usual changes are, the unit of errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["find_period", "usual_change"]

# The most series that are looked at, and the longest period.
_MOST_SERIES, _LONGEST = 200, 400
# Values a period apart must differ so much less than others do, in squares; and less by this over the root of how many
# values there are, as those of few values do by luck.
_CLEAR, _LUCK = 0.6, 1.5
# A shorter period is taken where it explains nearly as much: the week rather than three weeks.
_NEARLY = 0.1


def find_period(series: Sequence[np.ndarray]) -> int:
    """After how many moments series repeat themselves; 1 where they do not.

    Values that lie a period apart differ less than those that lie less far apart: at a period the mean squared
    difference, of the series without its straight line, has a low point of at most 0.6 times the highest before it, of
    few values less. Noise and random walks seldom have one. The period must fit into the series three times.

    Args:
        series: Of the training rows, float `[moments]` each, NaN where a value is missing.

    Example:
        >>> moments = np.arange(60)
        >>> find_period([np.sin(2 * np.pi * moments / 12) + 0.1 * moments]), find_period([moments**2.0])
        (12, 1)
    """
    of_series = [_differences(one) for one in sorted(series, key=len, reverse=True)[:_MOST_SERIES]]
    table = np.full((len(of_series), max(map(len, of_series), default=0)), np.nan)
    for row, differences in enumerate(of_series):
        table[row, : len(differences)] = differences
    # Lags that only a few long series reach are not compared with those of all.
    table = table[:, np.isfinite(table).mean(0) >= 0.5] if len(table) else table
    if table.shape[1] < 3:
        return 1
    mean = np.nanmean(table, axis=0)
    share = mean / np.maximum.accumulate(mean)
    # Entry 0 is lag 1. A low point is lower than both of its neighbours.
    low = 1 + np.flatnonzero((mean[1:-1] < mean[:-2]) & (mean[1:-1] <= mean[2:]))
    clear = low[share[low] <= _CLEAR - _LUCK / np.sqrt(sum(map(len, series)))]
    return int(clear[share[clear] <= share[clear].min() + _NEARLY][0]) + 1 if len(clear) else 1


def _differences(series: np.ndarray) -> np.ndarray:
    """The mean squared difference at lag 1, 2, ... up to a third of the length, in variances; empty without any."""
    moments, is_known = np.arange(len(series)), np.isfinite(series)
    if is_known.sum() < 6:
        return np.empty(0)
    line = np.polyfit(moments[is_known], series[is_known], 1)
    detrended = series - np.polyval(line, moments)
    variance = float(np.nanvar(detrended))
    # A straight line has nothing beside it but rounding.
    if variance <= 1e-12 * float(np.nanmean(series**2)):
        return np.empty(0)
    most = min(len(series) // 3 + 1, _LONGEST + 1)
    squares = [(detrended[lag:] - detrended[:-lag]) ** 2 for lag in range(1, most + 1)]
    return np.array([np.nanmean(one) if np.isfinite(one).any() else np.nan for one in squares]) / variance


def usual_change(history: np.ndarray, period: int) -> float:
    """The mean absolute change of a series from one period to the next; 0 where it cannot be known.

    It is the mean absolute error of the seasonal naive forecast one period ahead, the unit of MASE.

    Args:
        history: float `[moments]`.
        period: Moments of a period; of shorter histories the change from one moment to the next counts.

    Example:
        >>> usual_change(np.array([1.0, 5.0, 2.0, 6.0]), 2), usual_change(np.array([1.0, 5.0, 2.0, 6.0]), 1)
        (1.0, 3.6666666666666665)

    Source:
        Hyndman and Koehler 2006, "Another look at measures of forecast accuracy".
    """
    for lag in (period, 1):
        changes = np.abs(history[lag:] - history[:-lag])
        if len(changes) and changes.mean() > 0:
            return float(changes.mean())
    return 0.0
