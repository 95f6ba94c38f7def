"""What stands around a served application: the headers of its responses, and which requests it refuses."""

from __future__ import annotations

from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.serve.problems import Problem, foreign, headers_too_large, problem_response
from headway.serve.settings import MAX_HEADER_BYTES

__all__ = ["SECURITY_HEADERS", "Guard", "refused"]

# Sent with every response: the page may load nothing from anywhere else.
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=(self)",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def refused(scope: Scope, host_names: Collection[str]) -> Problem | None:
    """The problem of a request whose headers are too large, or that a page of another site has made; else None."""
    size = len(scope["raw_path"]) + sum(len(name) + len(value) for name, value in scope["headers"])
    return headers_too_large() if size > MAX_HEADER_BYTES else foreign(scope, host_names)


class Guard:
    """An application whose responses load nothing from elsewhere, and that answers to its own names alone.

    Args:
        app: Any ASGI application.
        host_names: The names that requests may have in `Host`, in lower case; empty for any.
    """

    def __init__(self, app: ASGIApp, *, host_names: Collection[str]) -> None:
        self._app = app
        self._host_names = host_names
        self._headers = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the application, for requests that are not refused."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        problem = refused(scope, self._host_names)
        await (problem_response(problem) if problem else self._app)(scope, receive, send_with_headers)
