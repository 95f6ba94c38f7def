"""Which columns say nearly the same: an association of every pair, and the tree that joins the closest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from headway.errors import ConfigError
from headway.inputs.table.column_values import ColumnValues, column_values, draw
from headway.seeds import generator
from headway.system.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLOSE", "Redundancy", "redundancy"]

CLOSE = 0.9
"""Columns with at least this association say nearly the same."""
_OWN_DRAWS = 3 << 32


@dataclass(frozen=True, kw_only=True)
class Redundancy:
    """How closely columns go together; `str()` tells the closest pairs.

    Attributes:
        columns: The columns.
        association: Of each pair, float64 `[columns, columns]`, from 0 (nothing in common) to 1 (one follows from the
            other).
        tree: The columns joined step by step, the closest first, as scipy's `linkage` gives it: float64
            `[columns - 1, 4]`; the height of a joint is 1 less the mean association.
    """

    columns: tuple[str, ...]
    association: np.ndarray
    tree: np.ndarray

    def pairs(self, threshold: float = CLOSE) -> list[tuple[str, str, float]]:
        """Pairs with at least this association, the closest first."""
        count = len(self.columns)
        found = [
            (self.columns[one], self.columns[other], float(self.association[one, other]))
            for one in range(count)
            for other in range(one + 1, count)
            if self.association[one, other] >= threshold
        ]
        return sorted(found, key=lambda pair: -pair[2])

    def groups(self, threshold: float = CLOSE) -> list[tuple[str, ...]]:
        """Columns that the tree joins at this association or above, two or more a group."""
        from scipy.cluster.hierarchy import fcluster

        numbers = fcluster(self.tree, 1 - threshold + 1e-9, criterion="distance")
        groups = [tuple(np.array(self.columns)[numbers == number].tolist()) for number in np.unique(numbers)]
        return [group for group in groups if len(group) > 1]

    def to_json(self) -> dict[str, Any]:
        """The associations as plain JSON values."""
        return {"columns": list(self.columns), "association": self.association.tolist(), "tree": self.tree.tolist()}

    def __str__(self) -> str:
        pairs = self.pairs(0.5)[:10]
        if not pairs:
            return "No two columns have an association of 0.5 or more."
        wide = max(len(f"{one} and {other}") for one, other, _ in pairs)
        lines = [f"{f'{one} and {other}':<{wide}}  {value:.2f}" for one, other, value in pairs]
        return "\n".join([f"{'columns':<{wide}}  association", *lines])

    def plot(self) -> Figure:
        """The tree as a figure: columns that are joined far to the right say nearly the same."""
        from scipy.cluster.hierarchy import dendrogram

        figure, [axes] = new_figure(width=6, height=1 + 0.3 * len(self.columns))
        dendrogram(self.tree, labels=list(self.columns), orientation="left", ax=axes, color_threshold=1 - CLOSE)
        axes.set_xlim(1.02, 0)
        axes.set_xticks(np.linspace(0, 1, 6), [f"{each:.1f}" for each in np.linspace(1, 0, 6)])
        axes.set_xlabel("association")
        return figure


def redundancy(
    items: pl.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    categorical: Collection[str] = (),
    num_items: int = 10_000,
    seed: int = 0,
) -> Redundancy:
    """How closely every two columns go together, whatever the form of the relation.

    Of two numbers it is the size of Spearman's rank correlation; of a number and a category the share of the ranks'
    variance that the categories explain (its root); of two categories Cramér's V. The last two are corrected for
    chance, which many categories would profit from.

    Args:
        items: Training rows.
        columns: At least two; all that hold numbers, dates or categories when left out.
        categorical: Columns of numbers that are categories.
        num_items: Of more items, so many are drawn at random.
        seed: The run's seed.

    Raises:
        ConfigError: If a column is not there, or there are fewer than two.

    Example:
        >>> items = pl.DataFrame({"cm": [1.0, 2, 3, 4], "inch": [0.4, 0.8, 1.2, 1.6], "x": [2.0, 4, 1, 3]})
        >>> redundancy(items).groups()
        [('cm', 'inch')]

    Source:
        Spearman 1904; Kelley 1935, "An unbiased correlation ratio measure"; Bergsma 2013, "A bias-correction for
        Cramér's V". The tree: average linkage, as in Howard and Gugger 2020, "Deep learning for coders", chapter 9.
    """
    drawn = items[draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), num_items)]
    found = column_values(drawn, columns, categorical=categorical)
    if len(found) < 2:
        given = f"{len(found)} columns"
        what = "Redundancy needs at least two columns of numbers, dates or categories."
        raise ConfigError(what, given=given, fix="Pass more of the items' columns.")
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    association = np.eye(len(found))
    for one in range(len(found)):
        for other in range(one + 1, len(found)):
            association[one, other] = association[other, one] = _association(found[one], found[other])
    tree = linkage(squareform(1 - association, checks=False), method="average")
    return Redundancy(columns=tuple(each.name for each in found), association=association, tree=tree)


def _association(one: ColumnValues, other: ColumnValues) -> float:
    """From 0 to 1, on the items that have both; 0 where these are fewer than three or all the same."""
    both = ~(one.missing | other.missing)
    first, second = one.values[both], other.values[both]
    if both.sum() < 3 or (first == first[0]).all() or (second == second[0]).all():
        return 0.0
    if one.labels is None and other.labels is None:
        return abs(float(np.corrcoef(_ranks(first), _ranks(second))[0, 1]))
    if one.labels is None:
        return _explained(_ranks(first), second)
    if other.labels is None:
        return _explained(_ranks(second), first)
    return _cramer(first, second)


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return rankdata(values)


def _explained(ranks: np.ndarray, categories: np.ndarray) -> float:
    """The root of the share of the ranks' variance between categories, corrected for their number."""
    counts = np.bincount(categories.astype(np.int64))
    free = len(ranks) - (counts > 0).sum()
    if free <= 0:
        return 0.0
    sums = np.bincount(categories.astype(np.int64), weights=ranks)
    total = float(((ranks - ranks.mean()) ** 2).sum())
    between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum() - len(ranks) * ranks.mean() ** 2)
    within = max(1 - between / total, 0.0) * (len(ranks) - 1) / free
    return float(np.sqrt(min(max(1 - within, 0.0), 1.0)))


def _cramer(one: np.ndarray, other: np.ndarray) -> float:
    """Cramér's V, with the smaller number of categories in its denominator, which makes it 1 where one follows."""
    table = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(table, (one.astype(np.int64), other.astype(np.int64)), 1)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    count, (rows, columns) = table.sum(), table.shape
    expected = table.sum(1, keepdims=True) * table.sum(0) / count
    squared = float(((table - expected) ** 2 / expected).sum()) / count
    kept = max(squared - (rows - 1) * (columns - 1) / (count - 1), 0.0)
    rows, columns = rows - (rows - 1) ** 2 / (count - 1), columns - (columns - 1) ** 2 / (count - 1)
    least = min(rows, columns) - 1
    return float(np.sqrt(min(kept / least, 1.0))) if least > 0 else 0.0
