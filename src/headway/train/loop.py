"""The training loop, whole. Everything else in `train/` prepares what is used here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from headway.data.loader import Batch, piece_sizes, to_device
from headway.seeds import torch_seed
from headway.train.callbacks import BatchResult, TrainState
from headway.train.memory import is_out_of_memory, make_room
from headway.train.optimizers import clear_gradients, set_lr
from headway.train.precision import Precision
from headway.train.whole_batch import whole_batch

__all__ = ["evaluating", "gradients", "predict", "train_epoch", "train_step"]


def train_epoch(state: TrainState, batches: Iterable[Batch]) -> float:
    """One pass over the training batches, or over those that are left of it; gives their mean loss."""
    # In the middle of an epoch, after a stop, sums and callbacks go on from what the checkpoint had of them.
    if state.batch == 0:
        state.items, state.loss_sum = 0, torch.zeros((), device=state.precision.device)
        for callback in state.callbacks:
            callback.on_epoch_begin(state)
    for batch in batches:
        train_step(state, batch)
        # Either may have been set by a callback in this very step.
        if state.stop_training or state.step == state.total_steps:
            break
    # After the loop, as every random draw of a batch depends on the number of the epoch that it belongs to.
    state.epoch, state.batch = state.epoch + 1, 0
    # No item is seen where all that were left of the epoch can no longer be read.
    return state.loss_sum.item() / max(state.items, 1)


def train_step(state: TrainState, batch: Batch) -> BatchResult:
    """One step: forward, loss, backward, update."""
    precision, optimizer = state.precision, state.optimizer
    for callback in state.callbacks:
        callback.on_batch_begin(state, batch)
    # Dropout and the like draw the same numbers in a step, whether or not the run was stopped before it.
    precision.seed(torch_seed(state.seed, "forward", epoch=state.epoch, step=state.step))
    set_lr(optimizer, state.schedule(state.step))

    batch = batch.to(precision.device)
    # How many items of the batch each process has.
    counts = state.processes.counts(len(batch.rows))[0]
    # Out of memory is the one failure after which a step is tried again; `make_room` raises where that cannot help.
    while True:
        try:
            inputs, outputs, loss = gradients(state, batch, counts)
            break
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        make_room(state, batch, gradients)
    if state.clip_norm:
        # float16 scales gradients up, and the limit is on what they are.
        precision.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(state.model.parameters(), state.clip_norm)
    # Where gradients are not finite, float16's scaler leaves the step out; of other formats it passes the step on.
    precision.scaler.step(optimizer)
    precision.scaler.update()
    clear_gradients(optimizer)
    # Summed on the device: reading a number from an accelerator at each step would make it wait.
    items = sum(counts)
    state.loss_sum.add_(loss, alpha=items)
    state.step, state.batch, state.items = state.step + 1, state.batch + 1, state.items + items

    result = BatchResult(inputs, batch.targets, outputs, loss, batch.rows)
    for callback in state.callbacks:
        callback.on_batch_end(state, result)
    return result


def gradients(
    state: TrainState, batch: Batch, counts: Sequence[int] | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Forward and backward, in pieces where memory is short: inputs, outputs and the batch's mean loss.

    `counts` are how many items of the batch each process has, by rank; asked of them where it is left out.
    """
    counts = state.processes.counts(len(batch.rows))[0] if counts is None else counts
    if state.pieces == 1:
        return _passes(state, batch, counts)
    # As many pieces at every process, each of which has an item of them all.
    number = min(state.pieces, *counts)
    pieces = batch.split(number)
    by_process = [piece_sizes(count, number) for count in counts]
    results = []
    for index, (piece, of_piece) in enumerate(zip(pieces, zip(*by_process, strict=True), strict=True), start=1):
        # A piece counts by its share of the items, so that the gradients add up to those of the whole batch.
        with state.processes.adding_up(state.forward, is_last=index == number):
            results.append(_passes(state, piece, of_piece, sum(of_piece) / sum(counts)))
    inputs, outputs, losses = zip(*results, strict=True)
    return torch.cat(inputs), torch.cat(outputs), torch.stack(losses).sum()


def _passes(
    state: TrainState, batch: Batch, counts: Sequence[int], share: float | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    precision, processes = state.precision, state.processes
    inputs, targets = state.make_inputs(batch, state.epoch)
    inputs = precision.layout(inputs)
    with precision.autocast(), whole_batch(processes, counts):
        own = state.forward(inputs)
    # Losses are computed in float32: exponentials and sums over many items lose digits in shorter formats.
    outputs, targets = processes.whole(own.float(), targets)
    loss = state.loss_fn(outputs, targets)
    if share is not None:
        loss = loss * share
    precision.scaler.scale(loss).backward()
    return inputs, own.detach(), loss.detach()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A context in which a model is in evaluation mode; each of its modules has its own mode again afterwards."""
    # Of each module, as frozen batch normalisation is in evaluation mode while the model around it trains.
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
) -> Iterator[tuple[torch.Tensor, Batch]]:
    """The model's outputs for each batch, float32 on the CPU, and the batch."""
    with evaluating(model):
        for batch in batches:
            # Entered for each batch: a generator that waits with it open would leave it on for its caller.
            with torch.inference_mode(), precision.autocast():
                inputs = to_device(batch.inputs, precision.device)
                outputs = model(precision.layout(prepare(inputs))).float().cpu()
            yield outputs, batch
