"""The training loop, whole. Everything else in `train/` prepares what is used here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from headway.data.loader import Batch
from headway.seeds import torch_seed
from headway.train.memory import is_out_of_memory, make_room
from headway.train.optimizers import set_lr
from headway.train.precision import Precision
from headway.train.state import BatchResult, TrainState

__all__ = ["evaluating", "gradients", "predict", "predict_batches", "train_epoch", "train_step"]


def train_epoch(state: TrainState, batches: Iterable[Batch]) -> float:
    """One pass over the training batches, or over those that are left of it; gives their mean loss."""
    if state.batch == 0:
        state.items, state.loss_sum = 0, torch.zeros((), device=state.precision.device)
        for callback in state.callbacks:
            callback.on_epoch_begin(state)
    for batch in batches:
        train_step(state, batch)
        if state.stop_training or state.step == state.total_steps:
            break
    state.epoch, state.batch = state.epoch + 1, 0
    return state.loss_sum.item() / max(state.items, 1)


def train_step(state: TrainState, batch: Batch) -> BatchResult:
    """One step: forward, loss, backward, update."""
    for callback in state.callbacks:
        callback.on_batch_begin(state, batch)
    state.precision.seed(torch_seed(state.seed, "forward", epoch=state.epoch, step=state.step))
    set_lr(state.optimizer, state.schedule(state.step))

    batch = batch.to(state.precision.device)
    while True:
        try:
            inputs, outputs, loss = gradients(state, batch)
            break
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        make_room(state, batch)
    state.precision.scaler.step(state.optimizer)
    state.precision.scaler.update()
    state.optimizer.zero_grad(set_to_none=True)
    # Summed on the device: reading a number from an accelerator at each step would make it wait.
    state.loss_sum.add_(loss, alpha=len(batch.rows))
    state.step, state.batch, state.items = state.step + 1, state.batch + 1, state.items + len(batch.rows)

    result = BatchResult(inputs, batch.targets, outputs, loss, batch.rows)
    for callback in state.callbacks:
        callback.on_batch_end(state, result)
    return result


def gradients(state: TrainState, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Forward and backward, in pieces where memory is short: inputs, outputs and the batch's mean loss."""
    results = []
    for piece in batch.split(state.pieces):
        inputs, targets = state.prepare(piece, state.epoch)
        inputs = state.precision.layout(inputs)
        with state.precision.autocast():
            outputs = state.model(inputs)
        loss = state.loss_fn(outputs.float(), targets)
        if state.pieces > 1:
            loss = loss * (len(piece.rows) / len(batch.rows))
        state.precision.scaler.scale(loss).backward()
        results.append((inputs, outputs.detach(), loss.detach()))
    if len(results) == 1:
        return results[0]
    inputs, outputs, losses = zip(*results, strict=True)
    return torch.cat(inputs), torch.cat(outputs), torch.stack(losses).sum()


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
    outputs, targets = zip(*predict_batches(model, batches, prepare=prepare, precision=precision), strict=True)
    return torch.cat(outputs), torch.cat(targets)


def predict_batches(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    prepare: Callable[[torch.Tensor], torch.Tensor],
    precision: Precision,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The model's outputs and the targets of each batch, in order, float32 on the CPU."""
    with evaluating(model):
        for batch in batches:
            with torch.inference_mode(), precision.autocast():
                batch = batch.to(precision.device)
                outputs = model(precision.layout(prepare(batch.inputs))).float().cpu()
            yield outputs, batch.targets.cpu()
