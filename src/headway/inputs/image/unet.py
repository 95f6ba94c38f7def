"""A class for each pixel: any of timm's bodies, and a decoder that takes its maps back to the picture's size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from headway.errors import ConfigError
from headway.train.options import Options
from headway.train.recipe import Recipe

__all__ = ["RECIPES", "UNet"]

# Channels after each step up, from the deepest.
WIDTHS = (128, 64, 48, 32)

# With and without pretrained weights in the body; see `docs/segmentation.md`.
RECIPES = {
    True: Recipe(lr=1e-3, options=Options(lr_decay=0.3, freeze_norm=True), samples_seen=2000),
    False: Recipe(lr=3e-3, options=Options(), samples_seen=32_000, max_epochs=80),
}


class UNet(nn.Module):
    """A body that gives maps of several depths, and a head that joins them from the deepest to the finest.

    Each step up doubles the map to the size of the body's next finer one, puts that one beside it, and convolves both
    twice. The last step, from half of the picture's size or what the finest map has, is a plain enlargement of the
    logits: convolving at the full size would take a third of the time and was no better; see `docs/segmentation.md`.

    Args:
        body: One of timm's models without a classifier. What it has beyond its last map is taken off. ConfigError if it
            has no feature maps of several sizes.
        num_outputs: How many classes.
        images: Two prepared images or more, float32 `[batch, channels, size, size]`, to try it on.

    Source:
        Ronneberger, Fischer and Brox 2015, arXiv:1505.04597.
    """

    def __init__(self, body: Any, num_outputs: int, images: torch.Tensor) -> None:
        super().__init__()
        self.body, self.levels = body, 0
        try:
            with torch.no_grad():
                # A vision transformer has a map for each of its many blocks, all of one size.
                maps = body.forward_intermediates(images, intermediates_only=True)
                self.levels = min(len(maps), len(WIDTHS) + 1)
                body.prune_intermediate_layers(self.levels, prune_norm=True, prune_head=True)
                channels = [level.shape[1] for level in self._maps(images)]
        # Architectures without such levels say so in many ways.
        except (AttributeError, TypeError, NotImplementedError) as error:
            what = "This architecture has no feature maps of several sizes, which masks need."
            fix = "Name another, such as resnet18."
            raise ConfigError(what, given=type(body).__name__, fix=fix) from error
        self.head = _Decoder(channels, num_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Prepared images `[batch, channels, height, width]` to logits `[batch, num_outputs, height, width]`."""
        outputs = self.head(self._maps(inputs))
        return F.interpolate(outputs, size=inputs.shape[-2:], mode="bilinear", align_corners=False)

    def _maps(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """The body's maps, the finest first, each `[batch, channels, height, width]`."""
        return self.body.forward_intermediates(inputs, indices=self.levels, intermediates_only=True)


class _Decoder(nn.Module):
    """The way up: maps, the finest first, to logits of the finest one's size."""

    def __init__(self, channels: Sequence[int], num_outputs: int) -> None:
        super().__init__()
        widths = [channels[-1], *WIDTHS[: len(channels) - 1]]
        skips = reversed(channels[:-1])
        steps = zip(widths[:-1], skips, widths[1:], strict=True)
        self.steps = nn.ModuleList(_step(before + skip, after) for before, skip, after in steps)
        self.last = nn.Conv2d(widths[-1], num_outputs, 3, padding=1)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        x, *finer = reversed(maps)
        for step, skip in zip(self.steps, finer, strict=True):
            x = step(torch.cat([F.interpolate(x, size=skip.shape[-2:], mode="nearest"), skip], dim=1))
        return self.last(x)


def _step(channels_in: int, channels_out: int) -> nn.Sequential:
    """Two convolutions, each normalised."""
    layers: list[nn.Module] = []
    for channels in (channels_in, channels_out):
        conv = nn.Conv2d(channels, channels_out, 3, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(channels_out), nn.ReLU()]
    return nn.Sequential(*layers)
