from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.errors import ConfigError, ReadError
from headway.inputs.registry import recognise_input
from tests.kinds import png, tone, wav

FIELD = hw.Bytes("file", window=64, windows=4)
CONTENT = np.random.default_rng(0).integers(0, 256, 1000).astype(np.uint8).tobytes()


def test_a_file_its_bytes_and_an_array_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    items = (tmp_path / "a", str(tmp_path / "a"), CONTENT, io.BytesIO(CONTENT), np.frombuffer(CONTENT, np.uint8))
    arrays = [FIELD.read(item) for item in items]
    assert all(np.array_equal(array, arrays[0]) for array in arrays)


def test_windows_are_the_head_the_tail_and_what_lies_evenly_between() -> None:
    windows = FIELD.read(CONTENT)
    assert windows.dtype == np.int16
    starts = (0, 312, 624, 936)
    assert [bytes(window.astype(np.uint8)) for window in windows] == [CONTENT[start : start + 64] for start in starts]


@pytest.mark.parametrize(("length", "windows"), [(1, 1), (63, 1), (64, 1), (65, 2), (128, 2), (129, 3), (1000, 4)])
def test_a_file_has_as_many_windows_as_hold_it_and_padding_behind_its_end(length: int, windows: int) -> None:
    array = FIELD.read(CONTENT[:length])
    assert array.shape == (windows, 64)
    assert (array == 256).sum() == max(64 - length, 0)
    assert (array[-1, -1] == CONTENT[length - 1]) == (length >= 64)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (b"", "empty: 0 bytes"),
        ("/nowhere", "no such file"),
        ("/dev/zero", "not a regular file"),
        ("a\0b", "cannot be read: embedded null byte"),
        (5, "not a file: expected a path, bytes or an array of uint8, not int"),
        (np.zeros(5), "not a file: expected a path, bytes or an array of uint8, not ndarray"),
    ],
)
def test_what_cannot_be_read_says_why(item: object, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        FIELD.read(item)
    assert str(caught.value) == reason


@pytest.mark.parametrize(("size", "window"), [(1, 256), (300, 512), (4096, 4096), (100_000, 4096)])
def test_the_length_of_a_window_is_learned_from_the_sizes_of_training_files(size: int, window: int) -> None:
    rows = pl.DataFrame({"file": [bytes(size)] * 10})
    assert hw.Bytes("file").fit(rows).window == window
    assert FIELD.fit(rows) is FIELD


def test_options_out_of_their_range() -> None:
    with pytest.raises(ConfigError) as caught:
        hw.Bytes("file", window=8)
    assert str(caught.value) == (
        "`window` must lie between 64 and 65,536 bytes.\n"
        "  Given: window=8\n"
        "  Fix:   Leave it out, or pass one such as window=4096."
    )
    with pytest.raises(ConfigError) as caught:
        hw.Bytes("file", windows=0)
    assert str(caught.value) == (
        "`windows` must lie between 1 and 64.\n"
        "  Given: windows=0\n"
        "  Fix:   Leave it out, or pass one such as windows=16."
    )


def test_files_of_no_other_kind_are_recognised_by_their_endings_and_by_how_they_begin(tmp_path: Path) -> None:
    noise = {"a.so": CONTENT, "b.exe": b"MZ" + CONTENT, "c": CONTENT}
    known = {"a.jpg": CONTENT, "b.wav": wav(tone(440)), "c.dcm": CONTENT, "d.txt": b"text", "e.ts": b"", "f.csv": b""}
    unnamed = {"g": png(np.zeros((8, 8, 3), np.uint8)), "h": bytes(128) + b"DICM" + bytes(9), "i": wav(tone(440))}
    for name, content in (noise | known | unnamed).items():
        (tmp_path / name).write_bytes(content)
        for item in (str(tmp_path / name), *([content] if not os.path.splitext(name)[1] else [])):
            frame = pl.DataFrame({"file": [item]})
            assert isinstance(recognise_input("file", lambda frame=frame: frame), hw.Bytes) == (name in noise), name
    # Texts and paths that lead nowhere are no files.
    for item in ("word", str(tmp_path / "missing.so"), str(tmp_path), None):
        frame = pl.DataFrame({"file": [item]}, schema={"file": pl.String})
        assert not isinstance(recognise_input("file", lambda frame=frame: frame), hw.Bytes)


def test_a_folder_of_files_says_that_they_are_read_as_bytes(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for label in ("code", "data"):
        (tmp_path / label).mkdir()
        for number in range(6):
            ending = (".so", ".bin", "")[number % 3]
            (tmp_path / label / f"{number}{ending}").write_bytes(draw.integers(0, 256, 99).astype(np.uint8).tobytes())
    data = hw.from_folder(tmp_path)
    assert isinstance(data.input, hw.Bytes)
    assert data.notes == (
        "Files (.bin, .so, no ending) are read as bytes. Nothing in them is executed, parsed or unpacked.",
    )


def test_a_field_comes_back_from_json() -> None:
    assert hw.Bytes.from_json(FIELD.to_json()) == FIELD


def test_statistics_say_what_bytes_are_like() -> None:
    text, noise = FIELD.statistics(FIELD.read(b"Words, words. " * 20)), FIELD.statistics(FIELD.read(CONTENT))
    assert text["printable"] == 1
    assert text["entropy"] < 3.5 < 7 < noise["entropy"]
    assert noise["high"] == pytest.approx(0.5, abs=0.1)
    assert (text["bytes_read"], noise["bytes_read"]) == (256, 256)
