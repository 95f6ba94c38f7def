"""Pictures in a request: their formats and their sizes are checked by their headers, before any pixel is decoded."""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext

from PIL import Image as PILImage

from headway.bundle.predictor import Predictor
from headway.errors import ReadError
from headway.inputs.image.dicom import picture_size
from headway.inputs.image.field import Image
from headway.inputs.image.scientific import HEAD_BYTES, is_dicom
from headway.serve.files import FileReader
from headway.serve.problems import Kind, Problem
from headway.serve.reader import Asked, Item
from headway.serve.settings import Settings

__all__ = ["FORMATS", "MEDIA_TYPES", "PictureReader"]

# Pillow's names of what a server reads. Pillow knows many more, some of which start other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff", "image/avif")
_ALIASES = (
    "image/jpg",
    "image/pjpeg",
    "image/apng",
    "image/x-ms-bmp",
    "image/*",
    "application/dicom",
    "application/octet-stream",
)

_LARGE_PIXELS = 8_000_000


class PictureReader(FileReader):
    """Reads pictures as the model's input field does, having looked at their headers first."""

    media_types = MEDIA_TYPES
    problems = (*FileReader.problems, Kind.TOO_MANY_PIXELS)

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        super().__init__(predictor, settings)
        assert isinstance(predictor.input, Image)
        self._side = predictor.input.side
        self._max_pixels = settings.max_pixels
        # Of large pictures there is one in memory at a time.
        self._large = threading.Lock()

    def read(self, item: Item) -> Asked:
        """As for any file, once type and size are known to be within limits."""
        if item.media_type and item.media_type not in (*MEDIA_TYPES, *_ALIASES):
            kinds = f"{', '.join(FORMATS[:-1])} and {FORMATS[-1]}"
            detail = f"{item.media_type[:80]} is not a kind of picture that is read. These are: {kinds}."
            raise Problem(Kind.UNSUPPORTED_MEDIA, detail, headers={"accept": ", ".join(MEDIA_TYPES)})
        with self._large if self._num_pixels(item.data) > _LARGE_PIXELS else nullcontext():
            return super().read(item)

    def _num_pixels(self, data: bytes) -> int:
        """How many pixels will be in memory, by the header alone."""
        if is_dicom(data[:HEAD_BYTES]):
            try:
                return self._within(picture_size(data))
            except ReadError as error:
                raise Problem(Kind.UNREADABLE, f"The picture is {error}.") from error
        try:
            image = PILImage.open(io.BytesIO(data), formats=FORMATS)
            # A progressive JPEG is held whole in memory, even to be decoded small.
            if not image.info.get("progressive"):
                image.draft("RGB", (self._side, self._side))
        except PILImage.DecompressionBombError as error:
            raise self._too_many() from error
        # Pillow's plugins raise whatever their parsers trip over.
        except Exception as error:
            detail = f"It is not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file, or it is damaged."
            raise Problem(Kind.UNREADABLE, detail) from error
        return self._within(image.size)

    def _within(self, size: tuple[int, int]) -> int:
        width, height = size
        if width * height > self._max_pixels:
            raise self._too_many(size)
        return width * height

    def _too_many(self, size: tuple[int, int] | None = None) -> Problem:
        given = f"{size[0]} x {size[1]} pixels" if size else "far too many pixels"
        limit = f"{self._max_pixels / 1e6:.3g} megapixels"
        return Problem(Kind.TOO_MANY_PIXELS, f"The picture has {given}, the limit is {limit}. Send a smaller one.")
