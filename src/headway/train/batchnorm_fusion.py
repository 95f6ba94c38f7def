"""A network that is not trained made quicker: its batch normalisation folded into the convolutions before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

__all__ = ["folded"]

# How far apart outputs may be, as a share of the largest, for the folded body to be taken; rounding makes 1e-6 in
# float32, and 1e-3 where an accelerator multiplies in TF32.
TOLERANCE = 1e-2

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
    norms = {name: module for name, module in body.named_modules() if isinstance(module, nn.BatchNorm2d)}
    if not norms:
        yield body
        return
    convs = [(module, module.weight, module.bias) for module in body.modules() if isinstance(module, nn.Conv2d)]
    try:
        outputs = _fold(body, inputs)
        with torch.no_grad():
            error = (body(inputs) - outputs).abs().max()
        # As where the output of a convolution is used elsewhere, too, beside its normalisation.
        if error > TOLERANCE * outputs.abs().max():
            _unfold(body, norms, convs)
        yield body
    finally:
        _unfold(body, norms, convs)


@torch.no_grad()
def _fold(body: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Makes one of each convolution and the normalisation that takes its output; gives what the body gave before."""
    names = {module: name for name, module in body.named_modules()}
    made: dict[torch.Tensor, nn.Conv2d] = {}
    pairs: dict[nn.BatchNorm2d, nn.Conv2d] = {}  # each once, also where a body runs twice, for a mirror image

    def after(module: nn.Module, arguments: tuple[torch.Tensor], output: torch.Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            made[output] = module
        elif isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and not module.training:
            pairs.update((module, made[tensor]) for tensor in arguments if tensor in made)

    with ExitStack() as hooks:
        for module in names:
            hooks.enter_context(module.register_forward_hook(after))
        outputs = body(inputs)
    for norm, conv in pairs.items():
        assert norm.running_mean is not None
        assert norm.running_var is not None
        statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        weight, bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics)
        # In the layout that the weight had.
        conv.weight = nn.Parameter(torch.empty_like(conv.weight).copy_(weight), requires_grad=False)
        conv.bias = nn.Parameter(bias.detach(), requires_grad=False)
        # timm's normalisation brings its activation with it.
        left = nn.Sequential(getattr(norm, "drop", nn.Identity()), getattr(norm, "act", nn.Identity()))
        body.set_submodule(names[norm], left.eval())
    return outputs


def _unfold(body: nn.Module, norms: dict[str, nn.BatchNorm2d], convs: list[Weights]) -> None:
    for name, norm in norms.items():
        body.set_submodule(name, norm)
    for conv, weight, bias in convs:
        conv.weight, conv.bias = weight, bias
