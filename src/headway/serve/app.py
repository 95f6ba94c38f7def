"""The web application: addresses, what they take, and what they give."""

from __future__ import annotations

import json
import logging
import os
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.bundle.predictor import Predictor
from headway.bundle.reference import labels_of
from headway.serve.answers import ModelFacts, ProblemDetails, answer_models, problem_responses
from headway.serve.body import Held, read_body
from headway.serve.files import FileReader
from headway.serve.metrics import MULTIPROCESS_FOLDER, Metrics
from headway.serve.monitor import Journal
from headway.serve.pages import SECURITY_HEADERS, page_routes
from headway.serve.problems import Kind, Problem, handle_problems, headers_too_large, problem_response
from headway.serve.reader import Reader
from headway.serve.rows import RowReader
from headway.serve.service import Answer, Service
from headway.serve.settings import MAX_HEADER_BYTES, Settings
from headway.targets.base import Media, Target

__all__ = ["create_app"]

_log = logging.getLogger("headway.serve")

# By where the content of an item lies, for kinds of input that bring no reader of their own.
_READERS = {"file": FileReader, "values": RowReader}


def create_app(predictor: Predictor, settings: Settings, *, name: str = "model", card: str = "") -> FastAPI:
    """The application for one model, to be run by any ASGI server.

    Args:
        predictor: What answers.
        settings: The limits.
        name: What the page calls the model.
        card: The model card, Markdown.

    Returns:
        The application. Its threads start and end with its lifespan.

    Raises:
        ConfigError: If the log's folder cannot be written to, or the model's kind of input cannot be served.
    """
    input, target = predictor.input, predictor.target
    reader: Reader = input.server_reader(predictor, settings) or _READERS[input.source](predictor, settings)
    metrics = Metrics(input.nouns)
    service = Service(predictor, reader, settings, metrics)
    worker = str(os.getpid()) if MULTIPROCESS_FOLDER in os.environ else ""
    journal = Journal(settings.log, keep_inputs=settings.keep_inputs, worker=worker) if settings.log else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()
        if journal:
            journal.close()

    app = FastAPI(
        title=name,
        summary=target.summary(),
        version=version("headway"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={"default": {"model": ProblemDetails, "description": "Any other problem."}},
    )
    handle_problems(app)
    _add_predict(app, service, reader, settings, _Record(metrics, journal, target.to_json()["kind"]), target)
    facts = _facts(predictor, settings, name=name, card=card)
    _add_facts(app, {**facts, "media_types": list(reader.media_types), **reader.facts()}, metrics)
    app.router.routes.extend(page_routes())
    app.add_middleware(_Outermost, metrics=metrics)
    return app


def _add_predict(
    app: FastAPI, service: Service, reader: Reader, settings: Settings, record: _Record, target: Target
) -> None:
    held = Held(settings.max_held_bytes)
    one, many = answer_models(reader, target)
    media, described = target.media, reader.describe_body()
    answered: dict[str, Any] = {"model": one | many}
    if media:
        answered["content"] = {media.media_type: {"schema": {"type": "string", "format": "binary"}}}
        described["parameters"] = [_media_parameter(media)]

    @app.post(
        "/predict",
        summary=reader.summary,
        description=reader.takes + (_media_words(media) if media else ""),
        responses={200: answered, **problem_responses(*_PROBLEMS, *reader.problems, Kind.BUSY, Kind.DEADLINE)},
        openapi_extra=described,
    )
    async def predict(request: Request) -> Response:
        service.check_room()
        with held.request() as share:
            body = await read_body(request, max_bytes=settings.max_body_bytes, share=share)
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
        told = [await _told(each, target, service if with_media else None) for each in answers]
        if is_many:
            named = zip(answers, told, strict=True)
            return _json({"predictions": [{reader.key[0]: each.item.name, **found} for each, found in named]})
        ((answer, found),) = zip(answers, told, strict=True)
        if answer.problem is not None:
            raise answer.problem
        if media and media.media_type in request.headers.get("accept", ""):
            return Response(await _drawn(answer, target, service), media_type=media.media_type)
        return _json(found)


def _add_facts(app: FastAPI, facts: dict[str, Any], metrics: Metrics) -> None:
    body = _json(facts).body
    counted = {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The numbers."}

    @app.get("/model", summary="What the model is, and its card.", responses={200: {"model": ModelFacts}})
    async def model() -> Response:
        return Response(body, media_type="application/json")

    @app.get("/healthz", summary="Whether the server lives.", responses=_PLAIN_OK)
    async def healthz() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/readyz", summary="Whether the server can answer: it has loaded its model.", responses=_PLAIN_OK)
    async def readyz() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/metrics", summary="What the server counts, for Prometheus.", responses={200: counted})
    async def metrics_text() -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})


_PLAIN_OK: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "It does."}
}


_PROBLEMS = (Kind.BAD_REQUEST, Kind.SLOW_BODY, Kind.TOO_LARGE)


def _media_words(media: Media) -> str:
    return f"\n\nTo one item with `Accept: {media.media_type}` the answer is the {media.name} as a file."


def _media_parameter(media: Media) -> dict[str, Any]:
    description = f"`{media.suffix}` for an answer that holds the {media.name}, too."
    return {
        "name": media.name,
        "in": "query",
        "description": description,
        "schema": {"type": "string", "enum": [media.suffix]},
    }


def _facts(predictor: Predictor, settings: Settings, *, name: str, card: str) -> dict[str, Any]:
    manifest = predictor.manifest
    wanted = ("arch", "metrics", "verdict", "data")
    return {
        "name": name,
        **predictor.target.page_facts(predictor.input),
        **{key: manifest[key] for key in wanted if key in manifest},
        "card": card,
        "max_body_bytes": settings.max_body_bytes,
    }


class _Record:
    """Counts what became of each item, and writes it down where there is a log."""

    def __init__(self, metrics: Metrics, journal: Journal | None, kind: str) -> None:
        self._metrics = metrics
        self._journal = journal
        self._kind = kind

    def answered(self, answer: Answer) -> None:
        """One item that has an answer or a problem of its own."""
        milliseconds = round(1000 * answer.seconds, 2)
        found = answer.prediction
        if found is None:
            assert answer.problem is not None
            kind = answer.problem.kind.label
            self._note(kind, {"problem": kind, "milliseconds": milliseconds})
            return
        # Numbers would make a counter each.
        for label in labels_of(answer.statistics) or [self._kind]:
            self._metrics.labels.labels(label).inc()
        self._metrics.noted.inc(bool(found.notes))
        entry = {**answer.statistics, "familiar": found.familiar, "milliseconds": milliseconds}
        if found.notes:
            entry["notes"] = len(found.notes)
        self._note("unfamiliar" if found.familiar is False else "answered", entry, file=answer.item.data)

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

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._headers = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        try:
            await self._guarded(scope, receive, send_with_headers)
        # A mistake in the program. Its client is told no more than that, and the next request is answered.
        except Exception:
            _log.exception("%s %s could not be answered", scope["method"], scope["path"])
            if status:
                raise
            problem = Problem(Kind.INTERNAL, "The server's log says more. Other requests are not affected.")
            await problem_response(problem)(scope, receive, send_with_headers)
        finally:
            # Addresses and methods that there are not would make a counter each.
            route = scope.get("route")
            path = getattr(route, "path", "other")
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
            self._metrics.requests.labels(path, method, str(status)).inc()
            self._metrics.request_seconds.labels(path).observe(time.perf_counter() - start)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = len(scope["raw_path"]) + sum(len(name) + len(value) for name, value in scope["headers"])
        if size > MAX_HEADER_BYTES:
            await problem_response(headers_too_large())(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _told(answer: Answer, target: Target, draws: Service | None) -> dict[str, Any]:
    """What became of an item, as JSON values; with its file, where the service is there to make it."""
    found = answer.prediction
    if found is None:
        assert answer.problem is not None
        return {"problem": answer.problem.to_json()}
    # What is drawn is put into the item there, off the event loop.
    placed = found if target.media or not target.needs_geometry else target.to_item(found, answer.geometry)
    told = {**placed.to_json(), "seconds": round(answer.seconds, 6)}
    if target.media and draws:
        told[target.media.name] = b64encode(await _drawn(answer, target, draws)).decode()
    return told


async def _drawn(answer: Answer, target: Target, service: Service) -> bytes:
    """An answer as a file, made off the event loop."""
    found = answer.prediction
    assert found is not None
    return await service.aside(lambda: target.to_media(target.to_item(found, answer.geometry)))


def _json(values: dict[str, Any]) -> Response:
    return Response(json.dumps(values, ensure_ascii=False).encode(), media_type="application/json")
