"""Files: from a request's body, the bytes of one or a form of several, to the arrays that the model takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from headway.bundle.predictor import Predictor
from headway.errors import ReadError
from headway.serve.problems import Kind, Problem
from headway.serve.reader import Asked, Item, Reader
from headway.serve.settings import MAX_FILES, Settings

__all__ = ["FileReader", "files_of"]


class FileReader(Reader):
    """Reads files as the model's input field does. A kind of input may check their types and headers first."""

    key = ("file", "The name that the file came with.")
    media_types: ClassVar[tuple[str, ...]] = ("application/octet-stream",)
    problems = (Kind.TOO_MANY_FILES, Kind.UNSUPPORTED_MEDIA, Kind.UNREADABLE, Kind.NO_FILE)

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        self._input = predictor.input
        self._needs_geometry = predictor.target.needs_geometry
        # Statistics cost time at each request, and only a log reads them.
        self._is_logged = settings.log is not None
        noun, nouns = self._input.noun, self._input.nouns
        self.summary = f"Answer for a {noun}, or for several."
        self.takes = (
            "Takes the bytes of a file as the body, or a form with one or more parts named `file`.\n\n"
            f"One {noun} is answered by its prediction, several {nouns} by a list of them in their order."
        )

    def is_slow(self, body: bytes, content_type: str) -> bool:
        # A form is searched for its boundaries byte by byte; a raw body is one file as it stands.
        return content_type[:20].lower().startswith("multipart/")

    def split(self, body: bytes, content_type: str) -> tuple[Sequence[Item], bool]:
        files = files_of(body, content_type)
        return files, len(files) > 1

    def read(self, item: Item) -> Asked:
        try:
            array, notes = self._input.read_noted(item.data)
            geometry = self._input.geometry(item.data) if self._needs_geometry else None
        except ReadError as error:
            raise Problem(Kind.UNREADABLE, f"The {self._input.noun} is {error}.") from error
        statistics = {"bytes": len(item.data), **self._input.statistics(array)} if self._is_logged else {}
        return Asked(array, geometry=geometry, notes=notes, statistics=statistics)

    def describe_body(self) -> dict[str, Any]:
        binary = {"schema": {"type": "string", "format": "binary"}}
        description = f"One {self._input.noun}, or several with this name."
        file = {"type": "array", "items": binary["schema"], "minItems": 1, "maxItems": MAX_FILES}
        properties = {"file": file | {"description": description}}
        form = {"schema": {"type": "object", "required": ["file"], "properties": properties}}
        content = dict.fromkeys((*self.media_types, "application/octet-stream"), binary)
        return {"requestBody": {"required": True, "content": content | {"multipart/form-data": form}}}

    def example(self) -> np.ndarray:
        return np.zeros([length or 2 for length in self._input.shape], self._input.dtype)


def files_of(body: bytes, content_type: str) -> list[Item]:
    """The files in a body, at least one: one where it is raw, several where it is `multipart/form-data`.

    Raises:
        Problem: If there is none, if there are too many, or if the parts cannot be told apart.
    """
    media_type, options = parse_options_header(content_type)
    if media_type != b"multipart/form-data":
        if not body:
            raise Problem(Kind.NO_FILE, "The body is empty. Send the bytes of a file.")
        return [Item(media_type=media_type.decode("latin-1"), data=body)]
    if not options.get(b"boundary"):
        raise Problem(Kind.BAD_REQUEST, "The multipart body has no boundary in its Content-Type.")
    form = _Form()
    try:
        parser = MultipartParser(options[b"boundary"], form.callbacks())  # pyright: ignore[reportArgumentType]
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Problem(Kind.BAD_REQUEST, f"The multipart body cannot be read: {error}") from error
    files = [item for name, item in form.items if name == b"file"]
    if not files:
        names = ", ".join(sorted({name.decode("utf-8", "replace")[:40] for name, _ in form.items}))
        detail = f'The form has no part named "file"{f"; it has: {names}" if names else ""}.'
        raise Problem(Kind.NO_FILE, detail)
    if len(files) > MAX_FILES:
        raise Problem(Kind.TOO_MANY_FILES, f"{len(files)} files came, the limit is {MAX_FILES} a request.")
    return files


# Not Starlette's own, which writes what is over 1 MB to the disk, whatever the limits say.
class _Form:
    """Collects the fields of a form as the parser comes upon them: their names, and what is in them."""

    def __init__(self) -> None:
        self.items: list[tuple[bytes, Item]] = []
        self._begin()

    def callbacks(self) -> dict[str, object]:
        # The parser gives slices of what it was fed: a header or a file may come in several.
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._chunks.append(data[start:end]),
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._name, self._value = bytearray(), bytearray()

    def _header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _end(self) -> None:
        # While the parts come in, since a body of ten megabytes may hold a hundred thousand empty ones.
        if len(self.items) > 4 * MAX_FILES:
            raise Problem(Kind.TOO_MANY_FILES, f"The form has more than {4 * MAX_FILES} parts.")
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        media_type, _ = parse_options_header(self._headers.get(b"content-type", b""))
        file = Item(
            # A stranger's text, cut short: it is sent back, and goes into no path.
            name=options.get(b"filename", b"").decode("utf-8", "replace")[:200],
            media_type=media_type.decode("latin-1"),
            data=b"".join(self._chunks),
        )
        self.items.append((options.get(b"name", b""), file))
