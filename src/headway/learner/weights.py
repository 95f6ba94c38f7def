"""A model's weights: saved to a file, and loaded from one."""

from __future__ import annotations

import os
from pathlib import Path

import safetensors
import safetensors.torch
from torch import nn

from headway.errors import WeightsError, in_a_line
from headway.runs.checkpoint import safetensors_file
from headway.system.files import open_file, write_whole

__all__ = ["load_weights", "save_weights"]


def save_weights(model: nn.Module, path: str | os.PathLike[str]) -> Path:
    """Writes a model's parameters and buffers as a safetensors file, whole or not at all."""
    file = Path(path)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    try:
        write_whole(file, *safetensors_file(tensors))
    except OSError as error:
        given = f"{file} ({error.strerror or error})"
        raise WeightsError("The weights cannot be written.", given=given, fix="Name another file.") from error
    return file


def load_weights(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Copies the weights of a file into a model.

    Raises:
        WeightsError: If the file cannot be read, or holds another model's weights.
    """
    file = Path(path)
    try:
        # Its reader takes a path, and would wait for ever at a pipe.
        open_file(file, max_bytes=2**40).close()
        tensors = safetensors.torch.load_file(file)
    except (OSError, safetensors.SafetensorError) as error:
        given = f"{file} ({getattr(error, 'strerror', None) or error})"
        raise WeightsError("The weights cannot be read.", given=given, fix="Name a file of `save_weights`.") from error
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        given = f"{file}: {in_a_line(error)}"
        fix = "Make the learner with the same architecture, and data of the same classes and columns."
        raise WeightsError("The weights belong to another model.", given=given, fix=fix) from error
