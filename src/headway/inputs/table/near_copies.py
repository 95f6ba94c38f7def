"""Rows that are nearly the same: equal but for one value, or for how their numbers are rounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from headway.seeds import generator

__all__ = ["find_copies"]

# Numbers are equal within this share of the distance between their quartiles.
_ROUNDED = 0.04
# Candidates are rows that fall into the same cells of a grid: of exact values, and of wide cells that begin elsewhere
# each time, so that a rounded number does not always cross into the next.
_CELL, _GRIDS = 0.2, 4
# Each column is left out once; of more columns than this, several at a time.
_LEFT_OUT = 32
# Rows share a combination of values by chance, too: what two of them share must be so rare that of a thousand rows
# fewer than one would have a copy by chance, were the columns independent.
_RARE = 1_000
# More equal rows than this in wide cells are a crowd, not copies.
_CROWD = 50


def find_copies(items: pl.DataFrame) -> list[tuple[int, int]]:
    """Pairs of rows that are nearly the same, by their positions.

    Args:
        items: The columns to compare: numbers, dates and texts, null where a value is missing.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> items = pl.DataFrame({name: draw.normal(size=200) for name in "abcd"})
        >>> copies = items[7:8].with_columns(pl.col("b") + 5), items[9:10].select(pl.all().round(2))
        >>> find_copies(pl.concat([items, *copies]))
        [(7, 200), (9, 201)]
    """
    if len(items) < 2:
        return []
    columns = [_Column(items[name]) for name in items.columns]
    pairs = np.unique(np.concatenate([*_candidates(columns, len(items))]), axis=0)
    num_apart, of_numbers, of_others = np.zeros(len(pairs), np.int64), np.zeros(len(pairs)), np.zeros(len(pairs))
    for column in columns:
        is_same = column.same(*pairs.T)
        num_apart += ~is_same
        rarity = of_others if column.numbers is None else of_numbers
        rarity += np.where(is_same, column.rarity(*pairs.T), 0.0)
    # Categories depend on one another: together they say no more than that these two rows alone have them.
    rarity = of_numbers + np.minimum(of_others, np.log(len(items) / 2))
    is_copy = (num_apart <= 1) & (rarity > np.log(_RARE * len(items)))
    return list(map(tuple, pairs[is_copy].tolist()))


class _Column:
    """A column's values as codes of what is exactly equal, and of numbers where they lie."""

    def __init__(self, values: pl.Series) -> None:
        self.codes = values.rank("dense").fill_null(0).to_numpy().astype(np.int64)
        self.counts = np.bincount(self.codes)
        self.numbers = None
        if values.dtype.is_numeric():
            numbers = values.cast(pl.Float64).to_numpy()
            low, high = np.quantile(present, (0.25, 0.75)) if len(present := numbers[~np.isnan(numbers)]) else (0, 0)
            # A column that is the same in most rows has no distance between quartiles: its numbers are equal or not.
            self.numbers = numbers / (high - low) if high > low and np.isfinite(high - low) else None
            self.sorted = np.sort(present) / (high - low) if self.numbers is not None else None

    def cells(self, begin: float) -> np.ndarray:
        """The cell of each value in a grid that begins here; the code where values are not numbers."""
        if self.numbers is None:
            return self.codes
        return np.floor(np.nan_to_num(self.numbers, nan=-1e6).clip(-1e6, 1e6) / _CELL + begin).astype(np.int64)

    def same(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Whether pairs of rows have the same value here, up to rounding."""
        is_equal = self.codes[first] == self.codes[second]
        if self.numbers is None:
            return is_equal
        return is_equal | (np.abs(self.numbers[first] - self.numbers[second]) <= _ROUNDED)

    def rarity(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """How surprising it is that two rows have the same value here, in nats."""
        alike = self.counts[self.codes[first]]
        if self.numbers is not None and self.sorted is not None:
            at = self.numbers[first]
            first_beyond = np.searchsorted(self.sorted, at + _ROUNDED, "right")
            num_near = first_beyond - np.searchsorted(self.sorted, at - _ROUNDED, "left")
            alike = np.where(self.codes[first] == self.codes[second], alike, np.maximum(num_near, 1))
        return np.log(len(self.codes) / alike)


def _candidates(columns: list[_Column], count: int) -> Iterator[np.ndarray]:
    """Neighbours among the rows that fall into the same cells in all columns but one, int64 `[pairs, 2]`."""
    yield np.empty((0, 2), np.int64)
    draw = generator(0, "order")
    blocks = np.array_split(np.arange(len(columns)), min(len(columns), _LEFT_OUT))
    for grid in range(1 + _GRIDS):
        sums = np.zeros((len(blocks), count), np.uint64)
        for block, members in enumerate(blocks):
            for member in members:
                column = columns[member]
                cells = column.codes if not grid else column.cells(float(draw.uniform()))
                sums[block] += _mixed(cells, int(draw.integers(2**62)))
        for key in (sums.sum(axis=0), *(sums.sum(axis=0) - sums)):
            order = np.argsort(key, kind="stable")
            first, second = order[:-1], order[1:]
            is_same = key[first] == key[second]
            if grid:
                _, number, sizes = np.unique(key, return_inverse=True, return_counts=True)
                is_same &= sizes[number[first]] <= _CROWD
            yield np.stack([first, second], axis=1)[is_same]


def _mixed(cells: np.ndarray, salt: int) -> np.ndarray:
    """Codes as numbers of 64 bits that can be summed over columns: splitmix64's last steps."""
    mixed = cells.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
