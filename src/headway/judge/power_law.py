"""A power law through a learning curve, what it expects of twice the data, and whether to believe it.

Errors fall as `a + b * n ** -c`, where a is what no amount of such data takes away (Hestness et al. 2017,
arXiv:1712.00409; Rosenfeld et al. 2020, arXiv:1909.12673). For a given c the best a and b are a linear least-squares
problem, so that one number is left to search for (variable projection: Golub and Pereyra 1973).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np

from headway.as_json import AsJson
from headway.judge.intervals import NAN, Estimate, percentiles
from headway.seeds import generator

__all__ = ["PowerLaw", "extrapolate"]

# Measured ones lie between 0.07 and 1; beyond these bounds a curve is as good as flat, or as good as finished.
EXPONENTS = (0.05, 2.0)
# Three numbers are fitted.
MIN_SIZES = 4
SAMPLES = 300
# Smallest sizes that fits may do without. Intervals then held the truth in 95 of 100 trials on digits, else in 90.
MAX_LEFT_OUT = 2
# The law of the smaller sizes may miss the largest by this share; by more, and beyond noise, it is not believed.
MAX_MISS = 0.2
# Least noise of a point, as a share of the standard error over items: two draws may agree by luck.
_FLOOR = 0.1


@dataclass(frozen=True)
class PowerLaw(AsJson):
    """`a + b * n ** -c` for n training items; NaN where there were too few sizes to fit it.

    Attributes:
        a: What is left with endless data, from 0.
        b: Size of the part that data reduce, from 0.
        c: How fast they do, between 0.05 and 2.
        doubt: Why the law is not to be trusted; empty when it is.
    """

    json_also: ClassVar[tuple[str, ...]] = ("is_trusted",)

    a: float
    b: float
    c: float
    doubt: str = ""

    @property
    def is_trusted(self) -> bool:
        """Whether it may be used for sizes that were not measured."""
        return not self.doubt

    @overload
    def __call__(self, num_items: float) -> float: ...
    @overload
    def __call__(self, num_items: np.ndarray) -> np.ndarray: ...
    def __call__(self, num_items: float | np.ndarray) -> float | np.ndarray:
        """The value expected for so many training items.

        Example:
            >>> PowerLaw(0.1, 1.0, 0.5)(100)
            0.2
        """
        return self.a + self.b * num_items**-self.c


def extrapolate(sizes: Sequence[int], values: Sequence[np.ndarray], *, seed: int) -> tuple[PowerLaw, Estimate]:
    """Fit the law, and give what twice the largest size is expected to take away, with its 95 % interval.

    The interval is over other items to judge by, other training sets, and the sizes that are fitted. That the law
    itself may not hold is not in it, but in `doubt`: the law of the smaller sizes is tried on the largest.

    Args:
        sizes: Numbers of training items, growing.
        values: For each size a number an item (a loss, or 1 where the answer is wrong), float `[draws, judged]`.
        seed: The run's seed, for the resampling.

    Returns:
        The law, and the expected fall from the largest size to twice as many; NaN where there is no law.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> sizes = [50, 100, 200, 400, 800]
        >>> values = [draw.exponential(0.1 + n**-0.5, size=(4, 2000)) for n in sizes]
        >>> law, gain = extrapolate(sizes, values, seed=0)
        >>> law.is_trusted, gain.low < 800**-0.5 - 1600**-0.5 < gain.high
        (True, True)
    """
    if len(sizes) < MIN_SIZES:
        doubt = f"{len(sizes)} {'size is' if len(sizes) == 1 else 'sizes are'} too few for a law of three numbers"
        return PowerLaw(math.nan, math.nan, math.nan, doubt), NAN
    # In units of the largest size, so that a and b are of the same order.
    units = np.array(sizes) / sizes[-1]
    means = np.array([each.mean() for each in values])
    noise, resampled = _resample(values, means, seed)
    a, b, c = _fit(units, means, noise)
    # The fewest items may lie before the law begins, so some of the resamples are fitted without them.
    starts = range(min(MAX_LEFT_OUT, len(sizes) - MIN_SIZES) + 1)
    falls = [
        _fall(*_fit(units[start:], each[start:], noise[start:])[1:])
        for start in starts
        for each in resampled[start :: len(starts)]
    ]
    low, high = percentiles(falls)
    value = _fall(b, c)
    doubt = _doubt(units, means, noise, resampled)
    gain = Estimate(value, min(low, value), max(high, value))
    return PowerLaw(a, b * sizes[-1] ** c, c, doubt), gain


def _fit(units: np.ndarray, means: np.ndarray, noise: np.ndarray) -> tuple[float, float, float]:
    """The a, b and c with the least squared error, each point weighted by its noise."""
    from scipy.optimize import minimize_scalar, nnls

    def solve(exponent: float) -> tuple[np.ndarray, float]:
        columns = np.stack([np.ones_like(units), units ** -math.exp(exponent)], axis=1)
        return nnls(columns / noise[:, None], means / noise)

    bounds = (math.log(EXPONENTS[0]), math.log(EXPONENTS[1]))
    found: Any = minimize_scalar(lambda exponent: solve(exponent)[1], bounds=bounds, method="bounded")
    exponent = float(found.x)
    (a, b), _ = solve(exponent)
    return float(a), float(b), math.exp(exponent)


def _fall(b: float, c: float) -> float:
    """What twice the largest size takes away, where that is the unit of size."""
    return b * (1 - 2.0**-c)


def _resample(values: Sequence[np.ndarray], means: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The noise of each mean from its training sets alone, and `SAMPLES` sets of means, float `[samples, sizes]`.

    All sizes are judged by the same items, so in a resample these move all means together. The means are sums of many
    numbers and drawn as normal ones. A size of a single draw is taken to be as noisy as the next smaller one.
    """
    items = np.stack([each.mean(0) for each in values])
    over_items = np.cov(items) / items.shape[1]
    spread, noise = 0.0, np.empty(len(values))
    for place, each in enumerate(values):
        spread = float(each.mean(1).std(ddof=1)) if len(each) > 1 else spread
        noise[place] = spread / math.sqrt(len(each))
    noise = np.maximum(noise, _FLOOR * np.sqrt(over_items.diagonal()))
    noise = np.maximum(noise, 1e-6 + 1e-3 * means)
    draws = generator(seed, "bootstrap")
    moved = draws.multivariate_normal(means, over_items, size=SAMPLES, method="svd")
    return noise, np.maximum(moved + noise * draws.normal(size=moved.shape), 0.0)


def _doubt(units: np.ndarray, means: np.ndarray, noise: np.ndarray, resampled: np.ndarray) -> str:
    """Why not to believe the law: what it would have said of the largest size, had that not been measured."""
    a, b, c = _fit(units[:-1], means[:-1], noise[:-1])
    misses = []
    for each in resampled:
        one, other, exponent = _fit(units[:-1], each[:-1], noise[:-1])
        misses.append(one + other * units[-1] ** -exponent - each[-1])
    low, high = percentiles(misses)
    expected, measured = a + b * units[-1] ** -c, float(means[-1])
    if not low <= 0 <= high and abs(expected - measured) > MAX_MISS * measured:
        return f"the smaller sizes would have foretold {expected:.3g} for all items, where {measured:.3g} was measured"
    return ""
