"""Which columns say nearly the same: an association of every pair, and the tree that joins the closest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from headway.as_json import AsJson
from headway.errors import ConfigError
from headway.inputs.table.column_values import ColumnValues, column_values, draw
from headway.seeds import generator
from headway.system.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLOSE", "Redundancy", "redundancy"]

# Columns with at least this association say nearly the same.
CLOSE = 0.9
_OWN_DRAWS = 3 << 32


@dataclass(frozen=True, kw_only=True)
class Redundancy(AsJson):
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
        pairs = [
            (self.columns[first], self.columns[second], float(self.association[first, second]))
            for first, second in combinations(range(len(self.columns)), 2)
        ]
        return sorted((pair for pair in pairs if pair[2] >= threshold), key=lambda pair: -pair[2])

    def groups(self, threshold: float = CLOSE) -> list[tuple[str, ...]]:
        """Columns that the tree joins at this association or above, two or more a group."""
        from scipy.cluster.hierarchy import fcluster

        numbers = fcluster(self.tree, 1 - threshold + 1e-9, criterion="distance")
        groups = [tuple(np.array(self.columns)[numbers == number].tolist()) for number in np.unique(numbers)]
        return [group for group in groups if len(group) > 1]

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


def redundancy(items: pl.DataFrame, *, num_items: int = 10_000, seed: int = 0) -> Redundancy:
    """How closely every two columns go together, whatever the form of the relation.

    Of two numbers it is the size of Spearman's rank correlation; of a number and a category the share of the ranks'
    variance that the categories explain (its root); of two categories Cramér's V. The last two are corrected for
    chance, which many categories would profit from.

    Args:
        items: Training rows, with at least two columns of numbers, dates or categories.
        num_items: Of more items, so many are drawn at random.
        seed: The run's seed.

    Raises:
        ConfigError: If there are fewer than two columns.

    Example:
        >>> items = pl.DataFrame({"cm": [1.0, 2, 3, 4], "inch": [0.4, 0.8, 1.2, 1.6], "x": [2.0, 4, 1, 3]})
        >>> redundancy(items).groups()
        [('cm', 'inch')]

    Source:
        Spearman 1904; Kelley 1935, "An unbiased correlation ratio measure"; Bergsma 2013, "A bias-correction for
        Cramér's V". The tree: average linkage, as in Howard and Gugger 2020, "Deep learning for coders", chapter 9.
    """
    columns = column_values(items[draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), num_items)])
    if len(columns) < 2:
        what = "Redundancy needs at least two columns of numbers, dates or categories."
        raise ConfigError(what, given=f"{len(columns)} columns", fix="Pass more of the items' columns.")
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    association = np.eye(len(columns))
    for first, second in combinations(range(len(columns)), 2):
        value = _association(columns[first], columns[second])
        association[first, second] = association[second, first] = value
    tree = linkage(squareform(1 - association, checks=False), method="average")
    return Redundancy(columns=tuple(column.name for column in columns), association=association, tree=tree)


def _association(first: ColumnValues, second: ColumnValues) -> float:
    """From 0 to 1, on the items that have both; 0 where these are fewer than three or all the same."""
    from scipy.stats import rankdata

    both = ~(first.missing | second.missing)
    values = [column.values[both] for column in (first, second)]
    if both.sum() < 3 or any((each == each[0]).all() for each in values):
        return 0.0
    ranks = [rankdata(each) for each in values]
    match first.labels is None, second.labels is None:
        case True, True:
            return abs(float(np.corrcoef(*ranks)[0, 1]))
        case True, False:
            return _correlation_ratio(ranks[0], values[1])
        case False, True:
            return _correlation_ratio(ranks[1], values[0])
        case _:
            return _cramers_v(*values)


def _correlation_ratio(ranks: np.ndarray, categories: np.ndarray) -> float:
    """The root of the share of the ranks' variance between categories, corrected for their number."""
    _, indices, counts = np.unique(categories, return_inverse=True, return_counts=True)
    if len(counts) == len(ranks):
        return 0.0
    within = ranks - (np.bincount(indices, ranks) / counts)[indices]
    unexplained = (within @ within / (len(ranks) - len(counts))) / ranks.var(ddof=1)
    return float(np.sqrt(max(1 - unexplained, 0.0)))


def _cramers_v(first: np.ndarray, second: np.ndarray) -> float:
    """Cramér's V, with the smaller number of categories in its denominator, which makes it 1 where one follows."""
    from scipy.stats import chi2_contingency
    from scipy.stats.contingency import crosstab

    table = np.asarray(crosstab(first, second)[1])
    rows, columns = table.shape
    chance = len(first) - 1
    statistic: Any = chi2_contingency(table, correction=False)[0]
    squared = float(statistic) / len(first)
    explained = max(squared - (rows - 1) * (columns - 1) / chance, 0.0)
    smaller = min(rows - (rows - 1) ** 2 / chance, columns - (columns - 1) ** 2 / chance) - 1
    return float(np.sqrt(min(explained / smaller, 1.0))) if smaller > 0 else 0.0
