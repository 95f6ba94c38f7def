"""The page's server: it takes a picture a request, shows what is there, and removes; for this computer alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from headway.course.collect.pictures import MAX_PICTURES, Collection
from headway.serve.body import Held, read_body
from headway.serve.page_app import answered, guarded, page_app

__all__ = ["MAX_BYTES", "create_app"]

MAX_BYTES = 20_000_000
"""Of one picture as it comes, before it is made smaller."""

_OWN = Path(__file__).parent
_FILES = {
    "/": (_OWN / "index.html", "text/html"),
    "/collect.css": (_OWN / "collect.css", "text/css"),
    "/collect.js": (_OWN / "collect.js", "text/javascript"),
}


def create_app(collection: Collection, *, lesson: str, on_start: Callable[[], None] = lambda: None) -> ASGIApp:
    """The application for one collection.

    Args:
        collection: Where pictures go.
        lesson: The lesson that they are for, as the page says it.
        on_start: Called once requests are taken.
    """
    app = page_app(_FILES, on_start=on_start)
    _add_pictures(app, collection)

    @app.get("/state")
    async def state() -> Response:
        facts = {"lesson": lesson, "folder": str(collection.folder), "max_pictures": MAX_PICTURES}
        return JSONResponse(
            {**facts, "max_bytes": MAX_BYTES, "classes": collection.counts(), "files": collection.files()}
        )

    return guarded(app)


def _add_pictures(app: FastAPI, collection: Collection) -> None:
    # Several uploads at once, but not as many as a page could send: they are held in memory.
    held = Held(4 * MAX_BYTES)
    # Requests that change the collection come one after the other; pictures are decoded off the event loop.
    turn = asyncio.Lock()

    async def changed(change: Callable[[], dict[str, Any]]) -> Response:
        async with turn:
            return await answered(lambda: {**change(), "classes": collection.counts()}, written="The picture")

    @app.post("/pictures")
    async def add(request: Request) -> Response:
        with held.request() as note:
            data = await read_body(request, max_bytes=MAX_BYTES, add=note)
            label, burst = (request.query_params.get(name, "") for name in ("label", "burst"))
            return await changed(lambda: {"file": collection.add(data, label=label, burst=burst).file})

    @app.get("/picture/{file:path}")
    async def picture(file: str) -> Response:
        content = await asyncio.to_thread(collection.picture, file)
        # A file's name has its content's hash in it.
        headers = {"cache-control": "private, max-age=3600"}
        return Response(content, media_type="image/jpeg", headers=headers) if content else Response(status_code=404)

    @app.post("/remove")
    async def remove(request: Request) -> Response:
        label, file = (request.query_params.get(name, "") for name in ("label", "file"))
        return await changed(
            lambda: {"removed": collection.remove(file) if file else collection.remove_last_burst(label)}
        )

    @app.post("/undo")
    async def undo(request: Request) -> Response:
        label = request.query_params.get("label", "")
        return await changed(lambda: {"restored": collection.undo(label), "files": collection.files()})
