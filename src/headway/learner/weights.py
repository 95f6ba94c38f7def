"""A model's weights: saved to a file, loaded from one, frozen by groups of layers."""

from __future__ import annotations

import os
from pathlib import Path

import safetensors
import safetensors.torch
from torch import nn

from headway.errors import ConfigError, WeightsError, in_a_line
from headway.runs.checkpoint import safetensors_file
from headway.system.files import open_file, write_whole
from headway.train.optimizers import depth_groups

__all__ = ["freeze_to", "load_weights", "save_weights"]


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


def freeze_to(model: nn.Module, to: int) -> None:
    """Lets the groups of layers from `to` on train, and freezes those before; negative numbers count from the end.

    Raises:
        ConfigError: If the model has only one group, or no such group.
    """
    # The groups that have learning rates of their own, so that both count layers in the same way.
    groups = depth_groups(model)
    # `to=0` is for `unfreeze`, which every model can.
    if to and len(groups) == 1:
        what = "A model without a `body` and a `head` has no groups of layers to freeze."
        fix = "Set requires_grad of the parameters of `learner.model` yourself."
        raise ConfigError(what, given=type(model).__name__, fix=fix)
    if not -len(groups) <= to < len(groups):
        fix = f"Pass a number from 0 to {len(groups) - 1}, or -1 for the last."
        raise ConfigError("Unknown group of layers.", given=f"to={to}, {len(groups)} groups", fix=fix)
    first = to % len(groups)
    for number, parameters in enumerate(groups):
        for parameter in parameters:
            parameter.requires_grad_(number >= first)
