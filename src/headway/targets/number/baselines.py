"""Simple models that answer with numbers: what a regression must beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headway.judge.baselines.base import Baseline, BaselineData, constant, on
from headway.judge.baselines.linear import ridge

__all__ = ["BASELINES"]


def _mean(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    return constant(train.targets.mean(0, dtype=np.float64), parts)


def _median(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """The constant with the least mean absolute error."""
    return constant(np.median(train.targets, axis=0), parts)


BASELINES: dict[str, Baseline] = {
    "mean": Baseline(_mean, size=lambda _, outputs: outputs),
    "median": Baseline(_median, size=lambda _, outputs: outputs),
    "ridge regression on pixels": on("pixels", ridge),
    "ridge regression on frozen features": on("features", ridge),
}
