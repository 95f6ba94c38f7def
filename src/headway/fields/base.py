"""What a field is: the binding of one column of the item table to a type of input or target.

A field knows how to read its value and how to write itself as JSON. It runs while training and while serving, so it
needs numpy and Pillow alone, never torch. A new kind of data is one new file beside this one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Input", "Prediction", "Target", "Task"]

Task = Literal["classification"]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer for one item.

    Attributes:
        label: The most probable class.
        score: Its probability, between 0 and 1.
        probabilities: The probability of every class, most probable first.
        familiar: Whether the item is like those that the model was trained on. Where it is not, label and score mean
            nothing. None where the bundle cannot tell.
        seconds: How long reading the item and answering took; of a batch's time in the model an item's share. Two
            predictions that differ in nothing else are equal.
    """

    label: str
    score: float
    probabilities: dict[str, float]
    familiar: bool | None = None
    seconds: float = field(default=0.0, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The prediction as plain JSON values, without the time it took."""
        return {
            "label": self.label,
            "score": self.score,
            "probabilities": self.probabilities,
            "familiar": self.familiar,
        }


class Input(ABC):
    """A column that goes into the model. Immutable, so threads may share it."""

    column: str

    @abstractmethod
    def fit(self, rows: pl.DataFrame) -> Self:
        """A fitted copy, having learned from `rows`, which are training rows only."""

    @abstractmethod
    def canvas(self, value: Any) -> np.ndarray:
        """One item as training sees it, for instance a photo's square, larger than the model's input.

        Raises:
            ReadError: If the item cannot be read; the text is one line.
        """

    @abstractmethod
    def view(self, canvas: np.ndarray) -> np.ndarray:
        """What serving sees of a canvas, or of a batch of them: for photos the centre. Returns a view, not a copy."""

    def read(self, value: Any) -> np.ndarray:
        """One item (a path, bytes, an array, a PIL image) as serving and validation see it."""
        return self.view(self.canvas(value))

    def stack(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """A batch of what `read` or `canvas` gave."""
        return np.stack(arrays)

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The field as plain JSON values, with its `kind`."""

    @classmethod
    @abstractmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The field that `to_json` wrote."""


class Target(ABC):
    """A column that the model is to predict. Immutable, so threads may share it."""

    column: str
    task: Task

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """How many numbers the model gives for an item."""

    @abstractmethod
    def fit(self, rows: pl.DataFrame) -> Self:
        """A fitted copy, having learned from `rows`, which are training rows only."""

    @abstractmethod
    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """The column's values as the loss wants them, one row an item."""

    @abstractmethod
    def decode(self, scores: np.ndarray) -> Prediction:
        """The answer for one item from the model's output for it, `[num_outputs]`."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The field as plain JSON values, with its `kind`."""

    @classmethod
    @abstractmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The field that `to_json` wrote."""
