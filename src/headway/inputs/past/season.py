"""After how many moments a series repeats itself, and how large its usual changes are, the unit of errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["find_period", "usual_change"]

# The most series that are looked at, and the longest period.
_MOST_SERIES, _LONGEST = 200, 400
# So much must the changes of one period say of those of the next.
_CLEAR = 0.3
# A shorter period is taken where it explains nearly as much: the week rather than three weeks.
_NEARLY = 0.9


def find_period(series: Sequence[np.ndarray]) -> int:
    """After how many moments the changes of series repeat themselves; 1 where they do not.

    It is the lag of the highest autocorrelation of the differences, which must be a peak of at least 0.3 and must fit
    into the series three times.

    Args:
        series: Of the training rows, float `[moments]` each, NaN where a value is missing.

    Example:
        >>> moments = np.arange(60)
        >>> find_period([np.sin(2 * np.pi * moments / 12) + 0.1 * moments]), find_period([moments**2.0])
        (12, 1)
    """
    of_series = [_autocorrelation(np.diff(one)) for one in sorted(series, key=len, reverse=True)[:_MOST_SERIES]]
    longest = max(map(len, of_series), default=0)
    if longest < 4:
        return 1
    table = np.full((len(of_series), longest), np.nan)
    for row, correlations in enumerate(of_series):
        table[row, : len(correlations)] = correlations
    # Lags that only a few long series reach are not compared with those of all.
    table = table[:, np.isfinite(table).mean(0) >= 0.5]
    mean = np.nanmean(table, axis=0)
    # Entry 0 is lag 1. A peak is higher than both of its neighbours.
    peaks = 1 + np.flatnonzero((mean[1:-1] > mean[:-2]) & (mean[1:-1] >= mean[2:]))
    clear = peaks[mean[peaks] >= _CLEAR]
    if not len(clear):
        return 1
    return int(clear[mean[clear] >= _NEARLY * mean[clear].max()][0]) + 1


def _autocorrelation(changes: np.ndarray) -> np.ndarray:
    """Of lag 1, 2, ... up to a third of the length; empty where nothing changes."""
    changes = changes[np.isfinite(changes)]
    most = min(len(changes) // 3 + 1, _LONGEST + 1)
    centred = changes - changes.mean() if len(changes) else changes
    power = float(centred @ centred)
    if power == 0:
        return np.empty(0)
    return np.array([float(centred[lag:] @ centred[:-lag]) / power for lag in range(1, most + 1) if lag < len(centred)])


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
