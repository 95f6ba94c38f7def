"""What in an item speaks for its answer, over HTTP: `POST /explain`, for kinds whose items have parts to leave out."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response

from headway.bundle.predictor import Predictor
from headway.errors import ConfigError
from headway.serve.answers import problem_responses
from headway.serve.body import Held, read_body
from headway.serve.problems import Kind, Problem
from headway.serve.reader import Item, Reader
from headway.serve.service import Service
from headway.serve.settings import Settings
from headway.targets.base import Prediction

__all__ = ["add_explain"]

# Variants of an item that wait for the model together: others' items come between, and a short queue has room.
_AT_ONCE = 8

_WEIGHT = {
    "type": ["number", "null"],
    "description": "How much it speaks for the answer, below 0 against it; null for what has no weight.",
}
_PIECE = {"type": "object", "properties": {"text": {"type": "string"}, "weight": _WEIGHT}}
_EVIDENCE = {
    "type": "object",
    "properties": {
        "prediction": {"$ref": "#/components/schemas/Predicted"},
        "answer": {"type": "string", "description": "The class that is explained, or the name of the number."},
        "unit": {"type": "string", "description": "What a weight of 1 is: log odds of a class, or the number's name."},
        "columns": {
            "type": "object",
            "description": "By column, the pieces that its text is made of.",
            "additionalProperties": {"type": "array", "items": _PIECE},
        },
    },
}


def add_explain(
    app: FastAPI, predictor: Predictor, service: Service, reader: Reader, settings: Settings
) -> dict[str, bool]:
    """Adds the address to an application whose kind of item has parts; gives the fact whether it has."""
    field, target = predictor.input, predictor.target
    if not field.has_parts:
        return {"explains": False}
    held = Held(4 * settings.max_body_bytes)

    @app.post("/explain", **_description(reader))
    async def explain(request: Request) -> Response:
        service.check_room()
        with held.request() as add:
            body = await read_body(request, max_bytes=settings.max_body_bytes, add=add)
            items, is_many = await service.split(body, request.headers.get("content-type", ""))
            del body
            start = time.perf_counter()
            if is_many:
                raise Problem(Kind.BAD_ROW, "One item is explained at a time, and this is a list.")
            predictions = await _answered(service, items)
            parts = field.parts(field.from_row(items[0].row))
            values = await service.aside(lambda: parts.values)
            for first in range(1, len(values), _AT_ONCE):
                predictions += await _answered(service, [Item(row=row) for row in values[first : first + _AT_ONCE]])
        try:
            evidence = parts.weighed(predictions, label=request.query_params.get("label"), of=target.column)
        except ConfigError as error:
            raise Problem(Kind.BAD_REQUEST, f"{error.what} {error.given}. {error.fix}") from error
        # Without torch there is no second opinion.
        content = {name: value for name, value in evidence.to_json().items() if name != "agreement"}
        seconds = round(time.perf_counter() - start, 6)
        content = {"prediction": {**predictions[0].to_json(), "seconds": seconds}, **content}
        return Response(json.dumps(content, ensure_ascii=False).encode(), media_type="application/json")

    return {"explains": True}


def _description(reader: Reader) -> dict[str, Any]:
    """What `openapi.json` says of the address, as FastAPI's arguments."""
    answered = {"description": "The item in pieces.", "content": {"application/json": {"schema": _EVIDENCE}}}
    kinds = Kind.BAD_REQUEST, Kind.SLOW_BODY, Kind.TOO_LARGE, *reader.problems, Kind.BUSY, Kind.DEADLINE
    label = {
        "name": "label",
        "in": "query",
        "description": "The class to explain. Default: the most probable one.",
        "schema": {"type": "string"},
    }
    return {
        "summary": "Which words speak for the answer, and which against it.",
        "description": "Takes one item as `POST /predict` does. The model answers it without each of its words in "
        "turn, or, of a long one, without each stretch of words. It is not written into the log.",
        "responses": {200: answered, **problem_responses(*kinds)},
        "openapi_extra": {**reader.describe_body(), "parameters": [label]},
    }


async def _answered(service: Service, items: Sequence[Item]) -> list[Prediction]:
    """The predictions for items; the problem of the first that has one."""
    answers = await service.answer(items)
    for answer in answers:
        if answer.problem is not None:
            raise answer.problem
    return [answer.prediction for answer in answers if answer.prediction is not None]
