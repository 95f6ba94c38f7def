"""Predictions for new items by the model in this process, read and answered as a bundle's are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from headway.bundle.predictor import Predictor
from headway.train.predictions import predict_arrays
from headway.train.stage import Setup

__all__ = ["in_process"]


def in_process(setup: Setup) -> Predictor:
    """A predictor that runs a model of torch's instead of a graph."""
    field = setup.data.input
    return _InProcess(manifest={}, input=field, target=setup.data.target, session=cast(Any, None), setup=setup)


@dataclass(frozen=True, kw_only=True)
class _InProcess(Predictor):
    setup: Setup

    def _run(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return predict_arrays(self.setup, inputs), None
