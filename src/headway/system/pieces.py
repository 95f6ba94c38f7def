"""A long table, column or list a piece at a time: what is computed of each piece is gone before the next one.

A file of its own, as all layers use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["ROWS_A_PIECE", "filtered", "pieces"]

# A row's text and what is made of it take a few hundred bytes: of so many rows some ten megabytes.
ROWS_A_PIECE = 65_536

T = TypeVar("T", bound="pl.DataFrame | pl.Series | np.ndarray | Sequence[object]")


def pieces(rows: T, size: int | None = None) -> Iterator[T]:
    """Slices of at most `size` rows, in their order; `ROWS_A_PIECE` where it is left out.

    Example:
        >>> list(pieces([1, 2, 3], 2))
        [[1, 2], [3]]
    """
    size = size or ROWS_A_PIECE
    for start in range(0, len(rows), size):
        yield cast("T", rows[start : start + size])


def filtered(table: pl.DataFrame, mask: pl.Series) -> pl.DataFrame:
    """The rows for which `mask` is true, column by column: polars' own `filter` may copy a whole table before."""
    return table.select(column.filter(mask) for column in table)
