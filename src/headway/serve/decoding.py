"""From the bytes of a picture to the array that the model takes, within limits of format, pixels and memory."""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext

import numpy as np
from PIL import Image as PILImage

from headway.errors import ReadError
from headway.fields import Image, Input
from headway.serve.body import FORMATS, Picture, check_media_type
from headway.serve.problems import Kind, Problem

__all__ = ["Decoder"]

_LARGE_PIXELS = 8_000_000


class Decoder:
    """Reads pictures as the model's input field does, having looked at their headers first. Threads may share it.

    Args:
        input: The bundle's input field.
        max_pixels: The largest picture, in pixels as they are decoded.
    """

    def __init__(self, input: Input, *, max_pixels: int) -> None:
        self._input = input
        self._max_pixels = max_pixels
        # Of large pictures there is one in memory at a time.
        self._large = threading.Lock()

    def read(self, picture: Picture) -> np.ndarray:
        """What the model takes for a picture.

        Raises:
            Problem: If it is of a kind that is not read, has too many pixels, or cannot be decoded.
        """
        check_media_type(picture.media_type)
        with self._large if self._num_pixels(picture.data) > _LARGE_PIXELS else nullcontext():
            try:
                return self._input.read(picture.data)
            except ReadError as error:
                raise Problem(Kind.UNREADABLE, f"The picture is {error}.") from error

    def _num_pixels(self, data: bytes) -> int:
        """How many pixels will be in memory, by the header alone."""
        try:
            image = PILImage.open(io.BytesIO(data), formats=FORMATS)
            # A progressive JPEG is held whole in memory, even to be decoded small.
            if isinstance(self._input, Image) and not image.info.get("progressive"):
                image.draft("RGB", (self._input.side, self._input.side))
        except PILImage.DecompressionBombError as error:
            raise self._too_many() from error
        # Pillow's plugins raise whatever their parsers trip over.
        except Exception as error:
            detail = f"It is not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file, or it is damaged."
            raise Problem(Kind.UNREADABLE, detail) from error
        width, height = image.size
        if width * height > self._max_pixels:
            raise self._too_many(image.size)
        return width * height

    def _too_many(self, size: tuple[int, int] | None = None) -> Problem:
        given = f"{size[0]} x {size[1]} pixels" if size else "far too many pixels"
        limit = f"{self._max_pixels / 1e6:.3g} megapixels"
        return Problem(Kind.TOO_MANY_PIXELS, f"The picture has {given}, the limit is {limit}. Send a smaller one.")
