"""MiniRocket: fixed convolutions of a series, and how often each is above a threshold.

Dempster, Schmidt and Webb 2021, "MiniRocket: a very fast (almost) deterministic transform for time series
classification", arXiv:2012.08791. Nothing in it is trained but the thresholds, which are quantiles of the convolutions
of training items, so a linear head on its features is all that has to be solved.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.seeds import generator

__all__ = ["NUM_FEATURES", "NUM_KERNELS", "MiniRocket", "dilations_for"]

# Three of nine weights are 2, the others -1: every choice of three is a kernel, and each sums to 0.
_TAPS = 9
_TRIPLES = list(combinations(range(_TAPS), 3))
NUM_KERNELS = len(_TRIPLES)
# So many by the paper; rounded down to a multiple of the kernels.
NUM_FEATURES = 10_000
_MAX_DILATIONS = 32
# A combination of channels holds at most so many.
_MAX_CHANNELS = 9
# Numbers that are compared at once: half a megabyte.
_CACHED = 2**17


def dilations_for(length: int, num_features: int = NUM_FEATURES) -> dict[int, int]:
    """Dilations for series of this length, exponentially spaced, and how many features a kernel has at each.

    Example:
        >>> dilations_for(9), sum(dilations_for(150).values())
        ({1: 119}, 119)
    """
    of_kernel = num_features // NUM_KERNELS
    count = min(of_kernel, _MAX_DILATIONS)
    exponents = np.linspace(0, math.log2(max(length - 1, _TAPS - 1) / (_TAPS - 1)), count)
    dilations, counts = np.unique((2**exponents).astype(np.int64), return_counts=True)
    counts = (counts * (of_kernel / count)).astype(np.int64)
    # What rounding left out goes to the smallest dilations.
    for index in range(of_kernel - counts.sum()):
        counts[index % len(counts)] += 1
    return dict(zip(dilations.tolist(), counts.tolist(), strict=True))


class MiniRocket(nn.Module):
    """Series to the shares of time that 84 fixed kernels, at several dilations, are above thresholds.

    Args:
        channels: Numbers at each moment.
        length: Moments of a series, at least 9.
        seed: Which channels a kernel looks at, and which training item each threshold comes from, are drawn by it.
        num_features: About so many features, a multiple of the kernels.

    Example:
        >>> body = MiniRocket(1, 50, num_features=168)
        >>> body.learn_from(torch.randn(4, 1, 50))
        >>> body(torch.randn(3, 1, 50)).shape
        torch.Size([3, 168])
    """

    kernels: torch.Tensor
    biases: torch.Tensor
    channel_masks: torch.Tensor

    def __init__(self, channels: int, length: int, *, seed: int = 0, num_features: int = NUM_FEATURES) -> None:
        super().__init__()
        self.channels, self.length, self.seed = channels, length, seed
        self.dilations = dilations_for(length, num_features)
        self.num_features = NUM_KERNELS * sum(self.dilations.values())
        kernels = torch.full((NUM_KERNELS, _TAPS), -1.0)
        kernels[torch.arange(NUM_KERNELS)[:, None], torch.tensor(_TRIPLES)] = 2.0
        self.register_buffer("kernels", kernels)
        self.register_buffer("biases", torch.zeros(self.num_features))
        self.register_buffer("channel_masks", torch.from_numpy(self._drawn_channels()))

    def _drawn_channels(self) -> np.ndarray:
        """Which channels each kernel sums at each dilation, float32 `[dilations, kernels, channels]` of 0 and 1."""
        draw = generator(self.seed, "init")
        masks = np.zeros((len(self.dilations), NUM_KERNELS, self.channels), dtype=np.float32)
        # Exponentially few: one channel is as likely as two or three, or four to seven.
        most = math.log2(min(self.channels, _MAX_CHANNELS) + 1)
        for mask in masks.reshape(-1, self.channels):
            mask[draw.permutation(self.channels)[: int(2 ** draw.uniform(0, most))]] = 1
        return masks

    def learn_from(self, inputs: torch.Tensor) -> None:
        """Sets the thresholds: of each kernel and dilation, quantiles of one training item's convolution.

        Args:
            inputs: Training items, float32 `[items, channels, length]`.
        """
        draw, start = generator(self.seed, "order"), 0
        # Multiples of the golden ratio, which fill the range from 0 to 1 evenly however many there are.
        ranks = torch.from_numpy(((np.arange(self.num_features) + 1) * (math.sqrt(5) + 1) / 2 % 1).astype(np.float32))
        for index, (dilation, count) in enumerate(self.dilations.items()):
            chosen = torch.from_numpy(draw.integers(len(inputs), size=NUM_KERNELS))
            distinct, which = torch.unique(chosen, return_inverse=True)
            values = self._convolved(inputs[distinct], index, dilation)[which, torch.arange(NUM_KERNELS)]
            values, last = values.sort(dim=1).values, self.length - 1
            # Linear interpolation between the sorted values, a kernel a row.
            place = ranks[start : start + NUM_KERNELS * count].reshape(NUM_KERNELS, count) * last
            low = place.long().clamp(max=last)
            lower, upper = (values.gather(1, at) for at in (low, (low + 1).clamp(max=last)))
            self.biases[start : start + NUM_KERNELS * count] = (lower + (upper - lower) * (place - low)).reshape(-1)
            start += NUM_KERNELS * count

    def _convolved(self, inputs: torch.Tensor, index: int, dilation: int) -> torch.Tensor:
        """All kernels at one dilation, `[batch, kernels, length]`; before and after the series are zeros."""
        # One product of matrices, which on a processor takes a fifth of the time of a dilated convolution.
        padded = F.pad(inputs, ((_TAPS // 2) * dilation,) * 2)
        shifted = [padded[..., tap * dilation : tap * dilation + self.length] for tap in range(_TAPS)]
        return self._weights(index) @ torch.cat(shifted, dim=1)

    def _weights(self, index: int) -> torch.Tensor:
        """The kernels at one dilation, `[kernels, taps * channels]`, 0 for the channels that a kernel leaves out."""
        return (self.kernels[:, :, None] * self.channel_masks[index][:, None, :]).flatten(1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Series, float32 `[batch, channels, length]`, to features from 0 to 1, float32 `[batch, num_features]`."""
        if torch.compiler.is_exporting():
            return self._by_few_operators(inputs)
        features, start = [], 0
        for index, (dilation, count) in enumerate(self.dilations.items()):
            values = self._convolved(inputs, index, dilation)
            biases = self.biases[start : start + NUM_KERNELS * count].reshape(NUM_KERNELS, count)
            start += NUM_KERNELS * count
            features.append(self._shares(values, biases, index, (_TAPS // 2) * dilation).flatten(1))
        return torch.cat(features, dim=1)

    def _by_few_operators(self, inputs: torch.Tensor) -> torch.Tensor:
        """The same features, as a graph has them: the exporter takes a hundredth of a second for each operator."""
        # Every other kernel, [dilations * 2, kernels / 2, 1, taps, channels]. Sums are in the order of `_weights`, so
        # that a value which equals its threshold does so here, too.
        weights = self.kernels[:, None, :, None] * self.channel_masks[:, :, None, None, :]
        weights = weights.unflatten(1, (-1, 2)).transpose(1, 2).flatten(0, 1)
        moments, features, start = inputs.transpose(1, 2)[:, None], [], 0
        for index, (dilation, count) in enumerate(self.dilations.items()):
            thresholds = self.biases[start : start + NUM_KERNELS * count].reshape(-1, 2, count, 1)
            start += NUM_KERNELS * count
            padding, pair = (_TAPS // 2) * dilation, []
            for half in range(2):
                # Without padding it leaves out the moments at which a kernel reaches beyond the series.
                is_whole = half == index % 2 or self.length <= 2 * padding
                sides = (padding if is_whole else 0, 0)
                values = F.conv2d(moments, weights[2 * index + half], padding=sides, dilation=(dilation, 1))
                pair.append((values.transpose(2, 3) > thresholds[:, half]).float().mean(dim=3))
            features.append(torch.stack(pair, dim=2).flatten(1))
        return torch.cat(features, dim=1)

    def _shares(self, values: torch.Tensor, biases: torch.Tensor, index: int, padding: int) -> torch.Tensor:
        """Of each kernel the share of moments above each threshold, `[batch, kernels, thresholds]`."""
        # Every other kernel leaves out the moments at which it reaches beyond the series.
        first = index % 2
        whole = _share_above(values[:, first::2], biases[first::2])
        inner = values[:, 1 - first :: 2]
        if padding and self.length > 2 * padding:
            inner = inner[..., padding : self.length - padding]
        inside = _share_above(inner, biases[1 - first :: 2])
        pair = (whole, inside) if first == 0 else (inside, whole)
        return torch.stack(pair, dim=2).flatten(1, 2)


def _share_above(values: torch.Tensor, biases: torch.Tensor) -> torch.Tensor:
    """`[batch, kernels, time]` and `[kernels, thresholds]` to shares of time, `[batch, kernels, thresholds]`."""
    # One threshold after the other into the same memory, for a few items at a time, so that both stay in the cache.
    size = max(_CACHED // values[0].numel(), 1) if values.device.type == "cpu" else len(values)
    counts = values.new_empty((*values.shape[:2], biases.shape[1]))
    for part, counted in zip(values.split(size), counts.split(size), strict=True):
        near = part.contiguous()
        is_above = torch.empty_like(near)
        for index, threshold in enumerate(biases.T):
            torch.gt(near, threshold[:, None], out=is_above)
            torch.sum(is_above, dim=2, out=counted[..., index])
    return counts.div_(values.shape[2])
