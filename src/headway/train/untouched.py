"""Steps that are tried before the training, and leave no trace in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from headway.train.callbacks import TrainState
from headway.train.optimizers import clear_gradients

__all__ = ["untouched"]


@contextmanager
def untouched(state: TrainState) -> Iterator[None]:
    """A context after which weights, statistics and torch's generators are as before it, without gradients."""
    # Copied back into the same tensors, which the optimizer and compiled code hold.
    tensors = [*state.model.parameters(), *state.model.buffers()]
    before = [tensor.detach().clone() for tensor in tensors]
    try:
        with state.precision.own_randomness():
            yield
    finally:
        clear_gradients(state.optimizer)
        with torch.no_grad():
            for tensor, value in zip(tensors, before, strict=True):
                tensor.copy_(value)
