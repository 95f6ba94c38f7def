"""The page's server: it takes a picture a request, from this computer alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from headway import serve
from headway.course.collect.pictures import MAX_PICTURES, Collection
from headway.errors import DataError
from headway.serve.body import Held, read_body
from headway.serve.guard import Guard
from headway.serve.problems import handle_problems
from headway.serve.server import own_names

__all__ = ["MAX_BYTES", "create_app"]

MAX_BYTES = 20_000_000
"""Of one picture as it comes, before it is made smaller."""

# The style and the small tools are those of the page of `headway serve`.
_OWN, _SERVED = Path(__file__).parent, Path(serve.__file__).parent / "page"
_FILES = {
    "/": (_OWN / "index.html", "text/html"),
    "/collect.css": (_OWN / "collect.css", "text/css"),
    "/collect.js": (_OWN / "collect.js", "text/javascript"),
    "/page.css": (_SERVED / "page.css", "text/css"),
    "/words.js": (_SERVED / "words.js", "text/javascript"),
    "/icon.svg": (_SERVED / "icon.svg", "image/svg+xml"),
}


def create_app(collection: Collection, *, lesson: str, on_start: Callable[[], None] = lambda: None) -> ASGIApp:
    """The application for one collection.

    Args:
        collection: Where pictures go.
        lesson: The lesson that they are for, as the page says it.
        on_start: Called once requests are taken.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        on_start()
        yield

    app = FastAPI(openapi_url=None, lifespan=lifespan)
    handle_problems(app)
    _add_pictures(app, collection)

    @app.get("/state")
    async def state() -> Response:
        facts = {"lesson": lesson, "folder": str(collection.folder), "max_pictures": MAX_PICTURES}
        return JSONResponse({**facts, "max_bytes": MAX_BYTES, "classes": collection.counts()})

    for address, (file, media_type) in _FILES.items():
        _add_file(app, address, file, media_type)
    return Guard(app, host_names=own_names("127.0.0.1"))


def _add_pictures(app: FastAPI, collection: Collection) -> None:
    # Several uploads at once, but not as many as a page could send: they are held in memory.
    held = Held(4 * MAX_BYTES)
    # Requests that change the collection come one after the other; pictures are decoded off the event loop.
    turn = asyncio.Lock()

    async def changed(change: Callable[[], dict[str, Any]]) -> Response:
        async with turn:
            try:
                answer = await asyncio.to_thread(change)
            except DataError as error:
                return JSONResponse({"detail": f"{error.what} {error.fix}"}, 422)
            except OSError as error:
                detail = f"The picture could not be written: {error.strerror or error}. Free some space."
                return JSONResponse({"detail": detail}, 507)
        return JSONResponse({**answer, "classes": collection.counts()})

    @app.post("/pictures")
    async def add(request: Request) -> Response:
        with held.request() as note:
            data = await read_body(request, max_bytes=MAX_BYTES, add=note)
            label, burst = (request.query_params.get(name, "") for name in ("label", "burst"))
            return await changed(lambda: {"file": collection.add(data, label=label, burst=burst).file})

    @app.post("/remove")
    async def remove(request: Request) -> Response:
        label = request.query_params.get("label", "")
        return await changed(lambda: {"removed": collection.remove_last_burst(label)})


def _add_file(app: FastAPI, address: str, file: Path, media_type: str) -> None:
    content = file.read_bytes()

    @app.get(address, include_in_schema=False)
    async def send() -> Response:
        return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})
