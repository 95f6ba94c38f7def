"""The files of the page, sent with headers that let a browser load nothing from anywhere else."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["PAGE_FILES", "SECURITY_HEADERS", "page_routes"]

# The files below `page/`, with their media types.
PAGE_FILES = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "cards.js": "text/javascript",
    "form.js": "text/javascript",
    "pictures.js": "text/javascript",
    "words.js": "text/javascript",
    "backend.js": "text/javascript",
    "docs.html": "text/html",
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}

# Sent with every response.
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page_routes() -> list[Route]:
    """A route for each file; the page itself is `/`, the API's page `/docs`."""
    addresses = {"index.html": "/", "docs.html": "/docs"}
    return [_route(addresses.get(name, f"/{name}"), name, media_type) for name, media_type in PAGE_FILES.items()]


def _route(address: str, name: str, media_type: str) -> Route:
    data = Path(__file__).with_name("page").joinpath(name).read_bytes()

    async def send(_: Request) -> Response:
        # Small files of this very version: asked for again each time, so that an update is seen at once.
        return Response(data, media_type=media_type, headers={"cache-control": "no-cache"})

    return Route(address, send, name=name, include_in_schema=False)
