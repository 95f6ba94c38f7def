"""The server of a page that works on files of this computer: what all of them are made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from headway.errors import DataError
from headway.serve.guard import Guard
from headway.serve.problems import handle_problems
from headway.serve.server import own_names
from headway.system.files import read_file

__all__ = ["answered", "guarded", "page_app"]

# The style and the small tools are those of the page of `headway serve`.
_PAGE = Path(__file__).parent / "page"
_SHARED = {
    "/page.css": (_PAGE / "page.css", "text/css"),
    "/words.js": (_PAGE / "words.js", "text/javascript"),
    "/icon.svg": (_PAGE / "icon.svg", "image/svg+xml"),
}


def page_app(files: Mapping[str, tuple[Path, str]], *, on_start: Callable[[], None]) -> FastAPI:
    """An application that gives a page's files, each with its media type; `on_start` is called once it takes requests.

    What it does besides is added to it; then it is `guarded`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        on_start()
        yield

    app = FastAPI(openapi_url=None, lifespan=lifespan)
    handle_problems(app)
    for address, (file, media_type) in {**_SHARED, **files}.items():
        _add_file(app, address, read_file(file), media_type)
    return app


def guarded(app: FastAPI) -> ASGIApp:
    """The application for requests of this computer's own pages alone."""
    return Guard(app, host_names=own_names("127.0.0.1"))


async def answered(make: Callable[[], Any], *, written: str) -> Response:
    """What a function gives in a thread, as JSON; what it refuses, or a full disk, in words for the page.

    Args:
        make: Gives plain JSON values, or raises a DataError or OSError.
        written: What it writes, as the message begins: "The picture".
    """
    try:
        return JSONResponse(await asyncio.to_thread(make))
    except DataError as error:
        return JSONResponse({"detail": f"{error.what} {error.fix}"}, 422)
    except OSError as error:
        detail = f"{written} could not be written: {error.strerror or error}. Free some space."
        return JSONResponse({"detail": detail}, 507)


def _add_file(app: FastAPI, address: str, content: bytes, media_type: str) -> None:
    @app.get(address, include_in_schema=False)
    async def send() -> Response:
        return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})
