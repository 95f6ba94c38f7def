"""What a network looks at and how its layers answer: Grad-CAM, activation statistics, pictures for the report.

The only module of this layer that needs torch. Grad-CAM is a hook and one gradient, so it is written here: captum's
`LayerGradCam` is as long to call, since the layer must be found either way, and would be a dependency for that alone.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from headway.judge.diagnosis.finding import LayerActivity
from headway.judge.report.report import Picture
from headway.train.loop import evaluating

__all__ = ["activity", "grad_cam", "jpeg", "overlay", "pictures"]

PLACES = 28
"""Places along each side of a layer's map that its statistics are taken at, at least."""

Hook = Callable[[str, nn.Module, torch.Tensor], None]


def grad_cam(model: nn.Module, inputs: torch.Tensor, classes: Sequence[int] | np.ndarray) -> np.ndarray | None:
    """Where a convolutional network finds what speaks for a class: gradient-weighted class activation maps.

    The maps are those of the last layer whose output still is a picture. A network without one among the later half of
    its layers, such as a transformer or a perceptron, has nothing to show.

    Args:
        model: Prepared inputs to logits `[items, classes]`.
        inputs: Prepared images, float32 `[items, channels, height, width]`, on the model's device.
        classes: For each item the class to explain, integers `[items]`.

    Returns:
        float32 `[items, height, width]` from 0 to 1, each item's own highest place at 1 (all 0 where nothing speaks
        for the class); None for a network without such a layer.

    Example:
        >>> from headway.inputs.image.networks import small_resnet
        >>> heat = grad_cam(small_resnet(1, 10), torch.rand(2, 1, 28, 28), [3, 5])
        >>> heat.shape
        (2, 28, 28)

    Source:
        Selvaraju et al. 2017, arXiv:1610.02391.
    """
    maps: list[torch.Tensor] = []
    done_before: list[int] = []
    count = 0

    def keep(_: str, module: nn.Module, output: torch.Tensor) -> None:
        nonlocal count
        count += any(True for _ in module.parameters(recurse=False))
        if output.ndim == 4 and min(output.shape[2:]) > 1 and output.requires_grad:
            maps.append(output)
            done_before.append(count)
            del maps[:-1]

    with evaluating(model), torch.enable_grad(), _hooked(model, keep):
        outputs = model(inputs.detach().requires_grad_()).float()
        if not maps or done_before[-1] <= count / 2:
            return None
        chosen = outputs.gather(1, torch.as_tensor(np.asarray(classes), device=outputs.device).view(-1, 1)).sum()
        (slopes,) = torch.autograd.grad(chosen, maps[0])
    heat = (slopes.mean(dim=(2, 3), keepdim=True) * maps[0]).sum(dim=1, keepdim=True).detach().float().relu_()
    heat = F.interpolate(heat, inputs.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return (heat / heat.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)).cpu().numpy()


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


def pictures(images: np.ndarray, *, side: int, heats: np.ndarray | None = None, quality: int = 80) -> list[Picture]:
    """Images as small JPEGs, each with its heat laid over it where there is one.

    Args:
        images: uint8 `[items, height, width, channels]`, with 1 or 3 channels.
        side: The longer side of the pictures, in pixels, at most.
        heats: float `[items, height, width]` from 0 to 1, as `grad_cam` gives them.
        quality: JPEG's, from 1 to 95.
    """
    overlays = [None] * len(images) if heats is None else [overlay(*each) for each in zip(images, heats, strict=True)]
    return [
        Picture(
            jpeg(image, side=side, quality=quality), None if heat is None else jpeg(heat, side=side, quality=quality)
        )
        for image, heat in zip(images, overlays, strict=True)
    ]


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """An image in grey with heat laid over it, from red to yellow, uint8 `[height, width, 3]`.

    Args:
        image: uint8 `[height, width, channels]`, with 1 or 3 channels.
        heat: float `[height, width]` from 0 to 1.
    """
    grey = image.astype(np.float32).mean(-1, keepdims=True)
    share = heat[..., None].astype(np.float32)
    colour = np.concatenate([np.full_like(share, 255), 230 * share**1.5, np.full_like(share, 20)], axis=-1)
    covered = 0.75 * share
    return (grey * (1 - covered) + colour * covered).round().astype(np.uint8)


def jpeg(image: np.ndarray, *, side: int, quality: int = 80) -> bytes:
    """An image, uint8 `[height, width, channels]` with 1 or 3 channels, as the bytes of a JPEG of at most `side`.

    One much smaller is enlarged pixel by pixel, so that a digit is not a blur.
    """
    from PIL import Image as PILImage

    picture = PILImage.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    times = side // max(picture.size)
    if times > 1:
        picture = picture.resize((times * picture.width, times * picture.height), PILImage.Resampling.NEAREST)
    picture.thumbnail((side, side), PILImage.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


@contextmanager
def _hooked(model: nn.Module, hook: Hook) -> Iterator[None]:
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

    with evaluating(model), torch.inference_mode(), _hooked(model, see):
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
