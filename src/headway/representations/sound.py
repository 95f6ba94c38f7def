"""Sound, and any other series, as its power by time and frequency. The phase is lost, so there is no inverse."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["mel", "spectrogram"]

# Below the loudest; what is softer is black.
_DECIBELS = 80.0


def spectrogram(samples: np.ndarray, *, window: int | None = None, step: int | None = None) -> np.ndarray:
    """Power in decibels, float64 `[frequencies, times]` from 0 (80 dB below the loudest) to 1; low is at the bottom.

    Args:
        samples: float `[samples]`.
        window: Samples of a window, at least 4. Default: a power of two that makes the picture about square.
        step: Samples from one window to the next. Default: a quarter of the window, or less for short series.

    Example:
        >>> tone = np.sin(2 * np.pi * np.arange(512) / 8)
        >>> int(spectrogram(tone, window=64).mean(axis=1).argmax())  # an eighth of the rate, of 33 rows from the top
        24
    """
    samples = np.asarray(samples, dtype=np.float64)
    if window is None:
        window = max(1 << round(math.log2(math.sqrt(4 * len(samples)))), 8)
    step = step or max(min(window // 4, len(samples) // (window // 2)), 1)
    # What stands in front of the first and behind the last window is mirrored, as far as there is something.
    padded = np.pad(samples - samples.mean(), window // 2, mode="reflect" if len(samples) > window // 2 else "edge")
    starts = np.arange(0, len(padded) - window + 1, step)
    frames = padded[starts[:, None] + np.arange(window)] * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)).T ** 2
    return _in_decibels(power)[::-1]


def mel(samples: np.ndarray, *, rate: int = 16_000, bands: int = 64, window: int = 512) -> np.ndarray:
    """Power in bands that are as wide as ears hear, float64 `[bands, times]` as `spectrogram`.

    Args:
        samples: float `[samples]`.
        rate: Samples a second.
        bands: How many, from 1.
        window: Samples of a window.

    Example:
        >>> mel(np.sin(np.arange(2048)), bands=40).shape[0]
        40

    Source:
        Stevens, Volkmann and Newman 1937, "A scale for the measurement of the psychological magnitude pitch"; the
        formula is O'Shaughnessy's.
    """
    picture = spectrogram(samples, window=window)[::-1]
    power = 10 ** (_DECIBELS / 10 * (picture - 1))
    tops = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + rate / 1400), bands + 2) / 2595) - 1)
    frequencies = np.linspace(0, rate / 2, len(power))
    rising = (frequencies - tops[:-2, None]) / np.diff(tops)[:-1, None]
    falling = (tops[2:, None] - frequencies) / np.diff(tops)[1:, None]
    filters = np.maximum(np.minimum(rising, falling), 0)
    # A band narrower than the distance of two frequencies takes the nearest one.
    nearest = np.abs(frequencies - tops[1:-1, None]).argmin(axis=1)
    empty = filters.sum(axis=1) == 0
    filters[empty, nearest[empty]] = 1
    return _in_decibels(filters @ power / filters.sum(axis=1, keepdims=True))[::-1]


def _in_decibels(power: np.ndarray) -> np.ndarray:
    loudest = float(power.max())
    if loudest <= 0:
        return np.zeros(power.shape)
    return np.clip(1 + 10 * np.log10(np.maximum(power / loudest, 1e-30)) / _DECIBELS, 0, 1)
