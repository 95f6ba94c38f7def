"""What training makes small for classes: log loss, and probabilities by a softmax."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

from headway.targets.category.field import Category
from headway.train.objective import Objective

__all__ = ["objective"]


def objective(target: Category) -> Objective:
    """Log loss."""
    return Objective(
        loss_fn=F.cross_entropy,
        item_losses=lambda outputs, targets: F.cross_entropy(outputs, targets, reduction="none"),
        activate=nn.Softmax(dim=1),
        soften=lambda targets: F.one_hot(targets, target.num_outputs).float(),
        even=1 / target.num_outputs,
    )
