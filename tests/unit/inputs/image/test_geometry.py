from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PILImage

from headway.errors import ReadError
from headway.inputs.image.field import Image
from headway.inputs.image.geometry import CropBox


def test_places_go_in_and_come_back() -> None:
    frame = CropBox(640, 480, 20, 0, 620, 480)
    corners = np.array([[20, 0], [620, 0], [320, 240], [0, 480]])
    np.testing.assert_allclose(frame.inside(corners), [[-1, -1], [1, -1], [0, 0], [-320 / 300, 1]])
    np.testing.assert_allclose(frame.outside(frame.inside(corners)), corners)


def test_a_part_of_a_part() -> None:
    whole = CropBox(100, 50, 0, 0, 100, 50)
    # The lower right quarter of a square of 10 pixels that shows all of it.
    part = whole.part(CropBox(10, 10, 5, 5, 10, 10))
    assert part == CropBox(100, 50, 50, 25, 100, 50)


@pytest.mark.parametrize(
    ("shape", "box"),
    [((100, 100), (0, 0, 100, 100)), ((400, 300), (12.5, 0, 387.5, 300)), ((100, 300), (0, 87.5, 100, 212.5))],
)
def test_the_canvas_shows_the_middle(shape: tuple[int, int], box: tuple[float, ...]) -> None:
    width, height = shape
    photo = np.zeros((height, width, 3), dtype=np.uint8)
    assert Image("file", size=32).frame(photo) == CropBox(width, height, *box)
    assert Image("file", size=32).geometry(photo) == CropBox(width, height, *box)


def test_what_is_seen_is_the_centre_of_the_canvas() -> None:
    field = Image("file", size=32, crop=0.8)
    photo = np.zeros((80, 80, 3), dtype=np.uint8)
    assert field.window == CropBox(40, 40, 4, 4, 36, 36)
    assert field.geometry(photo) == CropBox(80, 80, 8, 8, 72, 72)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_picture_is_the_upright_one(kind: str, orientation: int) -> None:
    exif = PILImage.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    PILImage.new("RGB", (60, 40)).save(file, kind, exif=exif)
    frame = Image("file", size=32).frame(file.getvalue())
    assert (frame.width, frame.height) == ((60, 40) if orientation < 5 else (40, 60))


def test_a_jpegs_pixels_are_not_decoded() -> None:
    file = io.BytesIO()
    PILImage.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)).save(file, "JPEG")
    # Cut short, it can no longer be decoded.
    assert Image("file").frame(file.getvalue()[:2000]) == CropBox(300, 200, 25, 0, 275, 200)


def test_what_is_no_picture_is_said_in_a_line() -> None:
    with pytest.raises(ReadError, match=r"^not an image that Pillow can read$"):
        Image("file").frame(b"no picture")
