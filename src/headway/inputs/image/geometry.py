"""Which part of a picture is looked at: from places in the picture, in pixels, to places in that part, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

__all__ = ["CropBox"]


@dataclass(frozen=True)
class CropBox:
    """A rectangle of a picture, which becomes a square: a photo's canvas, or what the model sees of it.

    Positions in the picture are in pixels from its upper left corner, as it is seen upright: its right edge is at
    `width`, its lower edge at `height`, and the middle of its first pixel at (0.5, 0.5). Positions in the square go
    from -1 (left, top) to 1, and beyond for what lies outside.

    Args:
        width: Of the picture, in pixels, as all that follow.
        height: Of the picture.
        left: The rectangle's edges.
        top: The upper one.
        right: The right one, above `left`.
        bottom: The lower one, above `top`.

    Example:
        >>> box = CropBox(80, 40, 20, 0, 60, 40)
        >>> box.inside([[20, 0], [40, 30]]).tolist()
        [[-1.0, -1.0], [0.0, 0.5]]
        >>> box.outside([[0.0, 0.5]]).tolist()
        [[40.0, 30.0]]
    """

    width: int
    height: int
    left: float
    top: float
    right: float
    bottom: float

    def inside(self, places: np.ndarray | list[list[float]]) -> np.ndarray:
        """From the picture's pixels to the square's -1 to 1: `[..., 2]`, x before y, float64."""
        return (np.asarray(places, dtype=np.float64) - self._middle) / self._half

    def outside(self, places: np.ndarray | list[list[float]]) -> np.ndarray:
        """From the square's -1 to 1 to the picture's pixels: `[..., 2]`, x before y, float64."""
        return np.asarray(places, dtype=np.float64) * self._half + self._middle

    def part(self, inner: CropBox) -> Self:
        """The box of a part of the square, itself a rectangle of the square in pixels."""
        ends = np.array([[inner.left, inner.top], [inner.right, inner.bottom]])
        ends = ends * (2 / np.array([inner.width, inner.height])) - 1
        (left, top), (right, bottom) = self.outside(ends).tolist()
        return type(self)(self.width, self.height, left, top, right, bottom)

    @property
    def _middle(self) -> np.ndarray:
        return np.array([self.left + self.right, self.top + self.bottom]) / 2

    @property
    def _half(self) -> np.ndarray:
        return np.array([self.right - self.left, self.bottom - self.top]) / 2
