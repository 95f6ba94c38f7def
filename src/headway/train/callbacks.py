"""A stage of training while it runs, and what may be done around its steps without touching the loop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from headway.data.loader import Batch
from headway.errors import ConfigError, did_you_mean
from headway.train.distributed import ALONE, Processes
from headway.train.history import Epoch
from headway.train.precision import Precision

__all__ = ["BatchResult", "Callback", "TrainState", "check_callbacks"]


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
        processes: Those that train together; each has a share of every batch.
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
    processes: Processes = ALONE
    # No argument: it is the model until a stage is compiled.
    forward: Callable[[torch.Tensor], torch.Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.forward = self.model
        self.loss_sum = self.loss_sum.to(self.precision.device)


class BatchResult(NamedTuple):
    """One step: what went in, what came out, and the loss, all still on the device.

    Of several processes each has its share of the items; the loss is that of the whole batch.
    """

    # A tuple with names, as a frozen dataclass takes three times as long to make, and every step makes one.
    inputs: torch.Tensor
    targets: torch.Tensor
    outputs: torch.Tensor
    loss: torch.Tensor
    rows: np.ndarray


class Callback:
    """Called by the loop; every method does nothing unless a subclass says otherwise.

    Callbacks run in the order of their list and never reach into one another. One that wants training to end sets
    `state.stop_training = True`. One that remembers something from step to step gives it in `state_dict`, or a run
    that was stopped and goes on would not end where it would have ended.

    Raises:
        ConfigError: When a subclass is defined, if one of its methods has the name of a hook that does not exist.

    Example:
        >>> class StopWhenPerfect(Callback):
        ...     def on_epoch_end(self, state, epoch):
        ...         state.stop_training = epoch.metrics["accuracy"] > 0.99
    """

    def __init_subclass__(cls) -> None:
        """A hook with a misspelt name would never be called, and nobody would know."""
        super().__init_subclass__()
        for name in vars(cls):
            if name.startswith("on_") and name not in _hooks():
                what = "A callback has a method that no step of training calls."
                raise ConfigError(what, given=f"{cls.__name__}.{name}", fix=did_you_mean(name, _hooks()))

    def on_train_begin(self, state: TrainState) -> None:
        """Before the first epoch of a stage."""

    def on_epoch_begin(self, state: TrainState) -> None:
        """Before an epoch; `state.epoch` counts from 0."""

    def on_batch_begin(self, state: TrainState, batch: Batch) -> None:
        """Before a step, the batch as it was read."""

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """After a step."""

    def on_epoch_end(self, state: TrainState, epoch: Epoch) -> None:
        """After an epoch and its evaluation; the model has the weights that were evaluated."""

    def on_train_end(self, state: TrainState) -> None:
        """After the last epoch of a stage."""

    def on_entry(self, entry: Epoch) -> None:
        """After an entry was added to the history: of an epoch, or of the head that stage one solved.

        In a run that goes on, the entries from before the stop come first, so a log is written whole again.
        """

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, by name, for a checkpoint: plain JSON values and tensors."""
        return {}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""


def check_callbacks(callbacks: Callback | Sequence[Callback]) -> tuple[Callback, ...]:
    """The callbacks, one alone made a tuple.

    Raises:
        ConfigError: If one is not an instance of `Callback`, or has none of its hooks.
    """
    several = tuple(callbacks) if isinstance(callbacks, Sequence) else (callbacks,)
    for callback in several:
        if not isinstance(callback, Callback):
            is_class = isinstance(callback, type)
            given = f"the class {callback.__name__}" if is_class else type(callback).__name__
            fix = f"Pass {callback.__name__}()." if is_class else "Derive its class from hw.Callback."
            raise ConfigError("A callback must be an instance of hw.Callback.", given=given, fix=fix)
        # One without methods of its own, such as a bare subclass, does nothing and means to.
        own = [name for name in vars(type(callback)) if not name.startswith("_")]
        has_hook = any(getattr(type(callback), hook) is not getattr(Callback, hook) for hook in _hooks())
        # Such as one with the hooks of another library, none of which would ever be called.
        if own and not has_hook and type(callback) is not Callback:
            given = f"{type(callback).__name__}, with {', '.join(own)}"
            raise ConfigError(
                "A callback has none of the methods that training calls.",
                given=given,
                fix=f"They are {', '.join(_hooks())}.",
            )
    return several


def _hooks() -> list[str]:
    return [name for name in vars(Callback) if name.startswith("on_")]
