"""What the server answers, as the API's description names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from headway.inputs.image.geometry import Frame
from headway.serve.problems import PROBLEM_MEDIA, Kind
from headway.targets.base import Prediction, Target
from headway.targets.mask.field import Mask

__all__ = [
    "FailedFile",
    "FailedRow",
    "ModelFacts",
    "Predicted",
    "PredictedFile",
    "PredictedFiles",
    "PredictedRow",
    "PredictedRows",
    "ProblemDetails",
    "answer_json",
    "mask_png",
    "model_summary",
    "problem_responses",
]


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
    value: float | list[str] | list[tuple[float, float]] | None = Field(
        default=None,
        description="The answer itself where it is no class: a number; the labels, of which there may be none; points, "
        "each x and y in pixels of the picture from its upper left corner.",
    )
    familiar: bool | None = Field(
        description="Whether the item is like those that the model learned from. Where it is not, the label means "
        "nothing. null where the model cannot tell."
    )
    mask: str | None = Field(
        default=None,
        description="The mask as a PNG file of the picture's size, in base64; only where it was asked for.",
    )
    notes: list[str] = Field(
        default=[],
        description="What the item has that no training item had, such as a new category. Left out where there is "
        "nothing.",
    )
    seconds: float = Field(description="How long it took, from the end of the body to the answer.", ge=0)


class PredictedFile(Predicted):
    """The answer for one of several pictures."""

    file: str = Field(description="The name that the picture came with.")


class FailedFile(BaseModel):
    """One of several pictures that could not be answered."""

    file: str
    problem: ProblemDetails


class PredictedFiles(BaseModel):
    """The answers for several pictures, in their order; one that cannot be read has a problem instead."""

    predictions: list[PredictedFile | FailedFile]


class PredictedRow(Predicted):
    """The answer for one of several rows."""

    row: int = Field(description="Its place in the list, from 0.", ge=0)


class FailedRow(BaseModel):
    """One of several rows that could not be answered."""

    row: int
    problem: ProblemDetails


class PredictedRows(BaseModel):
    """The answers for several rows, in their order; one that is not as it should be has a problem instead."""

    predictions: list[PredictedRow | FailedRow]


class ModelFacts(BaseModel):
    """What the model is, and what the server takes."""

    model_config = ConfigDict(extra="allow")

    name: str
    task: str = Field(description="What kind of answer it gives.")
    target: str = Field(description="What it predicts.")
    labels: list[str] = Field(description="The classes; empty where the answer is no class.")
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


def answer_json(prediction: Prediction, *, target: Target, frame: Frame | None) -> dict[str, Any]:
    """A prediction as it is sent, but for the time it took; what lies in a picture, in its pixels."""
    found = prediction
    if isinstance(target, Mask):
        # A class for each pixel is sent as a picture, to whom that is what they want.
        found = replace(prediction, value=None)
    elif frame is not None:
        found = target.locate(prediction, frame)
    return found.to_json()


def mask_png(prediction: Prediction, *, target: Target, frame: Frame | None) -> bytes:
    """A mask as a picture as large as the one that it was asked for."""
    assert isinstance(target, Mask)
    assert frame is not None
    return target.to_png(target.locate(prediction, frame).value)


def model_summary(target: Target) -> str:
    """What a model does, in a few words."""
    shown = f"{', '.join(target.labels[:20])}{' ...' if len(target.labels) > 20 else ''}"
    return _SUMMARIES[target.task].format(labels=shown, target=target.column)


_SUMMARIES: dict[str, str] = {
    "classification": "Tells apart: {labels}",
    "multilabel": "Finds: {labels}",
    "regression": "Gives a number: {target}",
    "points": "Finds points: {target}",
    "segmentation": "Marks: {labels}",
}
