from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

import headway as hw
from headway.errors import ConfigError, ReadError
from headway.inputs.registry import recognise_input
from tests.kinds import tone, wav

FIELD = hw.Sound("file", seconds=0.5, rate=8000)


def encoded(samples: np.ndarray, rate: int, *, format: str, subtype: str | None = None) -> bytes:
    file = BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype)
    return file.getvalue()


def frequency(samples: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_every_format_and_rate_is_the_same_tone(kind: str, rate: int) -> None:
    windows = FIELD.read(encoded(tone(440, 0.5, rate), rate, format=kind))
    assert windows.dtype == np.float32
    assert windows.shape[1] == 4000
    assert frequency(windows[0], 8000) == pytest.approx(440, abs=4)
    assert 0.4 < np.abs(windows).max() < 0.6


def test_channels_are_averaged() -> None:
    stereo = np.stack([tone(440, 0.5), np.zeros(4000)], axis=1)
    assert FIELD.read(wav(stereo)) == pytest.approx(FIELD.read(wav(tone(440, 0.5) / 2)), abs=1e-4)


def test_a_file_its_bytes_and_its_samples_are_the_same(tmp_path: Path) -> None:
    samples = (tone(300, 0.4) * 32767).astype(np.int16)
    (tmp_path / "a.wav").write_bytes(wav(samples))
    arrays = [FIELD.read(item) for item in (tmp_path / "a.wav", wav(samples), BytesIO(wav(samples)), samples)]
    for array in arrays[1:]:
        assert array == pytest.approx(arrays[0], abs=1e-4)


def test_quiet_ends_are_cut_off_and_what_is_left_stands_in_the_middle() -> None:
    quiet = 1e-4 * np.random.default_rng(0).standard_normal(8000)
    [window] = FIELD.read(np.concatenate([quiet, tone(440, 0.2), quiet]).astype(np.float32))
    sounding = np.flatnonzero(np.abs(window) > 0.01)
    assert sounding[0] == pytest.approx(4000 - sounding[-1], abs=200)


@pytest.mark.parametrize(("seconds", "windows"), [(0.5, 1), (0.6, 2), (1.0, 3), (5.0, 16), (30.0, 16), (90.0, 16)])
def test_a_longer_recording_is_windows_from_its_beginning_to_its_end(seconds: float, windows: int) -> None:
    array = FIELD.read(wav(np.concatenate([tone(300, seconds / 2), tone(900, seconds / 2)])))
    assert len(array) == windows
    if windows > 1:
        assert (frequency(array[0], 8000), frequency(array[-1], 8000)) == (300, 900)


def test_the_length_of_a_window_and_the_rate_are_learned_from_training_rows(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.wav").write_bytes(wav(tone(440, 0.3 + 0.05 * number)))
    files = [str(tmp_path / f"{number}.wav") for number in range(10)]
    fitted = hw.Sound("file").fit(pl.DataFrame({"file": files}))
    assert (fitted.seconds, fitted.rate) == (0.75, 8000)
    assert hw.Sound("file", seconds=2, rate=16000).fit(pl.DataFrame({"file": files})).seconds == 2
    (tmp_path / "high.wav").write_bytes(wav(tone(440, 9, 44100), 44100))
    fitted = hw.Sound("file").fit(pl.DataFrame({"file": [str(tmp_path / "high.wav")]}))
    assert (fitted.seconds, fitted.rate) == (5.0, 16000)


def test_recordings_are_recognised_by_their_endings_and_by_their_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(wav(tone(440)))
    (tmp_path / "note").write_bytes(b"a text")
    columns = {
        "file": ["a.wav", "b.MP3"],
        "bytes": [wav(tone(440)), encoded(tone(440), 8000, format="FLAC")],
        "bare": [str(tmp_path / "clip")] * 2,
        "notes": [str(tmp_path / "note"), "no such file"],
        "photo": ["a.jpg", "b.jpg"],
    }
    kinds = {name: type(recognise_input(name, lambda: pl.DataFrame(columns))).__name__ for name in columns}
    assert kinds == {"file": "Sound", "bytes": "Sound", "bare": "Sound", "notes": "Text", "photo": "Image"}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (b"", "empty: 0 bytes"),
        (b"RIFF" + bytes(60), "not a sound file, or a damaged one: Format not recognised"),
        (wav(np.zeros(0)), "empty: no samples"),
        (wav(tone(440), 100), "a recording of 100 samples a second; from 1,000 to 768,000 are read"),
        (wav(np.zeros((10, 65))), "a recording of 65 channels; up to 64 are read"),
        ("/no/such/file.wav", "no such file"),
        (5, "not a recording: expected a path, bytes or an array, not int"),
        (np.zeros((2, 2, 2)), "not a recording: an array of float64, shape [2, 2, 2]"),
    ],
)
def test_what_cannot_be_read_says_why(item: object, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        FIELD.read(item)
    assert str(caught.value) == reason


def test_silence_and_clipping_are_read_and_noted() -> None:
    silent, notes = FIELD.read_noted(np.zeros(4000, np.float32))
    assert not silent.any()
    assert notes == ("the recording is silent",)
    assert FIELD.read_noted(np.clip(5 * tone(440, 0.5), -1, 1).astype(np.float32))[1] == (
        "the recording is clipped: it was louder than the recorder could take",
    )
    assert FIELD.read_noted(tone(440, 0.5).astype(np.float32))[1] == ()


def test_samples_that_are_no_numbers_are_silence() -> None:
    samples = tone(440, 0.5).astype(np.float32)
    samples[::7] = np.nan
    assert np.isfinite(FIELD.read(wav_of_floats(samples))).all()


def wav_of_floats(samples: np.ndarray) -> bytes:
    return encoded(samples, 8000, format="WAV", subtype="FLOAT")


def test_options_that_cannot_be() -> None:
    with pytest.raises(ConfigError) as caught:
        hw.Sound("file", seconds=0)
    assert str(caught.value) == (
        "`seconds` must lie between 0.1 and 30.\n"
        "  Given: seconds=0\n"
        "  Fix:   Leave it out, or pass a length such as seconds=1."
    )
    with pytest.raises(ConfigError) as caught:
        hw.Sound("file", rate=44100)
    assert str(caught.value) == (
        "`rate` must be 8000 or 16000 samples a second.\n"
        "  Given: rate=44100\n"
        "  Fix:   Leave it out, or pass rate=16000."
    )
