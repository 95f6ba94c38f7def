"""Linear models of plain matrices, which kinds of target and of input bring as baselines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headway.judge.baselines.base import scale_of
from headway.seeds import generator

__all__ = ["logistic_regression", "ridge", "spread_over"]

_FOLDS = 5
# Sums of squared weights count so much, beside a sum of squared errors; two a decade.
_PENALTIES = np.logspace(-2, 7, 19)


def ridge(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, seed: int, num_outputs: int = 0
) -> dict[str, np.ndarray]:
    """Ridge regression on standardised columns, with an intercept; its penalty is chosen on five folds of the rows.

    Inputs are float `[items, dim]`, targets and answers float64 `[items, outputs]`; `num_outputs` follows from them.

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
    order = generator(seed, "baseline").permutation(len(inputs))
    errors = np.zeros(len(_PENALTIES))
    for fold in np.array_split(order, min(_FOLDS, len(inputs))):
        fitted = np.setdiff1d(order, fold)
        if not len(fitted):
            return float(_PENALTIES[-1])
        values, vectors = np.linalg.eigh(inputs[fitted].T @ inputs[fitted])
        seen, onto = inputs[fold] @ vectors, vectors.T @ (inputs[fitted].T @ targets[fitted])
        for number, penalty in enumerate(_PENALTIES):
            answers = seen @ (onto / (np.maximum(values, 0) + penalty)[:, None])
            errors[number] += ((answers - targets[fold]) ** 2).sum()
    return float(_PENALTIES[errors.argmin()])


def logistic_regression(
    inputs: np.ndarray,
    targets: np.ndarray,
    parts: Mapping[str, np.ndarray],
    *,
    num_outputs: int,
    penalty: float,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Multinomial logistic regression on standardised columns.

    The penalties (1 / C) had the lowest log loss of 1, 10, 100, 1,000 on digits and two photo sets. One BLAS thread:
    problems this small run up to ten times faster than on two, and give the same bits on any machine's thread count.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    present = np.unique(targets)
    if len(present) == 1:
        return {part: spread_over(np.ones((len(rows), 1)), present, num_outputs) for part, rows in parts.items()}
    mean, spread = scale_of(inputs)
    model = LogisticRegression(C=1 / penalty, max_iter=50)
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is a choice here
        model.fit((inputs - mean) / spread, targets)
        return {
            part: spread_over(model.predict_proba((rows - mean) / spread), present, num_outputs)
            for part, rows in parts.items()
        }


def spread_over(probabilities: np.ndarray, present: np.ndarray, num_outputs: int) -> np.ndarray:
    """Columns for all classes; those without training rows get 0."""
    full = np.zeros((len(probabilities), num_outputs))
    full[:, present] = probabilities
    return full
