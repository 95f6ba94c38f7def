"""The training loop, whole. Everything else in `train/` prepares what is used here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from headway.data.loader import Batch
from headway.seeds import torch_seed
from headway.train.callbacks import Callback
from headway.train.optimizers import set_lr
from headway.train.precision import Precision

__all__ = ["BatchResult", "TrainState", "evaluating", "predict", "train_epoch", "train_step"]


@dataclass
class TrainState:
    """What lasts for a stage of training.

    Attributes:
        model: Prepared inputs to outputs.
        prepare: A batch's inputs, augmented when training, to what the model wants.
        loss_fn: `(outputs, targets)` to the mean loss.
        optimizer: Over the model's parameters.
        schedule: Steps done to the learning rate.
        precision: Device, number format, layout.
        seed: The run's seed.
        callbacks: Called around epochs and steps, in order.
        total_steps: Steps of the whole stage; training stops after them.
        epoch: Epochs done.
        step: Optimizer steps done.
        stop_training: Set by a callback to end after this step.
    """

    model: nn.Module
    prepare: Callable[[Batch, int], torch.Tensor]
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    optimizer: torch.optim.Optimizer
    schedule: Callable[[int], float]
    precision: Precision
    seed: int = 0
    callbacks: Sequence[Callback] = ()
    total_steps: int = sys.maxsize
    epoch: int = 0
    step: int = 0
    stop_training: bool = False


@dataclass(frozen=True)
class BatchResult:
    """One step: what went in, what came out, and the loss, all still on the device."""

    inputs: torch.Tensor
    targets: torch.Tensor
    outputs: torch.Tensor
    loss: torch.Tensor
    rows: np.ndarray


def train_epoch(state: TrainState, batches: Iterable[Batch]) -> float:
    """One pass over the training batches; gives their mean loss."""
    total, count = torch.zeros((), device=state.precision.device), 0
    for callback in state.callbacks:
        callback.on_epoch_begin(state)
    for batch in batches:
        result = train_step(state, batch)
        # Summed on the device: reading a number from an accelerator at each step would make it wait.
        total.add_(result.loss, alpha=len(result.rows))
        count += len(result.rows)
        if state.stop_training or state.step == state.total_steps:
            break
    state.epoch += 1
    return total.item() / max(count, 1)


def train_step(state: TrainState, batch: Batch) -> BatchResult:
    """One step: forward, loss, backward, update."""
    for callback in state.callbacks:
        callback.on_batch_begin(state, batch)
    state.precision.seed(torch_seed(state.seed, "forward", epoch=state.epoch, step=state.step))
    set_lr(state.optimizer, state.schedule(state.step))

    batch = batch.to(state.precision.device)
    inputs = state.precision.layout(state.prepare(batch, state.epoch))
    with state.precision.autocast():
        outputs = state.model(inputs)
    loss = state.loss_fn(outputs.float(), batch.targets)

    scaler = state.precision.scaler
    scaler.scale(loss).backward()
    scaler.step(state.optimizer)
    scaler.update()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1

    result = BatchResult(inputs, batch.targets, outputs.detach(), loss.detach(), batch.rows)
    for callback in state.callbacks:
        callback.on_batch_end(state, result)
    return result


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A context in which a model is in evaluation mode; each of its modules has its own mode again afterwards."""
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in was_training.items():
            module.training = training


def predict(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    prepare: Callable[[torch.Tensor], torch.Tensor],
    precision: Precision,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The model's outputs and the targets of all batches, in order, float32 on the CPU."""
    outputs, targets = [], []
    with evaluating(model), torch.inference_mode(), precision.autocast():
        for batch in batches:
            batch = batch.to(precision.device)
            outputs.append(model(precision.layout(prepare(batch.inputs))).float())
            targets.append(batch.targets)
    return torch.cat(outputs).cpu(), torch.cat(targets).cpu()
