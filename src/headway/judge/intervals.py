"""How sure a number is: intervals for proportions, means, differences and any other statistic.

Each method is the one that covered best in simulations where most models end up: a few hundred items and hardly an
error, where a plain percentile bootstrap is far too narrow (with no error seen, it has no width at all). How often each
holds the truth is measured by `benchmarks/coverage.py`; where none does, there is a reason in place of an interval.

| for | method |
|---|---|
| a proportion | Wilson's score interval; its far end farther off where only one to three items are on one side |
| a mean of items | studentised bootstrap; Student's t below 10 items; from 5,000 on, the normal interval |
| a mean that comes from few errors, such as log loss | Wilson's for their number, times what an error costs |
| the size of errors in numbers | normal in its logarithm, the upper end farther off the heavier the tail |
| a mean over classes | Wilson's, with as many trials as give the variance of the mean |
| a ranking | Wilson's, with as many trials as give its variance: what is seen, and where little is, what is expected |
| items that come in groups | Wilson's with the effective number of items; others widened by the design effect |
| a difference of two models on the same items | paired bootstrap with Agresti and Min's half an item; McNemar's test |
| anything else | BCa bootstrap |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np

from headway.as_json import AsJson
from headway.seeds import generator

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "INTERVAL",
    "NAN",
    "Z_SCORE",
    "Estimate",
    "average",
    "bootstrap",
    "effective_share",
    "f1_of",
    "few_errors",
    "if_enough",
    "mcnemar",
    "mean",
    "newcombe",
    "paired_difference",
    "percentiles",
    "proportion",
    "rate",
    "share_of_width",
    "student",
    "wilson",
]

# Of every interval, unless said otherwise.
CONFIDENCE = 0.95
# The chance that a difference is called one where none is.
ALPHA = 1 - CONFIDENCE
# How many standard errors a normal interval reaches to either side.
Z_SCORE = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
# How an interval is called.
INTERVAL = f"{100 * CONFIDENCE:.0f} % interval"

# Beyond this many items a mean is as good as normal, and a resample of this many tells the spread of the whole.
_LARGE = 5_000
# Below this many, resamples repeat one another, and Student's t does better.
_SMALL = 10
_FLOOR = 0.2
# From so many errors on, they show by themselves what an error costs.
_MANY_ERRORS = 10


@dataclass(frozen=True)
class Estimate(AsJson):
    """A number and the interval it lies in; all three are NaN when it cannot be computed.

    Attributes:
        value: The number, as computed from the data.
        low: Lower end of the interval; NaN, as is the upper, where no interval would hold what it says.
        high: Upper end of the interval.
        reason: Why there is no interval; in JSON only where there is none.

    Example:
        >>> print(Estimate(0.987, 0.975, 0.993))
        0.987 [0.975, 0.993]
    """

    value: float
    low: float
    high: float
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The number and the ends; the reason where there is one."""
        return {name: value for name, value in super().to_json().items() if name != "reason" or value}

    def without_interval(self, reason: str) -> Estimate:
        """The number alone, and why."""
        return Estimate(self.value, math.nan, math.nan, reason)

    def __str__(self) -> str:
        return self.format()

    def __float__(self) -> float:
        return self.value

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else self.format()

    @property
    def digits(self) -> int:
        """Digits after the point for four figures of the largest of the three."""
        largest = max((abs(end) for end in (self.value, self.low, self.high) if math.isfinite(end)), default=0.0)
        return min(max(3 - math.floor(math.log10(largest)), 0), 9) if largest > 0 else 3

    def format(self, digits: int = 3, *, sign: bool = False, unit: str = "") -> str:
        """The value and its interval as text, with so many digits after the point; a dash where it is NaN.

        Args:
            digits: Digits after the point.
            sign: Whether the value has its sign, as differences do.
            unit: What stands after the value, a blank before it included.

        Example:
            >>> Estimate(12.3456, 11.0, 13.5).format(1, sign=True, unit=" points")
            '+12.3 points [11.0, 13.5]'
        """
        if math.isnan(self.value):
            return "\N{EN DASH}"
        value = f"{self.value:{'+' if sign else ''}.{digits}f}"
        if self.reason:
            return f"{value}{unit} (no interval: {self.reason})"
        if math.isnan(self.low):
            return f"{value}{unit}"
        if math.isinf(self.low) and math.isinf(self.high):
            return f"{value}{unit} (no interval: too few items)"
        return f"{value}{unit} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def scaled(self, factor: float) -> Estimate:
        """The same in another unit; `factor` is positive, for instance 100 for points."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.reason)


# What cannot be computed.
NAN = Estimate(math.nan, math.nan, math.nan)


def f1_of(overlap: Estimate) -> Estimate:
    """F1 (Dice's coefficient) from the overlap J: the share of hits among what is of a class or given it.

    F1 = 2J / (1 + J) rises with J, so the ends of the one interval give those of the other.

    Example:
        >>> print(f1_of(wilson(8, 10)))
        0.889 [0.658, 0.971]

    Source:
        Hand, Christen and Kirielle 2021, arXiv:2008.00103.
    """
    value, low, high = (2 * end / (1 + end) for end in (overlap.value, overlap.low, overlap.high))
    return Estimate(value, low, high, overlap.reason)


def if_enough(estimate: Estimate, count: int, needed: int, what: str) -> Estimate:
    """The estimate, without its interval where its rarest part (`what`: a class, a label) has too few items.

    Example:
        >>> print(if_enough(wilson(2, 3), 3, 5, "class"))
        0.667 (no interval: the rarest class has 3 items, 5 needed)
    """
    if count >= needed or math.isnan(estimate.value):
        return estimate
    return estimate.without_interval(f"the rarest {what} has {count} item{'s' * (count != 1)}, {needed} needed")


def wilson(successes: int, trials: int, confidence: float = CONFIDENCE) -> Estimate:
    """A proportion with Wilson's score interval, such that a share `confidence` of them holds the truth; NaN untried.

    Example:
        >>> print(wilson(98, 100))
        0.980 [0.930, 0.994]

    Source:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    assert 0 <= successes <= trials
    if trials == 0:
        return NAN
    return proportion(successes / trials, trials, NormalDist().inv_cdf((1 + confidence) / 2))


def rate(successes: int, trials: int) -> Estimate:
    """How often something is so: Wilson's interval, one end farther off where one to three items are on one side.

    There Wilson's own begins too high: at a rate of 0.0055 it leaves the truth out in 15 of 100 samples of 30 items.

    Example:
        >>> print(wilson(98, 100), rate(98, 100))
        0.980 [0.930, 0.994] 0.980 [0.930, 0.996]

    Source:
        Brown, Cai and DasGupta 2001, "Interval estimation for a binomial proportion", section 4.1.1.
    """
    from scipy.special import gammaincinv

    estimate, failures, few = wilson(successes, trials), trials - successes, 2 if trials <= 50 else 3
    low, high = estimate.low, estimate.high
    if 1 <= successes <= few:
        low = float(gammaincinv(successes, ALPHA)) / trials
    if 1 <= failures <= few:
        high = 1 - float(gammaincinv(failures, ALPHA)) / trials
    return Estimate(estimate.value, low, high)


def proportion(share: float, trials: float, z: float = Z_SCORE) -> Estimate:
    """Wilson's interval of a share from so many trials, which need not be whole."""
    weight = z * z / trials
    centre = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    # Rounding alone could leave 0 or 1 just outside of its own interval.
    return Estimate(share, min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share))


def mean(values: np.ndarray, *, samples: int = 1000, seed: int = 0) -> Estimate:
    """The mean of a number an item, with a studentised bootstrap interval, which covers skewed ones too.

    NaN for no items, and with an open interval for one.

    Example:
        >>> print(mean(np.arange(100) / 100))
        0.495 [0.439, 0.555]

    Source:
        Efron and Tibshirani 1993, "An introduction to the bootstrap", section 12.5.
    """
    count = len(values)
    if count == 0:
        return NAN
    values = np.sort(np.asarray(values, dtype=np.float64))  # sorted, so that the items' order changes nothing
    centre = float(values.mean())
    if count == 1:
        return Estimate(centre, -math.inf, math.inf)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    if count < _SMALL or count >= _LARGE or error == 0:
        z = student(count - 1)
        return Estimate(centre, centre - z * error, centre + z * error)
    scores = []
    for rows in _resamples(count, size=count, samples=samples, seed=seed):
        drawn = values[rows]
        # A resample of equal values, such as one that misses the only outlier, would be infinitely far away.
        spread = np.maximum(drawn.std(1) / math.sqrt(count), _FLOOR * error)
        scores.extend((drawn.mean(1) - centre) / spread)
    # Turned round: where resamples came out too high, the truth lies lower.
    below, above = percentiles(scores)
    return Estimate(centre, centre - max(above, 0.0) * error, centre - min(below, 0.0) * error)


def few_errors(
    losses: np.ndarray, is_wrong: np.ndarray, expected: Callable[[], tuple[np.ndarray, np.ndarray]], seed: int
) -> Estimate:
    """A mean loss, float `[items]`, most of which comes from items that are wrong, however few were seen to be.

    Of a good model nearly all items cost nothing, and the next error may cost more than all of them together. So below
    ten errors their number has Wilson's interval, and an error costs what those that were seen did, together with two
    that the model expects: what each item's loss would have been, once by the model's own doubt and once over all items
    alike; `expected` gives both, costs and doubts, and is asked for few errors alone.
    """
    estimate, errors = mean(losses, seed=seed), int(is_wrong.sum())
    if errors >= _MANY_ERRORS or len(losses) < 2:
        return Estimate(estimate.value, max(estimate.low, 0.0), estimate.high)
    rate, seen, right = wilson(errors, len(losses)), losses[is_wrong], losses[~is_wrong]
    costs, doubts = expected()
    prior = (float(np.average(costs, weights=doubts + 1e-12)) + float(costs.mean())) / 2
    cost = float(seen.mean()) if errors else prior
    highest = max((float(seen.sum()) + 2 * prior) / (errors + 2), cost if errors else 0.0)
    base, spread = 0.0, 0.0
    if len(right) > 1:
        base, spread = float(right.mean()), Z_SCORE * float(right.std(ddof=1)) / math.sqrt(len(right))
    low = estimate.value - math.hypot((rate.value - rate.low) * (cost - base), spread)
    return Estimate(
        estimate.value, max(low, 0.0), estimate.value + math.hypot((rate.high - rate.value) * (highest - base), spread)
    )


def bootstrap(
    statistic: Callable[[np.ndarray], float], num_rows: int, *, samples: int = 1000, seed: int = 0
) -> Estimate:
    """Any statistic with a BCa bootstrap interval (bias-corrected and accelerated).

    NaN where the statistic of all rows is NaN, or that of most resamples; others that are NaN are left out. Open for a
    single row.

    Args:
        statistic: Gives the number for some of the rows, int64 `[rows]`, which may come more than once.
        num_rows: At least 1. Beyond 5,000 each resample holds 5,000 and its spread is scaled.
        samples: Resamples to draw.
        seed: The run's seed.

    Example:
        >>> values = np.arange(100) / 100
        >>> print(bootstrap(lambda rows: float(np.median(values[rows])), 100))
        0.495 [0.397, 0.590]

    Source:
        Efron 1987, "Better bootstrap confidence intervals"; Hesterberg 2015, arXiv:1411.5279, for few rows; Bickel,
        Götze and van Zwet 1997, "Resampling fewer than n observations", for many.
    """
    assert num_rows >= 1
    value = float(statistic(np.arange(num_rows)))
    if num_rows == 1:
        return Estimate(value, -math.inf, math.inf)
    # As wide as Student's, where the plain bootstrap is too narrow for few rows.
    z = student(num_rows - 1) * math.sqrt(num_rows / (num_rows - 1))
    size = min(num_rows, _LARGE)
    blocks = _resamples(num_rows, size=size, samples=samples, seed=seed)
    draws = np.array([statistic(rows) for block in blocks for rows in block], dtype=np.float64)
    draws = draws[~np.isnan(draws)]
    if math.isnan(value) or len(draws) < samples / 2:
        return NAN
    draws = value + (draws - value) * math.sqrt(size / num_rows)
    normal = NormalDist()
    below = ((draws < value).sum() + (draws == value).sum() / 2) / len(draws)
    # Where every draw lies on one side, half a draw is taken to lie on the other: its normal score is finite.
    bias = normal.inv_cdf(min(max(float(below), 0.5 / samples), 1 - 0.5 / samples))
    pull = _acceleration(statistic, num_rows)
    shares = [normal.cdf(bias + (bias + end) / (1 - pull * (bias + end))) for end in (-z, z)]
    low, high = np.quantile(draws, shares)
    return Estimate(value, min(float(low), value), max(float(high), value))


def average(estimates: Sequence[Estimate], *, shared: float = 0.0) -> Estimate:
    """The plain mean of estimates, such as one a class, with their intervals put together; those of NaN are left out.

    `shared` says how far an error in one is an error in another too, between 0 (independent) and 1 (each error counts
    in two of them, as in the F1 scores of classes).

    Example:
        >>> print(average([wilson(20, 20), wilson(275, 280)]))
        0.991 [0.910, 0.996]

    Source:
        Zou and Donner 2008, "Construction of confidence limits about effect measures: a general approach".
    """
    known = [estimate for estimate in estimates if not math.isnan(estimate.value)]
    if not known:
        return NAN
    centre = math.fsum(estimate.value for estimate in known) / len(known)
    scale = math.sqrt(1 + shared) / len(known)
    down = scale * math.sqrt(math.fsum((estimate.value - estimate.low) ** 2 for estimate in known))
    up = scale * math.sqrt(math.fsum((estimate.high - estimate.value) ** 2 for estimate in known))
    return Estimate(centre, max(centre - down, 0.0), min(centre + up, 1.0))


def effective_share(value: float, smoothed: float, variance: float) -> Estimate:
    """A share with Wilson's interval, with as many trials as have the variance; of the `smoothed` share, never 0 or 1.

    Example:
        >>> print(effective_share(0.9, 0.9, 0.9 * 0.1 / 100), wilson(90, 100))
        0.900 [0.826, 0.945] 0.900 [0.826, 0.945]
    """
    return proportion(value, smoothed * (1 - smoothed) / variance, Z_SCORE)


def share_of_width(value: float, half: float, *, design_effect: float = 1.0, z: float = Z_SCORE) -> Estimate:
    """A share with Wilson's interval, with as many trials as make it reach `half` to either side, on average.

    Those trials are divided by a `design_effect`, where items are not independent.
    """
    few, many = 1e-3, 1e12
    for _ in range(100):
        trials = math.sqrt(few * many)
        tried = proportion(value, trials, Z_SCORE)
        few, many = (trials, many) if tried.high - tried.low > 2 * half else (few, trials)
    return proportion(value, few / design_effect, z)


def newcombe(one: Estimate, other: Estimate) -> Estimate:
    """One proportion less another, of different items, each with Wilson's interval: the difference with its interval.

    Example:
        >>> print(newcombe(wilson(90, 100), wilson(70, 100)))
        0.200 [0.090, 0.306]

    Source:
        Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10.
    """
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    return Estimate(value, low, value + math.hypot(one.high - one.value, other.value - other.low))


def paired_difference(
    correct_a: np.ndarray, correct_b: np.ndarray, *, samples: int = 10_000, seed: int = 0
) -> Estimate:
    """How much more often a model is right than another on the same items, with a paired bootstrap interval.

    Only the items that one of them gets right and the other wrong matter, so resampling items is drawing their
    counts. Half an item is first added to either count, so that two models that never differ still get a width.

    Example:
        >>> a, b = np.repeat([True, True, False], [80, 15, 5]), np.repeat([True, False, True], [80, 15, 5])
        >>> print(paired_difference(a, b))
        0.100 [0.010, 0.190]

    Source:
        Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions".
    """
    return _paired_difference(*_discordant(correct_a, correct_b), samples, seed)


# A report compares the same models several times, a simulation the same counts thousands of times.
@lru_cache(maxsize=16384)
def _paired_difference(only_a: int, only_b: int, count: int, samples: int, seed: int) -> Estimate:
    shares = np.array([only_a + 0.5, only_b + 0.5, count - only_a - only_b + 1.0]) / (count + 2)
    counts = generator(seed, "bootstrap").multinomial(count, shares, size=samples)
    low, high = percentiles((counts[:, 0] - counts[:, 1]) / count)
    value = (only_a - only_b) / count
    return Estimate(value, min(low, value), max(high, value))


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> float:
    """McNemar's exact, two-sided p that two models, right or wrong on the same items, are equally good.

    Example:
        >>> a, b = np.repeat([True, True, False], [80, 15, 5]), np.repeat([True, False, True], [80, 15, 5])
        >>> round(mcnemar(a, b), 4)
        0.0414
    """
    # `scipy.stats.binomtest` says the same, but importing scipy.stats takes twice as long as scipy.special.
    from scipy.special import bdtr

    only_a, only_b, _ = _discordant(correct_a, correct_b)
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def student(freedom: float, confidence: float = CONFIDENCE) -> float:
    """How many standard errors Student's interval reaches to either side, with so many degrees of freedom.

    Example:
        >>> round(student(9), 3)
        2.262
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))


def percentiles(draws: np.ndarray | Sequence[float]) -> tuple[float, float]:
    """The ends between which the middle 95 % of resampled values lie."""
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _resamples(num_rows: int, *, size: int, samples: int, seed: int) -> Iterator[np.ndarray]:
    """Rows drawn with replacement, int64 `[resamples, size]`, in blocks of a few megabytes."""
    block = max(1, 1_000_000 // size)
    for step in range(0, samples, block):
        yield generator(seed, "bootstrap", step=step).integers(num_rows, size=(min(block, samples - step), size))


def _acceleration(statistic: Callable[[np.ndarray], float], num_rows: int) -> float:
    """How the spread changes with the value, from leaving out each of at most 100 blocks of rows."""
    rows = np.arange(num_rows)
    values = np.array([statistic(np.delete(rows, block)) for block in np.array_split(rows, min(num_rows, 100))])
    values = values[~np.isnan(values)]
    gaps = values.mean() - values if len(values) else values
    cubes, squares = float((gaps**3).sum()), float((gaps**2).sum())
    return cubes / (6 * squares**1.5) if squares > 0 else 0.0


def _discordant(correct_a: np.ndarray, correct_b: np.ndarray) -> tuple[int, int, int]:
    """Items that only the first gets right, items that only the second does, and all items."""
    correct_a, correct_b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    assert correct_a.shape == correct_b.shape == (len(correct_a),) != (0,)
    return int((correct_a & ~correct_b).sum()), int((~correct_a & correct_b).sum()), len(correct_a)
