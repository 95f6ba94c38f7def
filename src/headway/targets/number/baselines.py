"""Simple models that answer with numbers: what a regression must beat."""

from __future__ import annotations

import numpy as np

from headway.judge.baselines.base import Baseline, constant, on
from headway.judge.baselines.linear import ridge

__all__ = ["BASELINES"]

BASELINES: dict[str, Baseline] = {
    "mean": constant(lambda targets, _: targets.mean(0, dtype=np.float64)),
    # The constant with the least mean absolute error.
    "median": constant(lambda targets, _: np.median(targets, axis=0)),
    "ridge regression on pixels": on("pixels", ridge),
    "ridge regression on frozen features": on("features", ridge),
}
