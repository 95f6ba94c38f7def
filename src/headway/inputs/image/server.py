"""Pictures: from the bytes of a file to the array that the model takes, within limits of format, pixels and memory."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from PIL import Image as PILImage

from headway.bundle.predictor import Predictor
from headway.bundle.reference import image_statistics
from headway.errors import ReadError
from headway.inputs.image.field import Image
from headway.serve.body import FORMATS, MEDIA_TYPES, check_media_type, pictures_of
from headway.serve.problems import Kind, Problem
from headway.serve.reader import Asked, Item, Reader
from headway.serve.settings import MAX_FILES, Settings

__all__ = ["PictureReader"]

_LARGE_PIXELS = 8_000_000


class PictureReader(Reader):
    """Reads pictures as the model's input field does, having looked at their headers first.

    Args:
        predictor: The bundle's predictor.
        settings: The limits.
    """

    noun = "pictures"
    place = "file"
    summary = "Say what is in a picture, or in several."
    takes = """Takes the bytes of an image file as the body, or a form with one or more parts named `file`.

One picture is answered by its prediction, several by a list of them in their order."""
    media_types = MEDIA_TYPES
    problems = (*(Kind.TOO_MANY_PIXELS, Kind.TOO_MANY_FILES, Kind.UNSUPPORTED_MEDIA, Kind.UNREADABLE, Kind.NO_PICTURE),)

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        self._input = predictor.input
        self._is_located = predictor.target.is_in_picture
        self._max_pixels = settings.max_pixels
        self._is_logged = settings.log is not None
        # Of large pictures there is one in memory at a time.
        self._large = threading.Lock()

    def is_slow(self, body: bytes, content_type: str) -> bool:
        return content_type[:20].lower().startswith("multipart/")

    def split(self, body: bytes, content_type: str) -> tuple[Sequence[Item], bool]:
        pictures = pictures_of(body, content_type)
        return pictures, len(pictures) > 1

    def read(self, item: Item) -> Asked:
        check_media_type(item.media_type)
        with self._large if self._num_pixels(item.data) > _LARGE_PIXELS else nullcontext():
            try:
                array = self._input.read(item.data)
                frame = self._input.seen(item.data) if self._is_located else None
            except ReadError as error:
                raise Problem(Kind.UNREADABLE, f"The picture is {error}.") from error
        statistics = {"bytes": len(item.data), **image_statistics(array)} if self._is_logged else {}
        return Asked(array, frame, statistics=statistics)

    def example(self) -> np.ndarray:
        return self._input.read(np.zeros((8, 8, 3), np.uint8))

    def describe_body(self) -> dict[str, Any]:
        picture = {"schema": {"type": "string", "format": "binary"}}
        file = {"type": "array", "items": picture["schema"], "minItems": 1, "maxItems": MAX_FILES}
        form = {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": file | {"description": "One picture, or several with this name."}},
            }
        }
        content = dict.fromkeys((*MEDIA_TYPES, "application/octet-stream"), picture)
        return {"requestBody": {"required": True, "content": content | {"multipart/form-data": form}}}

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
