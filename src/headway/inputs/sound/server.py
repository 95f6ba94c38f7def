"""Recordings in a request: what a server says it takes."""

from __future__ import annotations

from typing import ClassVar

from headway.serve.files import FileReader

__all__ = ["RecordingReader"]


class RecordingReader(FileReader):
    """Reads recordings as the model's input field does, which looks at their headers before it decodes them."""

    media_types: ClassVar[tuple[str, ...]] = ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg")
