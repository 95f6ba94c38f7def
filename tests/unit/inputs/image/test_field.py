from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from headway.errors import ConfigError, ReadError
from headway.inputs.image import field as image_module
from headway.inputs.image.field import Image

FIELD = Image("file", size=16, crop=1.0)
GREY = Image("file", size=16, channels=1, crop=1.0)


def encoded(image: PILImage.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def flat(mode: str, colour: Any, size: tuple[int, int] = (20, 20)) -> PILImage.Image:
    return PILImage.new(mode, size, colour)


def scene(width: int = 30, height: int = 50) -> np.ndarray:
    """Nothing in it is like anything else: a picture whose every turn and mirror differs."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 0)
    return pixels


def exif_with(orientation: int, *others: tuple[int, int, int, bytes]) -> bytes:
    """EXIF of an orientation and of other tags `(tag, type, count, value)`, sensible or not."""
    tags = [(0x112, 3, 1, struct.pack("<HH", orientation, 0)), *others]
    packed = b"".join(struct.pack("<HHI", *tag[:3]) + tag[3] for tag in tags)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags)) + packed + bytes(4)


def png_claiming(width: int, height: int) -> bytes:
    """The head of a PNG of any size; there are no pixels in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def refusal(value: Any, field: Image = FIELD) -> str:
    with pytest.raises(ReadError) as caught:
        field.read(value)
    text = str(caught.value)
    assert "\n" not in text
    return text


# Shapes and places.


@pytest.mark.parametrize(
    ("size", "crop", "side"), [(224, 0.875, 256), (28, 1.0, 28), (32, 0.875, 37), (192, 0.875, 219)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_canvas_and_view_have_their_sizes(size: int, crop: float, side: int, channels: int) -> None:
    field = Image("file", size=size, channels=channels, crop=crop)
    canvas, seen = field.canvas(scene()), field.read(scene())
    assert field.side == side
    assert canvas.shape == (side, side, channels)
    assert seen.shape == (size, size, channels)
    assert canvas.dtype == seen.dtype == np.uint8
    start = (side - size) // 2
    np.testing.assert_array_equal(seen, canvas[start : start + size, start : start + size])


def test_a_batch_of_canvases_is_viewed_like_each_of_them() -> None:
    field = Image("file", size=12, crop=0.7)
    canvases = np.random.default_rng(0).integers(0, 256, (3, field.side, field.side, 3), dtype=np.uint8)
    views = field.view(canvases)
    assert np.shares_memory(views, canvases)
    for canvas, seen in zip(canvases, views, strict=True):
        np.testing.assert_array_equal(field.view(canvas), seen)
    np.testing.assert_array_equal(field.collate(list(views)), views)


def seen_span(field: Image, width: int, height: int) -> tuple[float, float]:
    """The first and the last column of a photo, as shares of its width, that the field sees."""
    ramp = np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (height, width))
    seen = field.read(ramp)[field.size // 2, :, 0] / 255
    # The outermost pixels lie half a pixel within what is seen.
    half = (seen[-3] - seen[2]) / (field.size - 5) / 2
    return float(seen[2] - 5 * half), float(seen[-3] + 5 * half)


@pytest.mark.parametrize(
    ("width", "height", "squeeze", "share"),
    [
        (100, 100, 1.0, 1),
        (200, 100, 1.0, 1 / 2),
        (120, 100, 1.25, 1),
        (125, 100, 1.25, 1),
        (250, 100, 1.25, 1 / 2),
        (400, 100, 2.0, 1 / 2),
        (400, 100, 4.0, 1),
        (100, 300, 1.25, 1),
    ],
)
def test_a_photo_is_squeezed_up_to_a_limit_and_then_cut_alike_at_both_ends(
    width: int, height: int, squeeze: float, share: float
) -> None:
    for mode in (1, 3):
        field = Image("file", size=60, channels=mode, squeeze=squeeze)
        first, last = seen_span(field, width, height)
        assert first == pytest.approx((1 - share) / 2, abs=0.01)
        assert last == pytest.approx((1 + share) / 2, abs=0.01)


def test_width_and_height_are_treated_alike() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 200, 3), dtype=np.uint8)
    lying, standing = FIELD.read(pixels), FIELD.read(pixels.transpose(1, 0, 2))
    np.testing.assert_allclose(standing.transpose(1, 0, 2), lying, atol=1)


def test_an_image_of_the_canvas_size_is_untouched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(FIELD.read(pixels), pixels)
    np.testing.assert_array_equal(GREY.read(pixels[..., 0])[..., 0], pixels[..., 0])


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 7)])
def test_tiny_and_thin_images_are_scaled_up(size: tuple[int, int]) -> None:
    assert (FIELD.read(flat("RGB", (9, 8, 7), size)) == (9, 8, 7)).all()


def test_colour_becomes_grey_and_grey_colour() -> None:
    seen = GREY.read(flat("RGB", (255, 0, 0)))
    assert seen.shape == (16, 16, 1)
    assert (seen == 76).all()
    assert (FIELD.read(flat("L", 33)) == 33).all()


def test_thumbnails_are_averages() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    mean = pixels.reshape(4, 4, 4, 4, 3).mean((1, 3))
    small = FIELD.thumbnail(pixels, 4)
    assert small.shape == (4, 4, 3)
    assert small.dtype == np.uint8
    np.testing.assert_allclose(small, mean, atol=1)
    assert GREY.thumbnail(pixels[..., :1], 4).shape == (4, 4, 1)


# What it may be given.


def test_every_way_to_give_an_image_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(PILImage.fromarray(scene()), "PNG")
    path = tmp_path / "a photo, ü.png"
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    expected = FIELD.read(scene())
    with path.open("rb") as file, PILImage.open(path) as opened:
        ways = [path, str(path), path.name, data, bytearray(data), memoryview(data), file, io.BytesIO(data), opened]
        for way in [*ways, PILImage.fromarray(scene())]:
            np.testing.assert_array_equal(FIELD.read(way), expected, err_msg=repr(way)[:60])


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM", "ICO"])
def test_common_formats_are_read(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    seen = FIELD.read(encoded(PILImage.fromarray(scene(32, 32)), kind, **options))
    np.testing.assert_allclose(seen, FIELD.read(scene(32, 32)), atol=2)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "LA", "La", "PA", "I;16"]
)
def test_every_mode_of_pillow_is_taken_and_the_users_image_stays(mode: str) -> None:
    image = PILImage.new(mode, (20, 30))
    image.info["note"] = "mine"
    before = (image.mode, image.size, image.tobytes(), dict(image.info))
    for field in (FIELD, GREY):
        assert field.read(image).shape == (16, 16, field.channels)
    assert (image.mode, image.size, image.tobytes(), dict(image.info)) == before


def test_a_jpeg_that_the_user_opened_is_not_shrunk_or_turned() -> None:
    data = encoded(PILImage.fromarray(scene(600, 400)), "JPEG", exif=exif_with(6))
    with PILImage.open(io.BytesIO(data)) as image:
        FIELD.read(image)
        assert image.size == (600, 400)
        assert image.getexif()[0x112] == 6
        with PILImage.open(io.BytesIO(data)) as fresh:
            assert image.tobytes() == fresh.tobytes()


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
@pytest.mark.parametrize(
    ("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.float64, 1), (np.float16, 1)]
)
def test_arrays_of_each_kind_mean_the_same(channels: tuple[int, ...], dtype: Any, full: float) -> None:
    array = np.full((16, 16, *channels), full, dtype=dtype)
    array[:8, ..., :] = 0 if not channels else array[:8]
    array[:8] = 0
    if channels == (4,):
        array[..., 3] = full
    seen = FIELD.read(array)
    assert (seen[:8] == 0).all()
    assert (seen[8:] == 255).all()


def test_arrays_of_more_bits_are_rounded() -> None:
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(GREY.read(eight.astype(np.uint16) * 257)[..., 0], eight)
    nearly = eight.astype(np.uint16) * 257 + np.where(eight < 255, 128, 0).astype(np.uint16)
    np.testing.assert_array_equal(GREY.read(nearly)[..., 0], eight)
    np.testing.assert_array_equal(GREY.read(eight / 255)[..., 0], eight)


def test_arrays_are_left_alone_and_may_be_views() -> None:
    array = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    before = array.copy()
    np.testing.assert_array_equal(FIELD.read(array[::2, ::-2]), FIELD.read(array[::2, ::-2].copy()))
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros(4, np.uint8), "an array must be [height, width] or [height, width, 1, 3 or 4], not [4]"),
        (
            np.zeros((4, 4, 2), np.uint8),
            "an array must be [height, width] or [height, width, 1, 3 or 4], not [4, 4, 2]",
        ),
        (
            np.zeros((3, 8, 8), np.uint8),
            "an array must be [height, width] or [height, width, 1, 3 or 4], not [3, 8, 8]",
        ),
        (np.zeros((4, 4), np.int64), "an array must be uint8, uint16 or float, not int64"),
        (np.zeros((4, 4), bool), "an array must be uint8, uint16 or float, not bool"),
        (np.full((4, 4), 1.01), "a float array must lie between 0 and 1"),
        (np.full((4, 4), -0.01), "a float array must lie between 0 and 1"),
        (np.full((4, 4), np.nan), "a float array must lie between 0 and 1"),
    ],
)
def test_arrays_that_are_no_images_are_refused(array: np.ndarray, text: str) -> None:
    assert refusal(array) == f"not an image: {text}"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(("shape", "text"), [((0, 5), "5 x 0"), ((5, 0, 3), "0 x 5")])
def test_arrays_without_pixels_are_refused(shape: tuple[int, ...], text: str, dtype: Any) -> None:
    assert refusal(np.zeros(shape, dtype)) == f"empty: {text} pixels"


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "NoneType"), (7, "int"), ([[1, 2]], "list"), (io.StringIO("a"), "str")]
)
def test_other_things_are_refused(value: Any, kind: str) -> None:
    assert refusal(value) == f"not an image: expected a path, bytes, an array or a PIL image, not {kind}"


# How photos come.

STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    # From the EXIF standard: which side of the scene the stored picture's first row and first column are.
    1: lambda shown: shown,
    2: lambda shown: shown[:, ::-1],
    3: lambda shown: shown[::-1, ::-1],
    4: lambda shown: shown[::-1],
    5: lambda shown: shown.transpose(1, 0, 2),
    6: lambda shown: shown[:, ::-1].transpose(1, 0, 2),
    7: lambda shown: shown[::-1, ::-1].transpose(1, 0, 2),
    8: lambda shown: shown[::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_rotation_is_applied(orientation: int, kind: str) -> None:
    stored = PILImage.fromarray(np.ascontiguousarray(STORED[orientation](scene(30, 50))))
    exif = PILImage.Exif()
    exif[0x112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    seen = FIELD.read(encoded(stored, kind, exif=exif, **options))
    np.testing.assert_allclose(seen, FIELD.read(scene(30, 50)), atol=12 if kind == "JPEG" else 0)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_means_nothing_turns_nothing(orientation: int) -> None:
    data = encoded(PILImage.fromarray(scene()), "PNG", exif=exif_with(orientation))
    np.testing.assert_array_equal(FIELD.read(data), FIELD.read(scene()))


@pytest.mark.parametrize(
    "other",
    [
        (0x10F, 11, 1, struct.pack("<f", 1.5)),  # the maker's name as a number
        (0x11A, 7, 4, b"abcd"),  # the resolution as bytes
        (0x128, 5, 1, bytes(4)),  # a unit as a fraction that lies nowhere
        (0x132, 3, 1, b"\x01\0\0\0"),  # the date as a number
    ],
)
def test_nonsense_beside_the_orientation_does_no_harm(other: tuple[int, int, int, bytes]) -> None:
    stored = PILImage.fromarray(np.ascontiguousarray(STORED[6](scene())))
    data = encoded(stored, "JPEG", exif=exif_with(6, other), quality=100, subsampling=0)
    np.testing.assert_allclose(FIELD.read(data), FIELD.read(scene()), atol=12)


def test_exif_that_is_garbage_turns_nothing() -> None:
    data = encoded(PILImage.fromarray(scene()), "JPEG", exif=b"Exif\0\0" + b"garbage!" * 4, quality=100, subsampling=0)
    np.testing.assert_allclose(FIELD.read(data), FIELD.read(scene()), atol=12)


def test_a_palette_is_looked_up() -> None:
    image = PILImage.fromarray(scene()).quantize(8)
    np.testing.assert_array_equal(FIELD.read(encoded(image, "PNG")), FIELD.read(scene()))


def test_a_transparent_palette_lies_on_white() -> None:
    image = flat("P", 0)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.paste(1, (10, 0, 20, 20))
    seen = FIELD.read(encoded(image, "PNG", transparency=0))
    assert (seen[8, 2] == 255).all()
    assert seen[8, 13].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (flat("RGBA", (255, 0, 0, 0)), (255, 255, 255)),
        (flat("RGBA", (255, 0, 0, 255)), (255, 0, 0)),
        (flat("RGBA", (255, 0, 0, 128)), (255, 127, 127)),
        (flat("LA", (0, 0)), (255, 255, 255)),
        (flat("LA", (50, 255)), (50, 50, 50)),
        (flat("LA", (0, 128)), (127, 127, 127)),
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_transparency_is_laid_on_white(image: PILImage.Image, colour: tuple[int, ...], in_file: bool) -> None:
    value = encoded(image, "PNG") if in_file else image
    assert (FIELD.read(value) == colour).all()
    grey = round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2])
    np.testing.assert_allclose(GREY.read(value), grey, atol=1)


def test_a_colour_that_png_calls_transparent_lies_on_white() -> None:
    image = flat("RGB", (0, 255, 0))
    image.paste((1, 2, 3), (10, 0, 20, 20))
    seen = FIELD.read(encoded(image, "PNG", transparency=(0, 255, 0)))
    assert (seen[8, 2] == 255).all()
    assert seen[8, 13].tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_to_8(kind: str) -> None:
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = PILImage.fromarray(eight.astype(np.uint16) * 257)
    assert image.mode == "I;16"
    np.testing.assert_array_equal(GREY.read(encoded(image, kind))[..., 0], eight)
    np.testing.assert_array_equal(FIELD.read(encoded(image, kind))[..., 1], eight)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 256, 65535], np.int32), [0, 1, 255]),
        (np.array([-5, 0, 99999], np.int32), [0, 0, 255]),
        (np.array([0, 0.5, 1], np.float32), [0, 128, 255]),
        (np.array([0, 0.5, 200], np.float32), [0, 128, 255]),
        (np.array([np.nan, -1, 0.2], np.float32), [0, 0, 51]),
    ],
)
def test_32_bit_images_have_16_bits_or_shares_where_no_set_says_otherwise(
    values: np.ndarray, expected: list[int]
) -> None:
    image = PILImage.fromarray(np.repeat(np.repeat(values, 16)[None], 48, 0))
    assert image.mode in "IF"
    assert Image("file", size=48, channels=1, crop=1.0).read(image)[20, [8, 24, 40], 0].tolist() == expected


def test_cmyk_is_turned_into_the_colours_one_sees() -> None:
    data = encoded(flat("CMYK", (0, 255, 255, 0)), "JPEG", quality=100)
    assert np.abs(FIELD.read(data).astype(int) - (255, 0, 0)).max() < 12


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation_counts(kind: str) -> None:
    frames = [flat("RGB", colour) for colour in ((255, 0, 0), (0, 0, 255), (0, 255, 0))]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with PILImage.open(io.BytesIO(data)) as image:
        assert image.n_frames == 3
    assert np.abs(FIELD.read(data).astype(int) - (255, 0, 0)).max() < 12


def test_one_bit_is_black_and_white() -> None:
    image = flat("1", 0)
    image.paste(1, (10, 0, 20, 20))
    seen = GREY.read(encoded(image, "PNG"))
    assert seen[8, 2, 0] == 0
    assert seen[8, 13, 0] == 255


@pytest.mark.parametrize("size", [16, 100, 200])
@pytest.mark.parametrize("field_channels", [1, 3])
def test_a_large_jpeg_is_decoded_smaller_but_looks_the_same(size: int, field_channels: int) -> None:
    down, across = np.mgrid[0:900, 0:1200]
    waves = [128 + 100 * np.sin(across / a) * np.cos(down / b) for a, b in ((90, 70), (50, 120), (200, 60))]
    data = encoded(PILImage.fromarray(np.stack(waves, -1).astype(np.uint8)), "JPEG", quality=95)
    field = Image("file", size=size, channels=field_channels, crop=1.0)
    with PILImage.open(io.BytesIO(data)) as whole:
        whole.load()
        expected = field.read(PILImage.fromarray(np.asarray(whole))).astype(float)
    difference = field.read(data) - expected
    assert np.abs(difference).mean() < 2
    assert np.abs(difference).max() < 10
    assert np.abs(difference.mean((0, 1))).max() < 0.3
    mode = "L" if field_channels == 1 else "RGB"
    drafted = image_module._open(data, draft=(mode, size))
    assert size <= min(drafted.size) < 900
    assert min(drafted.size) < 2 * size or drafted.size == (150, 113)


def test_a_jpeg_smaller_than_the_canvas_is_decoded_whole() -> None:
    data = encoded(PILImage.fromarray(scene(40, 30)), "JPEG")
    assert image_module._open(data, draft=("RGB", 64)).size == (40, 30)


# What cannot be read.


def test_what_is_no_image_says_so(tmp_path: Path) -> None:
    assert refusal(b"") == "empty: 0 bytes"
    assert refusal(io.BytesIO(b"")) == "empty: 0 bytes"
    assert refusal(b"Hello, this is a text.") == "not an image that Pillow can read"
    assert refusal(tmp_path) == "a folder, not a file"
    assert refusal(tmp_path / "none.png") == "no such file"
    assert refusal(str(tmp_path / "none.png")) == "no such file"
    assert refusal("").startswith("a folder")
    assert refusal("a\0b").startswith("damaged: embedded null")
    (tmp_path / "note.jpg").write_text("a note")
    assert refusal(tmp_path / "note.jpg") == "not an image that Pillow can read"


def test_no_permission_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, who may read everything.
    def refused(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("headway.inputs.image.field.read_file", refused)
    assert refusal("photo.jpg") == "no permission to read it"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    data = encoded(PILImage.fromarray(pixels), kind)
    text = refusal(data[: int(len(data) * share)])
    assert text == "not an image that Pillow can read" or text.startswith("damaged: ")


def test_a_truncated_jpeg_says_that_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    data = encoded(PILImage.fromarray(pixels), "JPEG")
    assert refusal(data[: len(data) // 2]).startswith("damaged: image file is truncated")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_absurdly_large_image_is_refused_by_its_header() -> None:
    assert refusal(png_claiming(20_000, 6_000)) == "too large: 20000 x 6000 is 120 megapixels, the limit is 100"
    assert refusal(png_claiming(60_000, 60_000)) == "too large: over 100 megapixels"


def test_the_limit_itself_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert image_module.MAX_PIXELS == 100_000_000
    monkeypatch.setattr(image_module, "MAX_PIXELS", 400)
    for value in (flat("RGB", 5), np.zeros((20, 20), np.uint8), encoded(flat("RGB", 5), "PNG")):
        assert FIELD.read(value).shape == (16, 16, 3)
    larger = flat("RGB", 5, (20, 21))
    for value in (larger, np.zeros((21, 20), np.uint8), encoded(larger, "PNG"), encoded(larger, "JPEG")):
        assert refusal(value).startswith("too large: 20 x 21 is")


# The field itself.


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 7},
        {"size": 2049},
        {"channels": 2},
        {"channels": 4},
        {"crop": 0},
        {"crop": 1.01},
        {"crop": float("nan")},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Image("file", **wrong)


def test_fit_learns_nothing() -> None:
    import polars as pl

    assert FIELD.fit(pl.DataFrame({"file": []})) is FIELD
