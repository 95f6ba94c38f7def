"""Recordings as simple models see them, statistics of MFCC in five segments, and simple models of these.

MFCC, the cosine transform of a log-mel spectrogram over its bands, were the features of speech recognition for decades
(Davis and Mermelstein 1980); a mean and a spread for each segment keep roughly what comes when.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.data.dataset import Part
from headway.inputs.sound.mel import FRAMES_A_SECOND, frame_length, mel_filters
from headway.inputs.sound.reading import PADDING
from headway.judge.baselines.base import Baseline, drawn_rows, on
from headway.judge.baselines.estimators import boosting, estimated
from headway.judge.baselines.linear import logistic_regression, ridge

if TYPE_CHECKING:
    from headway.inputs.sound.field import Sound

__all__ = ["BASELINES", "baseline_part", "mfcc", "segment_statistics"]

NUM_COEFFICIENTS = 20
NUM_SEGMENTS = 5
NUM_NEIGHBOURS = 5


def baseline_part(input: Sound, part: Part, *, seed: int) -> tuple[Part, np.ndarray]:
    """The recordings that simple models learn from or predict, and what `segment_statistics` gives of them."""
    if part.name == "train":
        part = Part(part.data, part.name, part.items[drawn_rows(len(part), seed=seed)])
    rows = []
    for position in range(len(part)):
        for windows in part.readable([position])[0]:
            # Windows of a long recording one after the other: they lie evenly over it.
            samples = windows[windows[:, 0] < PADDING].reshape(-1)
            sounding = np.flatnonzero(samples)
            samples = samples[sounding[0] : sounding[-1] + 1] if len(sounding) else samples
            rows.append(segment_statistics(mfcc(samples, input.samples_a_second)))
    # After the reading: what can no longer be read is then left out of the targets, too.
    return part.left(), np.stack(rows) if rows else np.empty((0, 0), np.float32)


def mfcc(samples: np.ndarray, rate: int) -> np.ndarray:
    """Mel-frequency cepstral coefficients, float32 `[frames, 20]`, frames of 25 ms every 10 ms.

    Example:
        >>> mfcc(np.ones(8000), 8000).shape
        (98, 20)
    """
    length = frame_length(rate)
    padded = np.pad(samples, (0, max(length - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[:: rate // FRAMES_A_SECOND]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(length), axis=1)))
    filters = mel_filters(rate)
    # Bands above what the rate can hold have no power in any recording.
    filters = filters[filters.any(axis=1)]
    logs = np.log10(np.maximum(power @ filters.T, 1e-10))
    angles = np.pi * (np.arange(len(filters)) + 0.5)[:, None] * np.arange(NUM_COEFFICIENTS) / len(filters)
    return (np.maximum(logs, logs.max() - 8) @ np.cos(angles) / len(filters)).astype(np.float32)


def segment_statistics(coefficients: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of each coefficient in five equal segments of time, float32 `[200]`."""
    ends = np.linspace(0, len(coefficients), NUM_SEGMENTS + 1).astype(np.int64)
    # Of very short recordings segments share a frame.
    segments = [coefficients[start : max(end, start + 1)] for start, end in pairwise(ends.tolist())]
    segments = [segment if len(segment) else coefficients[-1:] for segment in segments]
    return np.concatenate([part for segment in segments for part in (segment.mean(axis=0), segment.std(axis=0))])


def _neighbours(is_classes: bool, seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    return (KNeighborsClassifier if is_classes else KNeighborsRegressor)(NUM_NEIGHBOURS)


_COMMON = {
    "k-nearest neighbours on MFCC": on(
        "mfcc", partial(estimated, make=_neighbours), size=lambda data, _: data["mfcc"].size
    ),
    "gradient boosting on MFCC": Baseline(on("mfcc", partial(estimated, make=boosting)).run, needs="mfcc"),
}

# By what of scikit-learn learns the target (`Target.estimator`).
BASELINES: dict[str, dict[str, Baseline]] = {
    "classifier": {"logistic regression on MFCC": on("mfcc", partial(logistic_regression, penalty=10.0)), **_COMMON},
    "regressor": {"ridge regression on MFCC": on("mfcc", ridge), **_COMMON},
}
