"""Files of sound that were cut short, overwritten or are lies: each is read, or says in a line why not."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import headway as hw
from headway.errors import ReadError
from tests.kinds import tone, wav

FIELD = hw.Sound("file", seconds=0.5, rate=8000)
KINDS = ("WAV", "FLAC", "OGG", "MP3")
# Of each of the four kinds.
NUM_HOSTILE = 125


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(440, 0.5), 8000, format=kind)
    return file.getvalue()


def damaged(data: bytes, number: int) -> bytes:
    """A file cut short, with bytes overwritten at its head or anywhere, or with some of them twice."""
    draw = np.random.default_rng(number)
    found = bytearray(data)
    match number % 4:
        case 0:
            del found[draw.integers(len(found)) :]
        case 1:
            found[int(draw.integers(4, 60))] ^= int(draw.integers(1, 256))
        case 2:
            for at in draw.integers(len(found), size=20):
                found[at] = draw.integers(256)
        case _:
            at = int(draw.integers(len(found)))
            found[at:at] = found[at // 2 : at]
    return bytes(found)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused_and_the_good_ones_between_them_are_not_lost(kind: str) -> None:
    good = encoded(kind)
    expected, reasons = FIELD.read(good), list[str]()
    for number in range(NUM_HOSTILE):
        try:
            windows = FIELD.read(damaged(good, number))
            assert windows.shape[1] == FIELD.num_samples
            assert np.isfinite(windows).all()
            assert np.abs(windows).max() <= 1
        except ReadError as error:
            reasons.append(str(error))
        assert np.array_equal(FIELD.read(good), expected)
    assert reasons
    assert all(len(reason.splitlines()) == 1 for reason in reasons)


@pytest.mark.parametrize("frames", [2**31 - 1, 2**32 - 1])
def test_a_header_that_promises_hours_costs_what_the_file_has(frames: int) -> None:
    lie = bytearray(wav(tone(440, 0.5)))
    lie[40:44] = struct.pack("<I", frames)
    lie[4:8] = struct.pack("<I", frames)
    assert FIELD.read(bytes(lie)).shape == (1, 4000)


@pytest.mark.slow
def test_ten_hours_are_read_by_windows() -> None:
    # Ten hours of one sample, but for a tone at the end: FLAC makes little of it.
    samples = np.zeros(36_000 * 1000, np.int16)
    samples[-2000:] = (tone(100, 2, 1000) * 32767).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, samples, 1000, format="FLAC")
    windows = FIELD.read(file.getvalue())
    assert windows.shape == (16, 4000)
    assert np.abs(windows[-1]).max() > 0.3
    assert not windows[:-1].any()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ReadError):
        FIELD.read(data)


@settings(max_examples=40, deadline=None)
@given(length=st.integers(1, 20_000), rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]))
def test_a_recording_of_any_length_and_rate_is_windows_of_one_length(length: int, rate: int) -> None:
    samples = np.random.default_rng(length).uniform(-0.5, 0.5, length)
    windows = FIELD.read(wav(samples, rate))
    assert windows.dtype == np.float32
    assert windows.shape[1] == FIELD.num_samples
    assert 1 <= len(windows) <= 16
