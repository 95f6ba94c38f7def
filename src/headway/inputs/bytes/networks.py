"""Networks for bytes: gated convolutions of single bytes, and bodies of photos that see the bytes as pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from headway.inputs.bytes.reading import PADDING
from headway.representations.bytes import hilbert_order

__all__ = [
    "PICTURES",
    "ByteConvolution",
    "BytesModel",
    "PictureBody",
    "Windows",
    "byte_shares",
    "digrams",
    "hilberts",
    "rasters",
]


class Windows(nn.Module):
    """A body of single windows as one of whole files: what it gives for the head, and the most that any window gives.

    What a file is often stands at its beginning; what is in it may be anywhere.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Windows, whole numbers `[batch, windows, length]`, to features `[batch, 2 * features]`."""
        batch, windows, length = inputs.shape
        features = self.body(inputs.reshape(batch * windows, length)).reshape(batch, windows, -1)
        is_there = inputs[:, :, :1] < PADDING
        most = torch.where(is_there, features, -1e4).amax(dim=1)
        return torch.cat([features[:, 0], most], dim=1)


class BytesModel(nn.Module):
    """A body, from windows to features `[batch, num_features]`, and a linear head, from these to outputs."""

    def __init__(self, body: nn.Module, num_features: int, num_outputs: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = nn.Sequential(Windows(body), nn.Dropout(dropout))
        self.head = nn.Linear(2 * num_features, num_outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Windows `[batch, windows, length]` to outputs `[batch, num_outputs]`."""
        return self.head(self.body(inputs))


class ByteConvolution(nn.Module):
    """Each byte as a vector, then gated convolutions with strides; beside them how often each byte occurs.

    Counts of bytes alone separate many kinds of files, and are hard to learn from a few hundred of them. With the
    counts beside it the network need not learn them.

    Args:
        width: Channels of the first convolution; each further one has twice as many.
        num_blocks: Gated convolutions; each makes a window four times shorter.

    Source:
        Raff et al. 2018, "Malware detection by eating a whole EXE", arXiv:1710.09435, with one wide convolution;
        several narrow ones need fewer parameters. Cheng et al. 2016, "Wide & deep learning", arXiv:1606.07792, for the
        counts.
    """

    def __init__(self, *, dim: int = 8, width: int = 32, num_blocks: int = 3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(PADDING + 1, dim)
        self.counts_norm = nn.BatchNorm1d(PADDING)
        widths = [width * 2**number for number in range(num_blocks)]
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(before, 2 * after, 4 if number else 8, stride=4, bias=False),
                nn.BatchNorm1d(2 * after),
                nn.GLU(dim=1),
            )
            for number, (before, after) in enumerate(pairwise([dim, *widths]))
        )
        self.num_features = sum(widths) + widths[-1] + PADDING

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Windows `[windows, length]` to features `[windows, num_features]`."""
        features, pooled = self.embedding(inputs.long()).transpose(1, 2), [self.counts_norm(byte_shares(inputs).sqrt())]
        for block in self.blocks:
            features = block(features)
            # Means are soft counts, of short sequences and of long ones.
            pooled.append(features.mean(dim=2))
        return torch.cat([*pooled, features.amax(dim=2)], dim=1)


def byte_shares(inputs: torch.Tensor) -> torch.Tensor:
    """The share of each byte in windows `[windows, length]`, float32 `[windows, 256]`.

    Example:
        >>> byte_shares(torch.tensor([[7, 7, 255, 256]]))[0, [0, 7, 255]].tolist()
        [0.0, 0.6666666865348816, 0.3333333432674408]
    """
    # Of each byte its upper and its lower half as one of 16; a product of matrices then counts the pairs of halves.
    sixteen = torch.arange(16, device=inputs.device)[:, None]
    values = inputs.long()[:, None]
    upper, lower = (values // 16 == sixteen).float(), (values % 16 == sixteen).float()
    counts = (upper @ lower.transpose(1, 2)).flatten(1)
    return counts / counts.sum(dim=1, keepdim=True).clamp_min(1)


def rasters(inputs: torch.Tensor) -> torch.Tensor:
    """Windows `[windows, length]` line by line, as `headway.representations.bytes.raster`: float from 0 to 255."""
    width = 2 ** math.ceil(math.log2(inputs.shape[1]) / 2)
    pixels = F.pad(_pixels(inputs), (0, -inputs.shape[1] % width))
    return pixels.reshape(len(inputs), 1, -1, width)


def hilberts(inputs: torch.Tensor) -> torch.Tensor:
    """The same along a Hilbert curve, as `headway.representations.bytes.hilbert`."""
    side = 2 ** math.ceil(math.log2(inputs.shape[1]) / 2)
    # Where in the file each pixel comes from.
    steps = torch.from_numpy(hilbert_order(side).argsort()).to(inputs.device)
    pixels = F.pad(_pixels(inputs), (0, side * side - inputs.shape[1]))
    return pixels[:, steps].reshape(len(inputs), 1, side, side)


def digrams(inputs: torch.Tensor) -> torch.Tensor:
    """Which byte follows which, as `headway.representations.bytes.digram`, from 0 to 255."""
    # A product of matrices of zeros and ones counts the pairs, and runs wherever a graph does.
    is_byte = (inputs.long()[:, :, None] == torch.arange(PADDING, device=inputs.device)).float()
    counts = (is_byte[:, :-1].transpose(1, 2) @ is_byte[:, 1:]).log1p()[:, None]
    return 255 * counts / counts.amax(dim=(2, 3), keepdim=True).clamp_min(1e-9)


def _pixels(inputs: torch.Tensor) -> torch.Tensor:
    return torch.where(inputs < PADDING, inputs, 0).float()


# By the architecture's name.
PICTURES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "raster": rasters,
    "hilbert": hilberts,
    "digram": digrams,
}


class PictureBody(nn.Module):
    """A body made for photos, as one of windows of bytes: it sees each as a grey square.

    Args:
        body: Prepared images `[batch, 1, size, size]` to features.
        prepare: Pixels from 0 to 255 to what the body was trained on.
        picture: One of `PICTURES`.
        size: Side of the square.
    """

    def __init__(self, body: nn.Module, prepare: nn.Module, *, picture: str, size: int) -> None:
        super().__init__()
        self.body, self.prepare, self.picture, self.size = body, prepare, picture, size

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Windows `[windows, length]` to features `[windows, num_features]`."""
        pixels = F.interpolate(PICTURES[self.picture](inputs), size=(self.size, self.size), mode="bilinear")
        return self.body(self.prepare(pixels))
