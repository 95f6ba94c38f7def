"""A group of items beside all others: how far apart they are in the main metric, and whether that could be chance.

Where predictions are right or wrong the test is Fisher's exact one and the interval Newcombe's; else Welch's of each
item's part of the metric. Many groups are looked at, so one in twenty would seem different where none is: p values are
corrected by Holm's method, which holds the chance of even one false alarm at 5 %. The Benjamini-Hochberg method would
find more, but lets a share of all alarms be false, and its proof does not cover slices that share items or are each
other's rest. Where several items belong together (photos of one patient), these groups are what is counted.

Source:
    Holm 1979, "A simple sequentially rejective multiple test procedure"; Welch 1947, "The generalization of Student's
    problem when several different population variances are involved".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from headway.judge.grouped_items import group_error
from headway.judge.intervals import Estimate, newcombe, student, wilson

__all__ = ["ENOUGH", "Difference", "fisher", "grouped_difference", "holm", "mean_difference", "share_difference"]

# Items below which a group is too small to say: with 30, Wilson's interval of a share reaches up to 17 points to either
# side, as far as most differences that anybody would act on.
ENOUGH = 30
# Groups below which their spread on one side of a comparison is not known.
_FEWEST_GROUPS = 10


# From the share of intervals that shall hold the truth to a group's metric minus the rest's, with such an interval.
Difference = Callable[[float], Estimate]


def share_difference(hits: int, count: int, all_hits: int, all_count: int) -> Difference:
    """Of the `count` items of a group `hits` are right, of all items `all_hits` of `all_count`: between -1 and 1."""

    def difference(confidence: float) -> Estimate:
        rest = wilson(all_hits - hits, all_count - count, confidence)
        return newcombe(wilson(hits, count, confidence), rest)

    return difference


def fisher(hits: int, count: int, all_hits: int, all_count: int) -> float:
    """Fisher's exact p, two-sided, that a group is as good as the rest."""
    # Imported late: scipy.stats takes more than a second.
    from scipy.stats import fisher_exact

    rest_hits, rest = all_hits - hits, all_count - count
    result: Any = fisher_exact([[hits, count - hits], [rest_hits, rest - rest_hits]])
    return float(result.pvalue)


def mean_difference(ours: np.ndarray, theirs: np.ndarray) -> tuple[Difference, float]:
    """A group's parts of a metric, float `[items]`, beside the rest's: their means' difference, and Welch's p."""
    from scipy.special import stdtr

    value = float(ours.mean() - theirs.mean())
    shares = [float(parts.var(ddof=1)) / len(parts) for parts in (ours, theirs)]
    error = math.sqrt(sum(shares))
    freedom = float(len(ours) + len(theirs) - 2)
    p = 0.0 if value else 1.0
    if error > 0:
        # Welch and Satterthwaite: as many degrees of freedom as the less certain side has, at least.
        freedom = error**4 / sum(
            share**2 / (len(parts) - 1) for share, parts in zip(shares, (ours, theirs), strict=True)
        )
        p = 2 * float(stdtr(freedom, -abs(value) / error))

    def difference(confidence: float) -> Estimate:
        half = student(freedom, confidence) * error
        return Estimate(value, value - half, value + half)

    return difference, p


def grouped_difference(parts: np.ndarray, rows: np.ndarray, groups: np.ndarray) -> tuple[Difference, float] | None:
    """A slice's mean of `parts`, float `[items]`, less the rest's, and p; None with fewer than ten groups on a side.

    A group may have items on both sides.
    """
    from scipy.special import stdtr

    inside = np.zeros(len(parts), dtype=bool)
    inside[rows] = True
    num_groups = [len(np.unique(groups[side])) for side in (inside, ~inside)]
    if min(num_groups) < _FEWEST_GROUPS:
        return None
    means = [float(parts[side].mean()) for side in (inside, ~inside)]
    value, counts = means[0] - means[1], (inside.sum(), (~inside).sum())
    # How far each item moves the difference, whichever side it is on: a group on both sides counts once.
    effects = np.where(inside, (parts - means[0]) / counts[0], (means[1] - parts) / counts[1])
    error = group_error(effects * len(parts), groups)
    freedom = min(num_groups) - 1
    p = 2 * float(stdtr(freedom, -abs(value) / error)) if error > 0 else float(not value)

    def difference(confidence: float) -> Estimate:
        half = student(freedom, confidence) * error
        return Estimate(value, value - half, value + half)

    return difference, p


def holm(p: Sequence[float]) -> list[float]:
    """P values corrected for how many there are, in the same order.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected.tolist()
