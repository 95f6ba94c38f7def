"""Simple models that answer with numbers: what a regression must beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headway.judge.baselines.base import Baseline, BaselineData, on, scale_of
from headway.seeds import generator

__all__ = ["BASELINES", "constant", "ridge"]

_FOLDS = 5
_PENALTIES = np.logspace(-2, 7, 19)
"""Sums of squared weights count so much, beside a sum of squared errors; two a decade."""


def _mean(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    return constant(train.targets.mean(0, dtype=np.float64), parts)


def _median(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """The constant with the least mean absolute error."""
    return constant(np.median(train.targets, axis=0), parts)


def constant(prediction: np.ndarray, parts: Mapping[str, BaselineData]) -> dict[str, np.ndarray]:
    """The same prediction, float `[outputs]`, for every item."""
    return {part: np.tile(prediction, (len(data), 1)) for part, data in parts.items()}


def ridge(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, seed: int, num_outputs: int = 0
) -> dict[str, np.ndarray]:
    """Ridge regression on standardised columns, with an intercept; its penalty is chosen on inner folds.

    Args:
        inputs: Of the training rows, float `[items, dim]`.
        targets: Their numbers, float `[items, outputs]`.
        parts: Rows to answer by part, float `[rows, dim]` each.
        seed: Decides the five folds of the training rows.
        num_outputs: Not used: there is one for each column of `targets`.

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
    "ridge regression on pixels": on("pixels", ridge),
    "ridge regression on frozen features": on("features", ridge),
}
