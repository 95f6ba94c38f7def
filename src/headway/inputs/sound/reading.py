"""From a recording to windows of samples: decoded, mixed to one channel, resampled, quiet ends cut off."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import soundfile

from headway.errors import ReadError, in_a_line
from headway.system.files import open_file, read_file

__all__ = ["LIMITS", "MAX_WINDOWS", "PADDING", "length_and_rate", "read_windows"]

# What stands for a window that an item does not have: no sample reaches it.
PADDING = 2.0

# Of a longer recording so many windows are read, spread evenly over it.
MAX_WINDOWS = 16

# A recording up to this long is decoded whole, so that its quiet ends can be cut off.
MAX_WHOLE_SECONDS = 60

# Frames that lie so far below the loudest one, as a ratio of amplitudes (50 dB), are quiet. With 40 dB a voice's "six"
# lost its last sound.
QUIET = 0.003

# What a browser must know to read as it is read here.
LIMITS = {"windows": MAX_WINDOWS, "whole_seconds": MAX_WHOLE_SECONDS, "quiet": QUIET}

_FRAME_SECONDS = 0.01
_RATES = (1_000, 768_000)
_MAX_CHANNELS = 64
_BLOCK = 2**20


def read_windows(value: Any, *, rate: int, num_samples: int) -> np.ndarray:
    """A recording's windows, float32 `[windows, num_samples]` from -1 to 1: one where it is short, neighbours overlap.

    Args:
        value: A path, the bytes of a sound file, a binary file object, or samples at `rate`: an array of floats from
            -1 to 1 or of whole numbers, `[samples]` or `[samples, channels]`.
        rate: Samples a second that come out.
        num_samples: The length of a window; what is shorter stands in its middle, with zeros around it.

    Raises:
        ReadError: If it cannot be read; the text is one line.
    """
    if isinstance(value, np.ndarray):
        return _windows(_trimmed(_mono(_as_floats(value)), rate), num_samples)
    with _opened(value) as file:
        if file.frames <= MAX_WHOLE_SECONDS * file.samplerate:
            return _windows(_trimmed(_decoded(file, 0, file.frames, rate), rate), num_samples)
        # Longer than what is worth decoding: windows alone, each found by its place in the file.
        length = -(-num_samples * file.samplerate // rate)
        starts = np.linspace(0, file.frames - length, MAX_WINDOWS).astype(np.int64)
        return np.concatenate(
            [_windows(_decoded(file, start, length, rate)[:num_samples], num_samples) for start in starts.tolist()]
        )


def length_and_rate(value: Any) -> tuple[float, int] | None:
    """Seconds and samples a second of a recording, by its header alone; None where it has none or is damaged."""
    try:
        with _opened(value, whole=False) as file:
            return file.frames / file.samplerate, file.samplerate
    except ReadError:
        return None


@contextmanager
def _opened(value: Any, *, whole: bool = True) -> Iterator[soundfile.SoundFile]:
    """A sound file, whatever goes wrong with it a ReadError."""
    try:
        if isinstance(value, (str, os.PathLike)):
            value = read_file(value) if whole else open_file(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            if not len(value):
                message = "empty: 0 bytes"
                raise ReadError(message)
            value = io.BytesIO(value)
        elif not hasattr(value, "read"):
            message = f"not a recording: expected a path, bytes or an array, not {type(value).__name__}"
            raise ReadError(message)
        with value, soundfile.SoundFile(value) as file:
            _check_header(file)
            yield file
    except ReadError:
        raise
    # Besides libsndfile's own errors: what the system or a header with senseless numbers comes to.
    except Exception as error:
        raise ReadError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, soundfile.LibsndfileError):
        return f"not a sound file, or a damaged one: {in_a_line(error.error_string).rstrip('.')}"
    return f"cannot be read: {in_a_line(error)}"


def _check_header(file: soundfile.SoundFile) -> None:
    problem = None
    if file.frames <= 0:
        problem = "empty: no samples"
    elif not _RATES[0] <= file.samplerate <= _RATES[1]:
        problem = f"a recording of {file.samplerate} samples a second; from {_RATES[0]:,} to {_RATES[1]:,} are read"
    elif file.channels > _MAX_CHANNELS:
        problem = f"a recording of {file.channels} channels; up to {_MAX_CHANNELS} are read"
    if problem:
        raise ReadError(problem)


def _decoded(file: soundfile.SoundFile, start: int, count: int, rate: int) -> np.ndarray:
    """Some frames of a file as one channel at a rate."""
    file.seek(start)
    blocks, left = [], count
    # In blocks: a header can say that there is more than there is, or than fits into memory with all channels.
    while left > 0:
        block = file.read(min(left, max(_BLOCK // file.channels, 1)), dtype="float32", always_2d=True)
        if not len(block):
            break
        blocks.append(_mono(block))
        left -= len(block)
    if not blocks:
        message = "cut short: it has no samples where its header says that there are some"
        raise ReadError(message)
    return _resampled(np.concatenate(blocks), file.samplerate, rate)


def _resampled(samples: np.ndarray, given: int, wanted: int) -> np.ndarray:
    """The samples at another rate, by their spectrum: what the new rate cannot hold is cut off.

    scipy's filters would do as well, but are not there on a machine that only serves.
    """
    # A ratio of small numbers, off by a thousandth at most, so that both lengths are whole.
    ratio = Fraction(wanted, given).limit_denominator(1000)
    if ratio == 1:
        return samples
    step = ratio.denominator
    # Silence at both ends, since a spectrum takes the end for the neighbour of the beginning.
    margin = step * -(-given // (10 * step))
    length = step * -(-(len(samples) + 2 * margin) // step)
    spectrum = np.fft.rfft(np.pad(samples, (margin, length - len(samples) - margin)))
    wanted_length = int(length * ratio)
    resampled = np.fft.irfft(spectrum[: wanted_length // 2 + 1], wanted_length) * float(ratio)
    start = int(margin * ratio)
    # It rings a little above what was full scale.
    return np.clip(resampled[start : start + max(round(len(samples) * ratio), 1)], -1, 1).astype(np.float32)


def _as_floats(array: np.ndarray) -> np.ndarray:
    if array.ndim not in (1, 2) or not array.size or array.dtype.kind not in "fiu":
        message = f"not a recording: an array of {array.dtype}, shape {list(array.shape)}"
        raise ReadError(message)
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    limits = np.iinfo(array.dtype)
    middle = (limits.max + 1) / 2 if array.dtype.kind == "u" else 0
    return ((array - middle) / (limits.max - middle + 1)).astype(np.float32)


def _mono(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels, from -1 to 1; NaN and infinite samples, as a broken recorder writes, are silence."""
    samples = np.nan_to_num(samples, nan=0, posinf=0, neginf=0)
    return np.clip(samples.mean(axis=1) if samples.ndim > 1 else samples, -1, 1)


def _trimmed(samples: np.ndarray, rate: int) -> np.ndarray:
    """The recording without what is quiet at its ends."""
    frame = max(round(rate * _FRAME_SECONDS), 1)
    padded = np.pad(samples, (0, -len(samples) % frame))
    loudness = np.sqrt(np.square(padded).reshape(-1, frame).mean(axis=1))
    loud = np.flatnonzero(loudness > QUIET * loudness.max())
    return samples[loud[0] * frame : (loud[-1] + 1) * frame] if len(loud) else samples[:frame]


def _windows(samples: np.ndarray, length: int) -> np.ndarray:
    missing = length - len(samples)
    if missing >= 0:
        return np.pad(samples, (missing // 2, missing - missing // 2))[None].astype(np.float32)
    # Neighbours overlap by half, up to the number of windows that are read at most.
    count = min(1 + -(-2 * -missing // length), MAX_WINDOWS)
    starts = np.linspace(0, -missing, count).astype(np.int64)
    return np.stack([samples[start : start + length] for start in starts]).astype(np.float32)
