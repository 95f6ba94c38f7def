"""What training makes small where an item may have several labels: log loss of each, with a sigmoid."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

from headway.targets.categories.field import Categories
from headway.train.objective import Objective

__all__ = ["objective"]


def objective(target: Categories) -> Objective:
    """Log loss of each label on its own, averaged."""
    return Objective(
        loss_fn=F.binary_cross_entropy_with_logits,
        item_losses=lambda outputs, targets: F.binary_cross_entropy_with_logits(
            outputs, targets, reduction="none"
        ).mean(dim=1),
        activate=nn.Sigmoid(),
        soften=lambda targets: targets,
        even=0.5,
    )
