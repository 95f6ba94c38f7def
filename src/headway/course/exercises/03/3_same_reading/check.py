"""Checks that `read` reads as training did."""

import io

import numpy as np
from PIL import Image, ImageDraw

from headway import Image as Field
from headway.course.checking import case, close, equal, function, shape

read = function("read", "data", "size")
SIZE = 32


def saved(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def photo(width: int = 90, height: int = 60) -> Image.Image:
    """Fine detail in three colours, different on all four sides."""
    numbers = np.random.default_rng(width)
    small = numbers.integers(0, 255, (height // 6, width // 6, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    ImageDraw.Draw(picture).rectangle((2, 2, width // 3, 8), fill="red")
    return picture


def as_trained(data: bytes) -> np.ndarray:
    return Field("file", size=SIZE, squeeze=100).read(data)


@case("gives a square of bytes")
def _():
    pixels = read(saved(photo()), SIZE)
    shape(pixels, (SIZE, SIZE, 3))
    equal(np.asarray(pixels).dtype.name, "uint8", meaning="0 to 255, as the graph takes them")


@case("red comes first")
def _():
    pixels = read(saved(Image.new("RGB", (40, 40), (200, 100, 50))), SIZE)
    close(pixels[0, 0], [200, 100, 50], meaning="red, green, blue: another order shows the model other colours")


@case("transparent parts are white")
def _():
    drawing = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    ImageDraw.Draw(drawing).ellipse((10, 10, 30, 30), fill=(255, 0, 0, 255))
    pixels = read(saved(drawing), SIZE)
    close(pixels[0, 0], [255, 255, 255], meaning="the corner is transparent; training saw it white")
    close(pixels, as_trained(saved(drawing)), meaning="also where the drawing's edge is half transparent")


@case("photos are upright")
def _():
    exif = Image.Exif()
    # The camera was turned: what is stored sideways is to be shown upright.
    exif[0x0112] = 6
    data = saved(photo(), "PNG", exif=exif)
    close(read(data, SIZE), as_trained(data), meaning="EXIF says that the photo lies on its side: turn it first")


@case("shrinks as training did")
def _():
    data = saved(photo(180, 132))
    close(
        read(data, SIZE),
        as_trained(data),
        meaning="another filter gives other pixels, and the model sees another picture",
    )


@case("reads palettes and grey pictures", section="export")
def _():
    for kind in ("P", "L"):
        data = saved(photo().convert(kind))
        close(read(data, SIZE), as_trained(data), meaning=f"a picture of Pillow's mode {kind}")


@case("the model answers the same", section="export")
def _():
    # A stand-in for a network: some fixed weights on what it is shown.
    weights = np.random.default_rng(0).normal(size=(SIZE, SIZE, 3))
    for width, height in ((60, 60), (96, 60), (48, 120)):
        data = saved(photo(width, height), "PNG")
        answer, expected = ((weights * pixels / 255).sum() for pixels in (read(data, SIZE), as_trained(data)))
        close(float(answer), float(expected), within=1e-5, meaning="the same file, the same model: the same output")
