"""What a field is: the binding of one column of the item table to a type of input or target.

A field knows how to read its value and how to write itself as JSON. It runs while training and while serving, so it
needs numpy and Pillow alone, never torch. A new kind of data is one new file beside this one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

import numpy as np

from headway.errors import ReadError

if TYPE_CHECKING:
    import polars as pl

    from headway.fields.frame import Frame

__all__ = ["Column", "Input", "Prediction", "Reader", "Target", "Task"]

Task = Literal["classification", "multilabel", "regression", "points", "segmentation"]
"""What kind of answer a target is. Objective, metrics, baselines and the report are chosen by it."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer for one item.

    Attributes:
        label: The answer as text: the most probable class, several labels, or a number with its unit's digits.
        score: The probability of the answer, between 0 and 1; None where it has none, as for a number.
        probabilities: The probability of every class, most probable first; empty where there are no classes.
        value: The answer itself where it is no class: a float, a tuple of labels or of points, an array of classes.
        familiar: Whether the item is like those that the model was trained on. Where it is not, label and score mean
            nothing. None where the bundle cannot tell.
        notes: What the item has that no training item had, such as a category; it was read all the same.
        seconds: How long reading the item and answering took; of a batch's time in the model an item's share. Two
            predictions that differ in nothing else are equal.
    """

    label: str
    score: float | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    value: Any = None
    familiar: bool | None = None
    notes: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prediction):
            return NotImplemented
        ours, theirs = ({**vars(each), "value": None, "seconds": None} for each in (self, other))
        return ours == theirs and np.array_equal(self.value, other.value)

    def to_json(self) -> dict[str, Any]:
        """The prediction as plain JSON values, without the time it took."""
        found = {"label": self.label, "score": self.score, "probabilities": self.probabilities}
        if self.value is not None:
            found["value"] = self.value.tolist() if isinstance(self.value, np.ndarray) else self.value
        found["familiar"] = self.familiar
        return found | ({"notes": list(self.notes)} if self.notes else {})


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table's items, as a form asks for it and a server checks it.

    Attributes:
        name: Its name in the item table.
        kind: What its values are.
        choices: Of a category, the values that the training rows had, as text, the most frequent first.
        typical: An example of a value: the median, the most frequent category, a date in the middle as ISO text.
    """

    name: str
    kind: Literal["number", "category", "date"]
    choices: tuple[str, ...] = ()
    typical: float | str | None = None


class Input(ABC):
    """What goes into the model: a column whose items are read one by one, or several of a table read all at once.

    Immutable, so threads may share it.

    Attributes:
        column: The column; of several, what they are called together.
        dtype: Of what `read` gives, and of the exported graph's input.
        is_table: Whether items are values in columns, which `read_rows` turns into one array that stays in memory,
            rather than files.
    """

    column: str
    dtype: ClassVar[type[np.generic]] = np.uint8
    is_table: ClassVar[bool] = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the item table that it looks at."""
        return (self.column,)

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

    def bind(self, items: pl.DataFrame, target: Target) -> Self:
        """A copy that has chosen its columns, where none were named: all but the target's and Headway's own."""
        return self

    def names(self, items: pl.DataFrame) -> list[str]:
        """What a person calls each item: its path, or what it is instead."""
        return [value if isinstance(value, str) else f"<{type(value).__name__}>" for value in items[self.column]]

    def read_rows(self, items: pl.DataFrame) -> np.ndarray:
        """All items of a table at once, `dtype` `[items, ...]`; only where `is_table`."""
        raise NotImplementedError

    def baseline_rows(self, items: pl.DataFrame) -> dict[str, Any]:
        """All items as simple models take them, by fields of `headway.judge.rows.Rows`; only where `is_table`."""
        return {"table": self.read_rows(items)}

    def seen(self, value: Any) -> Frame:
        """What part of a picture `read` gives; only for pictures."""
        raise NotImplementedError

    def form(self) -> tuple[Column, ...]:
        """What a form asks for an item of a table, whose values `read` takes by name, None where one is missing."""
        return ()

    def notes(self, value: Any) -> tuple[str, ...]:
        """What an item has that no training item had, although `read` takes it; only for tables.

        Raises:
            ReadError: If the item cannot be read.
        """
        return ()

    def read_many(self, values: Sequence[Any]) -> list[tuple[np.ndarray | ReadError, tuple[str, ...]]]:
        """Of each item what `read` gives, or why it cannot be read, and its notes; only for tables."""
        found = []
        for value in values:
            try:
                found.append((self.read(value), self.notes(value)))
            except ReadError as error:
                found.append((error, ()))
        return found

    def familiar(self, arrays: np.ndarray) -> np.ndarray | None:
        """Whether each item of a batch is like the training rows, bool `[batch]`; None where a field cannot tell."""
        return None

    def each(self, items: Any) -> Iterable[Any]:
        """Items one by one, from whatever holds several of them."""
        return items

    def describe(self) -> list[str]:
        """What goes in, for a terminal, a line or several."""
        return [f"in:  {self}"]

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


class Reader(Protocol):
    """Reads files, one by one, into arrays of one shape. An `Input` is one."""

    def canvas(self, value: Any) -> np.ndarray:
        """One of them; ReadError if it cannot be read."""
        ...

    def to_json(self) -> dict[str, Any]:
        """What the arrays depend on besides the files."""
        ...


class Target(ABC):
    """What the model is to predict, from one column or several. Immutable, so threads may share it.

    Attributes:
        column: The column; of several, what they are called together.
        task: What kind of answer it is.
        is_in_picture: Whether the answer lies in a picture, as points and masks do, and moves with it.
        labels: The names of the outputs, in their order, where they have names.
        strata_name: What `strata` tells apart, in a word; empty where that is nothing.
    """

    column: str
    task: ClassVar[Task]
    is_in_picture: ClassVar[bool] = False
    strata_name: ClassVar[str] = "class"
    labels: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the item table that it looks at."""
        return (self.column,)

    @property
    def can_mirror(self) -> bool:
        """Whether the answer for a picture is known for its mirror image, too."""
        return True

    @property
    @abstractmethod
    def num_outputs(self) -> int:
        """How many numbers the model gives for an item."""

    def values(self, items: pl.DataFrame) -> list[Any]:
        """What `encode` takes, a value an item."""
        return items[self.column].to_list()

    def is_missing(self, items: pl.DataFrame) -> list[bool]:
        """Whether an item lacks an answer, so that it can be neither learned from nor judged."""
        return [any(value is None for value in row) for row in items.select(self.columns).iter_rows()]

    def strata(self, items: pl.DataFrame) -> list[str]:
        """What a split keeps the shares of, a text an item: for categories the class, else a coarse bin."""
        return [str(value) for value in self.values(items)]

    @abstractmethod
    def fit(self, rows: pl.DataFrame) -> Self:
        """A fitted copy, having learned from `rows`, which are training rows only."""

    @abstractmethod
    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """The values as the loss wants them, one row an item: class indices, or float32 `[items, num_outputs]`.

        Raises:
            DataError: If a value cannot be one.
        """

    def place(self, items: pl.DataFrame, input: Input) -> np.ndarray:
        """The items' encoded values, for what lies in a picture in the canvas that `input` makes of it."""
        return self.encode(self.values(items))

    def view(self, targets: np.ndarray, input: Input) -> np.ndarray:
        """From what goes with canvases to what goes with `input.view` of them."""
        return targets

    def files(self, input: Input) -> Reader | None:
        """What reads the answers, where they are files as the items are; None where the table holds them."""
        return None

    def fit_places(self, rows: pl.DataFrame, input: Input) -> Self:
        """A copy that has learned, too, where things lie in the canvases that the fitted `input` makes of `rows`."""
        return self

    def fit_answers(self, answers: np.ndarray, targets: np.ndarray) -> Self:
        """A copy that has learned from a model's answers for training rows that the model did not learn from.

        Args:
            answers: What the graph would give, `[items, num_outputs]`.
            targets: What `view` gives for the same rows.
        """
        return self

    def keep(self, outputs: np.ndarray) -> np.ndarray:
        """What is kept of the graph's answers for a batch, `[batch, num_outputs]`: all; of maps each place's class."""
        return outputs

    @abstractmethod
    def decode(self, scores: np.ndarray) -> Prediction:
        """The answer for one item from what the graph gives for it, `[num_outputs]`."""

    def decode_many(self, scores: np.ndarray) -> list[Prediction]:
        """The answers for a batch, `[batch, num_outputs]`, as `decode` gives them one by one."""
        return [self.decode(each) for each in scores]

    def locate(self, prediction: Prediction, frame: Frame) -> Prediction:
        """The answer in the picture itself, from that in the part of it that the model saw; see `is_in_picture`."""
        return prediction

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The field as plain JSON values, with its `kind`."""

    @classmethod
    @abstractmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The field that `to_json` wrote."""
