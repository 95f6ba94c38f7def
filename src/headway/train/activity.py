"""What a network's layers give for a few items: the statistics that show dead and exploding activations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from headway.predictions import WHOLE, LayerActivity
from headway.train.loop import evaluating

__all__ = ["activity", "hooked"]

# Places along each side of a layer's map that its statistics are taken at, at least.
PLACES = 28


def activity(model: nn.Module, inputs: torch.Tensor) -> list[LayerActivity]:
    """What each layer gives for prepared inputs `[items, ...]`, in the order in which the layers are used.

    Returns:
        One a module whose output is not just that of its last part. A channel is dead where it is exactly 0 for every
        item and place, as behind a ReLU that never opens. Tables that nothing was put in, such as counts that did
        not help, are left out.

    Example:
        >>> [layer.name for layer in activity(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.rand(4, 2))]
        ['0', '1']
    """
    layers: dict[str, LayerActivity] = {}
    # By identity, and weakly: of a tensor that is gone, another one may get the same id.
    names: WeakIdKeyDictionary = WeakIdKeyDictionary()

    def measure(name: str, module: nn.Module, output: torch.Tensor) -> None:
        if output.ndim < 2 or not output.is_floating_point() or _is_unused(module):
            return
        before = names.get(output)
        if before is not None and any(True for child in module.children() for _ in child.parameters()):
            return
        # A tensor that was seen before was perhaps changed in place, as by ReLU(inplace=True): how it leaves counts.
        # It keeps its name, unless the layer is but a shell around it, as timm's normalisations with activation are.
        if before is not None:
            del layers[before]
            name = name if before.startswith(f"{name}.") else before
        name = name or WHOLE
        names[output] = name = name if name not in layers else f"{name}, use {len(layers)}"
        layers[name] = _measured(name, output.detach().float())

    with evaluating(model), torch.inference_mode(), hooked(model, measure):
        model(inputs)
    return list(layers.values())


@contextmanager
def hooked(model: nn.Module, hook: Callable[[str, nn.Module, torch.Tensor], None]) -> Iterator[None]:
    """A context in which a function sees the name, the module and the output of each module that gives a tensor."""

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


def _is_unused(module: nn.Module) -> bool:
    """Whether a module goes by tables that are not learned, and are all 0."""
    tables = [*module.buffers()]
    return bool(tables) and not any(True for _ in module.parameters()) and not any(table.any() for table in tables)


def _measured(name: str, values: torch.Tensor) -> LayerActivity:
    if values.ndim == 4:
        # Of large maps a grid of places: they take longer to add up than to compute, and tell no more.
        step = max(min(values.shape[-2:]) // PLACES, 1)
        # Channels last: a picture is a table with a row a place.
        values = values[..., ::step, ::step].movedim(1, -1)
    largest = values.flatten(0, -2).abs().amax(dim=0)
    share_dead = 1 - (largest != 0).float().mean().item()
    return LayerActivity(name=name, share_dead=share_dead, largest=largest.max().item())
