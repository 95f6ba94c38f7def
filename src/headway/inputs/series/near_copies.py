"""Series that are nearly the same: louder, noisy, rounded, shifted or cut at an end; recordings are such series, too.

Copies have nearly the same power by frequency, whatever their shift. Those most alike in it are laid over one another
at every shift: of copies hardly anything is left.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headway.data.near_copies import Limits, nearest_copies

__all__ = ["find_copies"]

# Bands of frequency that are compared; with so many series that are most alike in them each is laid over, with more
# where there are few.
_BANDS, _NEAREST, _MOST_NEAREST = 96, 4, 32
# Of the pairs that are laid over one another so many numbers, the most alike first.
_MOST = 2**26
# Of the energy of two series so much must lie over the other: of the one that is cut, and of the longer one.
_INSIDE, _INSIDE_LONGER = 0.75, 0.5
# They are shifted by so much of their length at most.
_SHIFT = 0.2
# Shares of a series' variance.
_LIMITS = Limits(most=0.06, alike=5e-5, surely=1e-6, of_others=0.7, of_next=0.5)
# Numbers that are transformed at once.
_BLOCK = 2**22


def find_copies(series: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of series that are nearly the same but for shift, size and mean, by their positions.

    Args:
        series: float32 `[items, channels, length]`.

    Example:
        >>> series = np.random.default_rng(0).normal(size=(20, 1, 100)).cumsum(axis=2)
        >>> find_copies(np.concatenate([series, 2 * series[3:4].round(1), np.roll(series[5:6], 2)]))
        [(3, 20), (5, 21)]
    """
    if len(series) < 2:
        return []
    sketches = _sketches(series)
    series, ends = _centred(series)
    pairs = _similar(sketches, max(_MOST // series[0].size, len(series) // 10))
    size = max(_BLOCK // series[0].size, 1)
    blocks = [pairs[start : start + size] for start in range(0, len(pairs), size)]
    left = [_left(*(part for items in block.T for part in (series[items], ends[items]))) for block in blocks]
    return nearest_copies(pairs, np.concatenate([*left, np.empty(0)]), _LIMITS)


def _centred(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Series with mean 0, and where each begins and ends, int64 `[items, 2]`: what it was padded with is 0 as well."""
    length = series.shape[2]
    begins = (series != series[:, :, :1]).any(axis=1).argmax(axis=1)
    after = (series != series[:, :, -1:]).any(axis=1)[:, ::-1].argmax(axis=1)
    # The first and the last value stand at the borders to what was padded.
    ends = np.stack([np.maximum(begins - 1, 0), np.minimum(length - after + 1, length)], axis=1)
    moments = np.arange(length)
    inside = ((moments >= ends[:, :1]) & (moments < ends[:, 1:]))[:, None]
    means = series.mean(axis=2, keepdims=True, where=inside, dtype=np.float64)
    return np.where(inside, series - means.astype(np.float32), 0), ends


def _sketches(series: np.ndarray) -> np.ndarray:
    """The share of each channel's amplitude by bands of frequency, float32 `[items, channels * bands]`, length 1."""
    num_bins = series.shape[2] // 2 + 1
    edges = np.unique(np.geomspace(1, num_bins, _BANDS + 1).round().astype(np.int64))
    # Towards the ends less: where a series is cut, its end jumps to its beginning, and a copy's does elsewhere.
    window = np.hanning(series.shape[2] + 2)[1:-1].astype(np.float32)
    sketches = []
    for block in _blocks(len(series), series[0].size):
        centred = series[block] - series[block].mean(axis=2, keepdims=True)
        amplitudes = np.abs(np.fft.rfft(window * centred, axis=2))[:, :, 1:]
        bands = np.add.reduceat(amplitudes**2, edges[:-1] - 1, axis=2)
        sketches.append(np.sqrt(bands).reshape(len(bands), -1).astype(np.float32))
    sketch = np.sqrt(np.concatenate(sketches))
    sketch -= sketch.mean(axis=1, keepdims=True)
    return sketch / np.maximum(np.linalg.norm(sketch, axis=1, keepdims=True), 1e-9)


def _blocks(count: int, size: int) -> Iterator[slice]:
    step = max(_BLOCK // size, 1)
    return (slice(start, start + step) for start in range(0, count, step))


def _similar(sketches: np.ndarray, most: int) -> np.ndarray:
    """Each series with those most alike in their sketch, int64 `[pairs, 2]`; at most so many pairs, the most alike."""
    # More where there are few: of series that are alike by nature the spectra alone do not say which are copies.
    count = min(max(_NEAREST, most // (4 * len(sketches))), _MOST_NEAREST, len(sketches) - 1)
    pairs, scores = [], []
    for block in _blocks(len(sketches), len(sketches)):
        items = np.arange(len(sketches))[block]
        similarity = sketches[items] @ sketches.T
        similarity[np.arange(len(items)), items] = -1
        nearest = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        pairs.append(np.stack([np.repeat(items, count), nearest.ravel()], axis=1))
        scores.append(np.take_along_axis(similarity, nearest, axis=1))
    score = np.concatenate(scores)
    chosen = np.sort(np.argsort(-score.max(axis=1), kind="stable")[: most // count])
    return np.concatenate(pairs).reshape(-1, count, 2)[chosen].reshape(-1, 2)


def _left(first: np.ndarray, first_ends: np.ndarray, second: np.ndarray, second_ends: np.ndarray) -> np.ndarray:
    """The least share of variance that is left when one series is laid over the other at a shift, `[pairs]`."""
    from scipy.fft import next_fast_len

    length = first.shape[2]
    padded = next_fast_len(length + int(_SHIFT * length) + 1, real=True)
    transforms = [np.fft.rfft(one, padded, axis=2) for one in (first, second)]
    # A shift of k lays moment t of the first over t + k of the second; the end of the transform holds negative ones.
    most = max(int(_SHIFT * length), 1)
    shifts = np.arange(-most, most + 1)
    products = np.fft.irfft(transforms[0].conj() * transforms[1], padded, axis=2)[:, :, shifts]
    begin = np.maximum(first_ends[:, :1], second_ends[:, :1] - shifts)
    end = np.maximum(np.minimum(first_ends[:, 1:], second_ends[:, 1:] - shifts), begin)
    count = np.maximum(end - begin, 1)
    over = [
        (_between(series, begin + by, end + by), _between(series**2, begin + by, end + by).sum(axis=1))
        for series, by in ((first, 0), (second, shifts))
    ]
    shares = [
        energy / np.maximum((series.astype(np.float64) ** 2).sum(axis=(1, 2))[:, None], 1e-12)
        for (_, energy), series in zip(over, (first, second), strict=True)
    ]
    lies_over = (np.maximum(*shares) >= _INSIDE) & (np.minimum(*shares) >= _INSIDE_LONGER)
    # The correlation of what lies over one another, each channel with a mean of its own.
    together = products.sum(axis=1) - (over[0][0] * over[1][0]).sum(axis=1) / count
    alone = [energy - (sums**2).sum(axis=1) / count for sums, energy in over]
    explained = together * np.abs(together) / np.maximum(alone[0] * alone[1], 1e-12)
    return 1 - np.where(lies_over, explained, 0).max(axis=1).clip(0, 1)


def _between(series: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Sums of each channel from `begin` to `end`, `[pairs, shifts]`: float64 `[pairs, channels, shifts]`."""
    sums = np.pad(series.cumsum(axis=2, dtype=np.float64), ((0, 0), (0, 0), (1, 0)))
    at = [np.clip(moments, 0, series.shape[2])[:, None] for moments in (begin, end)]
    return np.take_along_axis(sums, at[1], 2) - np.take_along_axis(sums, at[0], 2)
