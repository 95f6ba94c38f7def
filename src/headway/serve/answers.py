"""What the server answers, as the API's description names it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from headway.serve.body import MEDIA_TYPES
from headway.serve.problems import PROBLEM_MEDIA, Kind
from headway.serve.settings import MAX_FILES

__all__ = [
    "FailedFile",
    "ModelFacts",
    "Predicted",
    "PredictedFile",
    "PredictedMany",
    "ProblemDetails",
    "predict_description",
    "problem_responses",
]


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="The kind of problem: an address on this server that explains it.")
    title: str
    status: int
    detail: str = Field(description="What happened this time, and what to do.")


class Predicted(BaseModel):
    """The answer for one picture."""

    label: str = Field(description="The most probable class.")
    score: float = Field(description="Its probability.", ge=0, le=1)
    probabilities: dict[str, float] = Field(description="The probability of every class, most probable first.")
    familiar: bool | None = Field(
        description="Whether the picture is like those that the model learned from. Where it is not, the label means "
        "nothing. null where the model cannot tell."
    )
    seconds: float = Field(description="How long it took, from the end of the body to the answer.", ge=0)


class PredictedFile(Predicted):
    """The answer for one of several pictures."""

    file: str = Field(description="The name that the picture came with.")


class FailedFile(BaseModel):
    """One of several pictures that could not be answered."""

    file: str
    problem: ProblemDetails


class PredictedMany(BaseModel):
    """The answers for several pictures, in their order; one that cannot be read has a problem instead."""

    predictions: list[PredictedFile | FailedFile]


class ModelFacts(BaseModel):
    """What the model is, and what the server takes."""

    model_config = ConfigDict(extra="allow")

    name: str
    labels: list[str]
    arch: str
    card: str = Field(description="The model card, in Markdown.")
    max_body_bytes: int
    media_types: list[str]


def problem_responses(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The responses of an operation for kinds of problems, for its description."""
    content = {PROBLEM_MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        known = found.setdefault(kind.status, {"description": kind.title, "content": content})
        if kind.title not in known["description"]:
            known["description"] += f"; or: {kind.title[0].lower()}{kind.title[1:]}"
        if kind is Kind.BUSY:
            known["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return found


def predict_description() -> dict[str, Any]:
    """The request body of `POST /predict`: FastAPI does not see it, since it is read by hand, under limits."""
    picture = {"schema": {"type": "string", "format": "binary"}}
    file = {"type": "array", "items": picture["schema"], "minItems": 1, "maxItems": MAX_FILES}
    form = {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": file | {"description": "One picture, or several with this name."}},
        }
    }
    content = dict.fromkeys((*MEDIA_TYPES, "application/octet-stream"), picture)
    return {"requestBody": {"required": True, "content": content | {"multipart/form-data": form}}}
