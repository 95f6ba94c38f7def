"""What a model answers for a part of the data, batch by batch, so that of large answers only what is needed is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from headway.train.objective import Objective

__all__ = ["Answered", "answered"]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Aligned tensors on the CPU, an entry an item, in the order of the part's rows.

    Attributes:
        answers: What is kept of the answers: `[items, outputs]`, or of maps uint8 `[items, height, width]`.
        targets: As the loader gives them.
        losses: The loss of each, float32 `[items]`.
        loss: The mean loss as it is trained on; it may be a user's own.
    """

    answers: torch.Tensor
    targets: torch.Tensor
    losses: torch.Tensor
    loss: float


def answered(batches: Iterable[tuple[torch.Tensor, torch.Tensor]], objective: Objective) -> Answered:
    """Answers and losses from a model's outputs and the targets, batch by batch.

    Args:
        batches: Outputs and targets, on the CPU.
        objective: How they are compared, and what the outputs mean.
    """
    answers, targets, losses, total = [], [], [], 0.0
    for outputs, wanted in batches:
        answers.append(objective.keep(objective.activate(outputs)))
        targets.append(wanted)
        losses.append(objective.item_losses(outputs, wanted))
        total += objective.loss_fn(outputs, wanted).item() * len(wanted)
    return Answered(
        answers=torch.cat(answers),
        targets=torch.cat(targets),
        losses=torch.cat(losses),
        loss=total / sum(map(len, losses)),
    )
