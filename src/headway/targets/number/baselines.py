"""Simple models that answer with numbers: what a regression must beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headway.judge.baselines.base import Baseline, Rows, linear_size, num_features, num_pixels, scale_of, small_pixels
from headway.seeds import generator

__all__ = ["BASELINES", "ridge"]

_FOLDS = 5
_PENALTIES = np.logspace(-2, 7, 19)
"""Sums of squared weights count so much, beside a sum of squared errors; two a decade."""


def _mean(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    return _constant(train.targets.mean(0, dtype=np.float64), parts)


def _median(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    """The constant with the least mean absolute error."""
    return _constant(np.median(train.targets, axis=0), parts)


def _constant(answer: np.ndarray, parts: Mapping[str, Rows]) -> dict[str, np.ndarray]:
    return {part: np.tile(answer, (len(rows.targets), 1)) for part, rows in parts.items()}


def _ridge_pixels(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    inputs = {part: small_pixels(rows) for part, rows in parts.items()}
    return ridge(small_pixels(train), train.targets, inputs, seed=seed)


def _ridge_features(train: Rows, parts: Mapping[str, Rows], *, num_outputs: int, seed: int) -> dict[str, np.ndarray]:
    assert train.features is not None
    inputs = {part: rows.features for part, rows in parts.items() if rows.features is not None}
    return ridge(train.features, train.targets, inputs, seed=seed)


def ridge(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, seed: int
) -> dict[str, np.ndarray]:
    """Ridge regression on standardised columns, with an intercept; its penalty is chosen on inner folds.

    Args:
        inputs: Of the training rows, float `[items, dim]`.
        targets: Their numbers, float `[items, outputs]`.
        parts: Rows to answer by part, float `[rows, dim]` each.
        seed: Decides the five folds of the training rows.

    Returns:
        Answers by part, float64 `[rows, outputs]`.

    Example:
        >>> inputs = np.linspace(0, 1, 50)[:, None]
        >>> ridge(inputs, 3 * inputs + 1, {"new": np.array([[2.0]])}, seed=0)["new"].round(1).tolist()
        [[7.0]]

    Source:
        Hoerl and Kennard 1970, "Ridge regression: biased estimation for nonorthogonal problems".
    """
    from threadpoolctl import threadpool_limits

    mean, spread = scale_of(inputs)
    centre = targets.mean(0, dtype=np.float64)
    with threadpool_limits(1, user_api="blas"):
        weights = _weights((inputs - mean).astype(np.float64) / spread, targets - centre, seed)
        return {part: (rows - mean) / spread @ weights + centre for part, rows in parts.items()}


def _weights(inputs: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    if inputs.shape[1] > len(inputs):
        # No weight lies outside of what the rows span: as many directions as rows say the same in less time.
        directions = np.linalg.svd(inputs, full_matrices=False)[2].T
        return directions @ _weights(inputs @ directions, targets, seed)
    gram = inputs.T @ inputs
    gram[np.diag_indices_from(gram)] += _best_penalty(inputs, targets, seed)
    return np.linalg.solve(gram, inputs.T @ targets)


def _best_penalty(inputs: np.ndarray, targets: np.ndarray, seed: int) -> float:
    """The penalty with the least squared error on rows that it was not fitted on."""
    places = generator(seed, "baseline").permutation(len(inputs))
    errors = np.zeros(len(_PENALTIES))
    for fold in np.array_split(places, min(_FOLDS, len(inputs))):
        kept = np.setdiff1d(places, fold)
        if not len(kept):
            return float(_PENALTIES[-1])
        values, vectors = np.linalg.eigh(inputs[kept].T @ inputs[kept])
        seen, onto = inputs[fold] @ vectors, vectors.T @ (inputs[kept].T @ targets[kept])
        for place, penalty in enumerate(_PENALTIES):
            answers = seen @ (onto / (np.maximum(values, 0) + penalty)[:, None])
            errors[place] += ((answers - targets[fold]) ** 2).sum()
    return float(_PENALTIES[errors.argmin()])


BASELINES: dict[str, Baseline] = {
    "mean": Baseline(_mean, size=lambda _, outputs: outputs),
    "median": Baseline(_median, size=lambda _, outputs: outputs),
    "ridge regression on pixels": Baseline(
        _ridge_pixels, needs="pixels", size=lambda rows, outputs: linear_size(num_pixels(rows), outputs)
    ),
    "ridge regression on frozen features": Baseline(
        _ridge_features, needs="features", size=lambda rows, outputs: linear_size(num_features(rows), outputs)
    ),
}
