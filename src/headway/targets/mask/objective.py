"""What training makes small for masks: log loss of each pixel; and masks that move with their photos."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from headway.inputs.image.augment import sampling_grid
from headway.targets.mask.field import UNLABELLED, Mask
from headway.train.objective import Objective

__all__ = ["moved", "objective"]


def objective(target: Mask) -> Objective:
    """Log loss of each pixel, averaged over those of an item that have a label, and then over items."""
    return Objective(
        loss_fn=lambda outputs, targets: _pixel_losses(outputs, targets).mean(),
        item_losses=_pixel_losses,
        activate=nn.Softmax(dim=1),
        # -100 is what torch's losses leave out.
        compared=lambda outputs, targets: (outputs, targets.long().where(targets != UNLABELLED, -100)),
        keep=lambda answers: answers.argmax(dim=1).to(torch.uint8),
    )


def moved(targets: torch.Tensor, matrices: torch.Tensor, size: int) -> torch.Tensor:
    """Masks `[batch, side, side]` cut and turned as their photos are, each pixel taken from its nearest."""
    planes, grid = targets[:, None].to(torch.float32), sampling_grid(matrices, size)
    masks = F.grid_sample(planes, grid, mode="nearest", padding_mode="reflection", align_corners=False)
    return masks[:, 0].to(targets.dtype)


def _pixel_losses(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean log loss of each item's labelled pixels, `[items]`; 0 for an item without any."""
    losses = F.cross_entropy(outputs, targets.long(), ignore_index=UNLABELLED, reduction="none")
    return losses.sum(dim=(1, 2)) / (targets != UNLABELLED).sum(dim=(1, 2)).clamp_min(1)
