"""What training makes small, and how a model's outputs become answers: one objective for each kind of target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from headway.fields import Number, Target

__all__ = ["Loss", "Objective", "ToUnit", "objective"]

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Outputs and targets to a loss."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """How a model's outputs are compared with targets, and what they mean.

    Attributes:
        loss_fn: `(outputs, targets)` to the mean loss.
        item_losses: The same to a loss an item, `[items]`.
        activate: Outputs to answers: probabilities, or numbers in their unit. It goes into the exported graph.
    """

    loss_fn: Loss
    item_losses: Loss
    activate: nn.Module


class ToUnit(nn.Module):
    """Outputs around zero to numbers in the target's unit, and back for a loss that does not depend on the unit.

    Args:
        mean: Of the training rows, in the unit.
        std: Their standard deviation, above 0.
        low: The least that an answer can be; answers follow a sigmoid between it and `high`.
        high: The most; given with `low`, or not at all.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: float, std: float, low: float | None = None, high: float | None = None) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.low, self.high = low, high

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Answers of the same shape."""
        if self.low is None or self.high is None:
            return outputs * self.std + self.mean
        return self.low + (self.high - self.low) * torch.sigmoid(outputs)

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Squared errors in standard deviations, of the same shape as the outputs."""
        return ((self(outputs) - targets) / self.std).square()


def objective(target: Target) -> Objective:
    """The objective of a fitted target.

    Example:
        >>> from headway.fields import Category
        >>> found = objective(Category("label", labels=("cat", "dog")))
        >>> found.activate(torch.zeros(1, 2)).tolist()
        [[0.5, 0.5]]
    """
    return _OBJECTIVES[target.task](target)


def _classification(_: Target) -> Objective:
    """Log loss."""
    return Objective(
        loss_fn=F.cross_entropy,
        item_losses=lambda outputs, targets: F.cross_entropy(outputs, targets, reduction="none"),
        activate=nn.Softmax(dim=1),
    )


def _multilabel(_: Target) -> Objective:
    """Log loss of each label on its own, averaged."""
    return Objective(
        loss_fn=F.binary_cross_entropy_with_logits,
        item_losses=lambda outputs, targets: F.binary_cross_entropy_with_logits(
            outputs, targets, reduction="none"
        ).mean(dim=1),
        activate=nn.Sigmoid(),
    )


def _regression(target: Target) -> Objective:
    """Squared error in standard deviations of the training rows."""
    assert isinstance(target, Number)
    to_unit = ToUnit(target.mean, target.std, target.low, target.high)
    return Objective(
        loss_fn=lambda outputs, targets: to_unit.losses(outputs, targets).mean(),
        item_losses=lambda outputs, targets: to_unit.losses(outputs, targets).mean(dim=1),
        activate=to_unit,
    )


_OBJECTIVES: dict[str, Callable[[Target], Objective]] = {
    "classification": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
}
