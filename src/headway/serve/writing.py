"""Text that a model writes, sent as it comes: `POST /generate`, in lines of server-sent events."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from headway.bundle.graph import GraphTimeout
from headway.bundle.predictor import Predictor
from headway.errors import ConfigError
from headway.serve.answers import problem_responses
from headway.serve.body import Held, read_body
from headway.serve.problems import Kind, Problem
from headway.serve.service import Service
from headway.serve.settings import Settings

__all__ = ["MAX_STREAMS", "add_generate"]

_log = logging.getLogger("headway.serve")

# Texts that are written at once; a request beyond that gets 503.
MAX_STREAMS = 16
# Of a prompt, in bytes.
_MAX_BYTES = 100_000

_OPTIONS: dict[str, dict[str, Any]] = {
    "prompt": {"type": "string", "default": "", "description": "What the text begins with."},
    "max_tokens": {"type": "integer", "default": 200, "minimum": 1, "description": "Tokens to write at most."},
    "temperature": {
        "type": "number",
        "default": 1,
        "minimum": 0,
        "description": "Below 1: likely tokens are likelier.",
    },
    "top_k": {
        "type": "integer",
        "default": 0,
        "minimum": 0,
        "description": "Draw from the likeliest alone; 0 for all.",
    },
    "top_p": {
        "type": "number",
        "default": 1,
        "maximum": 1,
        "description": "Draw from those of this probability alone.",
    },
    "seed": {"type": "integer", "default": 0, "minimum": 0, "description": "The same seed writes the same text."},
}


def add_generate(app: FastAPI, predictor: Predictor, service: Service, settings: Settings) -> dict[str, bool]:
    """Adds the address to an application whose model writes; gives the fact whether it does."""
    if not predictor.writes:
        return {"writes": False}
    held, streams = Held(16 * _MAX_BYTES), _Streams()
    schema = {"type": "object", "properties": _OPTIONS, "additionalProperties": False}
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    text = {"description": "Lines of events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    kinds = Kind.BAD_REQUEST, Kind.SLOW_BODY, Kind.TOO_LARGE, Kind.BUSY

    @app.post(
        "/generate",
        summary="Write the text that follows a prompt.",
        description="Each event's data is a JSON object: `text` is the next piece; the last has `end`, and `problem` "
        "where the deadline or a failure ended the text.",
        responses={200: text, **problem_responses(*kinds)},
        openapi_extra=body,
    )
    async def generate(request: Request) -> Response:
        streams.check_room()
        with held.request() as add:
            options = _options(await read_body(request, max_bytes=_MAX_BYTES, add=add))
        try:
            pieces = predictor.generate(**options, seconds=settings.deadline_seconds)
        except ConfigError as error:
            raise Problem(Kind.BAD_REQUEST, f"{error.what} {error.given}. {error.fix}") from error
        events = _events(pieces, service, streams, settings)
        return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})

    return {"writes": True}


class _Streams:
    """How many texts are being written; for one event loop's thread."""

    def __init__(self) -> None:
        self.count = 0

    def check_room(self) -> None:
        """Refuses one more than there may be."""
        if self.count >= MAX_STREAMS:
            detail = f"{self.count} texts are being written already. Try again in a moment."
            raise Problem(Kind.BUSY, detail, headers={"retry-after": "1"})


async def _events(
    pieces: Iterator[str], service: Service, streams: _Streams, settings: Settings
) -> AsyncIterator[bytes]:
    """A line a piece, and a last one."""
    streams.count += 1
    end: dict[str, Any] = {"end": True}
    try:
        # Each piece takes its turn with all other work; a client that goes away ends this at the next one.
        while (piece := await service.aside(lambda: next(pieces, None))) is not None:
            yield _event({"text": piece})
    except GraphTimeout:
        end["problem"] = f"The text was not finished in time. The limit is {settings.deadline_seconds:g} s."
    # The response has begun, so its status can no longer say so.
    except Exception:
        _log.exception("a text could not be written")
        end["problem"] = "The model failed. The server's log says more."
    finally:
        streams.count -= 1
    yield _event(end)


def _event(values: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(values, ensure_ascii=False)}\n\n".encode()


def _options(body: bytes) -> dict[str, Any]:
    """What a body says, by name; a Problem if it is none of that."""
    try:
        options = json.loads(body or b"{}")
    # json.JSONDecodeError and UnicodeDecodeError are both of this kind.
    except (ValueError, RecursionError) as error:
        raise Problem(Kind.BAD_REQUEST, f"The body is not JSON: {str(error)[:200]}.") from error
    if not isinstance(options, dict) or options.keys() - _OPTIONS.keys():
        raise Problem(Kind.BAD_REQUEST, f"The body must be a JSON object with any of {', '.join(_OPTIONS)}.")
    return options
