"""Windows of samples to log-mel spectrograms, as layers: training and the exported graph compute the same."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.inputs.sound.mel import FRAMES_A_SECOND, frame_length, mel_filters
from headway.inputs.sound.reading import PADDING

__all__ = ["NOTHING", "LogMel"]

# What a spectrogram of a window that is not there is filled with; that of any sound, silence too, lies above -2.
NOTHING = -100.0


class LogMel(nn.Module):
    """The logarithm of the power in bands of frequencies, frame by frame, down to 80 dB below a window's loudest.

    The Fourier transform is a convolution with fixed weights, and the bands are a product of matrices: each of these
    runs wherever a graph does, in a browser, too. As Whisper has it, the result is `(log10(power) + 4) / 4`.

    Args:
        rate: Samples a second, 8,000 or 16,000.

    Example:
        >>> LogMel(8000)(torch.zeros(2, 1, 8000)).shape
        torch.Size([2, 1, 80, 100])
    """

    waves: torch.Tensor
    filters: torch.Tensor

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.length, self.hop = frame_length(rate), rate // FRAMES_A_SECOND
        steps = np.arange(self.length)
        # Hann's window, periodic, so that frames have no edges.
        window = 0.5 - 0.5 * np.cos(2 * np.pi * steps / self.length)
        angles = 2 * np.pi * steps[None] * np.arange(self.length // 2 + 1)[:, None] / self.length
        # A spectrum grows with the samples in a frame; it is to be that of 16,000 a second.
        waves = np.concatenate([np.cos(angles), np.sin(angles)]) * window * (16_000 / rate)
        self.register_buffer("waves", torch.from_numpy(waves[:, None]).float(), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters(rate)).float(), persistent=False)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples `[batch, windows, samples]` to spectrograms `[batch, windows, bands, frames]`.

        What already are spectrograms, as a training view makes them, is given back.
        """
        if samples.ndim == 4:
            return samples
        batch, windows, length = samples.shape
        is_there = samples[..., :1] < PADDING
        flat = torch.where(is_there, samples, 0.0).reshape(batch * windows, 1, length)
        padded = F.pad(flat, (self.length // 2, self.length // 2), mode="reflect")
        spectrum = F.conv1d(padded, self.waves, stride=self.hop)[..., : length // self.hop]
        cosines, sines = spectrum.chunk(2, dim=1)
        power = (self.filters @ (cosines.square() + sines.square())).clamp_min(1e-10)
        logs = power.log10().reshape(batch, windows, self.filters.shape[0], length // self.hop)
        logs = torch.maximum(logs, logs.amax(dim=(2, 3), keepdim=True) - 8)
        return torch.where(is_there[..., None], (logs + 4) / 4, NOTHING)
