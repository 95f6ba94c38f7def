"""Scikit-learn's estimators as simple models of plain matrices, which kinds of input bring as baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from headway.judge.baselines.base import scale_of
from headway.judge.baselines.linear import spread_over
from headway.seeds import generator

__all__ = ["boosting", "estimated"]


def estimated(
    inputs: np.ndarray,
    targets: np.ndarray,
    parts: Mapping[str, np.ndarray],
    *,
    num_outputs: int,
    seed: int,
    make: Callable[[bool, int], Any],
) -> dict[str, np.ndarray]:
    """Answers of one of scikit-learn's estimators on standardised columns; for numbers one for each of them."""
    from threadpoolctl import threadpool_limits

    mean, spread = scale_of(inputs)
    scaled, seed = (inputs - mean) / spread, int(generator(seed, "baseline").integers(2**32))
    # Sums over several threads round in another order, and another neighbour may be the nearest.
    with threadpool_limits(1):
        if targets.ndim > 1:
            models = [make(False, seed).fit(scaled, column) for column in targets.T]
            return {
                part: np.stack([model.predict((rows - mean) / spread) for model in models], axis=1)
                for part, rows in parts.items()
            }
        present = np.unique(targets)
        if len(present) == 1:
            return {part: spread_over(np.ones((len(rows), 1)), present, num_outputs) for part, rows in parts.items()}
        model = make(True, seed).fit(scaled, targets)
        return {
            part: spread_over(model.predict_proba((rows - mean) / spread), present, num_outputs)
            for part, rows in parts.items()
        }


def boosting(is_classes: bool, seed: int) -> Any:
    """Gradient boosting for many columns."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    # Shallow trees of coarse steps, and few of them: with hundreds of columns each one takes its time.
    options: dict[str, Any] = {
        "max_iter": 60,
        "max_leaf_nodes": 8,
        "max_bins": 32,
        "early_stopping": False,
        "random_state": seed,
    }
    return (HistGradientBoostingClassifier if is_classes else HistGradientBoostingRegressor)(**options)
