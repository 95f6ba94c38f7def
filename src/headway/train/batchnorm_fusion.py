"""A frozen body made quicker: its batch normalisation folded into the convolutions before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

__all__ = ["folded"]

# How far apart outputs may be, as a share of the largest, for the folded body to be taken; rounding makes 1e-6 in
# float32, and 1e-3 where an accelerator multiplies in TF32.
TOLERANCE = 1e-2

Pair = tuple[str, nn.Conv2d, nn.BatchNorm2d]
Weights = tuple[nn.Conv2d, torch.Tensor, torch.Tensor | None]


@contextmanager
def folded(body: nn.Module, inputs: torch.Tensor) -> Iterator[nn.Module]:
    """A context in which a body in evaluation mode computes the same in fewer steps, up to rounding.

    A convolution and the batch normalisation of its output are together one convolution with other weights. Which of
    them follow one another is seen when the body is run; it stays as it is where the result is not the same.

    Outside of the context its modules and weights are those that it had. Two prepared inputs are enough to try it on.

    Source:
        Jacob et al. 2018, arXiv:1712.05877, section 3.2.

    Example:
        >>> body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
        >>> with folded(body, torch.randn(2, 3, 8, 8)):
        ...     type(body[1]).__name__
        'Sequential'
        >>> type(body[1]).__name__
        'BatchNorm2d'
    """
    pairs, outputs = _pairs(body, inputs)
    before = [(conv, conv.weight, conv.bias) for _, conv, _ in pairs]
    try:
        for name, conv, norm in pairs:
            _fold(body, name, conv, norm)
        with torch.no_grad():
            error = (body(inputs) - outputs).abs().max()
        # As where the output of a convolution is used elsewhere, too, beside its normalisation.
        if error > TOLERANCE * outputs.abs().max():
            _unfold(body, pairs, before)
        yield body
    finally:
        _unfold(body, pairs, before)


@torch.no_grad()
def _pairs(body: nn.Module, inputs: torch.Tensor) -> tuple[list[Pair], torch.Tensor]:
    """Each normalisation whose input is the output of a convolution; and what the body gives."""
    names = {module: name for name, module in body.named_modules()}
    made: list[tuple[torch.Tensor, nn.Conv2d]] = []
    pairs: list[Pair] = []

    def after(module: nn.Module, arguments: tuple[torch.Tensor], output: torch.Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            made.append((output, module))
        elif isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and not module.training:
            pairs.extend((names[module], conv, module) for result, conv in made if result is arguments[0])

    hooks = [module.register_forward_hook(after) for module in names]
    try:
        outputs = body(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return pairs, outputs


@torch.no_grad()
def _fold(body: nn.Module, name: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
    weight, bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics)
    # In the layout that the weight had.
    conv.weight = nn.Parameter(torch.empty_like(conv.weight).copy_(weight), requires_grad=False)
    conv.bias = nn.Parameter(bias.detach(), requires_grad=False)
    # timm's normalisation brings its activation with it.
    brought = (getattr(norm, "drop", None), getattr(norm, "act", None))
    left = nn.Sequential(*(layer for layer in brought if layer is not None))
    body.set_submodule(name, left.eval())


def _unfold(body: nn.Module, pairs: list[Pair], before: list[Weights]) -> None:
    for name, _, norm in pairs:
        body.set_submodule(name, norm)
    for conv, weight, bias in before:
        conv.weight, conv.bias = weight, bias
