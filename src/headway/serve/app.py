"""The web application: addresses, what they take, and what they give; the page's files among them."""

from __future__ import annotations

import json
import logging
import os
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.bundle.predictor import Predictor
from headway.bundle.reference import labels_of
from headway.serve.answers import ModelFacts, ProblemDetails, answer_models, problem_responses
from headway.serve.body import Held, read_body
from headway.serve.explaining import add_explain
from headway.serve.files import FileReader
from headway.serve.guard import SECURITY_HEADERS, refused
from headway.serve.monitor import MULTIPROCESS_FOLDER, Journal, Metrics
from headway.serve.problems import Kind, Problem, handle_problems, problem_response
from headway.serve.reader import Reader
from headway.serve.rows import RowReader
from headway.serve.service import Answer, Service
from headway.serve.settings import Settings
from headway.serve.writing import add_generate
from headway.targets.base import Target

__all__ = ["create_app"]

_log = logging.getLogger("headway.serve")

# By where the content of an item lies, for kinds of input that bring no reader of their own.
_READERS = {"file": FileReader, "values": RowReader}

_MANIFEST_FACTS = ("arch", "metrics", "verdict", "data")

# The files below `page/`, with their media types.
_PAGE_FILES = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "bytes.js": "text/javascript",
    "cards.js": "text/javascript",
    "evidence.js": "text/javascript",
    "form.js": "text/javascript",
    "pictures.js": "text/javascript",
    "rows.js": "text/javascript",
    "forecasts.js": "text/javascript",
    "sounds.js": "text/javascript",
    "microphone.js": "text/javascript",
    "words.js": "text/javascript",
    "write.js": "text/javascript",
    "backend.js": "text/javascript",
    "docs.html": "text/html",
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def create_app(
    predictor: Predictor,
    settings: Settings,
    *,
    name: str = "model",
    card: str = "",
    on_start: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The application for one model, to be run by any ASGI server; its threads end with its lifespan.

    Raises:
        ConfigError: If the log's folder cannot be written to, or the model's kind of input cannot be served.
    """
    input, target, metrics = predictor.input, predictor.target, Metrics(predictor.input.nouns)
    reader: Reader = input.server_reader(predictor, settings) or _READERS[input.source](predictor, settings)
    service = Service(predictor, reader, settings, metrics)
    journal = _journal(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        on_start()
        yield
        service.close()
        if journal:
            journal.close()

    app = FastAPI(
        title=name,
        redirect_slashes=False,
        summary=target.summary(),
        version=version("headway"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={"default": {"model": ProblemDetails, "description": "Any other problem."}},
    )
    handle_problems(app)
    _add_predict(app, service, reader, settings, _Record(metrics, journal, target.to_json()["kind"]), target)
    facts = {
        "name": name,
        **target.page_facts(input),
        **{key: predictor.manifest[key] for key in _MANIFEST_FACTS if key in predictor.manifest},
        "card": card,
        "max_body_bytes": settings.max_body_bytes,
        "media_types": list(reader.media_types),
        **reader.facts(),
        **add_generate(app, predictor, service, settings),
        **add_explain(app, predictor, service, reader, settings),
    }
    _add_facts(app, facts, metrics, service)
    app.router.routes.extend(_page_routes())
    app.add_middleware(_Outermost, metrics=metrics, host_names=settings.host_names)
    return app


def _journal(settings: Settings) -> Journal | None:
    worker = str(os.getpid()) if MULTIPROCESS_FOLDER in os.environ else ""
    return Journal(settings.log, keep_inputs=settings.keep_inputs, worker=worker) if settings.log else None


def _add_predict(
    app: FastAPI, service: Service, reader: Reader, settings: Settings, record: _Record, target: Target
) -> None:
    # All bodies together; a request beyond that gets 503.
    held = Held(16 * settings.max_body_bytes)
    media = target.media

    @app.post("/predict", **_description(reader, target))
    async def predict(request: Request) -> Response:
        # Before the body is read: what there is no room for need not be sent.
        service.check_room()
        with held.request() as add:
            body = await read_body(request, max_bytes=settings.max_body_bytes, add=add)
            items, is_many = await service.split(body, request.headers.get("content-type", ""))
            # From here on the bytes are held once, by the items.
            del body
            try:
                answers = await service.answer(items)
            except Problem as problem:
                record.refused(len(items), problem)
                raise
        for answer in answers:
            record.answered(answer)
        with_media = media is not None and request.query_params.get(media.name) == media.suffix
        # One after another: each may draw a file, and all of them together would fill the pool.
        bodies = [await _answer_json(answer, target, service if with_media else None) for answer in answers]
        if is_many:
            names = [{reader.key[0]: answer.item.name} for answer in answers]
            return _json({"predictions": [name | body for name, body in zip(names, bodies, strict=True)]})
        (answer,) = answers
        if answer.problem is not None:
            raise answer.problem
        if media and media.media_type in request.headers.get("accept", ""):
            return Response(await _drawn(answer, target, service), media_type=media.media_type)
        return _json(bodies[0])


def _description(reader: Reader, target: Target) -> dict[str, Any]:
    """What `openapi.json` says of `POST /predict`, as FastAPI's arguments."""
    one, many = answer_models(reader, target)
    takes, media, body = reader.takes, target.media, reader.describe_body()
    answered: dict[str, Any] = {"model": one | many}
    if media:
        takes += f"\n\nTo one item with `Accept: {media.media_type}` the answer is the {media.name} as a file."
        answered["content"] = {media.media_type: {"schema": {"type": "string", "format": "binary"}}}
        body["parameters"] = [
            {
                "name": media.name,
                "in": "query",
                "description": f"`{media.suffix}` for an answer that holds the {media.name}, too.",
                "schema": {"type": "string", "enum": [media.suffix]},
            }
        ]
    kinds = Kind.BAD_REQUEST, Kind.SLOW_BODY, Kind.TOO_LARGE, *reader.problems, Kind.BUSY, Kind.DEADLINE
    responses = {200: answered, **problem_responses(*kinds)}
    return {"summary": reader.summary, "description": takes, "responses": responses, "openapi_extra": body}


def _add_facts(app: FastAPI, facts: dict[str, Any], metrics: Metrics, service: Service) -> None:
    body = _json(facts).body

    @app.get("/model", summary="What the model is, and its card.", responses={200: {"model": ModelFacts}})
    async def model() -> Response:
        return Response(body, media_type="application/json")

    # An application that answers at all has loaded its model: to be alive is to be ready, unless the model is stuck.
    unwell = problem_responses(Kind.UNWELL)
    ok = {**_plain("It does."), **unwell}

    @app.get("/healthz", summary="Whether the server lives, and its model answers.", responses=ok)
    @app.get("/readyz", summary="Whether the server can answer: it has loaded its model.", responses=ok)
    async def health() -> Response:
        if not service.is_well:
            raise Problem(Kind.UNWELL, "The last runs of the model failed or did not end. Start the server again.")
        return Response("ok", media_type="text/plain")

    @app.get("/metrics", summary="What the server counts, for Prometheus.", responses=_plain("The numbers."))
    async def metrics_text() -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})


def _plain(description: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": description}}


def _page_routes() -> list[Route]:
    """A route for each file; the page itself is `/`, the API's page `/docs`."""
    addresses = {"index.html": "/", "docs.html": "/docs"}
    return [_route(addresses.get(name, f"/{name}"), name, media_type) for name, media_type in _PAGE_FILES.items()]


def _route(address: str, name: str, media_type: str) -> Route:
    data = Path(__file__).with_name("page").joinpath(name).read_bytes()

    async def send(_: Request) -> Response:
        # Small files of this very version: asked for again each time, so that an update is seen at once.
        return Response(data, media_type=media_type, headers={"cache-control": "no-cache"})

    return Route(address, send, name=name, include_in_schema=False)


class _Record:
    """Counts what became of each item, and writes it down where there is a log."""

    def __init__(self, metrics: Metrics, journal: Journal | None, kind: str) -> None:
        self._metrics = metrics
        self._journal = journal
        self._kind = kind

    def answered(self, answer: Answer) -> None:
        """One item that has an answer or a problem of its own."""
        milliseconds = round(1000 * answer.seconds, 2)
        prediction = answer.prediction
        if prediction is None:
            assert answer.problem is not None
            kind = answer.problem.kind.label
            self._note(kind, {"problem": kind, "milliseconds": milliseconds})
            return
        # Numbers would make a counter each.
        for label in labels_of(answer.statistics) or [self._kind]:
            self._metrics.labels.labels(label).inc()
        self._metrics.noted.inc(bool(prediction.notes))
        entry = {**answer.statistics, "familiar": prediction.familiar, "milliseconds": milliseconds}
        if prediction.notes:
            entry["notes"] = len(prediction.notes)
        self._note("unfamiliar" if prediction.familiar is False else "answered", entry, file=answer.item.data)

    def refused(self, count: int, problem: Problem) -> None:
        """Items of one request that share a problem."""
        for _ in range(count):
            self._note(problem.kind.label, {"problem": problem.kind.label})

    def _note(self, outcome: str, entry: dict[str, Any], *, file: bytes = b"") -> None:
        self._metrics.items.labels(outcome).inc()
        if self._journal:
            self._journal.write(entry, file=file)


class _Outermost:
    """Around everything: the headers that every response has, and the count of requests."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, host_names: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._host_names = host_names
        self._headers = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status, asked = 0, scope["method"]
        if asked == "HEAD":
            # As a GET: the web server sends no body.
            scope = {**scope, "method": "GET"}

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        try:
            problem = refused(scope, self._host_names)
            await (problem_response(problem) if problem else self._app)(scope, receive, send_with_headers)
        # A mistake in the program. Its client is told no more than that, and the next request is answered.
        except Exception:
            _log.exception("%s %r could not be answered", scope["method"], scope["path"])
            if status:
                raise
            problem = Problem(Kind.INTERNAL, "The server's log says more. Other requests are not affected.")
            await problem_response(problem)(scope, receive, send_with_headers)
        finally:
            # Addresses and methods that there are not would make a counter each.
            route = scope.get("route")
            path = getattr(route, "path", "other")
            method = asked if asked in ("GET", "HEAD", "POST") else "other"
            self._metrics.requests.labels(path, method, str(status)).inc()
            self._metrics.request_seconds.labels(path).observe(time.perf_counter() - start)


async def _answer_json(answer: Answer, target: Target, draws: Service | None) -> dict[str, Any]:
    """What became of an item, as JSON values; with its file, where the service is there to make it."""
    if answer.prediction is None:
        assert answer.problem is not None
        return {"problem": answer.problem.to_json()}
    # What is drawn is put into the item there, off the event loop.
    is_placed = target.needs_geometry and not target.media
    prediction = target.to_item(answer.prediction, answer.geometry) if is_placed else answer.prediction
    body = {**prediction.to_json(), "seconds": round(answer.seconds, 6)}
    if target.media and draws:
        body[target.media.name] = b64encode(await _drawn(answer, target, draws)).decode()
    return body


async def _drawn(answer: Answer, target: Target, service: Service) -> bytes:
    """An answer as a file, made off the event loop."""
    prediction = answer.prediction
    assert prediction is not None
    return await service.aside(lambda: target.to_media(target.to_item(prediction, answer.geometry)))


def _json(values: dict[str, Any]) -> Response:
    return Response(json.dumps(values, ensure_ascii=False, allow_nan=False).encode(), media_type="application/json")
