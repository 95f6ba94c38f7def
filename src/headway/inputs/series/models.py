"""Networks for series: MiniRocket's fixed kernels under a solved head, and two convolutional networks from scratch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from headway.errors import ConfigError, did_you_mean
from headway.inputs.series.field import Series
from headway.inputs.series.minirocket import MiniRocket
from headway.targets.base import Target
from headway.train.model import BodyAndHead, Model
from headway.train.options import Options
from headway.train.recipe import Recipe

__all__ = ["ARCHITECTURES", "Convolutional", "InceptionTime", "ResNet1d", "Standardise", "build"]

_WIDTH = 32
_KERNELS = (39, 19, 9)
_RECIPE = Recipe(
    lr=2e-3, options=Options(weight_decay=0.05), samples_seen=40_000, min_epochs=20, max_epochs=150, max_batch_size=64
)


class Standardise(nn.Module):
    """Each channel in standard deviations of the training rows; a part of the exported graph.

    Args:
        means: Of each channel.
        stds: Likewise, above 0.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, means: tuple[float, ...], stds: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(means).view(1, -1, 1))
        self.register_buffer("std", torch.tensor(stds).view(1, -1, 1))

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        """Series, float32 `[batch, channels, length]`, to the same shape."""
        return (series - self.mean) / self.std


class _Inception(nn.Module):
    """Convolutions of three reaches side by side, and the largest of neighbours."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv1d(channels, _WIDTH, 1, bias=False) if channels > 1 else nn.Identity()
        inner = _WIDTH if channels > 1 else 1
        self.reaches = nn.ModuleList(nn.Conv1d(inner, _WIDTH, size, padding="same", bias=False) for size in _KERNELS)
        self.largest = nn.Sequential(nn.MaxPool1d(3, stride=1, padding=1), nn.Conv1d(channels, _WIDTH, 1, bias=False))
        self.norm = nn.BatchNorm1d(4 * _WIDTH)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        narrow = self.narrow(inputs)
        return torch.relu(
            self.norm(torch.cat([*(reach(narrow) for reach in self.reaches), self.largest(inputs)], dim=1))
        )


class _Residual(nn.Module):
    """Layers with a way around them."""

    def __init__(self, layers: nn.Module, channels: int, width: int) -> None:
        super().__init__()
        self.layers = layers
        self.around = nn.Sequential(nn.Conv1d(channels, width, 1, bias=False), nn.BatchNorm1d(width))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layers(inputs) + self.around(inputs))


class Convolutional(nn.Sequential):
    """Residual groups of convolutions, which keep the length, averaged over time.

    Args:
        groups: The first takes the channels, the last gives `width` of them.
    """

    width = 4 * _WIDTH

    def __init__(self, groups: list[nn.Module]) -> None:
        super().__init__(*groups, nn.AdaptiveAvgPool1d(1), nn.Flatten())

    def maps(self, inputs: torch.Tensor) -> torch.Tensor:
        """Series `[batch, channels, length]` to what is averaged, `[batch, width, length]`."""
        for group in [*self][:-2]:
            inputs = group(inputs)
        return inputs


class InceptionTime(Convolutional):
    """Six inception blocks in two residual groups.

    Source:
        Ismail Fawaz et al. 2020, arXiv:1909.04939; one network instead of an ensemble of five.
    """

    def __init__(self, channels: int) -> None:
        width = self.width
        super().__init__(
            [
                _Residual(nn.Sequential(_Inception(inner), _Inception(width), _Inception(width)), inner, width)
                for inner in (channels, width)
            ]
        )


class ResNet1d(Convolutional):
    """Three residual groups of three convolutions.

    Source:
        Wang, Yan and Oates 2017, arXiv:1611.06455.
    """

    def __init__(self, channels: int) -> None:
        groups: list[nn.Module] = []
        for inner, outer in ((channels, 2 * _WIDTH), (2 * _WIDTH, self.width), (self.width, self.width)):
            layers: list[nn.Module] = []
            for index, size in enumerate((7, 5, 3)):
                layers += [nn.Conv1d(outer if index else inner, outer, size, padding="same", bias=False)]
                layers += [nn.BatchNorm1d(outer), *([nn.ReLU()] if index < 2 else [])]
            groups.append(_Residual(nn.Sequential(*layers), inner, outer))
        super().__init__(groups)


# By name, the default first; MiniRocket is made by `build`, as it needs the length.
_SCRATCH: dict[str, Callable[[int], Convolutional]] = {"inception_time": InceptionTime, "resnet1d": ResNet1d}
ARCHITECTURES = ("minirocket", *_SCRATCH)


def build(arch: str | None, input: Series, target: Target) -> Model:
    """A model for series, by a name of `ARCHITECTURES`, the first when left out."""
    name = arch or ARCHITECTURES[0]
    if name not in ARCHITECTURES:
        fix = f"{did_you_mean(name, ARCHITECTURES)} Or pass a module of your own."
        raise ConfigError("Unknown architecture for series.", given=repr(name), fix=fix)
    channels, prepare = len(input.columns), Standardise(input.means, input.stds)
    if name in _SCRATCH:
        body = _SCRATCH[name](channels)
        return Model(BodyAndHead(body, body.width, target.num_outputs), prepare=prepare, recipe=_RECIPE, arch=name)
    # By torch's generator, which the caller seeded with the run's.
    body = MiniRocket(channels, input.length, seed=int(torch.randint(2**31, ())))
    model = BodyAndHead(body, body.num_features, target.num_outputs)
    return Model(model, prepare=prepare, arch=name, measure=body.learn_from)
