"""The slices that a model is worst on, found among all columns and classes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.errors import ConfigError
from headway.judge.intervals import ALPHA, rate
from headway.judge.metric import TaskMetrics
from headway.judge.slices.compare import ENOUGH, Difference, grouped_difference, holm, share_difference
from headway.judge.slices.groups import OTHERS, Groups, group_items
from headway.judge.slices.report import Slice, check_items, make_slice

if TYPE_CHECKING:
    import polars as pl

__all__ = ["WorstSlices", "worst_slices"]

_CLASS = "actual class"
# Items times pairs of columns, and pairs: some seconds of counting.
_MOST_WORK, _MOST_PAIRS = 200_000_000, 5_000


@dataclass(frozen=True, kw_only=True)
class WorstSlices(AsJson):
    """The slices that a model is distinguishably worse on, found among many.

    Attributes:
        found: The surest harm first: the largest loss of accuracy that its interval leaves no doubt of.
        num_compared: How many slices were compared.
        left_out: Columns that were not looked at, with the reason.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentences",)

    found: list[Slice]
    num_compared: int
    left_out: dict[str, str]

    @property
    def sentences(self) -> list[str]:
        """What was found, or that nothing was."""
        if self.found:
            return [one.sentence for one in self.found]
        if not self.num_compared:
            return ["No slice is large enough to be compared with the rest."]
        return [f"No slice is distinguishably worse than the rest ({self.num_compared:,} compared)."]


def worst_slices(
    probabilities: np.ndarray,
    targets: np.ndarray,
    items: pl.DataFrame,
    *,
    metrics: TaskMetrics,
    labels: Sequence[str],
    columns: Sequence[str] | None = None,
    n: int = 10,
    apart: np.ndarray | None = None,
) -> WorstSlices:
    """Find the slices that a model is worst on: groups of any column, classes, and what two of them have in common.

    What two have in common is named only where it is worse than the rest of either too, so that a group that is bad
    throughout comes once. Half of the 5 % goes to single groups, so that the many pairs do not drown them: where no
    slice is worse, the chance of finding any is at most 5 %. What seems worse by its items must also be by what is
    independent, where `apart` numbers that, int64 `[items]`. Without `columns` every one is searched that has groups
    (not file names or numbers of items); at most `n` slices are given.

    Raises:
        ShapeError: If the arrays, the items or the labels do not fit together.
        DataError: If the arrays are empty, or do not hold probabilities and classes.
        ConfigError: If a column is not known or cannot be grouped.

    Example:
        >>> import polars as pl
        >>> from headway.targets.category.metrics import METRICS
        >>> targets = np.tile([0, 1], 100)
        >>> predicted = np.where(np.arange(200) < 150, targets, 0)
        >>> items = pl.DataFrame({"site": ["north"] * 150 + ["south"] * 50})
        >>> worst = worst_slices(np.eye(2)[predicted], targets, items, metrics=METRICS, labels=["no", "yes"])
        >>> [one.name for one in worst.found]
        ['site = south', 'actual class = yes']

    Source:
        Chung et al. 2019, arXiv:1807.06068, for the search among single columns and pairs.
    """
    check_items(probabilities, targets, items, metrics=metrics, labels=labels)
    targets = np.asarray(targets)
    right = metrics.decide(probabilities) == targets
    # Whatever the main metric is, the search counts right predictions.
    accuracy = metrics.with_metrics(main=next(name for name, metric in metrics.metrics.items() if metric.is_right))
    factors, left_out = _factors(targets, items, labels, columns)
    pairs = list(combinations(factors, 2))
    if len(pairs) * len(targets) > _MOST_WORK or len(pairs) > _MOST_PAIRS:
        # Single columns are searched all the same.
        left_out["pairs"] = f"{len(pairs):,} pairs of columns on {len(targets):,} items would take too long"
        pairs = []
    families = [
        [candidate for column in factors for candidate in _candidates({column: factors[column]}, right)],
        [candidate for a, b in pairs for candidate in _candidates({a: factors[a], b: factors[b]}, right)],
    ]
    families, num_compared = [family for family in families if family], sum(map(len, families))
    # A factor for the families, and Holm's or Bonferroni's within each.
    judged = [
        make_slice(
            where,
            count,
            {accuracy.main: rate(hits, count)},
            share_difference(hits, count, int(right.sum()), len(right)),
            p=min(p * len(families), 1.0),
            num_compared=len(families) * len(family),
            metrics=accuracy,
        )
        for family in families
        for (where, count, hits, _), p in zip(family, holm([p for *_, p in family]), strict=True)
        if p * len(families) < ALPHA
    ]
    if apart is not None:
        judged = [
            make_slice(one.where, one.count, one.metrics, gap[0], p=p, num_compared=num_compared, metrics=accuracy)
            for one, gap in _grouped(judged, factors, right, apart)
            if gap and (p := min(gap[1] * num_compared, 1.0)) < ALPHA
        ]
    # The loss of accuracy that the interval leaves no doubt of.
    worse = sorted((one for one in judged if one.verdict == "worse"), key=lambda one: one.difference.high)
    return WorstSlices(found=worse[:n], num_compared=num_compared, left_out=left_out)


def _grouped(
    judged: Sequence[Slice], factors: dict[str, Groups], right: np.ndarray, apart: np.ndarray
) -> Iterator[tuple[Slice, tuple[Difference, float] | None]]:
    """Each slice beside the rest, by what is independent."""
    for one in judged:
        inside = [factors[column].index == factors[column].names.index(group) for column, group in one.where.items()]
        rows = np.flatnonzero(np.logical_and.reduce(inside))
        yield one, grouped_difference(right.astype(np.float64), rows, apart)


def _factors(
    targets: np.ndarray, items: pl.DataFrame, labels: Sequence[str], columns: Sequence[str] | None
) -> tuple[dict[str, Groups], dict[str, str]]:
    """What items are grouped by: the class, and each column that has groups; and why the others have none."""
    factors, left_out = {_CLASS: Groups(tuple(labels), targets)}, {}
    for column in items.columns if columns is None else columns:
        try:
            groups = group_items(items, column)
        except ConfigError:
            if columns is not None:
                raise
            left_out[column] = "its values cannot be grouped"
            continue
        reason = _unsuitable(items[column], groups, targets)
        if reason:
            left_out[column] = reason
        else:
            factors[column] = groups
    return factors, left_out


def _unsuitable(series: pl.Series, groups: Groups, targets: np.ndarray) -> str:
    """Why a column is not looked at; empty when it is."""
    table = np.zeros((len(groups.names), int(targets.max()) + 1), dtype=np.int64)
    np.add.at(table, (groups.index, targets), 1)
    named = np.array([name != OTHERS for name in groups.names])
    if len(groups.names) < 2:
        return "all items have the same value"
    if series.dtype.is_integer() and series.n_unique() == len(series):
        return "every item has a different value"
    if not (table.sum(1)[named] >= ENOUGH).any():
        return f"no value has {ENOUGH} items"
    # A column that says the class would come out as the worst slices, and tell nothing new.
    own = table[named]
    if ((own > 0).sum(1) == 1).all() and (own.max(1) == table.sum(0)[own.argmax(1)]).all():
        return "it holds the same values as the class"
    return ""


def _candidates(grouped: dict[str, Groups], right: np.ndarray) -> list[tuple[dict[str, str], int, int, float]]:
    """Slices by one column or two that might be worse: where, items, right ones, and the one-sided p that it is not."""
    from scipy.stats import hypergeom

    shape = tuple(len(groups.names) for groups in grouped.values())
    cells = np.ravel_multi_index([groups.index for groups in grouped.values()], shape)
    counts, hits = (np.bincount(chosen, minlength=math.prod(shape)).reshape(shape) for chosen in (cells, cells[right]))
    # Fisher's exact test, one-sided, for thousands of slices in one call.
    p = hypergeom.cdf(hits, len(right), right.sum(), counts)
    if len(shape) > 1:
        # Worse than all others, than the rest of its row and than the rest of its column: the weakest evidence counts.
        for axis in (0, 1):
            whole = counts.sum(axis, keepdims=True), hits.sum(axis, keepdims=True)
            p = np.maximum(p, hypergeom.cdf(hits, *whole, counts))
    candidates = []
    for cell in np.ndindex(shape):
        where = {column: groups.names[group] for (column, groups), group in zip(grouped.items(), cell, strict=True)}
        count = int(counts[cell])
        # What is left over has nothing in common that a person could act on.
        if OTHERS not in where.values() and ENOUGH <= count <= len(right) - ENOUGH:
            candidates.append((where, count, int(hits[cell]), float(p[cell])))
    return candidates
