"""How well scores put items in order: the area under the ROC curve and average precision, with each item's effect."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headway.judge.intervals import NAN, Z_SCORE, Estimate, if_enough, proportion, share_of_width

__all__ = ["Effects", "Ranking", "auroc_effects", "precision_effects", "rank", "rank_classes"]

# From whether items are positive, bool `[items]` in the order of their scores, the places where runs of equal scores
# start, and each item's run, to the metric and how far each item moves it.
Effects = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray]]


# Positives, and of the AUROC negatives, that a column has at least for an interval.
_NEEDED = 5


@dataclass(frozen=True)
class Ranking:
    """How well several columns of scores put the same items in order."""

    # The metric of each column, float64 `[columns]`, and how far each item moves their mean, float64 `[items]`, sum 0.
    values: np.ndarray
    effects: np.ndarray
    # How far the interval of the mean reaches to either side.
    half: float

    @property
    def value(self) -> float:
        """The mean over columns; NaN without any."""
        return math.fsum(self.values) / len(self.values) if len(self.values) else math.nan

    @property
    def parts(self) -> np.ndarray:
        """Pseudo-values, float64 `[items]`: the mean over columns plus, times the items, what each adds to it."""
        return self.value + len(self.effects) * self.effects

    @property
    def estimate(self) -> Estimate:
        """The mean over columns with its 95 % interval: as wide as the columns' own, put together."""
        return NAN if math.isnan(self.value) else share_of_width(self.value, self.half)


def rank(scores: np.ndarray, positive: np.ndarray, effects: Effects) -> Ranking:
    """The metric of each column of scores, float `[items, columns]`, and how far each item moves their mean.

    `positive` says whether each item is, bool `[items, columns]`, in each column some but not all. The columns'
    intervals are put together by how their items' effects go together.

    Example:
        >>> scores, positive = np.array([[0.1], [0.4], [0.8]]), np.array([[False], [True], [True]])
        >>> rank(scores, positive, precision_effects).value
        1.0
    """
    values, total, columns = [], np.zeros(len(scores)), scores.shape[1]
    halves, alone = np.zeros(len(scores)), 0.0
    for column in range(columns):
        order = np.argsort(scores[:, column])
        ordered = scores[order, column]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(ordered)]))
        value, moved = effects(positive[order, column], starts, group)
        values.append(value)
        total[order] += moved / columns
        own = _own_interval(value, int(positive[:, column].sum()), len(scores), effects)
        half, spread = (own.high - own.low) / 2, math.sqrt(float((moved**2).sum()))
        if spread > 0:
            halves[order] += half / spread * moved
        else:
            alone += half**2
    half = math.sqrt(float((halves**2).sum()) + alone) / max(columns, 1)
    return Ranking(np.array(values), total, half)


def rank_classes(scores: np.ndarray, positive: np.ndarray, effects: Effects, *, what: str) -> Estimate:
    """The mean over columns with its interval, of those columns that hold both; none where one has too few items.

    Average precision is biased upwards by an amount that falls with the positives. Over many columns these biases add
    up while the spread falls: so each column needs the more positives, the more there are.
    """
    counts = positive.sum(0)
    mixed = (counts > 0) & (counts < len(scores))
    estimate = rank(scores[:, mixed], positive[:, mixed], effects).estimate
    rarest = np.minimum(counts, len(scores) - counts) if effects is auroc_effects else counts
    needed = _NEEDED * (1 if effects is auroc_effects else positive.shape[1])
    return if_enough(estimate, int(rarest.min(initial=len(scores))), needed, what)


def _own_interval(value: float, positives: int, count: int, effects: Effects) -> Estimate:
    if effects is auroc_effects:
        return _area(value, positives, count - positives)
    return proportion(value, positives)


def _area(value: float, positives: int, negatives: int) -> Estimate:
    """The area under the ROC curve with its score interval.

    Source:
        Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic", method 5.
    """
    pairs, half = positives * negatives, (positives + negatives) / 2 - 1

    def end(inside: float, outside: float) -> float:
        for _ in range(60):
            tried = (inside + outside) / 2
            odds = (1 - tried) / (2 - tried) + tried / (1 + tried)
            error = math.sqrt(tried * (1 - tried) * (1 + half * odds) / pairs)
            inside, outside = (tried, outside) if abs(tried - value) <= Z_SCORE * error else (inside, tried)
        return inside

    return Estimate(value, end(value, 0.0), end(value, 1.0))


def auroc_effects(positive: np.ndarray, starts: np.ndarray, group: np.ndarray) -> tuple[float, np.ndarray]:
    """The area under the ROC curve, and each item's effect on it."""
    hits = np.add.reduceat(positive, starts, dtype=np.int64)
    others = np.add.reduceat(~positive, starts, dtype=np.int64)
    below = (np.cumsum(others) - others / 2) / others.sum()
    above = (hits.sum() - np.cumsum(hits) + hits / 2) / hits.sum()
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
