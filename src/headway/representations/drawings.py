"""Rows of a table as cells, and the way of a pointer as a line."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["cells", "pointer_trail"]

# Points that are drawn between two moments, so that a fast pointer leaves a line and no dots.
_BETWEEN = 16
_CLICK_RADIUS = 2


def cells(values: np.ndarray) -> np.ndarray:
    """A row's values as the cells of the smallest square that holds them, float64 `[side, side]`, 0 behind the last.

    Example:
        >>> cells(np.array([0.1, 0.2, 0.3])).tolist()
        [[0.1, 0.2], [0.3, 0.0]]
    """
    side = max(math.isqrt(max(len(values) - 1, 0)) + 1, 1)
    return np.pad(np.asarray(values, dtype=np.float64), (0, side * side - len(values))).reshape(side, side)


def pointer_trail(
    positions: np.ndarray, *, times: np.ndarray | None = None, clicks: np.ndarray | None = None, side: int = 64
) -> np.ndarray:
    """The way of a pointer as a line: float64 `[side, side, 3]` from 0 to 1; speed and acceleration are its colours.

    Red is the line itself, green the speed and blue the size of the acceleration, both as shares of the largest. A
    click is a white square. What was drawn over is lost, so there is no inverse.

    Args:
        positions: To the right and down, float `[moments, 2]`, in any unit; the longer side of the way fills the
            picture.
        times: When, float `[moments]`, rising. Default: at equal distances.
        clicks: Whether a button was pressed, bool `[moments]`. Default: never.
        side: Of the picture, in pixels.

    Example:
        >>> trail = pointer_trail(np.array([[0.0, 0.0], [1.0, 1.0]]), side=4)
        >>> trail[..., 0].tolist()
        [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    positions = np.asarray(positions, dtype=np.float64)
    times = np.arange(len(positions)) if times is None else np.asarray(times, dtype=np.float64)
    if len(positions) > 1:
        velocity = np.gradient(positions, times, axis=0)
        colours = [np.linalg.norm(velocity, axis=1), np.linalg.norm(np.gradient(velocity, times, axis=0), axis=1)]
    else:
        colours = [np.zeros(len(positions))] * 2
    shares = np.stack([np.ones(len(positions)), *(one / (one.max(initial=0) or 1) for one in colours)], axis=1)
    low, span = positions.min(axis=0), float(np.ptp(positions, axis=0).max()) or 1.0
    pixels = (positions - low) / span * (side - 1)
    # Points on the straight lines between the moments, each with the colour of where it lies.
    along = np.linspace(0, len(positions) - 1, max((len(positions) - 1) * max(_BETWEEN, side // 2) + 1, 1))
    moments = np.arange(len(positions))
    columns, rows = (np.interp(along, moments, axis).round().astype(int) for axis in pixels.T)
    picture = np.zeros((side, side, 3))
    for channel in range(3):
        np.maximum.at(picture[..., channel], (rows, columns), np.interp(along, moments, shares[:, channel]))
    for column, row in pixels[np.flatnonzero(clicks)].round().astype(int) if clicks is not None else ():
        reach = slice(max(row - _CLICK_RADIUS, 0), row + _CLICK_RADIUS + 1)
        picture[reach, max(column - _CLICK_RADIUS, 0) : column + _CLICK_RADIUS + 1] = 1
    return picture
