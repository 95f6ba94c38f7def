"""Which columns say nearly the same: an association of every pair, and the tree that joins the closest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from headway.as_json import AsJson
from headway.errors import ConfigError
from headway.inputs.table.column_values import ColumnValues, aligned, column_values, draw
from headway.seeds import generator
from headway.system.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLOSE", "Redundancy", "redundancy"]

# Columns with at least this association say nearly the same.
CLOSE = 0.9
_NUM_ITEMS = 10_000
_OWN_DRAWS = 3 << 32


@dataclass(frozen=True, kw_only=True)
class Redundancy(AsJson):
    """How closely columns go together; `str()` tells the closest pairs.

    Attributes:
        association: Of each pair, float64 `[columns, columns]`, from 0 (nothing in common) to 1 (one follows from the
            other).
        tree: The columns joined step by step, the closest first, as scipy's `linkage` gives it: float64
            `[columns - 1, 4]`; the height of a joint is 1 less the mean association.
    """

    columns: tuple[str, ...]
    association: np.ndarray
    tree: np.ndarray

    def groups(self, threshold: float = CLOSE) -> list[tuple[str, ...]]:
        """Columns that the tree joins at this association or above, two or more a group."""
        from scipy.cluster.hierarchy import fcluster

        numbers = fcluster(self.tree, 1 - threshold + 1e-9, criterion="distance")
        groups = [tuple(np.array(self.columns)[numbers == number].tolist()) for number in np.unique(numbers)]
        return [group for group in groups if len(group) > 1]

    def __str__(self) -> str:
        pairs = combinations(range(len(self.columns)), 2)
        closest = sorted(pairs, key=lambda pair: -self.association[pair])[:10]
        rows = [(" and ".join(self.columns[index] for index in pair), self.association[pair]) for pair in closest]
        rows = [(names, f"{association:.2f}") for names, association in rows if association >= 0.5]
        if not rows:
            return "No two columns have an association of 0.5 or more."
        return aligned([("columns", "association"), *rows])

    def plot(self) -> Figure:
        """The tree as a figure: columns that are joined far to the right say nearly the same."""
        from scipy.cluster.hierarchy import dendrogram

        figure, [axes] = new_figure(width=6, height=1 + 0.3 * len(self.columns))
        dendrogram(self.tree, labels=list(self.columns), orientation="left", ax=axes, color_threshold=1 - CLOSE)
        axes.set_xlim(1.02, 0)
        # The tree's heights are distances: an association of 1 stands at 0.
        axes.set_xticks(np.linspace(0, 1, 6), [f"{tick:.1f}" for tick in np.linspace(1, 0, 6)])
        axes.set_xlabel("association")
        return figure


def redundancy(items: pl.DataFrame, *, seed: int = 0) -> Redundancy:
    """How closely every two columns go together, whatever the form of the relation.

    Of two numbers it is the size of Spearman's rank correlation; of a number and a category the share of the ranks'
    variance that the categories explain (its root); of two categories Cramér's V. The last two are corrected for
    chance, which many categories would profit from. Of more than 10,000 items, so many are drawn.

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
    columns = column_values(items[draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), _NUM_ITEMS)])
    if len(columns) < 2:
        what = "Redundancy needs at least two columns of numbers, dates or categories."
        raise ConfigError(what, given=f"{len(columns)} columns", fix="Pass more of the items' columns.")
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    # As scipy has them, each pair once.
    associations = np.array([_association(*pair) for pair in combinations(columns, 2)])
    tree = linkage(1 - associations, method="average")
    names = tuple(column.name for column in columns)
    return Redundancy(columns=names, association=squareform(associations) + np.eye(len(names)), tree=tree)


def _association(first: ColumnValues, second: ColumnValues) -> float:
    """From 0 to 1, on the items that have both; 0 where these are fewer than three or all the same."""
    from scipy.stats import rankdata

    both = ~(first.missing | second.missing)
    if both.sum() < 3 or any(np.ptp(column.values[both]) == 0 for column in (first, second)):
        return 0.0
    ranks = [rankdata(column.values[both]) for column in (first, second) if column.labels is None]
    categories = [column.values[both] for column in (first, second) if column.labels is not None]
    if not categories:
        return abs(float(np.corrcoef(*ranks)[0, 1]))
    return _correlation_ratio(*ranks, *categories) if ranks else _cramers_v(*categories)


def _correlation_ratio(ranks: np.ndarray, categories: np.ndarray) -> float:
    """The root of the share of the ranks' variance between categories, corrected for their number."""
    _, indices, counts = np.unique(categories, return_inverse=True, return_counts=True)
    # A category for each item explains everything, and by chance.
    if len(counts) == len(ranks):
        return 0.0
    within = ranks - (np.bincount(indices, ranks) / counts)[indices]
    unexplained = (within @ within / (len(ranks) - len(counts))) / ranks.var(ddof=1)
    return float(np.sqrt(max(1 - unexplained, 0.0)))


def _cramers_v(first: np.ndarray, second: np.ndarray) -> float:
    """Cramér's V, with the smaller number of categories in its denominator, which makes it 1 where one follows."""
    from scipy.stats import chi2_contingency
    from scipy.stats.contingency import crosstab

    # scipy's own `association` is not corrected: a column of names would have 1 with every other.
    table = np.asarray(crosstab(first, second)[1])
    rows, columns = table.shape
    chance = len(first) - 1
    statistic: Any = chi2_contingency(table, correction=False)[0]
    explained = max(float(statistic) / len(first) - (rows - 1) * (columns - 1) / chance, 0.0)
    smaller = min(rows - (rows - 1) ** 2 / chance, columns - (columns - 1) ** 2 / chance) - 1
    return float(np.sqrt(min(explained / smaller, 1.0))) if smaller > 0 else 0.0
