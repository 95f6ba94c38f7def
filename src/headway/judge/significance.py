"""Two models on the same items: how far apart they are, and whether that could be luck."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from headway.judge.intervals import Estimate, mcnemar, mean, paired_difference
from headway.seeds import generator

__all__ = ["Comparison", "compare_numbers", "compare_right", "format_p", "sign_flip"]

# From this many items on, the mean of random signs is as good as normal.
_LARGE = 5_000
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Comparison:
    """A model's value less another's on the same items, and the p of a named test that they do not differ."""

    difference: Estimate
    p: float
    test: str

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
