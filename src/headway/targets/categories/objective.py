"""What training makes small where an item may have several labels: log loss of each, with a sigmoid."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from headway.targets.categories.field import Categories
from headway.train.objective import TEMPERATURES, Objective

__all__ = ["objective"]


def objective(target: Categories) -> Objective:
    """Log loss of each label on its own, averaged."""
    return Objective(
        loss_fn=F.binary_cross_entropy_with_logits,
        item_losses=_label_losses,
        activate=nn.Sigmoid(),
        soften=lambda targets: targets,
        even=0.5,
        temperatures=TEMPERATURES,
    )


def _label_losses(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean log loss of each item's labels, `[items]`."""
    return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none").mean(dim=1)
