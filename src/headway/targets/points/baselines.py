"""Simple models that find points: what a network must beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headway.judge.baselines.base import Baseline, constant, on
from headway.judge.baselines.linear import ridge

__all__ = ["BASELINES"]


def _ridge(
    inputs: np.ndarray, targets: np.ndarray, parts: Mapping[str, np.ndarray], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    # Targets end with the picture's size, which is not predicted.
    return ridge(inputs, targets[:, :num_outputs], parts, seed=seed)


BASELINES: dict[str, Baseline] = {
    "mean position": constant(lambda targets, outputs: targets[:, :outputs].mean(axis=0, dtype=np.float64)),
    "ridge regression on pixels": on("pixels", _ridge),
    "ridge regression on frozen features": on("features", _ridge),
}
