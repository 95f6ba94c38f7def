"""A group of items beside all others: how far apart they are in the main metric, and whether that could be chance.

Where predictions are right or wrong the test is Fisher's exact one and the interval Newcombe's; else Welch's of each
item's part of the metric. Many groups are looked at, so one in twenty would seem different where none is: p values are
corrected by Holm's method, which holds the chance of even one false alarm at 5 %. The Benjamini-Hochberg method would
find more, but lets a share of all alarms be false, and its proof does not cover slices that share items or are each
other's rest. Items count as independent: where several belong together (photos of one patient), the intervals are too
narrow.

Source:
    Holm 1979, "A simple sequentially rejective multiple test procedure"; Welch 1947, "The generalization of Student's
    problem when several different population variances are involved".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from headway.judge.intervals import Estimate, newcombe, student, wilson

__all__ = ["ENOUGH", "Gap", "MeanGap", "RightGap", "holm", "mean_gap"]

# Items below which a group is too small to say: with 30, Wilson's interval of a share reaches up to 17 points to either
# side, as far as most differences that anybody would act on.
ENOUGH = 30


class Gap(Protocol):
    """A group beside the rest."""

    @property
    def p(self) -> float:
        """That the group is as good as the rest, two-sided."""
        ...

    def difference(self, confidence: float) -> Estimate:
        """The group's metric less the rest's, with its interval."""
        ...


@dataclass(frozen=True)
class RightGap:
    """Right predictions in a group and in all.

    Attributes:
        hits: Items of the group that were predicted right.
        count: Items of the group.
        all_hits: Items that were predicted right.
        all_count: Items.
    """

    hits: int
    count: int
    all_hits: int
    all_count: int

    @property
    def is_comparable(self) -> bool:
        """Whether the group and the rest have enough items to be compared."""
        return self.count >= ENOUGH and self.all_count - self.count >= ENOUGH

    @property
    def p(self) -> float:
        """Fisher's exact p, two-sided."""
        from scipy.stats import fisher_exact

        hits, count = self.all_hits - self.hits, self.all_count - self.count
        found: Any = fisher_exact([[self.hits, self.count - self.hits], [hits, count - hits]])
        return float(found.pvalue)

    def difference(self, confidence: float) -> Estimate:
        """The group's accuracy less the rest's, between -1 and 1."""
        rest = wilson(self.all_hits - self.hits, self.all_count - self.count, confidence)
        return newcombe(wilson(self.hits, self.count, confidence), rest)


@dataclass(frozen=True)
class MeanGap:
    """A group's mean less the rest's, its standard error and degrees of freedom, and Welch's p, two-sided."""

    value: float
    error: float
    freedom: float
    p: float

    def difference(self, confidence: float) -> Estimate:
        """The difference with its interval."""
        half = student(self.freedom, confidence) * self.error
        return Estimate(self.value, self.value - half, self.value + half)


def mean_gap(ours: np.ndarray, theirs: np.ndarray) -> MeanGap:
    """A group's parts of a metric, float `[items]`, beside the rest's."""
    from scipy.special import stdtr

    value = float(ours.mean() - theirs.mean())
    shares = [float(each.var(ddof=1)) / len(each) for each in (ours, theirs)]
    error = math.sqrt(sum(shares))
    if error == 0:
        return MeanGap(value, 0.0, len(ours) + len(theirs) - 2, 0.0 if value else 1.0)
    freedom = error**4 / sum(share**2 / (len(each) - 1) for share, each in zip(shares, (ours, theirs), strict=True))
    return MeanGap(value, error, freedom, 2 * float(stdtr(freedom, -abs(value) / error)))


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
