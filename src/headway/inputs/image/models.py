"""Architectures of photos by name."""

from __future__ import annotations

from collections.abc import Callable

import torch

from headway.errors import ConfigError, HeadwayError, did_you_mean, in_a_line
from headway.inputs.image.field import Image
from headway.inputs.image.networks import Prepare, multi_level, small_resnet
from headway.inputs.image.unet import RECIPES, UNet
from headway.inputs.image.weights import DEFAULT_ARCH, pretrained_body, timm_body
from headway.system.timm import load_timm
from headway.targets.base import Target
from headway.train.model import BodyAndHead, Model
from headway.train.recipe import Recipe

__all__ = ["DEFAULT_ARCH", "architectures", "build", "create", "default_arch", "is_known"]

# Networks of our own, trained from scratch: from channels and outputs.
_SCRATCH: dict[str, Callable[[int, int]]] = {"small_resnet": small_resnet}


def default_arch(size: int, *, is_dense: bool = False) -> str:
    """A good choice for images of this size in pixels, and for an answer for each pixel or one for all of them."""
    return "small_resnet" if size < 64 and not is_dense else DEFAULT_ARCH


def build(arch: str | None, input: Image, target: Target, *, pretrained: bool = True) -> Model:
    """A model of photos by name, for the data at hand; see `create`."""
    is_dense = len(target.axes) > 1
    name = arch or default_arch(input.size, is_dense=is_dense)
    shape = {"channels": input.channels, "size": input.size, "num_outputs": target.num_outputs}
    return create(name, **shape, is_dense=is_dense, pretrained=pretrained)


def architectures() -> list[str]:
    """The names of the architectures, those of timm's without tags."""
    return [*_SCRATCH, *load_timm().list_models()]


def is_known(arch: str) -> bool:
    """Whether there is an architecture of that name, tags of timm's included."""
    return arch in _SCRATCH or load_timm().is_model(arch)


def create(
    arch: str,
    *,
    num_outputs: int,
    channels: int = 3,
    size: int = 224,
    is_dense: bool = False,
    pretrained: bool = True,
) -> Model:
    """A model by name, its head random.

    Args:
        arch: "efficientnet_lite0" (its ImageNet weights come with pip), "small_resnet" (from scratch), or any of
            timm's names, with or without a tag, such as "resnet18" or "mobilenetv2_100".
        num_outputs: How many classes.
        channels: Channels of the image, 1 or 3.
        size: Side of the image in pixels.
        is_dense: Whether there is an answer for each pixel.
        pretrained: Whether the body starts from pretrained weights. Small networks have none.

    Raises:
        ConfigError: If the name is not known, or the architecture cannot take images of that size.
        WeightsError: If the weights are neither on this machine nor can be downloaded.

    Example:
        >>> create("small_resnet", num_outputs=10, channels=1, size=28).pretrained
        ''
    """
    half = (127.5,) * channels
    if arch in _SCRATCH:
        if is_dense:
            what = "This architecture gives one answer for a photo, not one for each pixel."
            raise ConfigError(what, given=repr(arch), fix=f'Use "{DEFAULT_ARCH}".')
        return Model(_SCRATCH[arch](channels, num_outputs), prepare=Prepare(half, half), arch=arch)
    if not is_known(arch):
        fix = f"Name one of timm's models. {did_you_mean(arch, architectures())}"
        raise ConfigError("Unknown architecture.", given=repr(arch), fix=fix)
    try:
        if pretrained:
            body, prepare, source = pretrained_body(arch, channels, size)
        else:
            body, prepare, source = timm_body(arch, channels, size), Prepare(half, half), ""
        # Two: of one image some layers drop the batch's axis, or fail.
        images = torch.zeros(2, channels, size, size)
        with torch.no_grad():
            body.eval()
            if is_dense:
                model, recipe = UNet(body, num_outputs, images), RECIPES[pretrained]
            else:
                body = multi_level(body, images) if pretrained else body
                model, recipe = BodyAndHead(body, body(images).shape[-1], num_outputs), Recipe()
    except HeadwayError:
        raise
    # timm's architectures say in many ways that an image is too small, or no multiple of their patches.
    except (RuntimeError, AssertionError, ValueError, ZeroDivisionError) as error:
        given = f"{arch!r}, {channels} x {size} x {size}: {in_a_line(error)}"
        fix = "Choose another size (size=, --size), such as 224, or another architecture."
        what = "This architecture cannot take images of that size."
        raise ConfigError(what, given=given, fix=fix) from error
    return Model(model, prepare=prepare, recipe=recipe, pretrained=source, arch=arch)
