from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
import pytest
import tifffile

import headway as hw
from headway.errors import ReadError
from headway.inputs.image import scientific
from headway.inputs.image.scientific import Decoded, decode

DRAW = np.random.default_rng(0)
FIELD = hw.Image("file", size=16)


def tiff(values: np.ndarray, **options: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def decoded(values: np.ndarray, **options: Any) -> Decoded:
    result = decode(tiff(values, **options))
    assert result is not None
    return result


@pytest.mark.parametrize(
    "values",
    [
        DRAW.integers(0, 256, (16, 16), dtype=np.uint8),
        DRAW.integers(0, 256, (16, 16, 3), dtype=np.uint8),
        DRAW.integers(0, 4096, (16, 16), dtype=np.uint16),
        DRAW.random((16, 16), dtype=np.float32),
    ],
)
def test_what_pillow_reads_as_it_is_pillow_reads(values: np.ndarray) -> None:
    assert decode(tiff(values)) is None
    assert FIELD.read(tiff(values)).std() > 1


def test_colours_of_more_than_8_bits_keep_their_bits() -> None:
    values = DRAW.integers(0, 4096, (16, 16, 3), dtype=np.uint16)
    result = decoded(values, photometric="rgb")
    assert np.array_equal(result.values, values)
    assert result.value_range == (0, 4095)
    assert FIELD.read(tiff(values, photometric="rgb")) == pytest.approx(values / 4095 * 255, abs=0.51)


@pytest.mark.parametrize(
    ("shape", "axes", "expected", "note"),
    [
        ((5, 16, 18), "ZYX", lambda stack: stack[2], "slice 3 of 5 is read"),
        ((5, 16, 18), "TYX", lambda stack: stack[0], "page 1 of 5 is read"),
        ((3, 16, 18), "CYX", lambda stack: np.moveaxis(stack, 0, 2), ""),
        ((6, 16, 18), "CYX", lambda stack: np.moveaxis(stack[:3], 0, 2), "channels 1 to 3 of 6 are read"),
        ((4, 2, 16, 18), "ZCYX", lambda stack: np.moveaxis(stack[1], 0, 2), "slice 2 of 4 is read"),
    ],
)
def test_stacks_and_channels(shape: tuple[int, ...], axes: str, expected: Any, note: str) -> None:
    stack = DRAW.integers(0, 60_000, shape, dtype=np.uint16)
    result = decoded(stack, imagej=True, metadata={"axes": axes})
    assert result.note == note
    wanted = expected(stack)
    assert np.array_equal(result.values[..., : wanted.shape[-1]] if wanted.ndim == 3 else result.values, wanted)
    assert result.values.shape[2:] in ((), (3,))


def test_a_set_is_scaled_alike() -> None:
    files = [tiff(DRAW.integers(0, top, (16, 16, 3), dtype=np.uint16), photometric="rgb") for top in (900, 1000)]
    fitted = FIELD.fit(pl.DataFrame({"file": files}))
    assert fitted.value_range == (0, 1023)


def test_damaged_and_huge_ones_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tiff(DRAW.integers(0, 60_000, (5, 16, 18), dtype=np.uint16), imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(ReadError):
        FIELD.read(whole[:200])
    monkeypatch.setattr(scientific, "MAX_VALUES", 1000)
    with pytest.raises(ReadError) as caught:
        FIELD.read(whole)
    assert str(caught.value) == "too large: 18 x 80 pixels of 1 channels; the limit is 0 million values"
