"""Bytes as pictures: line by line, along a Hilbert curve, and by which byte follows which; and their entropy.

Each is a function of numpy alone: bytes in, an array out. Of the first two pictures every byte can be read again; a
digram forgets the order.
"""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["digram", "entropy_curve", "from_hilbert", "hilbert", "hilbert_order", "raster"]


def raster(values: np.ndarray, *, width: int = 64) -> np.ndarray:
    """Bytes, uint8 `[length]`, as the pixels of a picture, line by line: uint8 `[height, width]`, filled with zeros.

    What repeats in steps of the width, such as the rows of a table, is a stripe.

    Example:
        >>> raster(np.arange(5, dtype=np.uint8), width=3).tolist()
        [[0, 1, 2], [3, 4, 0]]
    """
    return np.pad(values, (0, -len(values) % width)).reshape(-1, width)


@cache
def hilbert_order(side: int) -> np.ndarray:
    """Which pixel of a square each step of a Hilbert curve visits, int64 `[side * side]`: `row * side + column`.

    Args:
        side: A power of two.

    Example:
        >>> hilbert_order(2).tolist()
        [0, 2, 3, 1]

    Source:
        Hilbert 1891, "Ueber die stetige Abbildung einer Linie auf ein Flaechenstueck".
    """
    assert side & (side - 1) == 0
    step = np.arange(side * side)
    column, row = np.zeros_like(step), np.zeros_like(step)
    length = 1
    # From the smallest square up: each is one of four in the next, turned or mirrored as its place there asks.
    while length < side:
        right, down = (step // 2) & 1, ((step // 2) ^ step) & 1
        is_mirrored = (down == 0) & (right == 1)
        column, row = np.where(is_mirrored, length - 1 - column, column), np.where(is_mirrored, length - 1 - row, row)
        column, row = np.where(down == 0, row, column), np.where(down == 0, column, row)
        column, row, step, length = column + length * right, row + length * down, step // 4, 2 * length
    order = row * side + column
    # One array for all callers.
    order.setflags(write=False)
    return order


def hilbert(values: np.ndarray) -> np.ndarray:
    """Bytes, uint8 `[length]`, along a Hilbert curve: uint8 `[side, side]`, the smallest that holds them.

    What lies close together in the file lies close together in the picture, in both directions.

    Example:
        >>> hilbert(np.arange(1, 4, dtype=np.uint8)).tolist()
        [[1, 0], [2, 3]]
    """
    side = 1
    while side * side < len(values):
        side *= 2
    picture = np.zeros(side * side, np.uint8)
    picture[hilbert_order(side)[: len(values)]] = values
    return picture.reshape(side, side)


def from_hilbert(picture: np.ndarray, length: int) -> np.ndarray:
    """The first `length` bytes of a picture that `hilbert` made, uint8 `[length]`."""
    return picture.reshape(-1)[hilbert_order(len(picture))[:length]]


def digram(values: np.ndarray) -> np.ndarray:
    """How often each byte (row) is followed by each (column): float32 `[256, 256]` from 0 to 1, logarithmic.

    Text, machine code and compressed data differ at a glance. There is no inverse.

    Example:
        >>> digram(np.frombuffer(b"ab", np.uint8))[97:99, 97:99].tolist()
        [[0.0, 1.0], [0.0, 0.0]]

    Source:
        Conti, Dean, Sinda and Sangster 2008, "Visual reverse engineering of binary and data files".
    """
    pairs = values[:-1].astype(np.int64) * 256 + values[1:]
    counts = np.log1p(np.bincount(pairs, minlength=256 * 256)).reshape(256, 256)
    return (counts / max(counts.max(), 1e-9)).astype(np.float32)


def entropy_curve(values: np.ndarray, *, window: int = 256) -> np.ndarray:
    """The entropy of the bytes in one stretch after another, in bits a byte, float64 `[stretches]` from 0 to 8.

    Near 8 is compressed, encrypted or random; text lies near 4 or 5; a table of zeros at 0. A stretch of `window` bytes
    cannot have more than the logarithm of its length.

    Example:
        >>> entropy_curve(np.arange(512) % 256 * (np.arange(512) < 256)).tolist()
        [8.0, 0.0]
    """
    stretches = [values[start : start + window] for start in range(0, len(values), window)]
    return np.array([_entropy(np.bincount(stretch, minlength=256)) for stretch in stretches])


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0
