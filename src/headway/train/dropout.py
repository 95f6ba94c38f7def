"""Dropout: a layer that takes less time on a processor, and the rate of a stage.

The rate is set on the model's own layers, or on one that is put before its last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from headway.errors import ConfigError

__all__ = ["Dropout", "dropout_rate"]

LAYERS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


class Dropout(nn.Dropout):
    """Dropout in half of the time that torch's takes on a processor; rates are multiples of 1/65,536 there.

    Torch draws number by number, and on one core whatever the number of threads. Here four come from each draw.

    Example:
        >>> layer = Dropout(0.25)
        >>> sorted(set(layer(torch.ones(8, 100)).flatten().tolist()))
        [0.0, 1.3333333730697632]
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Inputs `[items, ...]` to as many, a share `p` of them 0 and the others larger, while it trains."""
        if not self.training or not input.is_cpu or not 0 < self.p < 1 or torch.compiler.is_compiling():
            return super().forward(input)
        size = input[:1].numel()
        # Drawn for each item, so that each of several processes can keep its own items' numbers.
        drawn = torch.empty(len(input), -(-size // 4), dtype=torch.int64).random_(-(2**63), None)
        numbers = drawn.view(torch.int16)[:, :size].reshape(input.shape)
        is_kept = numbers >= min(round(2**16 * self.p), 2**16 - 1) - 2**15
        return input * is_kept.to(input.dtype).div_(1 - self.p)


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
