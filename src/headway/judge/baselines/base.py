"""Items as simple models see them, and what a simple model is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from headway.errors import ShapeError
from headway.seeds import generator

__all__ = [
    "MAX_ROWS",
    "Baseline",
    "BaselineFunction",
    "Need",
    "Rows",
    "drawn_rows",
    "linear_size",
    "num_features",
    "num_pixels",
    "scale_of",
    "small_pixels",
]

Need = Literal["pixels", "features", "table", "pairs"]
"""What a baseline looks at, besides targets: one of the arrays of `Rows`."""

MAX_ROWS = 10_000
"""Training rows that a simple model learns from at most, where it does not say otherwise."""

_RANKS = {"pixels": 4, "features": 2, "table": 2, "pairs": 2}
_MAX_PIXELS = 1_024


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some items of the table, as baselines see them.

    Attributes:
        targets: Class indices, int64 `[items]`; for other kinds of target an array `[items, ...]`.
        pixels: Small images, uint8 `[items, height, width, channels]`; None when items are not images.
        features: What a frozen, pretrained body makes of the items, float32 `[items, dim]`; None without one.
        table: The numbers of a table's columns, float32 `[items, columns]`, NaN where one is missing; None when items
            are no rows of a table.
        categorical: The places of the table's columns whose numbers are indices of categories, from 0.
        pairs: Indices of user and item, int64 `[items, 2]`, 0 for those that training did not have; None when items
            are no ratings.

    Raises:
        ShapeError: If they are not of the same items.
    """

    targets: np.ndarray
    pixels: np.ndarray | None = None
    features: np.ndarray | None = None
    table: np.ndarray | None = None
    categorical: tuple[int, ...] = ()
    pairs: np.ndarray | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _RANKS if getattr(self, name) is not None}
        if any(each.ndim != _RANKS[name] or len(each) != len(self.targets) for name, each in given.items()):
            what = "`pixels` must be [items, height, width, channels], `features` and `table` [items, columns]."
            shapes = [f"{name} {list(each.shape)}" for name, each in {"targets": self.targets, **given}.items()]
            fix = "Pass arrays of the same items, in the same order."
            raise ShapeError(what, given=shapes, fix=fix)

    def take(self, index: np.ndarray) -> Rows:
        """Those at some places, int64 `[chosen]`."""
        given = {name: getattr(self, name) for name in ("targets", *_RANKS)}
        return replace(self, **{name: None if each is None else each[index] for name, each in given.items()})


class BaselineFunction(Protocol):
    """How a baseline is called. It must not modify the rows."""

    def __call__(self, train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
        """Learn from `train`, and give answers, float `[items, num_outputs]`, for each of the parts."""
        ...


@dataclass(frozen=True)
class Baseline:
    """One entry of the registry.

    Attributes:
        run: The function.
        needs: What rows must have for it, besides targets.
        size: How many numbers it keeps, from the training rows and the number of outputs.
        max_rows: How many training rows it learns from at most; of more, as many are drawn at random.
    """

    run: BaselineFunction
    needs: Need | None = None
    size: Callable[[Rows, int], int] | None = None
    max_rows: int = MAX_ROWS


def drawn_rows(num_rows: int, *, seed: int, most: int = MAX_ROWS) -> np.ndarray:
    """Which of the training rows a simple model learns from: all, or as many as it takes at most, drawn at random.

    Args:
        num_rows: How many there are.
        seed: The run's seed.
        most: How many it takes.

    Returns:
        Their places, ascending, int64 `[chosen]`.

    Example:
        >>> drawn_rows(3, seed=0).tolist(), len(drawn_rows(50_000, seed=0))
        ([0, 1, 2], 10000)
    """
    if num_rows <= most:
        return np.arange(num_rows)
    return np.sort(generator(seed, "baseline").permutation(num_rows)[:most])


def small_pixels(rows: Rows) -> np.ndarray:
    """Pixels between 0 and 1, float32 `[items, dim]`; blocks of them are averaged until at most 1,024 are left."""
    assert rows.pixels is not None
    pixels = rows.pixels
    items, height, width, channels = pixels.shape
    block = 1
    while (height // block) * (width // block) * channels > _MAX_PIXELS and block < min(height, width):
        block += 1
    high, wide = height // block, width // block
    cut = pixels[:, : high * block, : wide * block].reshape(items, high, block, wide, block, channels)
    return cut.mean((2, 4), dtype=np.float32).reshape(items, -1) / np.float32(255)


def num_pixels(rows: Rows) -> int:
    """How many numbers `small_pixels` leaves of an image."""
    return small_pixels(rows.take(np.arange(1))).shape[1]


def num_features(rows: Rows) -> int:
    """How many numbers the features of an item are."""
    return 0 if rows.features is None else rows.features.shape[1]


def scale_of(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of each column of `[items, dim]`, by which it is standardised."""
    # Hardly used columns, such as a photo's corner, must not blow up.
    return inputs.mean(0), inputs.std(0) + 0.05 * inputs.std() + 1e-6


def linear_size(dim: int, num_outputs: int) -> int:
    """Numbers that a linear model keeps: weights and biases, and the mean and spread of each column."""
    return (dim + 1) * num_outputs + 2 * dim
