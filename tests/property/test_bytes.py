"""Files that were cut short, are not files, or are huge: each is read as bytes, or says in a line why not."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headway as hw
from headway.errors import ReadError

FIELD = hw.Bytes("file", window=256)
NUM_HOSTILE = 500


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=2000))
def test_any_bytes_are_read_and_head_and_tail_are_theirs(data: bytes) -> None:
    windows = FIELD.read(data)
    assert bytes(windows[0, : len(data)].astype(np.uint8)) == data[:256]
    assert bytes(windows[-1][windows[-1] < 256].astype(np.uint8)) == data[-256:]


def hostile(folder: Path, number: int) -> Path:
    """A file that has something wrong with it, by its number."""
    draw, path = np.random.default_rng(number), folder / f"{number}.bin"
    match number % 5:
        case 0:
            path.write_bytes(b"")
        case 1:
            # Headers of archives, programs and documents, then nothing that they promise.
            heads = (
                b"PK\x03\x04",
                b"\x7fELF",
                b"MZ",
                b"%PDF-1.7",
                b"\x1f\x8b\x08",
                b"BZh9",
                b"\xfd7zXZ",
                b"#!/bin/sh\n",
            )
            path.write_bytes(heads[number % len(heads)] + draw.bytes(int(draw.integers(60))))
        case 2:
            os.mkfifo(path)
        case 3:
            path.symlink_to(folder / ("missing" if number % 2 else f"{number}.bin"))
        case _:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("zeros", bytes(10**5))
    return path


def test_hostile_files_are_read_or_named_and_the_good_ones_between_them_are_not_lost(tmp_path: Path) -> None:
    good, reasons, num_read = np.random.default_rng(0).bytes(1000), set[str](), 0
    expected = FIELD.read(good)
    for number in range(NUM_HOSTILE):
        try:
            num_read += FIELD.read(hostile(tmp_path, number)).shape[1] == 256
        except ReadError as error:
            reasons.add(str(error))
        assert np.array_equal(FIELD.read(good), expected)
    assert num_read == 2 * NUM_HOSTILE // 5
    assert {reason.split(" (")[0].split(": '")[0] for reason in reasons} == {
        "empty: 0 bytes",
        "not a regular file",
        "no such file",
        "cannot be read: [Errno 40] Too many levels of symbolic links",
    }


def test_three_gigabytes_of_nothing_are_named_and_half_a_gigabyte_is_read_by_windows(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(3 * 10**9)
    with pytest.raises(ReadError) as caught:
        FIELD.read(path)
    assert str(caught.value) == "too large: 3.0 GB, the limit is 0.5 GB"
    with path.open("wb") as file:
        file.truncate(2**29 - 1)
        file.seek(2**29 - 2)
        file.write(b"x")
    windows = FIELD.read(path)
    assert windows.shape == (16, 256)
    assert windows[-1, -1] == ord("x")
    assert windows.sum() == ord("x")
