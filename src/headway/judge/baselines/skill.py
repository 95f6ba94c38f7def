"""How well simple models predict a target in rows that they were not fitted on: the share of its variance explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headway.judge.intervals import Estimate, mean

__all__ = ["as_outputs", "explained_share"]

_FOLDS = 5


def as_outputs(targets: np.ndarray) -> np.ndarray:
    """Targets as numbers, float64 `[items, outputs]`: of a class 1 where it is, of a number standard deviations."""
    if targets.ndim == 1:
        return np.eye(int(targets.max()) + 1)[targets]
    spread = targets.std(axis=0, dtype=np.float64)
    return (targets - targets.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def explained_share(models: Sequence[Any], inputs: np.ndarray, outputs: np.ndarray, *, seed: int) -> Estimate:
    """The largest share of the outputs' variance that one of the models explains, each predicting five folds unseen.

    Models are regressors of scikit-learn's, inputs float `[items, columns]`, outputs what `as_outputs` gives. 0 is no
    better than the mean or the classes' shares, 1 is all; for classes it is Brier's skill score.

    Example:
        >>> from sklearn.linear_model import LinearRegression
        >>> inputs = np.arange(40.0)[:, None]
        >>> print(explained_share([LinearRegression()], inputs, as_outputs(inputs), seed=0))
        1.000 [1.000, 1.000]
    """
    from sklearn.dummy import DummyRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(min(_FOLDS, len(outputs)), shuffle=True, random_state=seed % 2**32)
    # scikit-learn wants a single output flat.
    targets = outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def errors(model: Any) -> np.ndarray:
        predictions = np.asarray(cross_val_predict(model, inputs, targets, cv=folds))
        return ((predictions.reshape(outputs.shape) - outputs) ** 2).sum(axis=1)

    plain = errors(DummyRegressor())
    total = float(plain.mean())
    if total <= 0:
        return Estimate(0.0, 0.0, 0.0)

    def explained(model: Any) -> Estimate:
        """The share of the plain errors that is gone; its interval is that of a ratio of two means."""
        left = errors(model)
        share = 1 - float(left.mean()) / total
        return mean(share + ((1 - share) * plain - left) / total, seed=seed)

    return max(map(explained, models), key=lambda skill: skill.value)
