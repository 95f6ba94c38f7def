"""Which columns of a wide table are checked one by one: those that each explain most of the target."""

from __future__ import annotations

import numpy as np
import polars as pl

from headway.inputs.table.column_values import ColumnValues, check_targets, column_values, draw
from headway.judge.baselines.skill import as_outputs
from headway.seeds import generator

__all__ = ["MAX_COLUMNS", "screen", "screening_note"]

# More columns than this in a report would take minutes, and nobody reads them.
MAX_COLUMNS = 100
# Numbers are cut into so many bins of equal counts: enough to see a relation that rises and falls.
_BINS = 8
_NUM_ITEMS = 10_000
_OWN_DRAWS = 6 << 32


def screen(items: pl.DataFrame, targets: np.ndarray, *, count: int = MAX_COLUMNS, seed: int = 0) -> tuple[str, ...]:
    """The columns that each explain most of the target, in the table's order; all of them where there are few.

    A column's share is the variance between its categories, or between eight bins of its numbers, corrected for their
    number; a missing value is a category of its own. Of more than 10,000 items, so many are drawn.

    Args:
        items: Training rows, with the columns to choose from.
        targets: Class indices `[items]`, or numbers `[items, outputs]`.
        count: Columns at most, at least 1.
        seed: The run's seed.

    Raises:
        ShapeError: If not every item has a target.
        DataError: If a column holds something else than numbers, dates or categories.

    Example:
        >>> items = pl.DataFrame({"noise": [1, 1, 2, 2] * 10, "size": [1.0, 9.0] * 20, "shop": ["a", "b"] * 20})
        >>> screen(items, np.array([0, 1] * 20), count=2)
        ('size', 'shop')

    Source:
        Fan and Lv 2008, "Sure independence screening"; the correlation ratio corrected for chance, Kelley 1935.
    """
    check_targets(items, targets)
    if len(items.columns) <= count:
        return tuple(items.columns)
    rows = draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), _NUM_ITEMS)
    outputs = as_outputs(targets[rows])
    shares = np.array([_explained(_cells(column), outputs) for column in column_values(items[rows])])
    chosen = np.sort(np.argsort(-shares, kind="stable")[:count])
    return tuple(items.columns[index] for index in chosen)


def screening_note(num_checked: int, num_columns: int) -> str:
    """What a report says of columns that were not checked; empty where all were."""
    if num_checked >= num_columns:
        return ""
    return (
        f"Importance, dependence, redundancy and leaks were checked for {num_checked:,} of {num_columns:,} columns: "
        "those that each explain most of the target in the training rows."
    )


def _cells(column: ColumnValues) -> np.ndarray:
    """For each item the number of its category, or of the bin that its number is in; int64 `[items]`."""
    if column.labels is not None and not column.is_names:
        return np.nan_to_num(column.values, nan=-1).astype(np.int64)
    values, present = column.in_order(), ~column.missing
    cells = np.full(len(values), -1, dtype=np.int64)
    if present.any():
        edges = np.unique(np.quantile(values[present], np.arange(1, _BINS) / _BINS))
        cells[present] = np.searchsorted(edges, values[present], side="right")
    return cells


def _explained(cells: np.ndarray, outputs: np.ndarray) -> float:
    """The share of the outputs' variance between cells, corrected for their number: about 0 by chance, at most 1."""
    _, numbers, counts = np.unique(cells, return_inverse=True, return_counts=True)
    total = float(((outputs - outputs.mean(axis=0)) ** 2).sum())
    left = len(outputs) - len(counts)
    if left <= 0 or total <= 0:
        return 0.0
    sums = np.stack([np.bincount(numbers, output) for output in outputs.T], axis=1)
    within = float((outputs**2).sum()) - float((sums**2 / counts[:, None]).sum())
    return 1 - (within / left) / (total / (len(outputs) - 1))
