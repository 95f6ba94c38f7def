"""Networks for spectrograms: a small residual one, and what makes of a network of one window one of several."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from headway.inputs.sound.mel import NUM_BANDS
from headway.inputs.sound.spectrogram import NOTHING

__all__ = ["PictureBody", "SmallNet", "Windows"]


class Windows(nn.Module):
    """A body of single windows as one of whole recordings: the mean of what it gives for their windows."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        # The bands that it looks at, for pictures; all where it does not say.
        self.num_bands = getattr(body, "num_bands", NUM_BANDS)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Spectrograms `[batch, windows, bands, frames]` to features `[batch, features]`."""
        batch, windows, bands, frames = inputs.shape
        features = self.body(inputs.clamp_min(-2).reshape(batch * windows, 1, bands, frames))
        is_there = (inputs[:, :, :1, 0] > NOTHING / 2).to(features.dtype)
        return (features.reshape(batch, windows, -1) * is_there).sum(dim=1) / is_there.sum(dim=1)


class PictureBody(nn.Module):
    """A body made for pictures, as one of single windows: it sees a spectrogram as a grey square.

    Args:
        body: Prepared images `[batch, 1, size, size]` to features.
        prepare: Pixels from 0 to 255 to what the body was trained on.
        size: Side of the square.
    """

    def __init__(self, body: nn.Module, prepare: nn.Module, size: int) -> None:
        super().__init__()
        self.body, self.prepare, self.size = body, prepare, size

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Spectrograms `[windows, 1, bands, frames]` to features `[windows, num_features]`."""
        # The 80 dB that a spectrogram has are two of its units.
        shares = (inputs - inputs.amax(dim=(2, 3), keepdim=True) + 2) / 2
        pixels = F.interpolate(255 * shares.clamp(0, 1), size=(self.size, self.size), mode="bilinear")
        return self.body(self.prepare(pixels))


class _Residual(nn.Module):
    """Two convolutions with a shortcut around them, which halve bands and frames."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride=2, bias=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.convolutions(inputs) + self.shortcut(inputs))


class SmallNet(nn.Module):
    """A residual network of one window's spectrogram, quick to train from scratch on a laptop.

    Args:
        num_bands: How many bands it looks at, from the lowest on: of low rates the others are empty.
        width: Channels of its first layer; each block doubles them.
        num_blocks: Residual blocks.
    """

    def __init__(self, num_bands: int, *, width: int = 16, num_blocks: int = 3, dropout: float = 0.2) -> None:
        super().__init__()
        self.num_bands = num_bands
        self.num_features = 2 * width * 2**num_blocks
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.blocks = nn.Sequential(*[_Residual(width * 2**at, width * 2 ** (at + 1)) for at in range(num_blocks)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Spectrograms `[windows, 1, bands, frames]` to features `[windows, num_features]`."""
        inputs = inputs[:, :, : self.num_bands]
        # The same however loud it is: the loudest place of each window becomes 1.
        inputs = inputs - inputs.amax(dim=(2, 3), keepdim=True) + 1
        maps = self.blocks(self.stem(inputs))
        return self.dropout(torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1))
