"""Two models on the same items: how far apart they are, and whether that could be luck."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from headway.judge.grouped_items import group_error
from headway.judge.intervals import ALPHA, Z_SCORE, Estimate, mcnemar, mean, paired_difference, student
from headway.seeds import generator

__all__ = [
    "Comparison",
    "best_of",
    "compare_groups",
    "compare_numbers",
    "compare_right",
    "format_p",
    "pseudo_values",
    "sign_flip",
]

# From this many items on, the mean of random signs is as good as normal.
_LARGE = 5_000
_BLOCK = 2_000_000
# A model that is better than the best of several is ahead of each other one with a p of at most this.
_AHEAD = 0.5
# Of the largest of several differences.
_DRAWS = 10_000
# Blocks of items that pseudo-values are made of: a user's function is called so often, however many items.
_BLOCKS = 200


@dataclass(frozen=True)
class Comparison:
    """A model's value less another's on the same items, and the p of a named test that they do not differ.

    Of several others, `against` is the index of the one that it is about.
    """

    difference: Estimate
    p: float
    test: str
    against: int = 0

    def scaled(self, factor: float) -> Comparison:
        """The same in another unit; `factor` is positive."""
        return replace(self, difference=self.difference.scaled(factor))


def format_p(p: float) -> str:
    """A p value as text.

    Example:
        >>> format_p(0.0312), format_p(1e-9)
        ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def compare_right(ours: np.ndarray, theirs: np.ndarray, *, seed: int = 0) -> Comparison:
    """Two models that are right (1) or wrong (0), `[items]`: paired difference and McNemar's exact test."""
    ours, theirs = ours > 0, theirs > 0
    return Comparison(paired_difference(ours, theirs, seed=seed), mcnemar(ours, theirs), "McNemar")


def compare_numbers(ours: np.ndarray, theirs: np.ndarray, *, seed: int = 0) -> Comparison:
    """Two models with a number for each item, float `[items]`: the mean difference, and a sign-flip test.

    Example:
        >>> found = compare_numbers(np.arange(20) / 10, np.arange(20) / 10 + 1 + np.arange(20) % 2)
        >>> round(found.difference.value, 2), found.p < 0.001
        (-1.5, True)
    """
    gaps = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    return Comparison(mean(gaps, seed=seed), sign_flip(gaps, seed=seed), "sign-flip test")


def compare_groups(ours: np.ndarray, theirs: np.ndarray, *, groups: np.ndarray, seed: int = 0) -> Comparison:
    """Two models with a number for each item of groups, `[items]`: a group has one sign, and counts by its items.

    Example:
        >>> right, groups = np.repeat([1.0, 0.0, 1.0], [10, 10, 20]), np.repeat(np.arange(4), 10)
        >>> compare_groups(right, np.ones(40), groups=groups).p
        1.0
    """
    gaps = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    value, num_groups = float(gaps.mean()), len(np.unique(groups))
    half = student(num_groups - 1) * group_error(gaps, groups) if num_groups > 1 else math.inf
    p = sign_flip(np.bincount(groups, gaps), seed=seed)
    return Comparison(Estimate(value, value - half, value + half), p, "sign-flip test of groups")


def best_of(
    compared: Sequence[Comparison],
    gaps: np.ndarray,
    *,
    higher_is_better: bool,
    reference: int | None = None,
    seed: int = 0,
) -> Comparison:
    """A model beside several others, the first of them the best on these very items: the choice accounted for.

    The best of equals is better than it should be by luck. That the model is worse must be more than the largest of
    such lucky differences explains (max-T, with their covariance). That it is better must hold against each of them; or
    against the one that was known to be the best before these items were looked at, while against each other one half
    the confidence is enough. Of many that are nearly equal this finds a gain five times as often, and calls one that is
    not there hardly more often (`benchmarks/coverage.py`).

    Args:
        compared: The model beside each of the others, the best on these items first.
        gaps: The model's part of the metric less that of each other, float `[items, others]`; of groups their sums.
        higher_is_better: The direction of the metric.
        reference: The index of the one that was chosen on other items. Default: none was.
        seed: The run's seed.

    Source:
        Westfall and Young 1993, "Resampling-based multiple testing", for max-T; Berger 1982, "Multiparameter hypothesis
        testing and acceptance sampling", for each of them; Hsu 1981, "Simultaneous confidence intervals for all
        distances from the best".
    """
    best, sign = compared[0], 1 if higher_is_better else -1
    if len(compared) == 1:
        return best
    differences = [other.difference for other in compared]
    near = [sign * (gap.low if sign > 0 else gap.high) for gap in differences]
    if sign * best.difference.value >= 0 and reference is not None:
        return _ahead_of_all(compared, near, reference, sign)
    # Models share the items' difficulty, so their differences go together; taken for independent they would show less.
    norms = np.sqrt((gaps**2).sum(axis=0))
    scaled = gaps / np.where(norms > 0, norms, 1.0)
    correlation = scaled.T @ scaled
    np.fill_diagonal(correlation, 1.0)
    # A correlation of equal baselines has no Cholesky root; rounding may leave its least values below 0.
    values, vectors = np.linalg.eigh(correlation)
    noise = generator(seed, "bootstrap").normal(size=(_DRAWS, len(values)))
    largest = (noise * np.sqrt(np.maximum(values, 0.0)) @ vectors.T).max(axis=1)
    if sign * best.difference.value >= 0:
        p = max(other.p for other in compared)
    else:
        score = NormalDist().inv_cdf(1 - max(best.p, 1e-12) / 2)
        p = min(max(2 * float((largest >= score).mean()), best.p), 1.0)
    wider = max(float(np.quantile(largest, 1 - ALPHA / 2)) / Z_SCORE, 1.0)
    # Both ends are the least favourable of all comparisons, the far ones widened.
    far = [sign * (gap.value + wider * ((gap.high if sign > 0 else gap.low) - gap.value)) for gap in differences]
    low, high = sorted((sign * min(near), sign * min(far)))
    return replace(best, difference=Estimate(best.difference.value, low, high), p=p)


def _ahead_of_all(compared: Sequence[Comparison], near: Sequence[float], reference: int, sign: int) -> Comparison:
    """Beside the reference, as far as the model is ahead of each other one; `near` ends are those towards 0."""
    named, share = compared[reference], NormalDist().inv_cdf(1 - _AHEAD / 2) / Z_SCORE
    values = [sign * other.difference.value for other in compared]
    ahead = [value - share * (value - end) for value, end in zip(values, near, strict=True)]
    far = named.difference.high if sign > 0 else named.difference.low
    low, high = sorted((sign * min(near[reference], *ahead), far))
    p = max(named.p, ALPHA / _AHEAD * max(other.p for other in compared))
    return replace(named, difference=Estimate(named.difference.value, low, high), p=p, against=reference)


def sign_flip(gaps: np.ndarray, *, samples: int = 10_000, seed: int = 0) -> float:
    """The two-sided p that differences of pairs, float `[items]`, are as likely above zero as below it.

    If two models are equally good, either could have given the other's answer for an item: every sign is as likely.
    The p is the share of random signs for which the mean is as far from zero as it is, this one counted in.

    Example:
        >>> sign_flip(np.array([1.0, -1.0, 1.0, -1.0]))
        1.0

    Source:
        Fisher 1935, "The design of experiments", section 21; Phipson and Smyth 2010, arXiv:1603.05766, for the one
        that is counted in.
    """
    assert gaps.shape == (len(gaps),) != (0,)
    total, count = abs(float(gaps.sum())), len(gaps)
    # Two models that answer alike: no sign changes anything.
    if not gaps.any():
        return 1.0
    if count >= _LARGE:
        return math.erfc(total / math.sqrt(2 * float((gaps**2).sum())))
    # In blocks, as all signs at once would be gigabytes.
    reached, block = 0, max(1, _BLOCK // count)
    for step in range(0, samples, block):
        draw = generator(seed, "bootstrap", step=step)
        signs = draw.integers(2, size=(min(block, samples - step), count), dtype=np.int8) * np.int8(2) - np.int8(1)
        # Sums that are equal but for rounding are as far away.
        reached += int((np.abs(signs @ gaps) >= total * (1 - 1e-9)).sum())
    return (1 + reached) / (1 + samples)


def pseudo_values(statistic: Callable[[np.ndarray], float], count: int) -> np.ndarray:
    """Numbers an item whose mean is a statistic, and whose spread tells how sure it is, float64 `[count]`.

    Each is the statistic and, times the number of items, what the item adds to it. Items are left out in at most 200
    blocks; each item of a block has the block's value, its distance from the mean enlarged by the root of the block's
    size, so that items can be counted as if they had been left out one by one. `statistic` gives the number for some of
    the rows, int64 `[rows]`.

    Example:
        >>> values = np.array([1.0, 2.0, 6.0])
        >>> pseudo_values(lambda rows: values[rows].mean(), 3).tolist()
        [1.0, 2.0, 6.0]

    Source:
        Tukey 1958, "Bias and confidence in not quite large samples"; Shao and Wu 1989, "A general theory for jackknife
        variance estimation", for blocks.
    """
    rows, whole = np.arange(count), float(statistic(np.arange(count)))
    # Items far apart in the table are in one block: neighbours, such as the photos of a day, may be alike.
    blocks = rows % min(count, _BLOCKS)
    sizes = np.bincount(blocks)
    if len(sizes) < 2:
        return np.full(count, whole)
    effects = np.array([whole - statistic(rows[blocks != block]) for block in range(len(sizes))])
    # Without a block a class may be missing: such a block is taken to add nothing.
    effects = np.where(np.isnan(effects), 0.0, effects) * (count - sizes) / np.sqrt(sizes)
    parts = effects[blocks]
    return whole + parts - parts.mean()
