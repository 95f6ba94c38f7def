"""How strongly a network's layers answer: the statistics that show dead and exploding activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from headway.predictions import LayerActivity
from headway.train.loop import evaluating

__all__ = ["activity", "hooked"]

# Places along each side of a layer's map that its statistics are taken at, at least.
PLACES = 28

Hook = Callable[[str, nn.Module, torch.Tensor], None]


def activity(model: nn.Module, batches: Sequence[torch.Tensor]) -> list[LayerActivity]:
    """How strongly each layer answers, over a few batches, in the order in which the layers are used.

    Args:
        model: Any module.
        batches: What goes in, each `[items, ...]`.

    Returns:
        One a module whose output is not just that of its last part. A channel is dead where it is exactly 0 for every
        item and place, as behind a ReLU that never opens.

    Example:
        >>> [layer.name for layer in activity(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), [torch.rand(4, 2)])]
        ['0', '1']
    """
    layers: dict[str, _Sums] = {}
    for batch in batches:
        for name, found in _measure(model, batch).items():
            layers[name] = layers[name] + found if name in layers else found
    return [each.to_activity(name) for name, each in layers.items()]


@contextmanager
def hooked(model: nn.Module, hook: Hook) -> Iterator[None]:
    """A context in which a function sees the output of each module that gives a tensor."""

    def watch(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def see(module: nn.Module, _: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                hook(name, module, output)

        return see

    handles = [module.register_forward_hook(watch(name)) for name, module in model.named_modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@dataclass(frozen=True)
class _Sums:
    """What is known of one layer's outputs: sums, the largest size, and the channels that were ever used."""

    size: float
    plain: float
    squares: float
    largest: float
    count: int
    used: torch.Tensor

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.size + other.size,
            self.plain + other.plain,
            self.squares + other.squares,
            float(np.maximum(self.largest, other.largest)),
            self.count + other.count,
            # A layer whose number of channels is the input's to say has none that could be followed.
            self.used | other.used if self.used.shape == other.used.shape else torch.ones(1, dtype=torch.bool),
        )

    def to_activity(self, name: str) -> LayerActivity:
        variance = self.squares / self.count - (self.plain / self.count) ** 2
        return LayerActivity(
            name=name,
            mean_abs=self.size / self.count,
            std=max(variance, 0.0) ** 0.5 if math.isfinite(variance) else math.nan,
            share_dead=1 - self.used.float().mean().item(),
            largest=self.largest,
        )


def _measure(model: nn.Module, batch: torch.Tensor) -> dict[str, _Sums]:
    """The layers of one pass, by name; what a container merely hands on is its last part's."""
    found: dict[str, _Sums] = {}
    names: WeakIdKeyDictionary = WeakIdKeyDictionary()

    def see(name: str, module: nn.Module, output: torch.Tensor) -> None:
        if output.ndim < 2 or not output.is_floating_point():
            return
        before = names.get(output)
        if before is not None and any(True for child in module.children() for _ in child.parameters()):
            return
        # A tensor that was seen before was perhaps changed in place, as by ReLU(inplace=True): how it leaves counts.
        # It keeps its name, unless the layer is but a shell around it, as timm's normalisations with activation are.
        if before is not None:
            del found[before]
            name = name if before.startswith(f"{name}.") else before
        name = name or "whole"
        names[output] = name if name not in found else f"{name}, use {len(found)}"
        found[names[output]] = _sums(output.detach().float())

    with evaluating(model), torch.inference_mode(), hooked(model, see):
        model(batch)
    return found


def _sums(values: torch.Tensor) -> _Sums:
    if values.ndim == 4:
        # Of large maps a grid of places: they take longer to add up than to compute, and tell no more.
        step = max(min(values.shape[-2:]) // PLACES, 1)
        values = values[..., ::step, ::step]
    # Channels last: a picture is a table with a row a place.
    table = values.movedim(1, -1).flatten(0, -2) if values.ndim == 4 else values.flatten(0, -2)
    size, flat = table.abs(), table.flatten()
    largest = size.amax(dim=0)
    return _Sums(
        size.sum().item(),
        table.sum().item(),
        flat.dot(flat).item(),
        largest.max().item(),
        table.numel(),
        (largest != 0).cpu(),
    )
