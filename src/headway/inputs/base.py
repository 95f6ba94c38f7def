"""What an input is: the binding of columns of the item table to what a model is given.

An input knows how to read its values and how to write itself as JSON. It runs while training and while serving, so
what it reads with needs numpy and Pillow alone, never torch. A new kind of input is a folder beside this file and a
line in `registry.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

import numpy as np

from headway.errors import ConfigError, DataError, ReadError, did_you_mean
from headway.inputs.protocols import Column, Parts, Step
from headway.inputs.training_view import TrainingView

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from torch import nn

    from headway.data.dataset import Part
    from headway.judge.baselines.base import Baseline
    from headway.judge.diagnosis.finding import Finding
    from headway.judge.diagnosis.item_audit import ItemAudit
    from headway.judge.report.report import Picture, Report, Section
    from headway.targets.base import Target
    from headway.train.model import Model
    from headway.train.pretraining import Pretraining
    from headway.train.stage import Setup

__all__ = ["Input", "is_ragged", "learned", "model_order", "values_of"]

F = TypeVar("F")


def is_ragged(axes: Sequence[str]) -> bool:
    """Whether items differ in the length of one of these axes: its name ends with `*`."""
    return any(name.endswith("*") for name in axes)


@cache
def model_order(axes: tuple[str, ...]) -> tuple[int, ...]:
    """The order of a batch's axes that a model takes, as `permute` and `transpose` want it: channels come first.

    Example:
        >>> model_order(("height", "width", "channels")), model_order(("columns",))
        ((0, 3, 1, 2), (0, 1))
    """
    # Sorting is stable: all but the channels stay in their order. Axis 0 is the batch.
    return (0, *sorted(range(1, len(axes) + 1), key=lambda axis: axes[axis - 1] != "channels"))


class Input(ABC):
    """What goes into the model: a column whose items are read one by one, or several of a table read all at once.

    Immutable, so threads may share it.

    Attributes:
        column: The column; of several, what they are called together.
        source: Where an item's content lies: in a "file" of its own, which is opened, checked and kept decoded before
            anything is fitted; or in the table's "values", which the fitted field reads all at once by `read_rows`.
        dtype: Of what `read` gives, and of the exported graph's input.
        axes: The names of the axes of what `read` gives, such as `("height", "width", "channels")`. An axis whose
            length differs from item to item ends with `*`; the one named "channels" comes first in a model's input.
        padding: What `collate` fills ragged items up with.
        beside: Endings of files that often lie beside items and are none, such as notes on what is in a picture.
    """

    column: str
    source: Literal["file", "values"] = "file"
    dtype: type[np.generic] = np.uint8
    axes: tuple[str, ...]
    padding: float = 0
    beside: ClassVar[tuple[str, ...]] = ()
    # Whether arrays in memory are taken as of this kind where nobody says of which they are.
    knows_arrays: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the item table that it looks at."""
        return (self.column,)

    # Reading: training and serving alike, without torch.

    @abstractmethod
    def fit(self, rows: pl.DataFrame) -> Self:
        """A fitted copy, having learned from `rows`, which are training rows only."""

    def fit_train(self, items: pl.DataFrame) -> Self:
        """The same, from those rows of an item table that are in train."""
        return self.fit(items.filter(items["split"] == "train"))

    @abstractmethod
    def read(self, value: Any) -> np.ndarray:
        """One item, such as a path, bytes or an array, as serving and validation see it.

        Raises:
            ReadError: If the item cannot be read; the text is one line.
        """

    def reading(self) -> dict[str, Any]:
        """What `read` depends on besides the item, as JSON values: what was read by other ones is not taken."""
        return self.to_json()

    def canvas(self, value: Any) -> np.ndarray:
        """One item as training stores it; for a photo its canvas, a square larger than the model's input."""
        return self.read(value)

    def view(self, canvas: np.ndarray) -> np.ndarray:
        """What serving sees of a stored item, or of a batch of them: for photos the centre. Shares the memory."""
        return canvas

    def collate(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """A batch of what `read` or `canvas` gave, `[batch, ...]`; what is shorter than the longest is padded.

        A model that must know where an item ends finds `padding` there.
        """
        if not is_ragged(self.axes):
            return np.stack(arrays)
        shape = np.max([array.shape for array in arrays], axis=0)
        batch = np.full((len(arrays), *shape), self.padding, dtype=self.dtype)
        for index, array in enumerate(arrays):
            batch[(index, *map(slice, array.shape))] = array
        return batch

    def items_of(self, table: pl.DataFrame) -> tuple[Self, pl.DataFrame, tuple[str, ...]]:
        """The field for a table, its items a row each, and sentences on how they were made of it; here the rows.

        For a kind of which several rows, or columns that were not named one by one, make up an item, or a row several.

        Raises:
            DataError: If the table has not the columns for it.
        """
        return self, table, ()

    def bind(self, items: pl.DataFrame, target: Target) -> Self:
        """The field with its columns chosen, for a kind that chooses them where none were named; here itself."""
        return self

    def for_architecture(self, arch: str | None) -> Self:
        """The field as an architecture of that name reads items: itself, or a copy that is not fitted."""
        return self

    def unreadable(self, items: pl.DataFrame) -> dict[int, str]:
        """Where `source` is "values", the rows that cannot be read, by position, and why; they are left out."""
        return {}

    def names(self, items: pl.DataFrame) -> list[str]:
        """What a person calls each item: its path, or what it is instead."""
        return [value if isinstance(value, str) else f"<{type(value).__name__}>" for value in items[self.column]]

    def same_items(self, items: pl.DataFrame) -> list[str] | None:
        """A text for each row, equal where rows are of one item; None where all that a row holds says which it is."""
        return None

    def remarks(self, items: pl.DataFrame) -> list[str]:
        """Sentences on what of the items is worth knowing before training."""
        return []

    def read_rows(self, items: pl.DataFrame) -> Sequence[np.ndarray] | np.ndarray:
        """What `read` gives of each item, where `source` is "values"; DataError names the one that cannot be read."""
        arrays = []
        values = items.select(self.columns).to_dicts() if len(self.columns) > 1 else items[self.column]
        for name, value in zip(self.names(items), values, strict=True):
            try:
                arrays.append(self.read(value))
            except ReadError as error:
                what = f"{type(self).__name__} cannot read an item of column {self.column!r}."
                raise DataError(what, given=f"{name}: {error}", fix="Correct or remove that row.") from error
        return arrays

    @classmethod
    def from_arrays(
        cls, items: Any, *, size: int | None, channels: Literal["first", "last"] | None
    ) -> tuple[dict[str, Any], Self] | None:
        """The columns that arrays or a frame in memory come to, and the field that reads them; None if of another kind.

        Args:
            items: An array with an item along its first axis, a list of arrays or pictures, or a frame.
            size: Side of the square that the model sees, for pictures. Default: by their own.
            channels: Which axis of a picture has the channels. Default: found by its length.
        """
        return None

    @classmethod
    def from_files(cls, items: pl.DataFrame) -> tuple[pl.DataFrame, Self] | None:
        """A folder's files, in the column "file", as values of the table, and their field; None for other kinds."""
        return None

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        """The field for columns of which only the names were said; None where they are of another kind.

        Args:
            columns: The columns' names; none where the rows themselves go in.
            items: Reads the table, for a kind that has to look at the values or at how the files are called.
            size: Side of the square that the model sees, for pictures.
        """
        return None

    # Writing: for kinds whose models go on from what they have read.

    writes: ClassVar[bool] = False

    def write(self, step: Step | None, prompt: str, **options: Any) -> Iterator[str]:
        """What follows a prompt, piece by piece as it comes; the options are those of `Predictor.generate`.

        Raises:
            ConfigError: If models of this kind do not write, or an option is out of its range.
        """
        fix = "Train one with target=hw.NextToken() (--kind next_token)."
        raise ConfigError("This model does not write text.", given=str(self), fix=fix)

    # Explaining: for kinds of items that have parts which can be left out, such as a text's words.

    has_parts: ClassVar[bool] = False

    def parts(self, value: Any) -> Parts:
        """What of an item can be left out to see what speaks for its answer.

        Raises:
            ConfigError: If items of this kind have no such parts.
            ReadError: If the item cannot be read.
        """
        what = f"`explain` is not available for {self.nouns}: it leaves out words of texts."
        raise ConfigError(what, given=str(self), fix="Look at `learner.report()` instead.")

    # Serving: drift, server, page.

    # Whether its target is a number even where the column has few whole ones, such as stars.
    target_is_number: ClassVar[bool] = False
    noun: ClassVar[str] = "item"
    nouns: ClassVar[str] = "items"
    can_quantize: ClassVar[bool] = True

    @property
    def runs_in_browser(self) -> bool:
        """Whether a browser can read items, by `read.js` in the folder `web` beside the field's module."""
        return False

    def browser_facts(self) -> dict[str, Any]:
        """What `read.js` must know besides what `to_json` writes, as JSON values; ConfigError if it cannot."""
        return {}

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The length of each of `axes`, None where it is not known: the self-check of a bundle compares it."""
        return (None,) * len(self.axes)

    def geometry(self, value: Any) -> Any:
        """Where in the item lies what `read` gives of it, such as a photo's crop; asked by `Target.needs_geometry`."""
        return None

    def question(self, target: Target) -> str:
        """The title of the page that answers for items."""
        # Reads well whatever the column is called: survived, price, num_rooms.
        return f"What would \u201c{target.column}\u201d be?"

    def server_reader(self, predictor: Any, settings: Any) -> Any:
        """A `headway.serve.reader.Reader` of the items in a request; None for the usual one of files, or of rows.

        Takes the bundle's `headway.bundle.predictor.Predictor` and the server's `headway.serve.settings.Settings`.
        """
        return None

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        """Numbers that say what an item looks like, by name: what drift compares. Takes what `read` gives."""
        return {}

    def reference(self, items: pl.DataFrame) -> dict[str, Any]:
        """How the values of items are distributed, by column, as JSON values; drift compares them, too."""
        return {}

    def bins(self, value: Any, reference: dict[str, Any]) -> dict[str, str]:
        """The bin that each value of an item lies in, by column: what a log keeps in place of the values."""
        return {}

    def form(self) -> tuple[Column, ...]:
        """What a form asks for an item of a table, whose values `read` takes by name, None where one is missing."""
        return ()

    def notes(self, value: Any) -> tuple[str, ...]:
        """What an item has that no training item had, although `read` takes it."""
        return ()

    def read_noted(self, value: Any) -> tuple[np.ndarray, tuple[str, ...]]:
        """What `read` gives of an item, and its notes."""
        return self.read(value), self.notes(value)

    def read_many(self, values: Sequence[Any]) -> list[tuple[np.ndarray | ReadError, tuple[str, ...]]]:
        """Of each item what `read` gives, or why it cannot be read, and its notes."""
        results = []
        for value in values:
            try:
                results.append(self.read_noted(value))
            except ReadError as error:
                results.append((error, ()))
        return results

    # Of more items than this, so many are compared.
    most_compared: ClassVar[int] = 20_000

    def near_copies(self, part: Part) -> Sequence[tuple[int, int]]:
        """Pairs of items, by position, that are nearly the same; none if a kind cannot tell. It may take seconds."""
        return ()

    def familiar(self, arrays: np.ndarray) -> np.ndarray | None:
        """Whether each item of a batch is like the training rows, bool `[batch]`; None where a field cannot tell."""
        return None

    def is_far(self, arrays: np.ndarray) -> np.ndarray | None:
        """Which items hold values far from all training rows', and so are not familiar: bool `[batch]`, or None."""
        return None

    def each(self, items: Any) -> Iterable[Any]:
        """Items one by one, from whatever holds several of them: a frame, a dict of columns, or any iterable.

        Raises:
            DataError: If it has columns, and not those that are read.
        """
        if not (isinstance(items, Mapping) or hasattr(items, "columns")):
            return items
        columns = [*map(str, items if isinstance(items, Mapping) else items.columns)]
        if missing := [name for name in self.columns if name not in columns]:
            what, given = f"The table has no column {missing[0]!r}, which the model reads.", ", ".join(columns[:10])
            raise DataError(what, given=f"columns: {given or 'none'}", fix=did_you_mean(missing[0], columns))
        values = [items[name] for name in self.columns]
        return values[0] if len(values) == 1 else zip(*values, strict=True)

    def series_in(self, table: pl.DataFrame) -> list[str] | None:
        """The name of each item that `each` finds in a table, where an item is a series of rows; else None."""
        return None

    def from_row(self, row: Mapping[str, Any]) -> Any:
        """What `read` takes of a row's values by column: the value, where there is one column, else the row."""
        return row[self.column] if self.columns == (self.column,) else row

    def without(self, columns: Sequence[str]) -> Self:
        """A copy that does not read these columns, which it read or not.

        Raises:
            ConfigError: If nothing is left to read.
        """
        if shared := sorted(set(columns) & set(self.columns)):
            what = f"{str(self)[:1].upper()}{str(self)[1:]} reads a column that must be left out."
            raise ConfigError(what, given=shared, fix="Name other columns as `input`, or do not leave it out.")
        return self

    def describe(self) -> list[str]:
        """What goes in, for a terminal, a line or several."""
        return [f"in:  {self}"]

    # Training: what a kind brings for models and batches; torch is imported inside.

    @classmethod
    def architectures(cls) -> list[str]:
        """The names of the architectures that this kind has."""
        return []

    @classmethod
    def has_architecture(cls, name: str) -> bool:
        """Whether this kind has an architecture of that name."""
        return name in cls.architectures()

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        """A model by name, a good choice when None. The field must be fitted.

        Torch's generator is seeded by the caller, so that random weights depend on the run's seed alone.

        Raises:
            ConfigError: If the name is not known.
            WeightsError: If pretrained weights are not available.
        """
        what = f"There is no architecture for {type(self).__name__}."
        raise ConfigError(what, given=f"arch={arch!r}", fix="Pass a module of your own.")

    def own_prepare(self) -> nn.Module | None:
        """What comes before a module of one's own: for photos from pixels to 0 to 1; None for nothing."""
        return None

    def training_view(self, target: Target, augment: Any = None) -> TrainingView:
        """What training does with this kind's batches.

        `augment` is what is done to training items, or what `TrainingView.to_json` gave; a good choice when None.
        """
        if augment:
            what = f"{type(self).__name__} has no augmentation."
            raise ConfigError(what, given=f"augment={augment}", fix="Leave it out.")
        return TrainingView()

    def pretraining(self, model: nn.Module) -> Pretraining | None:
        """How a model's body learns from items without targets; None where it cannot. The field must be fitted."""
        return None

    # Judging: what simple models learn from, what a report shows of an item. What it needs is imported inside.

    tries: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What a diagnosis suggests that only this kind has, by the kind of finding, such as "overfitting"."""

    def baselines(self, target: Target) -> dict[str, Baseline]:
        """Simple models that only this kind of input has, by name; those for all kinds come from the target."""
        return {}

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """What simple models learn from; `seed` is the run's, where items are drawn at random.

        Returns:
            The items that were taken, which is fewer where some cannot be read or a simple model has no use for more;
            arrays by name, each `[items, ...]`; and what is known of them as a whole (`BaselineData.about`).
        """
        return part.left(), {}, {}

    def properties(self, items: pl.DataFrame) -> dict[str, Sequence[Any]]:
        """What is known of items beside their columns, by name, such as a text's length: slices are made of it, too."""
        return {}

    def checked_columns(self, setup: Setup) -> Sequence[str] | None:
        """The columns of a table that are checked one by one, where there are too many to check all; None for all."""
        return None

    def report_sections(self, setup: Setup, report: Report) -> dict[str, Section]:
        """What a report says of the inputs, such as which columns the model uses, by name."""
        return {}

    def findings(self, setup: Setup) -> list[Finding]:
        """What is wrong with the data, as far as the model's inputs show it."""
        return []

    def audit(self, part: Part) -> ItemAudit | None:
        """What an audit asks of the items of a part before any model is trained; None for what all kinds have."""
        return None

    def report_pictures(self, setup: Setup, report: Report) -> dict[int, Picture]:
        """Pictures of the items that the report's sections show, by their rows."""
        return {}

    def explorers(self, setup: Setup) -> dict[str, Any]:
        """What explains a trained model of this kind, by the learner's method: "interpret" or "recommender"."""
        return {}

    # Pictures, with matplotlib.

    def draw(self, axes: Axes, value: Any) -> None:
        """Draws one item, a value that `read` takes; where nothing else is said, its columns as text."""
        row = value if isinstance(value, dict) else {self.column: value}
        lines = [f"{name}: {row[name]}" for name in row if name in self.columns]
        axes.text(0.5, 0.5, "\n".join(lines[:12]), ha="center", va="center", fontsize=8, parse_math=False)

    # As JSON.

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The field as plain JSON values, with its `kind`."""

    def facts(self) -> dict[str, Any]:
        """What a report says of the field: `to_json`, without what reading alone needs."""
        return self.to_json()

    @classmethod
    @abstractmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The field that `to_json` wrote."""


def values_of(cls: type[Any], values: dict[str, Any], *, init: bool = True) -> dict[str, Any]:
    """A dataclass's attributes in JSON; a ValueError where true or false stands for another type."""
    optional = {one.name for one in fields(cls) if one.default is not MISSING or one.default_factory is not MISSING}
    # An option that has a default may be missing from bundles that were written before it was there.
    chosen = {
        attribute.name: values[attribute.name]
        for attribute in fields(cls)
        if attribute.init is init and (attribute.name in values or not (init and attribute.name in optional))
    }
    wrong = [one.name for one in fields(cls) if isinstance(chosen.get(one.name), bool) and "bool" not in str(one.type)]
    if wrong:
        message = f"{wrong[0]} is {chosen[wrong[0]]}"
        raise ValueError(message)
    return chosen


def learned(field: F, **values: Any) -> F:
    """A copy of an input or a target, a frozen dataclass, with what it learned from training rows, by attribute.

    What a field learns are attributes that its constructor does not take (`init=False`), so that the constructor shows
    only what a user says. Values that were learned before are kept where no new ones are given.
    """
    assert is_dataclass(field)
    assert not isinstance(field, type)
    copy = replace(field)
    before = {attribute.name: getattr(field, attribute.name) for attribute in fields(field) if not attribute.init}
    for name, value in {**before, **values}.items():
        # The copy is not known to anyone yet, so it is still safe to complete it although it is frozen.
        object.__setattr__(copy, name, value)
    return copy
