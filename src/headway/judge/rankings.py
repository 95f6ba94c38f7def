"""How well scores put items in order: the area under the ROC curve and average precision, with each item's effect."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headway.judge.intervals import NAN, Estimate, logit_normal, wilson

__all__ = ["Effects", "Ranking", "auroc_effects", "precision_effects", "rank"]

# From whether items are positive, bool `[items]` in the order of their scores, the places where runs of equal scores
# start, and each item's run, to the metric and how far each item moves it.
Effects = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Ranking:
    """How well several columns of scores put the same items in order."""

    # The metric of each column, float64 `[columns]`, and how far each item moves their mean, float64 `[items]`, sum 0.
    values: np.ndarray
    effects: np.ndarray
    # Of each column the items of the rarer side, positive or not, int64 `[columns]`.
    rarer: np.ndarray

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
        """The mean over columns with its 95 % interval.

        The standard error comes from the items' effects (the infinitesimal jackknife; for the AUROC it is DeLong,
        DeLong and Clarke-Pearson 1988).
        """
        value, error = self.value, float(np.sqrt((self.effects**2).sum()))
        if 0 < value < 1:
            return logit_normal(value, error) if error > 0 else Estimate(value, value, value)
        if math.isnan(value):
            return NAN
        # Perfect, so nothing to resample: as sure as if each item of the rarer side had been tried once.
        bounds = [wilson(count if value else 0, count) for count in self.rarer.tolist()]
        low, high = (math.fsum(getattr(bound, end) for bound in bounds) / len(bounds) for end in ("low", "high"))
        return Estimate(value, low, high)


def rank(scores: np.ndarray, positive: np.ndarray, effects: Effects) -> Ranking:
    """The metric of each column of scores, float `[items, columns]`, and how far each item moves their mean.

    `positive` says whether each item is, bool `[items, columns]`, in each column some but not all.

    Example:
        >>> scores, positive = np.array([[0.1], [0.4], [0.8]]), np.array([[False], [True], [True]])
        >>> rank(scores, positive, precision_effects).value
        1.0
    """
    values, total, columns = [], np.zeros(len(scores)), scores.shape[1]
    for column in range(columns):
        order = np.argsort(scores[:, column])
        ordered = scores[order, column]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(ordered)]))
        value, moved = effects(positive[order, column], starts, group)
        values.append(value)
        total[order] += moved / columns
    counts = positive.sum(0)
    return Ranking(np.array(values), total, np.minimum(counts, len(scores) - counts))


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
