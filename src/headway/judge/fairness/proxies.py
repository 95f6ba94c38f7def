"""Proxies: how well what a model reads tells to which group somebody belongs, on rows that this was not learned from.

A model that does not read a column of groups can still follow it, through columns that say the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.judge.baselines.linear import logistic_regression
from headway.judge.fairness.learned import Learned, boosting
from headway.judge.intervals import Estimate
from headway.judge.rankings import auroc_effects, rank
from headway.judge.slices.compare import ENOUGH
from headway.judge.slices.groups import group_items
from headway.seeds import generator

__all__ = ["ALL", "CLOSE", "Proxy", "column_scores", "proxies"]

# AUROC from which a column is called a proxy, all of its interval above it: below, it is right about little.
CLOSE = 0.65
_FOLDS, _BINS, _PRIOR = 5, 32, 5.0
# What stands for all columns in place of a name.
ALL = "all together"
# Rows that all columns together are asked on.
_MOST_ROWS = 4_000


@dataclass(frozen=True, kw_only=True)
class Proxy(AsJson):
    """How well a column tells the groups of another.

    Attributes:
        group: The column of groups.
        column: The column that the model reads; "all together" for all of them but the column of groups itself.
        auroc: Whether it puts members of a group before others, the mean over groups: 0.5 by chance, 1 when it tells
            each of them.
    """

    json_also: ClassVar[tuple[str, ...]] = ("is_proxy",)

    group: str
    column: str
    auroc: Estimate

    @property
    def is_proxy(self) -> bool:
        """Whether it tells the groups well beyond chance."""
        return self.auroc.low >= CLOSE


def proxies(learned: Learned, group: str, *, seed: int = 0) -> list[Proxy]:
    """The columns that a model reads by how well they tell a column's groups, the best first, all together before them.

    Empty where fewer than two groups have 30 training rows, or there is nothing to tell by. Other inputs than tables,
    such as photos, have no columns, and all together are the features of the pretrained body.
    """
    groups = group_items(learned.items, group)
    used = np.flatnonzero(np.bincount(groups.index) >= ENOUGH)
    if len(used) < 2:
        return []
    rows = np.flatnonzero(np.isin(groups.index, used))
    index = np.searchsorted(used, groups.index[rows])
    single = [
        Proxy(group=group, column=name, auroc=_auroc(column_scores(values[rows], index, is_category, seed=seed), index))
        for name, values, is_category in _columns(learned)
        if name != group
    ]
    single.sort(key=lambda proxy: -proxy.auroc.value)
    # A column that is read as several, such as a date, counts by the best of them.
    single = [*{proxy.column: proxy for proxy in reversed(single)}.values()][::-1]
    together = _together(learned, group, rows, index, seed)
    return ([] if together is None else [Proxy(group=group, column=ALL, auroc=together)]) + single


def column_scores(values: np.ndarray, index: np.ndarray, is_category: bool, *, seed: int = 0) -> np.ndarray:
    """For each row the share of each group among the other folds' rows with nearly its value, `[rows, groups]`.

    Numbers are taken in 32 bins; rows without a value have a bin of their own.

    Example:
        >>> column_scores(np.tile([0.0, 1.0], 50), np.tile([0, 1], 50), True).argmax(1)[:4].tolist()
        [0, 1, 0, 1]
    """
    codes, num_groups = _codes(values, is_category), int(index.max()) + 1
    scores = np.empty((len(index), num_groups))
    overall = np.bincount(index, minlength=num_groups) / len(index)
    for fold in _folds(len(index), seed):
        others = np.setdiff1d(np.arange(len(index)), fold)
        cells = np.bincount(codes[others] * num_groups + index[others], minlength=(codes.max() + 1) * num_groups)
        counts = cells.reshape(-1, num_groups)
        # A value that the other folds lack says nothing.
        shares = (counts + _PRIOR * overall) / (counts.sum(1, keepdims=True) + _PRIOR)
        scores[fold] = shares[codes[fold]]
    return scores


def _codes(values: np.ndarray, is_category: bool) -> np.ndarray:
    missing = np.isnan(values)
    known = values[~missing]
    distinct = np.unique(known)
    if not is_category and len(distinct) > _BINS:
        distinct = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:], method="inverted_cdf"))
    return np.where(missing, len(distinct), np.searchsorted(distinct, values))


def _folds(count: int, seed: int) -> list[np.ndarray]:
    return np.array_split(generator(seed, "baseline", epoch=2).permutation(count), min(_FOLDS, count))


def _auroc(scores: np.ndarray, index: np.ndarray) -> Estimate:
    return rank(scores, index[:, None] == np.arange(scores.shape[1]), auroc_effects).estimate


def _columns(learned: Learned) -> Iterator[tuple[str, np.ndarray, bool]]:
    for position, name in enumerate(learned.names):
        yield name, learned.train["table"][:, position], position in learned.categorical


def _together(learned: Learned, group: str, rows: np.ndarray, index: np.ndarray, seed: int) -> Estimate | None:
    """All columns but the one of the groups; or the features of a pretrained body."""
    names = learned.names
    kept = [position for position, name in enumerate(names) if name != group]
    if not kept and "features" not in learned.train.arrays:
        return None
    chosen = np.sort(generator(seed, "baseline", epoch=3).permutation(len(rows))[:_MOST_ROWS])
    inputs = learned.train["table"][rows[chosen]][:, kept] if kept else learned.train["features"][rows[chosen]]
    categorical = [new for new, position in enumerate(kept) if position in learned.categorical]
    index = index[chosen]
    present, classes = np.unique(index, return_inverse=True)
    scores = np.zeros((len(index), len(present)))
    for fold in _folds(len(index), seed):
        others = np.setdiff1d(np.arange(len(index)), fold)
        if len(np.unique(classes[others])) < len(present):
            return None
        if kept:
            [scores[fold]] = boosting(inputs[others], classes[others], [inputs[fold]], categorical=categorical)
        else:
            solved = {"num_outputs": len(present), "penalty": 10.0}
            scores[fold] = logistic_regression(inputs[others], classes[others], {"": inputs[fold]}, **solved)[""]
    return _auroc(scores, classes)
