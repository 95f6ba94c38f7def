"""What the server answers, as the API's description names it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from headway.serve.problems import PROBLEM_MEDIA, Kind
from headway.serve.reader import Reader
from headway.targets.base import Target

__all__ = ["ModelFacts", "Predicted", "ProblemDetails", "answer_models", "problem_responses"]

_VALUE = (
    "The answer itself: a number; the labels, of which there may be none; or points, each x and y in pixels of the "
    "picture from its upper left corner."
)


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="The kind of problem: an address on this server that explains it.")
    title: str
    status: int
    detail: str = Field(description="What happened this time, and what to do.")


class Predicted(BaseModel):
    """The answer for one item."""

    label: str = Field(description="The answer as text: the most probable class, several labels, or a number.")
    score: float | None = Field(
        description="The probability of the answer; null where it has none, as for a number.", ge=0, le=1
    )
    probabilities: dict[str, float] = Field(
        description="The probability of every class, most probable first; of a mask each class's share of the picture. "
        "Empty where there are no classes."
    )
    familiar: bool | None = Field(
        description="Whether the item is like those that the model learned from. Where it is not, the label means "
        "nothing. null where the model cannot tell."
    )
    notes: list[str] = Field(
        default=[],
        description="What the item has that no training item had, such as a new category. Left out where there is "
        "nothing.",
    )
    seconds: float = Field(description="How long it took, from the end of the body to the answer.", ge=0)


class ModelFacts(BaseModel):
    """What the model is, and what the server takes."""

    # A kind of input has facts of its own, such as a form's fields.
    model_config = ConfigDict(extra="allow")

    name: str
    task: str = Field(description="What kind of answer it gives.")
    target: str = Field(description="What it predicts.")
    labels: list[str] = Field(description="The classes; empty where the target has no classes.")
    arch: str
    card: str = Field(description="The model card, in Markdown.")
    max_body_bytes: int
    media_types: list[str]


def problem_responses(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The responses of an operation for kinds of problems, for its description."""
    content = {PROBLEM_MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        response = responses.setdefault(kind.status, {"description": kind.title, "content": content})
        # Several kinds may share a status.
        if kind.title not in response["description"]:
            response["description"] += f"; or: {kind.title[0].lower()}{kind.title[1:]}"
        if kind is Kind.BUSY:
            response["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return responses


def answer_models(reader: Reader, target: Target) -> tuple[type[BaseModel], type[BaseModel]]:
    """The answers of one model, for its description: for one item, and for several."""
    # The schema is made for this model, so that a client made from it knows what `value` is.
    more: dict[str, Any] = {}
    if target.value_type is not None:
        more["value"] = (target.value_type, Field(description=_VALUE))
    if target.media:
        text = (
            f"The {target.media.name} as a {target.media.suffix} file, in base64; only where the request asks for it."
        )
        more[target.media.name] = (str | None, Field(default=None, description=text))
    one = create_model("Predicted", __base__=Predicted, __doc__=Predicted.__doc__, **more)
    name, description = reader.key
    key: Any = {name: (reader.key_type, Field(description=description))}
    good = create_model("PredictedItem", __base__=one, __doc__="The answer for one of several items.", **key)
    bad = create_model("FailedItem", __doc__="One of several items without an answer.", problem=ProblemDetails, **key)
    text = "The answers for several items, in their order; one that cannot be read has a problem instead."
    return one, create_model("PredictedItems", __doc__=text, predictions=list[good | bad])
