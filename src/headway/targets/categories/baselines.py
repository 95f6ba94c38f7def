"""Simple models that give an item any number of labels: what a multi-label model must beat."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from headway.judge.baselines.base import Baseline, constant, on, scale_of

__all__ = ["BASELINES", "logistic_regressions"]


def logistic_regressions(
    inputs: np.ndarray,
    targets: np.ndarray,
    parts: Mapping[str, np.ndarray],
    *,
    penalty: float,
    num_outputs: int = 0,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """A logistic regression for each label, on standardised columns, all solved at once; the solution is the only one.

    The penalties (1 / C) are those of the logistic regression that tells classes apart. A penalty says how much a
    label's sum of squared weights counts, halved, beside its sum of log losses.
    """
    from scipy.optimize import minimize
    from scipy.special import expit
    from threadpoolctl import threadpool_limits

    mean, spread = scale_of(inputs)
    # A column of ones carries the intercepts, which are not penalised.
    scaled = np.c_[(inputs - mean) / spread, np.ones(len(inputs))].astype(np.float64)
    wanted, shape = targets.astype(np.float64), (scaled.shape[1], targets.shape[1])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        logits = scaled @ weights
        slopes = scaled.T @ (expit(logits) - wanted)
        slopes[:-1] += penalty * weights[:-1]
        value = (np.logaddexp(0, logits) - wanted * logits).sum() + penalty / 2 * (weights[:-1] ** 2).sum()
        return float(value) / len(scaled), slopes.ravel() / len(scaled)

    with threadpool_limits(1, user_api="blas"):
        # Stopping early is a choice here, as for classes.
        best = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 100})
        weights = best.x.reshape(shape)
        return {part: expit((rows - mean) / spread @ weights[:-1] + weights[-1]) for part, rows in parts.items()}


BASELINES: dict[str, Baseline] = {
    "label frequencies": constant(lambda targets, _: targets.mean(0, dtype=np.float64)),
    "logistic regression on pixels": on("pixels", partial(logistic_regressions, penalty=100.0)),
    "logistic regression on frozen features": on("features", partial(logistic_regressions, penalty=10.0)),
}
