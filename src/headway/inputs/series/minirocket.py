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
            padded = F.pad(inputs[chosen], ((_TAPS // 2) * dilation,) * 2)
            # In the order of `_convolved`, so that a value which equals a threshold does so there, too.
            shifted = padded.unfold(2, self.length, dilation).transpose(1, 2).flatten(1, 2)
            values = inputs.new_zeros(NUM_KERNELS, self.length)
            for weights, moments in zip(self._weights(index).T, shifted.unbind(1), strict=True):
                values += weights[:, None] * moments
            # NumPy sorts in a tenth of torch's time.
            values, last = torch.from_numpy(np.sort(values.cpu().numpy(), axis=1)), self.length - 1
            # Linear interpolation between the sorted values, a kernel a row.
            place = ranks[start : start + NUM_KERNELS * count].reshape(NUM_KERNELS, count) * last
            low = place.long().clamp(max=last)
            lower, upper = (values.gather(1, at) for at in (low, (low + 1).clamp(max=last)))
            self.biases[start : start + NUM_KERNELS * count] = (lower + (upper - lower) * (place - low)).reshape(-1)
            start += NUM_KERNELS * count

    def _weights(self, index: int) -> torch.Tensor:
        """The kernels at one dilation, `[kernels, taps * channels]`, 0 for the channels that a kernel leaves out."""
        return (self.kernels[:, :, None] * self.channel_masks[index][:, None, :]).flatten(1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Series, float32 `[batch, channels, length]`, to features from 0 to 1, float32 `[batch, num_features]`."""
        if torch.compiler.is_exporting():
            return self._by_few_operators(inputs)
        # A few items at a time, so that what is computed of them stays in the processor's cache.
        size = max(_CACHED // (NUM_KERNELS // 2 * self.length), 1) if inputs.device.type == "cpu" else len(inputs)
        # Moments and items: the longer dimension is the inner one.
        time = 2 if min(size, len(inputs)) < self.length else 1
        features, start = inputs.new_empty(len(inputs), self.num_features), 0
        inner = inputs.movedim((1, 2), (0, time)).contiguous()
        for index, (dilation, count) in enumerate(self.dilations.items()):
            part = slice(start, start + NUM_KERNELS * count)
            start, padding, weights = part.stop, (_TAPS // 2) * dilation, self._weights(index)
            padded = F.pad(inner, (0, 0) * (2 - time) + (padding, padding))
            # [kernels / 2, 2, thresholds], and the same of each item.
            thresholds, shares = (each[..., part].unflatten(-1, (-1, 2, count)) for each in (self.biases, features))
            for half in range(2):
                # Every other kernel leaves out the moments at which it reaches beyond the series.
                series = padded if half == index % 2 or self.length <= 2 * padding else inner
                for block, found in zip(series.split(size, 3 - time), shares[:, :, half].split(size), strict=True):
                    values = _convolved(block, weights[half::2], dilation, time)
                    _share_above(values, thresholds[:, half], time, found)
        return features

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


def _convolved(series: torch.Tensor, weights: torch.Tensor, dilation: int, time: int) -> torch.Tensor:
    """Kernels `[kernels, taps * channels]` wherever they lie within series, `[kernels, items, time]`.

    `series` are `[channels, items, time]`; where `time`, the dimension of moments, is 1, it comes before the items in
    both.
    """
    length = series.shape[time] - (_TAPS - 1) * dilation
    # One product of matrices, which on a processor takes a fifth of the time of a dilated convolution.
    shifted = series.unfold(time, length, dilation).movedim((time, -1), (0, time + 1))
    return (weights @ shifted.reshape(weights.shape[1], -1)).view(-1, *shifted.shape[2:])


def _share_above(values: torch.Tensor, thresholds: torch.Tensor, time: int, shares: torch.Tensor) -> None:
    """Writes which share of what `_convolved` gives is above `thresholds`, `[kernels, thresholds]`, of each item.

    `shares` are `[items, kernels, thresholds]`.
    """
    counts = values.new_empty(thresholds.shape[1], len(values), values.shape[3 - time])
    # Into the same memory each time, and as numbers: truth values take five times as long.
    is_above = torch.empty_like(values)
    for threshold, count in zip(thresholds.T[..., None, None], counts, strict=True):
        torch.gt(values, threshold, out=is_above)
        torch.sum(is_above, dim=time, out=count)
    torch.div(counts.permute(2, 1, 0), values.shape[time], out=shares)
