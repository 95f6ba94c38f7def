"""What training makes small, and how a model's outputs become answers. Each kind of target has its own objective."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from headway.train.precision import Precision

__all__ = ["SQUARED_DECAYS", "WEIGHT_DECAYS", "Loss", "Objective", "ToUnit"]

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Outputs and targets to a loss."""

WEIGHT_DECAYS = (1e-1, 3e-2, 1e-2, 3e-3)
"""Candidates for the weight decay of a linear head, from the strongest, on the mean log loss of standardised features.
"""

SQUARED_DECAYS = (1e2, 3e1, 1e1, 3e0, 1e0, 1e-1, 1e-2)
"""The same for squared errors. They do not fade where an answer is nearly right, so weights must be held back more."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """How a model's outputs are compared with targets, and what they mean.

    Attributes:
        loss_fn: `(outputs, targets)` to the mean loss.
        item_losses: The same to a loss an item, `[items]`.
        activate: Outputs to answers: probabilities, or numbers in their unit. It goes into the exported graph.
        soften: Targets as numbers of which a mixture is a target too, `[batch, outputs]`, for `loss_fn`; None where a
            mixture means nothing.
        even: What label smoothing draws each of those numbers towards; None where they are no probabilities.
        keep: What is kept of the answers for a whole part: all of them, or of maps the most probable class alone.
        decays: Weight decays that a linear head on standardised features may need, the strongest first.
        is_convex: Whether a linear head has one best solution; else it is approached from stronger weight decays.
        is_exact: Whether answers are judged in float32, as a bundle gives them. Shorter numbers change a probability
            little, and a number in its unit by half a per cent.
        floor: What is added to each feature's spread when they are standardised, as a share of that of all features:
            the more, the less a feature counts that hardly ever differs from its mean.
    """

    loss_fn: Loss
    item_losses: Loss
    activate: nn.Module
    soften: Callable[[torch.Tensor], torch.Tensor] | None = None
    even: float | None = None
    keep: Callable[[torch.Tensor], torch.Tensor] = lambda answers: answers
    decays: Sequence[float] = WEIGHT_DECAYS
    is_convex: bool = True
    is_exact: bool = False
    floor: float = 0.0

    def judged_in(self, precision: Precision) -> Precision:
        """The precision in which answers are computed, of a model that is trained in this one."""
        return replace(precision, dtype=torch.float32) if self.is_exact else precision


class ToUnit(nn.Module):
    """Outputs around zero to numbers in the target's unit, and back for a loss that does not depend on the unit.

    Args:
        mean: Of the training rows, in the unit; a number for all outputs, or one for each.
        std: Their standard deviation, above 0.
        low: The least that an answer can be. With both ends answers follow a sigmoid between them; with one end a
            softplus, which is nearly straight from one standard deviation off that end on. Near the mean either is as
            steep as without a range.
        high: The most.
    """

    mean: torch.Tensor
    std: torch.Tensor
    offset: torch.Tensor
    slope: torch.Tensor

    def __init__(
        self, mean: float | Sequence[float], std: float, low: float | None = None, high: float | None = None
    ) -> None:
        super().__init__()
        self._elsewhere: dict[torch.device, ToUnit] = {}
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.low, self.high = low, high
        if low is not None and high is not None:
            share = ((self.mean - low) / (high - low)).clamp(0.01, 0.99)
            self.register_buffer("offset", torch.logit(share))
            self.register_buffer("slope", self.std / ((high - low) * share * (1 - share)))
        elif low is not None:
            self._start_at(self.mean - low)
        elif high is not None:
            self._start_at(high - self.mean)

    def _start_at(self, distance: torch.Tensor) -> None:
        """Where the softplus begins: outputs of zero give the mean, which lies so far from the one end."""
        room = (distance / self.std).clamp_min(0.1)
        self.register_buffer("offset", room + torch.log(-torch.expm1(-room)))
        self.register_buffer("slope", 1 / torch.sigmoid(self.offset))

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Answers of the same shape."""
        if self.low is not None and self.high is not None:
            return self.low + (self.high - self.low) * torch.sigmoid(outputs * self.slope + self.offset)
        if self.low is not None:
            return self.low + self.std * F.softplus(outputs * self.slope + self.offset)
        if self.high is not None:
            return self.high - self.std * F.softplus(self.offset - outputs * self.slope)
        return outputs * self.std + self.mean

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Squared errors in standard deviations, of the same shape as the outputs, and on their device."""
        here = self._on(outputs.device)
        return ((here(outputs) - targets) / here.std).square()

    def _on(self, device: torch.device) -> ToUnit:
        """The same on a device: a stage trains on an accelerator, and its answers are judged on the processor."""
        if device == self.mean.device:
            return self
        if device not in self._elsewhere:
            self._elsewhere[device] = copy.deepcopy(self).to(device)
        return self._elsewhere[device]
