"""What can be said of a recording without knowing what is in it: numbers that show whether recordings have changed."""

from __future__ import annotations

import numpy as np

from headway.inputs.sound.mel import FRAMES_A_SECOND
from headway.inputs.sound.reading import QUIET

__all__ = ["NOTED", "sound_notes", "sound_statistics"]

# Full scale is 1; what lies below is silence for a model, too, and a thousandth of the samples there is clipping.
_SILENT, _FULL, _CLIPPED = 1e-4, 0.999, 1e-3

# The share of a recording's power that lies below its bandwidth.
_POWER_INSIDE = 0.99

# What a browser must know to note the same.
NOTED = {"silent": _SILENT, "full": _FULL, "clipped": _CLIPPED}


def sound_statistics(windows: np.ndarray, *, rate: int) -> dict[str, float]:
    """What can be said of a recording, float32 `[windows, samples]`, without knowing what is in it.

    Returns:
        `loudness`, the root mean square in dB below full scale; `bandwidth`, the frequency in Hz below which 99 % of
        the power lies; `seconds` from the first sound to the last, of what was read; `silence`, the share of these
        that is 50 dB below the loudest; `clipped`, the share of the samples at full scale.

    Example:
        >>> tone = np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000, dtype=np.float32)
        >>> sound_statistics(tone[None], rate=8000)["bandwidth"]
        440.0
    """
    hop = rate // FRAMES_A_SECOND
    power = np.square(windows.astype(np.float64))
    frames = power.reshape(-1, hop).mean(axis=1)
    is_loud = frames > QUIET**2 * frames.max()
    # Neighbouring windows overlap by half at least, and the zeros around a short recording are no part of it.
    inside = np.flatnonzero(is_loud)
    count = inside[-1] - inside[0] + 1 if len(inside) else 1
    length = count if len(windows) == 1 else len(frames) * (len(windows) + 1) / (2 * len(windows))
    spectrum = np.square(np.abs(np.fft.rfft(windows, axis=1))).sum(axis=0).cumsum()
    top = np.searchsorted(spectrum, _POWER_INSIDE * spectrum[-1]) * rate / windows.shape[1] if spectrum[-1] else 0.0
    sounding = power.sum() / (count * hop if len(windows) == 1 else power.size)
    return {
        "loudness": round(float(10 * np.log10(max(sounding, 1e-10))), 2),
        "bandwidth": round(float(top), 1),
        "seconds": round(float(length / FRAMES_A_SECOND), 3),
        "silence": round(float(1 - is_loud.sum() / count if len(windows) == 1 else 1 - is_loud.mean()), 4),
        "clipped": round(float((np.abs(windows) >= _FULL).mean()), 5),
    }


def sound_notes(windows: np.ndarray) -> tuple[str, ...]:
    """What is wrong with a recording, although it can be read."""
    loudest = np.abs(windows)
    if loudest.max() < _SILENT:
        return ("the recording is silent",)
    if (loudest >= _FULL).mean() > _CLIPPED:
        return ("the recording is clipped: it was louder than the recorder could take",)
    return ()
