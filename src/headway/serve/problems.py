"""Every error that a client can see: problem details in JSON, RFC 9457.

`type` is a path on the server itself, where its API page explains that kind of problem.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

__all__ = [
    "PROBLEM_MEDIA",
    "Kind",
    "Problem",
    "foreign",
    "handle_problems",
    "headers_too_large",
    "problem_json",
    "problem_response",
]

PROBLEM_MEDIA = "application/problem+json"


class Kind(Enum):
    """A kind of problem: its name, status and title."""

    BAD_REQUEST = ("bad-request", 400, "The request cannot be understood")
    CROSS_SITE = ("cross-site", 403, "Another site's page has sent the request")
    NOT_FOUND = ("not-found", 404, "There is nothing at this address")
    WRONG_METHOD = ("wrong-method", 405, "This address does not take that method")
    SLOW_BODY = ("slow-body", 408, "The body took too long to arrive")
    TOO_LARGE = ("too-large", 413, "The body is too large")
    TOO_MANY_PIXELS = ("too-many-pixels", 413, "The picture has too many pixels")
    WRONG_HOST = ("wrong-host", 421, "The server does not have this host name")
    TOO_MANY_FILES = ("too-many-files", 422, "There are too many files in one request")
    UNSUPPORTED_MEDIA = ("unsupported-media", 415, "This kind of file is not supported")
    UNREADABLE = ("unreadable", 422, "The file cannot be read")
    NO_FILE = ("no-file", 422, "There is no file in the request")
    TOO_MANY_ROWS = ("too-many-rows", 422, "There are too many rows in one request")
    BAD_ROW = ("bad-row", 422, "The row does not fit the model")
    NO_ROW = ("no-row", 422, "There is no row in the request")
    HEADERS_TOO_LARGE = ("headers-too-large", 431, "The headers are too large")
    INTERNAL = ("internal", 500, "Something went wrong in the server")
    UNWELL = ("unwell", 503, "The model does not answer")
    BUSY = ("busy", 503, "The server is busy")
    DEADLINE = ("deadline", 504, "The answer was not ready in time")

    def __init__(self, label: str, status: int, title: str) -> None:
        self.label = label
        self.status = status
        self.title = title


class Problem(Exception):  # noqa: N818 - its name in RFC 9457
    """Something that a client is to be told, raised anywhere on the way of a request.

    `detail` says what happened this time, and what to do, in a sentence or two; `headers` are the response's.
    """

    def __init__(self, kind: Kind, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})

    def to_json(self) -> dict[str, Any]:
        """The problem's members as RFC 9457 names them."""
        kind = self.kind
        return {"type": f"/docs#{kind.label}", "title": kind.title, "status": kind.status, "detail": self.detail}


def problem_json(problem: Problem) -> bytes:
    """The body of the response.

    Example:
        >>> problem_json(Problem(Kind.BUSY, "Try again."))[:40]
        b'{"type": "/docs#busy", "title": "The ser'
    """
    return json.dumps(problem.to_json()).encode()


def problem_response(problem: Problem) -> Response:
    """The response that tells of a problem."""
    return _response(problem_json(problem), problem.kind.status, problem.headers)


def headers_too_large() -> Problem:
    """The problem of a request whose headers are over the limit."""
    return Problem(Kind.HEADERS_TOO_LARGE, "Send fewer or shorter headers.", headers={"connection": "close"})


def foreign(scope: Scope, host_names: Collection[str]) -> Problem | None:
    """The problem of a request that a page of another site has made; None where there is none, as far as one can see.

    A browser says when it posts for another site. It does not when that site's name has been led to this address,
    which is why a server that is asked by name answers to `host_names` alone, where there are any.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = _host_name(headers.get("host", ""))
    if host and host_names and host not in host_names:
        return Problem(Kind.WRONG_HOST, "Ask for it by its own name, or start it with --host-name NAME.")
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    # Older browsers name the page's own address alone.
    from_elsewhere = origin and host_names and _host_name(origin.rpartition("/")[2]) not in host_names
    if scope["method"] == "POST" and (site == "cross-site" or (site is None and from_elsewhere)):
        return Problem(Kind.CROSS_SITE, "Pages of other sites may not use this server. Send it from a program.")
    return None


def _host_name(authority: str) -> str:
    # The port does not matter, nor the dot of a full name.
    return re.sub(r":\d*$", "", authority).rstrip(".").lower()


def handle_problems(app: FastAPI) -> None:
    """Makes every error of an application a problem: its own, and the framework's."""

    @app.exception_handler(Problem)
    async def own(_: Request, problem: Problem) -> Response:
        return problem_response(problem)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        # The router alone raises it: no operation has parameters or a body that FastAPI would read.
        assert error.status_code in (404, 405)
        if error.status_code == 404:
            problem = Problem(Kind.NOT_FOUND, f"There is no {request.url.path}. The addresses are listed in /docs.")
        else:
            problem = Problem(Kind.WRONG_METHOD, f"{request.url.path} does not take {request.method}.")
        return _response(problem_json(problem), error.status_code, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return _response(b"", 400, None)


def _response(body: bytes, status: int, headers: Mapping[str, str] | None) -> Response:
    return Response(body, status, headers=dict(headers or {}), media_type=PROBLEM_MEDIA)
