"""The page's server: items out, decisions in, for this computer alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from headway.clean.desk import Desk
from headway.serve.body import Held, read_body
from headway.serve.page_app import answered, guarded, page_app

__all__ = ["create_app"]

_MAX_BYTES = 10_000
_WRITTEN = "The decision"
_OWN = Path(__file__).parent / "page"
_FILES = {
    "/": (_OWN / "index.html", "text/html"),
    "/clean.css": (_OWN / "clean.css", "text/css"),
    "/clean.js": (_OWN / "clean.js", "text/javascript"),
}


def create_app(desk: Desk, *, on_start: Callable[[], None] = lambda: None) -> ASGIApp:
    """The application for one desk; `on_start` is called once requests are taken."""
    app = page_app(_FILES, on_start=on_start)
    _add_items(app, desk)
    _add_decisions(app, desk)
    return guarded(app)


def _add_items(app: FastAPI, desk: Desk) -> None:
    @app.get("/state")
    async def state() -> Response:
        return JSONResponse(await asyncio.to_thread(desk.state))

    @app.get("/queue/{key}")
    async def queue(key: str) -> Response:
        return await answered(lambda: desk.entries(key), written=_WRITTEN)

    @app.get("/picture/{row}")
    async def picture(row: int) -> Response:
        shown = await asyncio.to_thread(desk.picture, row)
        found = shown is not None and shown.photo
        return _media(shown.photo, "image/jpeg") if shown is not None and found else Response(status_code=404)

    @app.get("/sound/{row}")
    async def sound(row: int) -> Response:
        shown = await asyncio.to_thread(desk.picture, row)
        heard = shown.sound if shown is not None else None
        return _media(heard, "audio/wav") if heard else Response(status_code=404)


def _media(content: bytes, media_type: str) -> Response:
    # An item stays what it is as long as the page is open.
    return Response(content, media_type=media_type, headers={"cache-control": "private, max-age=3600"})


def _add_decisions(app: FastAPI, desk: Desk) -> None:
    held = Held(10 * _MAX_BYTES)

    @app.post("/decide")
    async def decide(request: Request) -> Response:
        with held.request() as note:
            body = await read_body(request, max_bytes=_MAX_BYTES, add=note)
        try:
            values = json.loads(body)
            row, action, new = int(values["row"]), str(values["action"]), values.get("new")
        except (ValueError, KeyError, TypeError, AttributeError):
            return JSONResponse({"detail": "A decision is JSON with row, action and new."}, 422)
        return await answered(lambda: desk.decide(row, action, None if new is None else str(new)), written=_WRITTEN)

    @app.post("/undo")
    async def undo() -> Response:
        return await answered(desk.undo, written=_WRITTEN)
