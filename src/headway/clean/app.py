"""The page's server: items out, decisions in, for this computer alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from headway import serve
from headway.clean.desk import Desk
from headway.errors import DataError
from headway.serve.body import Held, read_body
from headway.serve.guard import Guard
from headway.serve.problems import handle_problems
from headway.serve.server import own_names
from headway.system.files import read_file

__all__ = ["create_app"]

_MAX_BYTES = 10_000
# The style and the small tools are those of the page of `headway serve`.
_OWN, _SERVED = Path(__file__).parent / "page", Path(serve.__file__).parent / "page"
_FILES = {
    "/": (_OWN / "index.html", "text/html"),
    "/clean.css": (_OWN / "clean.css", "text/css"),
    "/clean.js": (_OWN / "clean.js", "text/javascript"),
    "/page.css": (_SERVED / "page.css", "text/css"),
    "/words.js": (_SERVED / "words.js", "text/javascript"),
    "/icon.svg": (_SERVED / "icon.svg", "image/svg+xml"),
}


def create_app(desk: Desk, *, on_start: Callable[[], None] = lambda: None) -> ASGIApp:
    """The application for one desk; `on_start` is called once requests are taken."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        on_start()
        yield

    app = FastAPI(openapi_url=None, lifespan=lifespan)
    handle_problems(app)
    _add_items(app, desk)
    _add_decisions(app, desk)
    for address, (file, media_type) in _FILES.items():
        _add_file(app, address, file, media_type)
    return Guard(app, host_names=own_names("127.0.0.1"))


def _add_items(app: FastAPI, desk: Desk) -> None:
    @app.get("/state")
    async def state() -> Response:
        return JSONResponse(await asyncio.to_thread(desk.state))

    @app.get("/queue/{key}")
    async def queue(key: str) -> Response:
        return await _answer(lambda: desk.entries(key))

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
        return await _answer(lambda: desk.decide(row, action, None if new is None else str(new)))

    @app.post("/undo")
    async def undo() -> Response:
        return await _answer(desk.undo)


async def _answer(make: Callable[[], Any]) -> Response:
    try:
        return JSONResponse(await asyncio.to_thread(make))
    except DataError as error:
        return JSONResponse({"detail": f"{error.what} {error.fix}"}, 422)
    except OSError as error:
        detail = f"The decision could not be written: {error.strerror or error}. Free some space."
        return JSONResponse({"detail": detail}, 507)


def _add_file(app: FastAPI, address: str, file: Path, media_type: str) -> None:
    content = read_file(file)

    @app.get(address, include_in_schema=False)
    async def send() -> Response:
        return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})
