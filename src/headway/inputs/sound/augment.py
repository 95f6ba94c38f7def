"""Augmentation of spectrograms: stretched and shifted in time and in pitch, noisy, through another microphone, hidden.

Each recording's parameters are drawn from (seed, epoch, row), so they depend neither on the batch it lies in nor on
the threads that read it. All the geometry of a batch is one resampling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from headway.data.loader import to_device
from headway.errors import ConfigError
from headway.inputs.sound.mel import band_of, hertz_of
from headway.inputs.sound.reading import PADDING
from headway.inputs.sound.spectrogram import LogMel
from headway.inputs.training_view import TrainingView
from headway.seeds import generator

if TYPE_CHECKING:
    from headway.inputs.sound.field import Sound

__all__ = ["Augment", "SoundView"]

# Of each recording at least; its masks' begin behind the others, and the last is for its window.
_DRAWS, _MASKS = 24, 10
_RANGES = {"time": (0, 0.5), "pitch": (0, 0.5), "shift": (0, 0.5), "noise": (0, 1), "tone": (0, 20), "gain": (0, 40),
           "masks": (0, 4), "mask": (0, 0.5)}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Augment:
    """What may be done to a training recording; each with its own draw.

    Args:
        time: Largest change of speed, as a share, from 0 to 0.5; the pitch stays.
        pitch: Largest change of all frequencies, as a share, from 0 to 0.5; the speed stays.
        shift: Largest move in time, as a share of the window, from 0 to 0.5.
        noise: Share of the recordings that get noise, from 0 to 1; from 50 dB below the loudest place to 10 dB.
        tone: Largest change of the balance of low and high, in dB, from 0 to 20: other rooms and microphones.
        gain: Largest change of loudness, in dB, from 0 to 40; what is then above full scale is clipped.
        masks: How many bands of frequencies, and as many stretches of time, are hidden, from 0 to 4.
        mask: Largest width of each, as a share, from 0 to 0.5.

    Raises:
        ConfigError: If an argument is out of its range.

    Source:
        Park et al. 2019, arXiv:1904.08779 (SpecAugment); Jaitly and Hinton 2013, "Vocal tract length perturbation";
        Ko et al. 2015, "Audio augmentation for speech recognition".
    """

    time: float = 0.25
    pitch: float = 0.2
    shift: float = 0.1
    noise: float = 0.5
    tone: float = 6.0
    gain: float = 6.0
    masks: int = 2
    mask: float = 0.15

    def __post_init__(self) -> None:
        wrong = {name: getattr(self, name) for name, (low, high) in _RANGES.items()
                 if not low <= getattr(self, name) <= high}  # fmt: skip
        if wrong:
            allowed = ", ".join(f"{name} from {_RANGES[name][0]} to {_RANGES[name][1]}" for name in wrong)
            given = ", ".join(f"{name}={value}" for name, value in wrong.items())
            raise ConfigError("An augmentation is out of its range.", given=given, fix=f"Allowed: {allowed}.")

    @classmethod
    def none(cls) -> Augment:
        """Recordings as they are."""
        return cls(time=0, pitch=0, shift=0, noise=0, tone=0, gain=0, masks=0, mask=0)

    def louder(self, samples: torch.Tensor, draws: np.ndarray) -> torch.Tensor:
        """Samples `[batch, windows, samples]`, louder or softer."""
        gain = _placed(10 ** (self.gain * draws[:, 0] / 20), samples)
        return (samples * gain[:, None, None]).clamp(-1, 1)

    def __call__(self, spectrograms: torch.Tensor, draws: np.ndarray, noise: torch.Tensor) -> torch.Tensor:
        """Spectrograms `[batch, 1, bands, frames]`, changed by draws `[batch, draws]` in -1 to 1 and by noise."""
        moved = F.grid_sample(spectrograms, self._grid(draws, spectrograms), padding_mode="border", align_corners=True)
        return self._hidden(self._in_noise(moved, draws, noise), draws)

    def _grid(self, draws: np.ndarray, spectrograms: torch.Tensor) -> torch.Tensor:
        """Where each place of the result comes from, `[batch, bands, frames, 2]` in -1 to 1."""
        bands, frames = spectrograms.shape[-2:]
        times = (
            np.linspace(-1, 1, frames) * ((1 + self.time) ** draws[:, 1])[:, None]
            + (2 * self.shift * draws[:, 2])[:, None]
        )
        sources = band_of(hertz_of(np.arange(bands)) * ((1 + self.pitch) ** draws[:, 3])[:, None])
        heights = 2 * np.clip(sources, 0, bands - 1) / (bands - 1) - 1
        grid = np.stack(np.broadcast_arrays(times[:, None, :], heights[:, :, None]), axis=-1)
        return _placed(grid, spectrograms)

    def _in_noise(self, spectrograms: torch.Tensor, draws: np.ndarray, noise: torch.Tensor) -> torch.Tensor:
        """With another balance of low and high, and with noise, in the power of each place."""
        bands = spectrograms.shape[2]
        across = np.linspace(-1, 1, bands)
        tilt = draws[:, 4, None] * across + draws[:, 5, None] * np.cos(np.pi * (1.5 * across + draws[:, 6, None]))
        loudest = spectrograms.amax(dim=(1, 2, 3), keepdim=True)
        # In the unit of a spectrogram: a quarter of the power's logarithm, 40 dB.
        changed = spectrograms + _placed(self.tone * tilt / 2 / 40, spectrograms)[:, None, :, None]
        level = np.where((draws[:, 7] + 1) / 2 < self.noise, -0.75 + 0.5 * draws[:, 8], -3.0)
        slope = 0.25 * draws[:, 9, None] * across
        floor = loudest + _placed(level[:, None] + slope, spectrograms)[:, None, :, None]
        power = 10 ** (4 * changed) + 10 ** (4 * floor) * noise
        logs = power.log10() / 4
        return torch.maximum(logs, logs.amax(dim=(1, 2, 3), keepdim=True) - 2)

    def _hidden(self, spectrograms: torch.Tensor, draws: np.ndarray) -> torch.Tensor:
        if not self.masks:
            return spectrograms
        bands, frames = spectrograms.shape[-2:]
        shares = (draws[:, _MASKS : _MASKS + 4 * self.masks].reshape(len(draws), self.masks, 2, 2) + 1) / 2
        hidden = [_inside(shares[:, :, axis], self.mask, length) for axis, length in enumerate((bands, frames))]
        is_hidden = hidden[0][:, :, None] | hidden[1][:, None, :]
        mean = spectrograms.mean(dim=(2, 3), keepdim=True)
        return torch.where(to_device(torch.from_numpy(is_hidden), spectrograms.device)[:, None], mean, spectrograms)


def _inside(shares: np.ndarray, widest: float, length: int) -> np.ndarray:
    """Which places along an axis lie in one of the masks, of shares `[batch, masks, 2]`: width, and where it begins."""
    width = widest * shares[..., :1]
    start = (1 - width) * shares[..., 1:]
    at = (np.arange(length) + 0.5) / length
    return np.any((at >= start) & (at < start + width), axis=1)


def _placed(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return to_device(torch.from_numpy(values.astype(np.float32)), like.device)


class SoundView(TrainingView):
    """Recordings as an epoch of training sees them: one window of each, another each time, as a changed spectrogram."""

    can_mix = True
    # A step is a few hundredths of a second.
    is_small = True
    batch_size = 32

    def __init__(self, input: Sound, augment: Augment | Mapping[str, Any] | None) -> None:
        self.augment = augment if isinstance(augment, Augment) else Augment(**(augment or {}))
        self.augments = self.augment != Augment.none()
        self._log_mel = LogMel(input.samples_a_second)

    def __call__(
        self, inputs: torch.Tensor, targets: torch.Tensor, *, rows: np.ndarray, size: int | None, seed: int, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Spectrograms `[batch, 1, bands, frames]` and the targets."""
        generators = [generator(seed, "augment", epoch=epoch, row=int(row)) for row in rows]
        num_draws = max(_DRAWS, _MASKS + 4 * self.augment.masks + 1)
        draws = np.stack([draw.uniform(-1, 1, num_draws) for draw in generators])
        windows = _one_window(inputs, draws[:, -1])
        log_mel = self._log_mel.to(inputs.device)
        if not self.augments:
            return log_mel(windows), targets
        spectrograms = log_mel(self.augment.louder(windows, draws))
        noise = np.stack([draw.standard_exponential(spectrograms.shape[2:], dtype=np.float32) for draw in generators])
        return self.augment(spectrograms, draws, _placed(noise[:, None], inputs)), targets

    def __str__(self) -> str:
        return str(self.augment)

    def to_json(self) -> dict[str, Any]:
        return asdict(self.augment)


def _one_window(inputs: torch.Tensor, draws: np.ndarray) -> torch.Tensor:
    """Of each recording `[windows, samples]` one of the windows that it has, `[batch, 1, samples]`."""
    if inputs.shape[1] == 1:
        return inputs
    counts = (inputs[..., 0] < PADDING).sum(dim=1)
    chosen = ((_placed(draws, inputs) + 1) / 2 * counts).long().clamp_max(counts - 1)
    return inputs[torch.arange(len(inputs), device=inputs.device), chosen][:, None]
