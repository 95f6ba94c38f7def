"""DICOM and TIFF files that were cut short, overwritten or are lies: each is read, or says in a line why not."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
import tifffile
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

import headway as hw
from headway.errors import ReadError
from tests.dicom import dicom

FIELD = hw.Image("file", size=16)
NUM_HOSTILE = 500
FILES = Path(pydicom.data.__file__).parent / "test_files"


def stack() -> bytes:
    file = BytesIO()
    values = np.arange(4 * 16 * 16, dtype=np.uint16).reshape(4, 16, 16)
    tifffile.imwrite(file, values, imagej=True, metadata={"axes": "ZYX"}, compression=None)
    return file.getvalue()


WHOLE: dict[str, Callable[[], bytes]] = {
    "dicom": lambda: (FILES / "MR_small_RLE.dcm").read_bytes(),
    "tiff": stack,
}


def damaged(data: bytes, number: int) -> bytes:
    """A file cut short, with bytes overwritten behind its first ones, with a length that lies, or with a part twice."""
    draw = np.random.default_rng(number)
    changed = bytearray(data)
    match number % 4:
        case 0:
            del changed[draw.integers(140, len(changed)) :]
        case 1:
            for at in draw.integers(140, min(len(changed), 1200), size=8):
                changed[at] = draw.integers(256)
        case 2:
            at = int(draw.integers(140, min(len(changed), 1200) - 4))
            changed[at : at + 4] = struct.pack("<I", int(draw.choice([2**32 - 1, 2**32 - 2, 2**31, 10**9])))
        case _:
            at = int(draw.integers(140, len(changed)))
            changed[at:at] = changed[at // 2 : at]
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WHOLE)
def test_damaged_files_are_read_or_refused_and_the_good_ones_between_them_are_not_lost(kind: str) -> None:
    good = WHOLE[kind]()
    expected, reasons = FIELD.read(good), list[str]()
    for number in range(NUM_HOSTILE):
        try:
            assert FIELD.read(damaged(good, number)).shape == (16, 16, 3)
        except ReadError as error:
            reasons.append(str(error))
        if number % 10 == 0:
            assert np.array_equal(FIELD.read(good), expected)
    assert reasons
    assert all(len(reason.splitlines()) == 1 for reason in reasons)


def test_run_lengths_that_unpack_to_more_than_the_header_says_are_refused() -> None:
    # 64 bytes of header, then 0x81 and a value: 128 times this value.
    bomb = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 2_000_000
    data = bytearray(dicom(np.zeros((16, 16), np.uint8)))
    dataset = pydicom.dcmread(BytesIO(bytes(data)))
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.PixelData = encapsulate([bomb])
    dataset["PixelData"].is_undefined_length = True
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    with pytest.raises(ReadError) as caught:
        FIELD.read(file.getvalue())
    assert str(caught.value) == "damaged: it has more pixels than its header says"


@pytest.mark.slow
def test_a_pipe_and_a_huge_sparse_file_are_named_by_training(tmp_path: Path) -> None:
    good = dicom(np.arange(256, dtype=np.uint8).reshape(16, 16))
    for number in range(60):
        (tmp_path / f"{number}.dcm").write_bytes(good + bytes([number, 0]))
    os.mkfifo(tmp_path / "pipe.dcm")
    with (tmp_path / "sparse.dcm").open("wb") as file:
        file.write(good[:132])
        file.truncate(3 * 10**9)
    names = [*(f"{number}.dcm" for number in range(60)), "pipe.dcm", "sparse.dcm"]
    files = [str(tmp_path / name) for name in names]
    data = hw.from_items({"file": files, "label": ["a", "b"] * 31}, input=FIELD, target="label")
    assert len(data.items) == 60
    assert sorted(data.problems["reason"].to_list()) == [
        "not a regular file",
        "too large: 3.0 gb, the limit is 0.5 gb",
    ]
