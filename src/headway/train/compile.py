"""A stage's forward and backward passes as compiled code.

The compiled function stands beside the model. Weights and their names, evaluation, checkpoints and export are those of
the plain module.
"""

from __future__ import annotations

import torch

from headway.data.loader import Batch
from headway.errors import ConfigError, in_a_line
from headway.train.callbacks import TrainState
from headway.train.loop import gradients
from headway.train.untouched import untouched

__all__ = ["compile_passes"]

BACKEND = "inductor"


def compile_passes(state: TrainState, batch: Batch) -> None:
    """Has the passes of a stage compiled: the state's `forward` becomes the compiled function.

    Args:
        state: Before its first step, the model in training mode.
        batch: One of the stage's batches, to compile with.

    Raises:
        ConfigError: If the model cannot be compiled here.

    Source:
        Ansel et al. 2024, "PyTorch 2: Faster machine learning through dynamic Python bytecode transformation and graph
        compilation" (ASPLOS).
    """
    try:
        # Each shape is compiled on its own, as code for all of them at once is slower.
        state.forward = torch.compile(state.model, dynamic=False, backend=BACKEND)
        # What is compiled is compiled when it is first called.
        with untouched(state):
            gradients(state, batch.to(state.precision.device))
    # Compilers fail in their own ways, and so do a user's modules under them.
    except Exception as error:
        fix = "Leave `compile` out (--compile); a C++ compiler may be missing."
        raise ConfigError("The model cannot be compiled here.", given=in_a_line(error), fix=fix) from error
