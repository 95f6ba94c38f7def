"""Whatever bytes or pixels come: the right shape, or a ReadError of one line; never another error."""

from __future__ import annotations

import contextlib
import io
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as PILImage

from headway.errors import ReadError
from headway.inputs.image.field import Image

FAST = settings(max_examples=100, deadline=None)
# Pillow warns of odd metadata and of sizes; what it says of damaged files is not of interest here.
pytestmark = pytest.mark.filterwarnings("ignore")

fields = st.builds(
    Image,
    st.just("file"),
    size=st.integers(8, 40),
    channels=st.sampled_from([1, 3]),
    crop=st.floats(0.3, 1),
)


def samples() -> list[bytes]:
    """A file of each kind, to be damaged."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    colour, exif = PILImage.fromarray(pixels[..., :3]), PILImage.Exif()
    exif[0x112], exif[0x10F] = 6, "maker"
    made: list[tuple[PILImage.Image, str, dict[str, Any]]] = [
        (colour, "JPEG", {"exif": exif}),
        (colour, "PNG", {"exif": exif}),
        (PILImage.fromarray(pixels), "PNG", {}),
        (colour.quantize(16), "GIF", {"save_all": True, "append_images": [colour.quantize(8)]}),
        (colour, "TIFF", {"exif": exif}),
        (colour, "WEBP", {}),
        (colour.convert("1"), "BMP", {}),
        (PILImage.fromarray(pixels[..., 0].astype(np.uint16) * 257), "PNG", {}),
    ]
    files = []
    for image, kind, options in made:
        file = io.BytesIO()
        image.save(file, kind, **options)
        files.append(file.getvalue())
    return files


SAMPLES = samples()


def assert_read_or_refused(field: Image, value: Any) -> None:
    try:
        seen, canvas = field.read(value), field.canvas(value)
    except ReadError as error:
        assert str(error)  # noqa: PT017
        assert len(str(error).splitlines()) == 1  # noqa: PT017
        return
    assert seen.shape == (field.size, field.size, field.channels)
    assert canvas.shape == (field.side, field.side, field.channels)
    assert seen.dtype == canvas.dtype == np.uint8
    np.testing.assert_array_equal(field.view(canvas), seen)


@FAST
@given(fields, st.binary(max_size=200))
def test_arbitrary_bytes(field: Image, data: bytes) -> None:
    assert_read_or_refused(field, data)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(fields, st.sampled_from(SAMPLES), st.integers(0, 2**32), st.integers(1, 12))
def test_damaged_files(field: Image, data: bytes, seed: int, changes: int) -> None:
    # Sizes are huge at times; the limit stops that, and here it is low, or the test would be slow.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headway.inputs.image.field.MAX_PIXELS", 10**6)
        assert_read_or_refused(field, damage(data, seed, changes))


def damage(data: bytes, seed: int, changes: int) -> bytes:
    """A file in which so many bytes are others."""
    draw, damaged = random.Random(seed), bytearray(data)
    for _ in range(changes):
        # Most of what matters stands at the beginning.
        at = draw.randrange(draw.choice([64, 300, len(damaged)]))
        with contextlib.suppress(IndexError):
            damaged[at] = draw.choice([0, 1, 127, 128, 255, draw.randrange(256)])
    return bytes(damaged)


def test_what_a_damaged_file_leaves_out_is_not_whatever_was_in_memory() -> None:
    """Files of three pages by their tags, of which one is there: found among 13,000 damaged ones."""
    field, seen = Image("file", size=8, channels=1), set()
    for fill in range(20):
        # What was in memory: as much of it as such a file's pages take.
        for size in (600, 1800, 2400):
            np.full((50, size), fill, np.uint8)
        for seed in (3197, 3513, 4726, 9357, 10505):
            seen.add((seed, field.read(damage(SAMPLES[4], seed, 1 + seed % 12)).tobytes()))
    assert len(seen) == 5


@FAST
@given(fields, st.sampled_from(SAMPLES), st.floats(0, 1))
def test_truncated_files(field: Image, data: bytes, share: float) -> None:
    assert_read_or_refused(field, data[: int(len(data) * share)])


anything = st.one_of(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16, np.float32, np.float64, np.int32, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    ),
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 3, 4]))),
    arrays.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 1, width=32)),
)


@pytest.mark.slow
@FAST
@given(fields, anything)
def test_arbitrary_arrays(field: Image, array: np.ndarray) -> None:
    before = array.copy()
    assert_read_or_refused(field, array)
    np.testing.assert_array_equal(array, before)


@FAST
@given(fields, st.integers(1, 60), st.integers(1, 60), st.tuples(*[st.integers(0, 255)] * 3))
def test_one_colour_stays_that_colour(field: Image, width: int, height: int, colour: tuple[int, int, int]) -> None:
    image = PILImage.new("RGB", (width, height), colour)
    expected = np.asarray(image.convert("L" if field.channels == 1 else "RGB"))[0, 0]
    assert (field.read(image) == expected).all()
