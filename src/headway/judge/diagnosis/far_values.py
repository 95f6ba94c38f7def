"""Numbers far from all others, and those that stand for a missing value."""

from __future__ import annotations

import numpy as np

__all__ = ["far_values"]

# A value is far from all others by so many deviations, as it is and by its logarithm: a large price among small ones is
# not.
_FAR, _MOST_FAR = 7, 0.01
# Other values that there must be, so that one which stands far from them is no value of its own.
_FEWEST_OTHERS = 20
# Where 0 stands for a missing value, all others are more than this share of their median, and so many usual steps away.
_LEAST_GAP, _STEPS = 0.2, 5


def far_values(values: np.ndarray) -> np.ndarray:
    """Which numbers are far from all others and few, or stand for a missing value, such as -999.

    Args:
        values: Float64 `[items]`; NaN where one is missing.

    Returns:
        Bool `[items]`.

    Example:
        >>> far_values(np.array([*range(200), 20_000.0])).nonzero()[0].tolist()
        [200]
    """
    is_known = np.isfinite(values)
    if (is_code := np.isin(values, _codes_of_missing(values[is_known]))).any():
        return is_code
    is_far, present = is_known.copy(), values[is_known]
    for form in (present, np.sign(present) * np.log1p(np.abs(present))):
        low, middle, high = np.quantile(form, (0.16, 0.5, 0.84)) if len(form) else (0.0, 0.0, 0.0)
        # A side without spread, such as the hours of those who all work 40, has no measure of what is far.
        spread = np.where(form < middle, middle - low, high - middle)
        is_far[is_known] &= (spread > 0) & (np.abs(form - middle) > _FAR * spread)
    return is_far if is_far.mean() <= _MOST_FAR else np.zeros_like(is_far)


def _codes_of_missing(values: np.ndarray) -> list[float]:
    """What comes again and again, farther from all other values than these are from one another."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < _FEWEST_OTHERS:
        return []
    ends = ((0, distinct[1] - distinct[0], distinct[1:]), (-1, distinct[-1] - distinct[-2], distinct[:-1]))
    codes = [float(distinct[end]) for end, gap, others in ends if counts[end] > 2 and gap > np.ptp(others)]
    # An age of 0 where all others are 17 or more.
    middle = float(np.median(np.repeat(distinct[1:], counts[1:])))
    steps = np.diff(distinct[1:][distinct[1:] <= middle])
    is_apart = len(steps) > 0 and distinct[1] > max(_LEAST_GAP * middle, _STEPS * float(steps.mean()))
    is_code = distinct[0] == 0 and 2 < counts[0] < len(values) / 2 and is_apart
    return [*codes, 0.0] if is_code and 0.0 not in codes else codes
