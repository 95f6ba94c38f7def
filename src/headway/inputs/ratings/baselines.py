"""Simple models of ratings: what a network for users and items must beat."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from headway.judge.baselines.base import Baseline, BaselineData
from headway.seeds import generator

__all__ = ["BASELINES", "bias_model"]

_FOLDS = 3
# Rounds of solving for users and items by turns, where penalties are compared.
_TRIED = 5
_ROUNDS = 50
_PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)

# The mean, and what each user and each item adds to it, by index.
Biases = tuple[float, np.ndarray, np.ndarray]


def _item_mean(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """The mean rating of the item; of an item without ratings, that of all."""
    counts = np.bincount(train["pairs"][:, 1], minlength=_size(train, 1))
    sums = np.bincount(train["pairs"][:, 1], train.targets[:, 0], minlength=len(counts))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), train.targets.mean(dtype=np.float64))
    return {part: means[rows["pairs"][:, 1]][:, None] for part, rows in parts.items()}


def _biases(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    pairs, targets = train["pairs"], train.targets[:, 0].astype(np.float64)
    low, high = targets.min(), targets.max()
    biases = bias_model(pairs, targets, sizes=(_size(train, 0), _size(train, 1)), seed=seed)
    return {part: np.clip(_answers(biases, rows["pairs"]), low, high)[:, None] for part, rows in parts.items()}


def bias_model(pairs: np.ndarray, targets: np.ndarray, *, sizes: tuple[int, int], seed: int) -> Biases:
    """The mean plus a number for each user plus a number for each item, with the least penalised squared error.

    Each number counts its square times a penalty beside its ratings' squared errors, so that few ratings move it
    little. The penalties of users and of items are chosen on folds of the ratings. Index 0, which has no ratings, stays
    at 0.

    Args:
        pairs: Indices of user and item, int64 `[ratings, 2]`.
        targets: The ratings, float64 `[ratings]`.
        sizes: How many users and items there are, index 0 counted.
        seed: Decides the folds.

    Example:
        >>> pairs = np.array([[user, item] for user in range(1, 41) for item in range(1, 41)])
        >>> mean, users, items = bias_model(pairs, pairs @ np.array([0.1, 0.0]), sizes=(41, 41), seed=0)
        >>> round(float(users[40] - users[1]), 1), abs(round(float(items[40] - items[1]), 1))
        (3.8, 0.0)

    Source:
        Koren, Bell and Volinsky 2009, "Matrix factorization techniques for recommender systems"; solved by turns.
    """
    rows = generator(seed, "baseline").permutation(len(pairs))
    errors = dict.fromkeys(product(_PENALTIES, _PENALTIES), 0.0)
    for fold in np.array_split(rows, min(_FOLDS, len(pairs))):
        others = np.setdiff1d(rows, fold)
        for penalties in errors if len(others) else ():
            biases = _solved(pairs[others], targets[others], sizes, penalties, rounds=_TRIED)
            errors[penalties] += float(((_answers(biases, pairs[fold]) - targets[fold]) ** 2).sum())
    return _solved(pairs, targets, sizes, min(errors, key=errors.__getitem__), rounds=_ROUNDS)


def _solved(
    pairs: np.ndarray, targets: np.ndarray, sizes: tuple[int, int], penalties: tuple[float, float], *, rounds: int
) -> Biases:
    mean = float(targets.mean())
    numbers = [np.zeros(size) for size in sizes]
    weights = [np.bincount(pairs[:, side], minlength=sizes[side]) + penalties[side] for side in (0, 1)]
    for _ in range(rounds):
        for side in (1, 0):
            left = targets - mean - numbers[1 - side][pairs[:, 1 - side]]
            numbers[side] = np.bincount(pairs[:, side], left, minlength=sizes[side]) / weights[side]
    # Rows of new users and items, of which these learned nothing, are not to count.
    for side in (0, 1):
        numbers[side][0] = 0.0
    return mean, numbers[0], numbers[1]


def _answers(biases: Biases, pairs: np.ndarray) -> np.ndarray:
    mean, users, items = biases
    return mean + users[pairs[:, 0]] + items[pairs[:, 1]]


def _size(rows: BaselineData, side: int) -> int:
    """How many users (side 0) or items (side 1) the training rows have, index 0 counted."""
    return int(rows["pairs"][:, side].max()) + 1


# Means are quick to take, and of few rows most users and items have none.
_ALL: dict[str, Any] = {"needs": "pairs", "max_rows": sys.maxsize, "choice_rows": sys.maxsize}

# Of users and items, beside those of every number: the mean and the median.
BASELINES: dict[str, Baseline] = {
    "item mean": Baseline(_item_mean, size=lambda rows, _: _size(rows, 1), **_ALL),
    "user plus item bias": Baseline(_biases, size=lambda rows, _: 1 + _size(rows, 0) + _size(rows, 1), **_ALL),
}
