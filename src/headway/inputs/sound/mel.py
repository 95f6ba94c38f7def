"""The mel scale: bands of frequencies as wide as people hear them apart, and the matrix that adds spectra up to them.

Frames of 25 ms every 10 ms and 80 bands up to 8 kHz, as Whisper has them (Radford et al. 2022, arXiv:2212.04356), so
that one spectrogram serves all models. The scale is Slaney's (1998, "Auditory Toolbox").
"""

from __future__ import annotations

import numpy as np

__all__ = ["FRAMES_A_SECOND", "NUM_BANDS", "band_of", "frame_length", "hertz_of", "mel_filters"]

NUM_BANDS = 80
FRAMES_A_SECOND = 100
TOP_HERTZ = 8_000
BIN_HERTZ = 40

# Linear up to 1 kHz, which is 15 mels; above it 27 mels are a factor of 6.4.
_LINEAR, _KNEE, _STEP = 200 / 3, 15.0, np.log(6.4) / 27


def frame_length(rate: int) -> int:
    """Samples in a frame of 25 ms, whose spectrum then has a bin every 40 Hz at any rate."""
    return rate // BIN_HERTZ


def _mel_of(hertz: np.ndarray) -> np.ndarray:
    above = np.maximum(hertz, 1e-3) / (_LINEAR * _KNEE)
    return np.where(hertz < _LINEAR * _KNEE, hertz / _LINEAR, _KNEE + np.log(above) / _STEP)


def _hertz(mels: np.ndarray) -> np.ndarray:
    return np.where(mels < _KNEE, _LINEAR * mels, _LINEAR * _KNEE * np.exp(_STEP * (mels - _KNEE)))


_SPACING = float(_mel_of(np.array(float(TOP_HERTZ)))) / (NUM_BANDS + 1)


def band_of(hertz: np.ndarray) -> np.ndarray:
    """The band whose middle a frequency is, between bands a fraction; the first band is 0."""
    return _mel_of(np.asarray(hertz, dtype=np.float64)) / _SPACING - 1


def hertz_of(bands: np.ndarray) -> np.ndarray:
    """The frequency in the middle of bands.

    Example:
        >>> hertz_of(np.array([0, 39, 80])).round().tolist()
        [37.0, 1657.0, 8000.0]
    """
    return _hertz((np.asarray(bands, dtype=np.float64) + 1) * _SPACING)


def mel_filters(rate: int) -> np.ndarray:
    """What each bin of a spectrum adds to each band, float64 `[NUM_BANDS, bins]`; of low rates high bands are empty."""
    edges = hertz_of(np.arange(-1, NUM_BANDS + 1))
    bins = np.arange(frame_length(rate) // 2 + 1) * float(BIN_HERTZ)
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    # Wider bands count each bin less, so that white noise is level.
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]
