"""Running out of memory in a step: the batch is taken in pieces from then on, or the error says how much would fit."""

from __future__ import annotations

from collections.abc import Callable

import torch

from headway.data.loader import Batch
from headway.errors import TrainingError
from headway.train.callbacks import TrainState

__all__ = ["is_out_of_memory", "make_room"]

# The processor's allocator, Apple's, and NVIDIA's libraries have no exception of their own.
_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "STATUS_ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether that is what an error says."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def make_room(state: TrainState, batch: Batch, gradients: Callable[[TrainState, Batch], object]) -> None:
    """Takes batches in twice as many pieces from now on, where the state allows it.

    Raises:
        TrainingError: If pieces are not allowed, with the batch size that was found to fit; or if one item is too many.
    """
    items, pieces_before = len(batch.rows), state.pieces
    while state.pieces < items and state.processes.world == 1:
        _empty(state)
        # Doubled, so that a few tries find what fits.
        state.pieces = min(2 * state.pieces, items)
        # The step is tried again, and may come back here.
        if state.split_batches:
            return
        try:
            gradients(state, batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            continue
        _empty(state)
        fits = -(-items // state.pieces)
        fix = f'Pass batch_size={fits} (--batch-size {fits}), which was tried and fits; or "auto" (--batch-size auto), '
        fix += "which splits the batch into smaller pieces; or a smaller size (--size)."
        raise TrainingError("Out of memory in a training step.", given=_given(state, items, pieces_before), fix=fix)
    if state.processes.world > 1:
        # The others are in the midst of the step, and cannot try another size with this one.
        fix = f"Pass a smaller batch than {items * state.processes.world} (--batch-size), or a smaller size (--size)."
        what = "Out of memory in a training step of several processes."
        raise TrainingError(what, given=_given(state, items, pieces_before), fix=fix)
    fix = "Pass a smaller size (--size) or a smaller architecture (--arch), or close other programs."
    what = "Out of memory in a training step, even with one item at a time."
    raise TrainingError(what, given=_given(state, items, pieces_before), fix=fix)


def _given(state: TrainState, items: int, pieces: int) -> str:
    return f"a batch of {items} items in {pieces} piece{'s' if pieces > 1 else ''} on {state.precision.device}"


def _empty(state: TrainState) -> None:
    """Gives back what the step that failed held."""
    state.optimizer.zero_grad(set_to_none=True)
    if state.precision.device.type == "cuda":
        torch.cuda.empty_cache()
    elif state.precision.device.type == "mps":
        torch.mps.empty_cache()
