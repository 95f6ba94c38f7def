"""The dropout rate of a stage: set on the model's own layers, or put before its last one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.nn.functional as F
from torch import nn

from headway.errors import ConfigError

__all__ = ["dropout_rate"]

LAYERS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


@contextmanager
def dropout_rate(model: nn.Module, rate: float | None) -> Iterator[None]:
    """A context in which a model's dropout layers have a rate, unless it is None; then each has its own again.

    In a model without dropout layers the inputs of its last linear layer are dropped.

    Raises:
        ConfigError: If the model has neither dropout nor a linear layer.

    Source:
        Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
    """
    if rate is None:
        yield
        return
    if any(isinstance(module, LAYERS) for module in model.modules()):
        rates = {module: module.p for module in model.modules() if isinstance(module, LAYERS)}
        for layer in rates:
            layer.p = rate
        try:
            yield
        finally:
            for layer, own in rates.items():
                layer.p = own
    else:
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        if not linear:
            what = "`dropout` needs a model with dropout layers or a linear layer."
            raise ConfigError(what, given=f"dropout={rate}, {type(model).__name__}", fix="Leave it out.")

        def drop(layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            return (F.dropout(inputs[0], rate, training=layer.training), *inputs[1:])

        # A hook, and not a layer more: the weights keep their names, and a bundle has no trace of it.
        hook = linear[-1].register_forward_pre_hook(drop)
        try:
            yield
        finally:
            hook.remove()
