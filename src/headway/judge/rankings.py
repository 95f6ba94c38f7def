"""How well scores put items in order: the area under the ROC curve and average precision, with each item's effect."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headway.judge.intervals import NAN, Estimate, effective_share, if_enough

__all__ = ["Effects", "Ranking", "auroc_effects", "precision_effects", "rank", "rank_classes"]

# From whether items are positive, bool `[items]` in the order of their scores, the places where runs of equal scores
# start, and each item's run, to the metric and how far each item moves it.
Effects = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray]]


# Positives, and of the AUROC negatives, that a column has at least for an interval; of average precision never fewer
# than the second, below which the interval holds the truth too often to say much.
_NEEDED, _NEEDED_ALONE = 5, 20
# Items that move a metric and count as much as the variance that is expected, for either end. An upper end that is too
# high never misses the truth of a good model: there what was seen decides. Chosen by simulation.
_CAUTION = {"low": 6.0, "high": 0.0}
# Share of the squared effect of one more negative above all that average precision's lower end counts as variance;
# chosen by simulation with scores of normal and of Student's t3 distribution.
_ABOVE = 0.25


@dataclass(frozen=True)
class Ranking:
    """How well several columns of scores put the same items in order."""

    # The metric of each column, float64 `[columns]`, and how far each item moves their mean, float64 `[items]`, sum 0.
    values: np.ndarray
    effects: np.ndarray
    # The mean with its interval; `value` is NaN without any column.
    estimate: Estimate

    @property
    def value(self) -> float:
        """The mean over columns; NaN without any."""
        return math.fsum(self.values) / len(self.values) if len(self.values) else math.nan

    @property
    def parts(self) -> np.ndarray:
        """Pseudo-values, float64 `[items]`: the mean over columns plus, times the items, what each adds to it."""
        return self.value + len(self.effects) * self.effects


def rank(scores: np.ndarray, positive: np.ndarray, effects: Effects) -> Ranking:
    """The metric of each column of scores, float `[items, columns]`, and how far each item moves their mean.

    `positive` says whether each item is, bool `[items, columns]`, in each column some but not all.

    The mean has Wilson's interval, with as many trials as give its variance: the columns' own variances, put together
    by how their items' effects go together.

    Example:
        >>> scores, positive = np.array([[0.1], [0.4], [0.8]]), np.array([[False], [True], [True]])
        >>> rank(scores, positive, precision_effects).value
        1.0
    """
    count, columns = scores.shape
    values, total, sums = [], np.zeros(count), {side: _Sum(np.zeros(count)) for side in _CAUTION}
    for column in range(columns):
        order = np.argsort(scores[:, column])
        # Equal scores have no order among them: each run of them counts as a whole.
        ordered = scores[order, column]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, count]))
        value, moved = effects(positive[order, column], starts, group)
        values.append(value)
        total[order] += moved / columns
        if effects is precision_effects:
            # Few negatives decide the metric, and of heavy-tailed scores the highest is seldom among those seen.
            above, _ = effects(np.r_[positive[order, column], False], np.r_[starts, count], np.r_[group, len(starts)])
            sums["low"].alone += _ABOVE * (value - above) ** 2
        trials = _trials(value, int(positive[:, column].sum()), count, effects)
        for side, caution in _CAUTION.items():
            sums[side].add(order, moved, value, _seen_trials(trials, value, moved, caution))
    mean = math.fsum(values) / columns if columns else math.nan
    low, high = (sums[side].interval(mean, columns) for side in ("low", "high"))
    return Ranking(np.array(values), total, Estimate(mean, low.low, high.high))


@dataclass
class _Sum:
    """Columns added up: their smoothed shares, their errors where items move them, and variances where none does."""

    errors: np.ndarray
    shares: float = 0.0
    alone: float = 0.0

    def add(self, order: np.ndarray, moved: np.ndarray, value: float, trials: float) -> None:
        # One hit and one miss more, so that a perfect column has a variance too.
        share, spread = (value * trials + 1) / (trials + 2), math.sqrt(float((moved**2).sum()))
        error = math.sqrt(share * (1 - share) / trials)
        self.shares += share
        if spread > 0:
            self.errors[order] += error / spread * moved
        else:
            self.alone += error**2

    def interval(self, value: float, columns: int) -> Estimate:
        if not columns:
            return NAN
        variance = (float((self.errors**2).sum()) + self.alone) / columns**2
        if not variance:
            # Of two or three items the errors of two classes can cancel, and then nothing is known.
            return Estimate(value, 0.0, 1.0)
        return effective_share(value, self.shares / columns, variance)


def rank_classes(scores: np.ndarray, positive: np.ndarray, effects: Effects, *, what: str) -> Estimate:
    """The mean over columns with its interval, of those columns that hold both; none where one has too few items.

    Average precision is biased upwards by an amount that falls with the positives. Over many columns these biases add
    up while the spread falls: so each column needs the more positives, the more columns there are.
    """
    counts = positive.sum(0)
    mixed = (counts > 0) & (counts < len(scores))
    estimate = rank(scores[:, mixed], positive[:, mixed], effects).estimate
    rarest = np.minimum(counts, len(scores) - counts) if effects is auroc_effects else counts
    needed = _NEEDED if effects is auroc_effects else max(_NEEDED * (positive.shape[1] + 2), _NEEDED_ALONE)
    return if_enough(estimate, int(rarest.min(initial=len(scores))), needed, what)


def _trials(value: float, positives: int, count: int, effects: Effects) -> float:
    """The trials of a share with the variance that a column's metric is expected to have.

    Source:
        Hanley and McNeil 1982, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
        as in Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic".
    """
    if effects is not auroc_effects:
        return positives
    odds = (1 - value) / (2 - value) + value / (1 + value)
    return positives * (count - positives) / (1 + (count / 2 - 1) * odds)


def _seen_trials(expected: float, value: float, moved: np.ndarray, caution: float) -> float:
    """The same with the variance that items show, as far as there are enough of them that move the metric.

    Of a good ranking few items do, and what they show is little: `caution` is how many of them count as much as what
    was expected.
    """
    variance = float((moved**2).sum())
    if not 0 < value < 1 or variance == 0:
        return expected
    # As many items of equal effect would make up the same variance.
    moving = variance**2 / float((moved**4).sum())
    ratio = max(variance * expected / (value * (1 - value)), 1e-3)
    return expected / ratio ** (moving / (moving + caution))


def auroc_effects(positive: np.ndarray, starts: np.ndarray, group: np.ndarray) -> tuple[float, np.ndarray]:
    """The area under the ROC curve, and each item's effect on it."""
    hits = np.add.reduceat(positive, starts, dtype=np.int64)
    others = np.add.reduceat(~positive, starts, dtype=np.int64)
    below = (np.cumsum(others) - others / 2) / others.sum()
    above = (hits.sum() - np.cumsum(hits) + hits / 2) / hits.sum()
    # What an item adds is the share of the others that it is on the right side of.
    placed = np.where(positive, below[group], above[group])
    value = float((below * hits).sum() / hits.sum())
    return value, (placed - value) / np.where(positive, hits.sum(), others.sum())


def precision_effects(positive: np.ndarray, starts: np.ndarray, group: np.ndarray) -> tuple[float, np.ndarray]:
    """The average precision, and each item's effect on it."""
    hits = np.add.reduceat(positive, starts, dtype=np.int64)
    total = hits.sum()
    reached = len(positive) - starts
    precision = (total - np.cumsum(hits) + hits) / reached
    value = float((precision * hits).sum() / total)
    # An item adds itself to every threshold at or below its score: one more reached and, if positive, one more hit.
    gained, lost = np.cumsum(hits / reached)[group], np.cumsum(hits * precision / reached)[group]
    return value, (positive * (precision[group] + gained - value) - lost) / total
