"""A model's answers for a part of the data, gathered into arrays: what every metric and report starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.data.dataset import Part
from headway.data.loader import Loader
from headway.train.loop import predict
from headway.train.precision import Precision

__all__ = ["Predictions", "predictions"]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Aligned arrays, an entry an item.

    Attributes:
        row: The items' numbers in the source, int64 `[items]`.
        probabilities: float32 `[items, classes]`.
        targets: int64 `[items]`.
        losses: The log loss of each, float32 `[items]`, in nats.
    """

    row: np.ndarray
    probabilities: np.ndarray
    targets: np.ndarray
    losses: np.ndarray


def predictions(model: nn.Module, part: Part, *, prepare: nn.Module, precision: Precision) -> Predictions:
    """The model's predictions for a part, in the order of its rows."""
    outputs, targets = predict(model, Loader(part, 32), prepare=prepare, precision=precision)
    losses = F.cross_entropy(outputs, targets, reduction="none")
    return Predictions(
        row=part.rows,
        probabilities=torch.softmax(outputs, dim=1).numpy(),
        targets=targets.numpy(),
        losses=losses.numpy(),
    )
