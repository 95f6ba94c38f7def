"""A model by an architecture's name, or around a module of one's own."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from headway.errors import ConfigError
from headway.inputs.base import Input
from headway.seeds import torch_seed
from headway.targets.base import Target
from headway.train.model import Model
from headway.train.precision import float32_default

__all__ = ["make_model"]


def make_model(
    arch: str | nn.Module | Model | None, input: Input, target: Target, *, pretrained: bool = True, seed: int = 0
) -> Model:
    """A model for fitted fields: by name, a good choice for None, or around a module of one's own.

    Such a module takes what `input.own_prepare` gives, such as images from 0 to 1 or a table's rows.

    Raises:
        ConfigError: If the name is not known, `arch` is neither a name nor a model, or its `forward` needs more than
            one input.
        WeightsError: If the weights are neither here nor to be downloaded.
    """
    if isinstance(arch, nn.Module | Model):
        own = arch if isinstance(arch, Model) else Model(arch)
        _check_forward(own.module)
        if own.prepare is None:
            return replace(own, prepare=input.own_prepare() or nn.Identity())
        # Pixels are read as whole numbers, which next to no layer takes; the exported graph turns them to floats, too.
        return replace(own, prepare=nn.Sequential(_ToFloat(), own.prepare)) if input.dtype == np.uint8 else own
    if not (arch is None or isinstance(arch, str)):
        given = type(arch).__name__
        fix = "Pass a name, a module (not its class), or nothing."
        raise ConfigError("`arch` must be an architecture's name or an nn.Module.", given=given, fix=fix)
    # Weights are drawn from torch's generator: by the run's seed, and what the caller draws next stays as it was.
    with torch.random.fork_rng(devices=[]), float32_default():
        torch.manual_seed(torch_seed(seed, "init"))
        model = input.build_model(arch, target, pretrained=pretrained)
    return model if model.prepare is not None else replace(model, prepare=nn.Identity())


class _ToFloat(nn.Module):
    """Whole numbers as float32."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The same values."""
        return inputs.float()


def _check_forward(module: nn.Module) -> None:
    """A batch is one array, in training as in the exported graph, so `forward` is called with one input."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    # What is written in C, or compiled, has no signature; it is tried on two items later.
    except (TypeError, ValueError):
        return
    collecting = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [one.name for one in parameters if one.default is one.empty and one.kind not in collecting]
    if len(needed) > 1:
        what = "The model's `forward` must take one input: a batch is one tensor."
        given = f"{type(module).__name__}.forward({', '.join(needed)})"
        raise ConfigError(what, given=given, fix="Take one tensor and split it in `forward`; a Table's row is one.")
