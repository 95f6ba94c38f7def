"""Columns of numbers a part of which is in another unit: two groups apart, of which one is the other, converted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["OtherUnit", "find_unit"]

# By what the lower numbers are multiplied to be the higher ones.
_FACTORS: dict[float, str] = {
    2.20462: "kilograms and pounds",
    2.54: "inches and centimetres",
    10.0: "a factor of 10",
    25.4: "inches and millimetres",
    30.48: "feet and centimetres",
    60.0: "hours and minutes, or minutes and seconds",
    100.0: "a factor of 100",
    453.592: "pounds and grams",
    1000.0: "a factor of 1,000",
    1_000_000.0: "a factor of 1,000,000",
}
# Or multiplied and moved.
_SCALES: dict[tuple[float, float], str] = {(1.8, 32.0): "°C and °F", (1.0, 273.15): "°C and K"}
# Values in all, different ones, and in the smaller group.
_FEWEST, _FEWEST_DIFFERENT, _FEWEST_OTHER, _LEAST_SHARE = 100, 20, 5, 0.01
# How wide the gap between the groups is, in standard deviations of the larger; how far the smaller one, converted, may
# be from it: the largest difference of their distribution functions, and the differences of their medians and of the
# logarithms of their spreads.
_GAP, _DIFFERENCE, _MOVED, _WIDER = 2.0, 0.15, 0.03, 0.15


@dataclass(frozen=True)
class OtherUnit:
    """A part of a column that is in another unit.

    Attributes:
        name: The two units, that of the lower numbers first.
        limit: The lower numbers are at most this.
        is_lower: Whether it is these that are fewer.
        factor: What the lower numbers are multiplied by to be in the unit of the higher ones.
        offset: What is then added.
    """

    name: str
    limit: float
    is_lower: bool
    factor: float
    offset: float = 0.0


def find_unit(values: np.ndarray) -> OtherUnit | None:
    """The part of a column that is in another unit; None where there is none, or the two units overlap.

    Args:
        values: The column's numbers, float64 `[rows]`; NaN where one is missing.

    Example:
        >>> heights = np.random.default_rng(0).normal(170, 9, 500)
        >>> heights[:50] /= 2.54
        >>> find_unit(heights).name
        'inches and centimetres'
    """
    values = np.sort(values[np.isfinite(values)])
    if len(values) < _FEWEST or len(np.unique(values)) < _FEWEST_DIFFERENT:
        return None
    found: list[tuple[float, OtherUnit]] = []
    if values[0] > 0 and (cut := _cut(np.log(values))) is not None:
        for factor, name in _FACTORS.items():
            found += _tried(values, cut, name, factor, 0.0)
    if (cut := _cut(values)) is not None:
        for (factor, offset), name in _SCALES.items():
            found += _tried(values, cut, name, factor, offset)
    return min(found, key=lambda entry: entry[0])[1] if found else None


def _cut(values: np.ndarray) -> int | None:
    """How many of the sorted values lie below the widest gap that has enough on both sides; None where it is narrow."""
    fewest = max(_FEWEST_OTHER, math.ceil(_LEAST_SHARE * len(values)))
    gaps = np.diff(values)[fewest - 1 : len(values) - fewest]
    if not len(gaps):
        return None
    cut = fewest + int(gaps.argmax())
    larger = max(values[:cut], values[cut:], key=len)
    return cut if gaps.max() > _GAP * _spread(larger) > 0 else None


def _spread(values: np.ndarray) -> float:
    low, high = np.quantile(values, (0.16, 0.84))
    return float(high - low) / 2


def _tried(values: np.ndarray, cut: int, name: str, factor: float, offset: float) -> list[tuple[float, OtherUnit]]:
    """How far the lower values, converted, are from the higher ones, where they are as these are."""
    from scipy.stats import ks_2samp

    lower, higher = factor * values[:cut] + offset, values[cut:]
    if lower[0] <= 0 or higher[0] <= 0:
        return []
    # Of few values, or of values that differ much, medians and spreads are hardly known.
    few = math.sqrt(1 / len(lower) + 1 / len(higher))
    own, other = float(np.log(lower).std()), float(np.log(higher).std())
    moved = abs(math.log(np.median(lower) / np.median(higher)))
    is_moved = moved > _MOVED + 3 * 1.25 * other * few
    is_wider = own <= 0 or abs(math.log(own / other)) > _WIDER + 1.5 * few
    test: Any = ks_2samp(lower, higher)
    if is_moved or is_wider or test.statistic > max(_DIFFERENCE, 1.36 * few):
        return []
    is_lower = cut < len(values) - cut
    return [(moved, OtherUnit(name, float(values[cut - 1]), is_lower, factor, offset))]
