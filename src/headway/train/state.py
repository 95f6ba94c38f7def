"""What lasts for a stage of training, and what one step gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from headway.data.loader import Batch
from headway.train.callbacks import Callback
from headway.train.precision import Precision

__all__ = ["BatchResult", "TrainState"]


@dataclass
class TrainState:
    """What lasts for a stage of training.

    Attributes:
        model: Prepared inputs to outputs.
        make_inputs: A batch and the epoch to what the model wants, augmented, and the targets that go with it.
        loss_fn: `(outputs, targets)` to the mean loss.
        optimizer: Over the model's parameters.
        schedule: Steps done to the learning rate.
        precision: Device, number format, layout.
        seed: The run's seed.
        callbacks: Called around epochs and steps, in order.
        total_steps: Steps of the whole stage; training stops after them.
        epoch: Epochs done.
        step: Optimizer steps done.
        batch: Batches done of the epoch under way.
        items: Items seen in it.
        loss_sum: Their losses' sum, on the device.
        seconds: Time spent on it, by an earlier process, before it went on here.
        pieces: How many pieces a batch is taken in, its gradients added up.
        split_batches: Whether there may be more of them when memory runs out.
        clip_norm: What the norm of all gradients together is limited to; 0 for no limit.
        higher_is_better: The direction of each metric of the history.
        notes: Sentences that callbacks add at the stage's end, for the history.
        stop_training: Set by a callback to end after this step.
        forward: The model, or its compiled function; see `headway.train.compile`.
    """

    model: nn.Module
    make_inputs: Callable[[Batch, int], tuple[torch.Tensor, torch.Tensor]]
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    optimizer: torch.optim.Optimizer
    schedule: Callable[[int], float]
    precision: Precision
    seed: int = 0
    callbacks: Sequence[Callback] = ()
    total_steps: int = sys.maxsize
    epoch: int = 0
    step: int = 0
    batch: int = 0
    items: int = 0
    loss_sum: torch.Tensor = field(default_factory=lambda: torch.zeros(()))
    seconds: float = 0.0
    pieces: int = 1
    split_batches: bool = False
    clip_norm: float = 0.0
    higher_is_better: Mapping[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    stop_training: bool = False
    forward: Callable[[torch.Tensor], torch.Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.forward = self.model
        self.loss_sum = self.loss_sum.to(self.precision.device)


class BatchResult(NamedTuple):
    """One step: what went in, what came out, and the loss, all still on the device.

    A tuple with names, as a frozen dataclass takes three times as long to make, and every step makes one.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    outputs: torch.Tensor
    loss: torch.Tensor
    rows: np.ndarray
