"""The body of a request, read under limits of size, speed and memory, and taken apart into pictures.

Nothing here trusts what a client says of itself: `Content-Length` may only make a refusal quicker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from headway.serve.problems import Kind, Problem
from headway.serve.reader import Item
from headway.serve.settings import MAX_FILES

__all__ = ["FORMATS", "MEDIA_TYPES", "Held", "check_media_type", "pictures_of", "read_body"]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""Pillow's names of what a server reads. Pillow knows many more, some of which start other programs."""

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff", "image/avif")
_ALIASES = ("image/jpg", "image/pjpeg", "image/apng", "image/x-ms-bmp", "image/*", "application/octet-stream")

# A body may take this long, and a second more for each so many bytes.
_GRACE_SECONDS = 10.0
_SLOWEST_BYTES_A_SECOND = 50_000


class Held:
    """How many bytes all requests together hold in memory. Used by the event loop's thread alone.

    Args:
        limit: The most there may be.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0

    @contextmanager
    def request(self) -> Iterator[Share]:
        """One request's share, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.bytes -= share.bytes


class Share:
    """What one request holds of `Held`."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.bytes = 0

    def add(self, count: int) -> None:
        """Notes more bytes.

        Raises:
            Problem: If there is no room for them.
        """
        if self._held.bytes + count > self._held.limit:
            detail = "Too many large bodies are arriving at once. Try again in a moment."
            raise Problem(Kind.BUSY, detail, headers={"retry-after": "1"})
        self._held.bytes += count
        self.bytes += count


async def read_body(request: Request, *, max_bytes: int, share: Share) -> bytes:
    """The whole body.

    Args:
        request: Whose body was not touched yet.
        max_bytes: The largest body there may be.
        share: Where the bytes are counted as they arrive.

    Raises:
        Problem: If it is too large, too slow, or there is no room for it.
        ClientDisconnect: If the client goes away meanwhile.
    """
    if int(request.headers.get("content-length", "0")) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    received = 0
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        async with asyncio.timeout(_GRACE_SECONDS) as limit:
            async for chunk in request.stream():
                received += len(chunk)
                if received > max_bytes:
                    raise _too_large(max_bytes)
                share.add(len(chunk))
                chunks.append(chunk)
                limit.reschedule(start + _GRACE_SECONDS + received / _SLOWEST_BYTES_A_SECOND)
    except TimeoutError:
        seconds = loop.time() - start
        detail = f"{received:,} bytes came in {seconds:.0f} seconds. Send it over a faster line, or less of it."
        raise Problem(Kind.SLOW_BODY, detail, headers={"connection": "close"}) from None
    return b"".join(chunks)


def _too_large(max_bytes: int) -> Problem:
    detail = f"The limit is {max_bytes / 1e6:.3g} MB a request. Send less at once."
    return Problem(Kind.TOO_LARGE, detail)


def pictures_of(body: bytes, content_type: str) -> list[Item]:
    """The pictures in a body: one where it is raw, several where it is `multipart/form-data`.

    Args:
        body: The whole body.
        content_type: The request's `Content-Type`; empty where there is none.

    Returns:
        At least one picture. Their media types are not checked yet.

    Raises:
        Problem: If there is none, if there are too many, or if the parts cannot be told apart.
    """
    media_type, options = parse_options_header(content_type)
    if media_type != b"multipart/form-data":
        if not body:
            raise Problem(Kind.NO_PICTURE, "The body is empty. Send the bytes of an image file.")
        return [Item(media_type=media_type.decode("latin-1"), data=body)]
    if not options.get(b"boundary"):
        raise Problem(Kind.BAD_REQUEST, "The multipart body has no boundary in its Content-Type.")
    parts = _Parts(body)
    try:
        parser = MultipartParser(options[b"boundary"], parts.callbacks())  # pyright: ignore[reportArgumentType]
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Problem(Kind.BAD_REQUEST, f"The multipart body cannot be read: {error}") from error
    pictures = [picture for name, picture in parts.found if name == b"file"]
    if not pictures:
        names = ", ".join(sorted({name.decode("utf-8", "replace")[:40] for name, _ in parts.found}))
        detail = f'The form has no part named "file"{f"; it has: {names}" if names else ""}.'
        raise Problem(Kind.NO_PICTURE, detail)
    if len(pictures) > MAX_FILES:
        raise Problem(Kind.TOO_MANY_FILES, f"{len(pictures)} pictures came, the limit is {MAX_FILES} a request.")
    return pictures


def check_media_type(media_type: str) -> None:
    """Refuses what is said to be no picture, or a kind of picture that is not read.

    Raises:
        Problem: Unless it is one of `MEDIA_TYPES`, or not said.
    """
    if media_type and media_type not in MEDIA_TYPES and media_type not in _ALIASES:
        kinds = f"{', '.join(FORMATS[:-1])} and {FORMATS[-1]}"
        detail = f"{media_type[:80]} is not a kind of picture that is read. These are: {kinds}."
        raise Problem(Kind.UNSUPPORTED_MEDIA, detail, headers={"accept": ", ".join(MEDIA_TYPES)})


class _Parts:
    """Collects the parts of a form as the parser comes upon them."""

    def __init__(self, body: bytes) -> None:
        self.found: list[tuple[bytes, Item]] = []
        self._body = body
        self._begin()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value, self._chunks = b"", b"", []

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._chunks.append(data[start:end])

    def _end(self) -> None:
        if len(self.found) > 4 * MAX_FILES:
            raise Problem(Kind.TOO_MANY_FILES, f"The form has more than {4 * MAX_FILES} parts.")
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        media_type, _ = parse_options_header(self._headers.get(b"content-type", b""))
        picture = Item(
            name=options.get(b"filename", b"").decode("utf-8", "replace")[:200],
            media_type=media_type.decode("latin-1"),
            data=b"".join(self._chunks),
        )
        self.found.append((options.get(b"name", b""), picture))
