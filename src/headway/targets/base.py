"""What a target is: the binding of columns of the item table to what a model is to predict.

A target knows how to encode its values, how a model's outputs become an answer, and how to write itself as JSON. It
runs while training and while serving, so it needs numpy alone, never torch.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from headway.as_json import AsJson
from headway.errors import DataError, ShapeError
from headway.inputs.base import learned, values_of
from headway.system.pieces import pieces

if TYPE_CHECKING:
    import polars as pl
    import torch
    from matplotlib.axes import Axes

    from headway.data.dataset import Data
    from headway.data.splits import Split
    from headway.inputs.base import Input
    from headway.inputs.protocols import Reader
    from headway.judge.baselines.base import Baseline
    from headway.judge.diagnosis.finding import Finding
    from headway.judge.diagnosis.item_audit import Unseen
    from headway.judge.learning_curve import LearningCurve
    from headway.judge.metric import TaskMetrics
    from headway.judge.report.inputs import ReportInputs
    from headway.judge.report.report import Section
    from headway.train.objective import Objective

__all__ = [
    "Media",
    "Prediction",
    "Target",
    "Task",
    "check_finite",
    "check_labels",
    "check_shapes",
    "is_blank",
    "labels_of",
    "listed",
]

# What kind of answer a target is. Objective, metrics, baselines and the report are chosen by it.
Task = Literal["classification", "multilabel", "regression", "points", "segmentation", "language", "forecast"]

# How far a probability may lie outside of [0, 1] by float32's rounding.
_ROUNDING = 1e-5

# Fewer items than this and nothing can be learned, nor judged.
MIN_ITEMS = 8


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
        # Arrays, which a value may be, have no single answer to `==`.
        ours, theirs = ({**vars(prediction), "value": None, "seconds": None} for prediction in (self, other))
        return ours == theirs and np.array_equal(self.value, other.value)

    def to_json(self) -> dict[str, Any]:
        """The prediction as plain JSON values, without the time it took; an array is for `Target.to_media` to write."""
        answer = {"label": self.label, "score": self.score, "probabilities": self.probabilities}
        if self.value is not None and not isinstance(self.value, np.ndarray):
            answer["value"] = self.value
        answer["familiar"] = self.familiar
        return answer | ({"notes": list(self.notes)} if self.notes else {})


@dataclass(frozen=True, kw_only=True)
class Media:
    """What kind of file an answer can be written as, beside its JSON: image/png, with the suffix png.

    Its `name` is what the file shows, such as "mask": its member in an answer, and part of the file's name.
    """

    name: str
    media_type: str
    suffix: str


class Target(AsJson, ABC):
    """What the model is to predict, from one column or several: a frozen dataclass, so that threads may share it.

    Attributes:
        kind: Its name in JSON, and in the registry.
        package: The folder of its kind, where `objective.py`, `metrics.py` and `baselines.py` are.
        column: The column; of several, what they are called together.
        task: What kind of answer it is.
        needs_geometry: Whether an answer lies in the item, so that `to_item` needs `Input.geometry` of it.
        is_one_class: Whether an item has exactly one of `labels`, so that outputs before activation are its logits.
        has_probabilities: Whether outputs after activation lie between 0 and 1.
        value_type: The type of `Prediction.value` in JSON; None where an answer has none there.
        media: The kind of file that an answer can be written as; None where JSON holds all of it.
        runs_in_browser: Whether `bundle/web` can decode answers.
        options: What the command line may say of this kind besides its column, such as "limits".
        needs_column: Whether a table's column of answers must be named.
        folders: How the folders of items and of answers are usually called, where answers are files beside them.
        labels: The names of the outputs, in their order, where they have names.
        axes: The names of the axes of what a model gives for an item, the outputs' first. Any others are axes of the
            input too, and as long: a mask has ("classes", "height", "width").
        strata_name: What `strata` tells apart, in a word; empty where that is nothing.
        groups: The column of what a split keeps whole where nobody says how to split; None for single items.
        estimator: Which of scikit-learn's estimators learn it, where one does.
    """

    column: str
    kind: ClassVar[str]
    package: ClassVar[str]
    task: ClassVar[Task]
    strata_name: ClassVar[str] = "class"
    axes: ClassVar[tuple[str, ...]] = ("outputs",)
    groups: ClassVar[str | None] = None
    estimator: ClassVar[Literal["classifier", "regressor"] | None] = None
    labels: tuple[str, ...] = ()
    needs_geometry: ClassVar[bool] = False
    is_one_class: ClassVar[bool] = False
    has_probabilities: ClassVar[bool] = False
    value_type: ClassVar[Any] = None
    media: ClassVar[Media | None] = None
    runs_in_browser: ClassVar[bool] = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the item table that it looks at."""
        return (self.column,)

    @property
    def can_mirror(self) -> bool:
        """Whether the answer for a picture is known for its mirror image, too."""
        return True

    @property
    def num_outputs(self) -> int:
        """How many numbers the model gives for an item, for a mask for each pixel: one for each label."""
        return len(self.labels)

    def values(self, items: pl.DataFrame) -> list[Any]:
        """What `encode` takes, a value an item."""
        return items[self.column].to_list()

    def is_missing(self, items: pl.DataFrame) -> list[bool]:
        """Whether an item lacks an answer, so that it can be neither learned from nor judged."""
        rows = (value if isinstance(value, tuple) else (value,) for value in self.values(items))
        return [any(map(is_blank, row)) for row in rows]

    def strata(self, items: pl.DataFrame) -> list[str]:
        """What a split keeps the shares of, a text an item: for categories the class, else a coarse bin."""
        return [str(value) if self.strata_name else "" for value in self.values(items)]

    def own_input(self, input: str | Sequence[str] | Input | None) -> Input | None:
        """The input that this kind of target has instead of the one that was named; None where any will do."""
        return None

    @classmethod
    def own_split(cls, *, valid: float, seed: int) -> Split | None:
        """How its items must be divided where nobody says it; None where at random, or by `groups`, will do."""
        return None

    def bind_to(self, input: Input) -> Self:
        """The field with its column chosen by the input, for a kind whose target is the input itself; here itself."""
        return self

    def bind(self, items: pl.DataFrame) -> Self:
        """The field with what it left open seen in the items, such as how their labels are separated; here itself."""
        return self

    def remarks(self, items: pl.DataFrame) -> list[str]:
        """Sentences on values that are read in another way than they are written."""
        return []

    @classmethod
    def recognise(cls, column: str, values: Callable[[], pl.Series], input: Input) -> Self | None:
        """The target that a column is of which only the name was said, by its values; None if of another kind."""
        return None

    # Encoding: from the table to what a loss takes.

    def fit(self, rows: pl.DataFrame) -> Self:
        """A fitted copy, having learned from `rows`, which are training rows only; by itself it learns nothing."""
        return self

    @abstractmethod
    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """The values as the loss wants them, a row an item: class indices, or float32; a DataError if one cannot be."""

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
        """A copy that has learned from the graph's answers for training rows that the model did not learn from."""
        return self

    def keep(self, outputs: np.ndarray) -> np.ndarray:
        """What is kept of the graph's answers for a batch, `[batch, num_outputs]`: all; of maps each place's class."""
        return outputs

    # Checks: what would make training senseless is an error before it starts.

    def check_items(self, items: pl.DataFrame) -> None:
        """A DataError unless there are enough items, before they are split, and their answers can be learned."""
        if len(items) < MIN_ITEMS or not self.has_different(items):
            raise DataError(
                f"There must be at least {MIN_ITEMS} items, and their answers must differ.",
                given=f"{len(items)} items, column {self.column!r}",
                fix="Add items, or name another column.",
            )

    def has_different(self, items: pl.DataFrame) -> bool:
        """Whether the answers of an item or more differ from one another."""
        encoded = self.encode(self.values(items))
        return not bool((encoded == encoded[:1]).all())

    def check_parts(self, items: pl.DataFrame) -> None:
        """A DataError unless train and valid have what they need, by the column "split"."""
        sizes = {part: int((items["split"] == part).sum()) for part in ("train", "valid")}
        if not all(sizes.values()):
            given = ", ".join(f"{count} in {part}" for part, count in sizes.items())
            # Copies of one item are on one side of a split.
            given += ", all of the same content" * ("content" in items.columns and items["content"].n_unique() == 1)
            fix = "Add items, or split in another way."
            raise DataError("Train and valid must both have items.", given=given, fix=fix)

    def check_classes(self, items: pl.DataFrame) -> None:
        """A DataError where each part has items, and yet nothing should be trained on them: an audit tells it."""

    def check_encoded(self, data: Data) -> None:
        """A DataError unless the fitted field can encode every answer: better said now than in the first epoch."""
        try:
            for rows in pieces(data.items):
                self.encode(self.values(rows))
        except DataError:  # which names values of all rows
            self.encode(self.values(data.items))

    # Answering: from a graph's outputs to a prediction, without torch.

    def is_valid(self, outputs: np.ndarray) -> np.ndarray:
        """Whether the graph's numbers for an item can be an answer: finite, probabilities in [0, 1]; bool `[batch]`."""
        right = np.isfinite(outputs)
        if self.has_probabilities:
            # One comparison for both ends, and false for NaN.
            right &= np.abs(outputs - 0.5) <= 0.5 + _ROUNDING
        return np.asarray(right.reshape(len(outputs), -1).all(axis=1))

    @abstractmethod
    def decode(self, scores: np.ndarray) -> Prediction:
        """The answer for one item from what the graph gives for it, `[num_outputs]`."""

    def decode_many(self, scores: np.ndarray) -> list[Prediction]:
        """The answers for a batch, `[batch, num_outputs]`, as `decode` gives them one by one."""
        return [self.decode(one) for one in scores]

    # Training: the objective. Its module, and those below, are imported when they are asked for: what serves needs
    # neither them nor torch.

    def objective(self) -> Objective:
        """What training makes small, and how a model's outputs become answers; only for fitted fields."""
        return import_module(f"{self.package}.objective").objective(self)

    def moved(self, targets: torch.Tensor, matrices: Callable[[], torch.Tensor], size: int) -> torch.Tensor:
        """The targets, as `place` gives them, of a batch whose pictures were cut, turned and mirrored.

        `matrices` gives, on the targets' device, where each place of a result was in the canvas, both from -1 to 1:
        float32 `[batch, 3, 3]`. The results have `size` pixels to a side.
        """
        return targets

    # Judging: metrics, baselines, sections of the report.

    def metrics(self) -> TaskMetrics:
        """How predictions are judged, and which metric comes first."""
        return import_module(f"{self.package}.metrics").METRICS

    def baselines(self) -> dict[str, Baseline]:
        """Simple models by name, in the order in which they run; those that need no array are guesses."""
        return import_module(f"{self.package}.baselines").BASELINES

    def sections(self, inputs: ReportInputs) -> dict[str, Section] | None:
        """What a report says beyond metrics, verdict and slices, by name; None for the items farthest off alone."""
        return None

    def findings(self, inputs: ReportInputs) -> list[Finding] | None:
        """What is wrong with a model, beyond what every kind is looked at for; None for overfitting alone."""
        return None

    def audit(self, data: Data, unseen: Unseen | None) -> list[Finding]:
        """What is wrong with the answers themselves, before any model is trained; `unseen` answers without the item."""
        return []

    def learning_curve(self) -> Callable[..., LearningCurve] | None:
        """What says how much more data would help, called as `category.learning_curve` is; None where nothing does."""
        return None

    def draw(self, axes: Axes, value: Any, target: np.ndarray) -> None:
        """Shows an item's answer, as `values` and `view` give it, where `Input.draw` has drawn it: as the title."""
        axes.set_title("" if value is None else str(value), parse_math=False)

    def overlays(self, photo: np.ndarray, prediction: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        """What is drawn beside an item's photo as the model sees it, by name, uint8 `[height, width, 3]` each."""
        return {}

    def legend(self) -> str:
        """What the colours of `overlays` mean, as HTML."""
        return ""

    @classmethod
    def of_arrays(cls, predictions: np.ndarray, targets: np.ndarray, labels: Sequence[str] | None) -> Self:
        """A target for arrays as the metrics take them, without data; `labels` name the outputs."""
        return cls("target")  # pyright: ignore[reportCallIssue]

    # The command line.

    options: ClassVar[tuple[str, ...]] = ()
    needs_column: ClassVar[bool] = True
    folders: ClassVar[tuple[str, str] | None] = None

    @classmethod
    def parse_options(cls, options: Mapping[str, str]) -> dict[str, Any]:
        """The constructor's arguments that `options` of the command line stand for; a ConfigError if one cannot be."""
        return {}

    @classmethod
    def from_options(cls, column: str, options: Mapping[str, str], values: Callable[[], Sequence[Any]]) -> Self:
        """The field that the command line describes; `values` reads the column, for what the options leave open."""
        return cls(column, **cls.parse_options(options))  # pyright: ignore[reportCallIssue]

    @classmethod
    def reads_path(cls, path: str | os.PathLike[str]) -> bool:
        """Whether this kind makes the item table of a folder or a file itself, by `read_path`."""
        return False

    @classmethod
    def read_path(cls, path: str | os.PathLike[str]) -> pl.DataFrame:
        """The item table of a folder or a file that holds neither classes nor a table; only where `reads_path`."""
        raise NotImplementedError

    @classmethod
    def list_folder(cls, path: str | os.PathLike[str], items: str, answers: str) -> pl.DataFrame:
        """The items and the answers in two folders below `path`, in columns of their names; only with `folders`."""
        raise NotImplementedError

    # Serving: log, summary, page.

    def to_item(self, prediction: Prediction, geometry: Any) -> Prediction:
        """The answer in the item itself, from that in what the model saw of it, by what `Input.geometry` gives."""
        return prediction

    def to_media(self, prediction: Prediction) -> bytes:
        """The answer as a file of the kind `media`."""
        raise NotImplementedError

    def summary(self) -> str:
        """What a model of this target does, in a sentence."""
        return f"This model predicts {self.column}."

    def question(self, noun: str) -> str:
        """What one asks of an item that shows something, such as a picture; empty where its title is the column's."""
        return ""

    def page_facts(self, input: Input) -> dict[str, Any]:
        """What the page says of a model, and what it needs to show an answer, as JSON values."""
        return {
            "task": self.task,
            "target": self.column,
            "labels": list(self.labels),
            "question": input.question(self),
            "summary": self.summary(),
            "noun": input.noun,
            "nouns": input.nouns,
            "media": asdict(self.media) if self.media else None,
        }

    def statistics(self, prediction: Prediction) -> dict[str, Any]:
        """What a log keeps of an answer, for drift: numbers by name, `label`, `labels` or `shares` of classes."""
        return {"label": prediction.label}

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        """The field as plain JSON values, with its `kind`."""
        # First, so that a person who opens a manifest sees what the rest is about.
        return {"kind": self.kind} | super().to_json()

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The field that `to_json` wrote."""
        assert is_dataclass(cls)
        # What was learned from training rows is no argument of the constructor.
        said, learnt = (values_of(cls, values, init=init) for init in (True, False))
        field = cls(**{name: _frozen(value) for name, value in said.items()})
        return learned(field, **{name: _frozen(value) for name, value in learnt.items()})


def is_blank(value: Any) -> bool:
    """Whether a value of a table stands for none: null, an empty text, NaN."""
    # NaN, which is what pandas calls missing, differs from itself.
    return value is None or (isinstance(value, str | float) and (value != value or value == ""))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def listed(labels: Sequence[str]) -> str:
    """Names as a sentence has them, of many the first.

    Example:
        >>> listed(["red", "green", "blue"])
        'red, green and blue'
        >>> listed(list("abcdefghijklmn"))
        'a, b, c, d, e, f, g, h, i, j, k and 3 more'
    """
    shown = [*labels[:11], f"{len(labels) - 11} more"] if len(labels) > 12 else list(labels)
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def check_shapes(
    answers: np.ndarray,
    targets: np.ndarray,
    *,
    fit: bool,
    what: str,
    fix: str = "Pass one answer for each target, in the same order.",
) -> None:
    """Raises a ShapeError, with `what` the shapes must be, unless they `fit` together."""
    if not fit:
        given = f"answers {list(answers.shape)}, targets {list(targets.shape)}"
        raise ShapeError(what, given=given, fix=fix)


def check_finite(answers: np.ndarray, targets: np.ndarray, *, what: str, else_right: bool = True) -> None:
    """Raises a DataError unless there are items, without NaN or infinity, and all else is right about them."""
    wrong = [name for name, array in (("answers", answers), ("targets", targets)) if not np.isfinite(array).all()]
    if wrong or not len(targets) or not else_right:
        given = f"{len(targets)} items" + (f"; NaN or infinity in {' and '.join(wrong)}" if wrong else "")
        raise DataError(what, given=given, fix="Leave such items out.")


def check_labels(labels: Sequence[str], num_outputs: int) -> None:
    """Raises a ShapeError unless there is a label for each output."""
    if len(labels) != num_outputs:
        fix = "Pass one label a class, in the order of the model's outputs."
        raise ShapeError(
            "`labels` must name each class.", given=f"{len(labels)} labels, {num_outputs} classes", fix=fix
        )


def labels_of(predictions: np.ndarray, labels: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the columns of `predictions`, `[items, columns]`: their indices where there are no others."""
    num_outputs = predictions.shape[1] if predictions.ndim > 1 else 0
    if labels:
        check_labels(labels, num_outputs)
    return tuple(map(str, labels or range(num_outputs)))
