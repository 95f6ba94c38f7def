"""What training makes small for classes: log loss, and probabilities by a softmax."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from headway.targets.category.field import Category
from headway.train.objective import TEMPERATURES, Loss, Objective

__all__ = ["objective"]


def objective(target: Category) -> Objective:
    """Log loss."""
    return Objective(
        loss_fn=F.cross_entropy,
        item_losses=lambda outputs, targets: F.cross_entropy(outputs, targets, reduction="none"),
        activate=nn.Softmax(dim=1),
        soften=lambda targets: F.one_hot(targets, target.num_outputs).float(),
        even=1 / target.num_outputs,
        weighted=_weighted,
        temperatures=TEMPERATURES,
    )


def _weighted(weight: torch.Tensor) -> Loss:
    """Log loss with a weight for each class, `[classes]`, divided by the number of items.

    Torch's mean divides by the weights of the batch: then an item would count by what else is in its batch.
    """

    def loss_fn(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(outputs, targets, weight=weight.to(outputs), reduction="sum") / len(outputs)

    return loss_fn
