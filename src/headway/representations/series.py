"""Series as pictures: angles between moments, transitions between levels, and which moments are alike.

Each is a function of numpy alone, from `[moments]` to `[moments, moments]`, or `[levels, levels]`.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "from_gramian_sum",
    "gramian_difference",
    "gramian_sum",
    "markov_transition",
    "recurrence_plot",
    "shortened",
]


def shortened(series: np.ndarray, length: int) -> np.ndarray:
    """A series of at most `length` moments: the means of neighbouring ones, float64.

    Example:
        >>> shortened(np.array([1.0, 3.0, 5.0, 7.0]), 2).tolist()
        [2.0, 6.0]

    Source:
        Keogh and Pazzani 2000, "Scaling up dynamic time warping for datamining applications" (PAA).
    """
    if len(series) <= length:
        return np.asarray(series, dtype=np.float64)
    ends = np.linspace(0, len(series), length + 1).round().astype(int)
    return np.add.reduceat(np.asarray(series, dtype=np.float64), ends[:-1]) / np.diff(ends)


def _scaled(series: np.ndarray) -> np.ndarray:
    """From 0 to 1; a series that never changes is 0."""
    series = np.asarray(series, dtype=np.float64)
    span = float(np.ptp(series))
    return (series - series.min()) / span if span else np.zeros(len(series))


def gramian_sum(series: np.ndarray) -> np.ndarray:
    """The cosine of the sum of each two moments' angles, float64 `[moments, moments]` from -1 to 1.

    A moment's angle is the arc cosine of its value, scaled from 0 to 1.

    Example:
        >>> gramian_sum(np.array([0.0, 1.0])).round(1).tolist()
        [[-1.0, 0.0], [0.0, 1.0]]

    Source:
        Wang and Oates 2015, "Imaging time-series to improve classification and imputation", arXiv:1506.00327.
    """
    cosines = _scaled(series)
    sines = np.sqrt(1 - cosines**2)
    return np.outer(cosines, cosines) - np.outer(sines, sines)


def from_gramian_sum(picture: np.ndarray) -> np.ndarray:
    """The series, from 0 to 1, of a picture that `gramian_sum` made, float64 `[moments]`: its diagonal has it all.

    Example:
        >>> from_gramian_sum(gramian_sum(np.array([2.0, 3.0, 4.0]))).tolist()
        [0.0, 0.5, 1.0]
    """
    return np.sqrt(np.clip((np.diagonal(picture) + 1) / 2, 0, 1))


def gramian_difference(series: np.ndarray) -> np.ndarray:
    """The sine of the difference of each two moments' angles, float64 `[moments, moments]` from -1 to 1.

    Example:
        >>> gramian_difference(np.array([0.0, 1.0])).round(1).tolist()
        [[0.0, 1.0], [-1.0, 0.0]]

    Source:
        As `gramian_sum`.
    """
    cosines = _scaled(series)
    sines = np.sqrt(1 - cosines**2)
    return np.outer(sines, cosines) - np.outer(cosines, sines)


def markov_transition(series: np.ndarray, *, levels: int = 8) -> np.ndarray:
    """How likely the level of one moment is followed by that of another: float64 `[moments, moments]` from 0 to 1.

    Levels hold as many moments each. The picture forgets the values, so that it has no inverse.

    Example:
        >>> markov_transition(np.array([1.0, 2.0, 1.0, 2.0]), levels=2).tolist()[0]
        [0.0, 1.0, 0.0, 1.0]

    Source:
        As `gramian_sum`, section 2.2.
    """
    edges = np.quantile(series, np.linspace(0, 1, levels + 1)[1:-1])
    level = np.searchsorted(edges, series, side="left")
    counts = np.zeros((levels, levels))
    np.add.at(counts, (level[:-1], level[1:]), 1)
    chances = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return chances[level[:, None], level[None, :]]


def recurrence_plot(series: np.ndarray) -> np.ndarray:
    """How far each two moments lie apart, as a share of the farthest: float64 `[moments, moments]` from 0 to 1.

    Without a threshold, so that nothing needs to be chosen. Mirrored series look the same, so there is no inverse.

    Example:
        >>> recurrence_plot(np.array([0.0, 1.0, 4.0])).tolist()[0]
        [0.0, 0.25, 1.0]

    Source:
        Eckmann, Kamphorst and Ruelle 1987, "Recurrence plots of dynamical systems".
    """
    scaled = _scaled(series)
    return np.abs(scaled[:, None] - scaled[None, :])
