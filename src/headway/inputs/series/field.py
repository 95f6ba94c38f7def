"""A series: one or several numbers that change with time, read as one array of channels and moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from headway.data.sources import as_frame, column_names
from headway.errors import ConfigError, DataError, ReadError, did_you_mean
from headway.inputs.base import Input, learned
from headway.inputs.protocols import Column
from headway.inputs.series.layouts import from_long, from_wide, is_list, recognise_long, wide_columns
from headway.inputs.series.parse import moments_of

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from torch import nn

    from headway.data.dataset import Part
    from headway.inputs.training_view import TrainingView
    from headway.judge.baselines.base import Baseline
    from headway.judge.diagnosis.item_audit import ItemAudit
    from headway.targets.base import Target
    from headway.train.model import Model
    from headway.train.pretraining import Pretraining

__all__ = ["MIN_LENGTH", "Series"]

# The kernels of a convolution reach over so many moments; shorter series are padded.
MIN_LENGTH = 9
# Moments that a model sees of a series at most: longer ones are averaged over neighbouring moments.
_MAX_LENGTH = 4_096
# Digits that are kept of what a bundle tells of the training rows.
_DIGITS = 6


@dataclass(frozen=True)
class Series(Input):
    """One or several columns of series, each value a list of numbers, a moment after the other.

    Tables hold series in three forms. *A row an item, a list in a cell*: name the columns, one a channel; a cell is a
    list, or a text of numbers such as "0.1 0.2 0.4". *A row an item, a column a moment*: name them by a pattern, such
    as `Series("t*")`. *A row a moment*: name the columns of numbers, and the one that says which series a row belongs
    to, such as `Series(["x", "y"], id="beat", time="seconds")`; columns that do not change within a series, such as a
    label or a patient, are the item's own.

    What is missing in between is interpolated. All items are brought to the length of the longest training item:
    shorter ones keep their last value, what is longer is cut off.

    Args:
        values: The columns of numbers, or a pattern with `*`. Left out: all columns that hold lists; where the table
            has none, a table of a row a moment is recognised by its columns of id and time.
        id: The column that says which series a row belongs to, where a row is a moment.
        time: The column of times, by which the moments of a series are put in order; numbers or dates.

    Attributes:
        length: Moments that the model sees; found by `fit`.
        every: So many neighbouring moments are averaged to one; found by `fit`.
        means: Of each channel; found by `fit`.
        stds: The standard deviation of each channel, above 0; found by `fit`.
        typical: The mean of the training items, a list of moments a channel; found by `fit`.
        moments: The columns that hold a moment each, where the table has such; found by `items_of`.

    Raises:
        ConfigError: If `time` comes without `id`.

    Example:
        >>> import polars as pl
        >>> field = Series("beat").fit(pl.DataFrame({"beat": [[0.0, 1.0] * 8, [1.0, 2.0] * 6]}))
        >>> field.length, field.read([1, None, 3, 4]).shape
        (16, (1, 16))
    """

    values: str | Sequence[str] = ()
    _: KW_ONLY
    id: str | None = None
    time: str | None = None
    moments: tuple[str, ...] = field(default=(), init=False, repr=False)
    length: int = field(default=0, init=False, repr=False)
    every: int = field(default=1, init=False, repr=False)
    means: tuple[float, ...] = field(default=(), init=False, repr=False)
    stds: tuple[float, ...] = field(default=(), init=False, repr=False)
    typical: tuple[tuple[float, ...], ...] = field(default=(), init=False, repr=False)
    dtype = np.float32
    axes = ("channels", "time")
    source = "values"
    noun: ClassVar[str] = "series"
    nouns: ClassVar[str] = "series"
    can_quantize: ClassVar[bool] = False
    # Their shapes are those of tables and of pictures, too.
    knows_arrays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        names = (self.values,) if isinstance(self.values, str) else tuple(self.values)
        object.__setattr__(self, "values", names)
        if self.time is not None and self.id is None:
            what = "`time` needs `id`, the column that says which series a row belongs to."
            given = f"time={self.time!r}, no id"
            raise ConfigError(what, given=given, fix='Pass both, such as Series(["x"], id="beat", time="seconds").')

    @property
    def column(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The first channel's column, or what they are called together."""
        return self.values[0] if len(self.values) == 1 else "series"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns, one a channel."""
        return tuple(self.values)

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (len(self.values), self.length or None)

    # From a table to items.

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        """A pattern of columns; columns of lists; or, where none are named, a table of lists, or of id and time."""
        if len(columns) == 1 and "*" in columns[0]:
            return cls(columns[0])
        table = items()
        if columns:
            return cls(columns) if all(name in table.columns and is_list(table[name]) for name in columns) else None
        lists = [name for name in table.columns if is_list(table[name])]
        if lists:
            return cls(lists)
        long = recognise_long(table)
        return cls(long.values, id=long.id, time=long.time) if long else None

    @classmethod
    def from_arrays(
        cls, items: Any, *, size: int | None, channels: Literal["first", "last"] | None
    ) -> tuple[dict[str, Any], Self] | None:
        """Arrays of two axes, `[items, time]`, of three, `[items, channels, time]`, or a list of such without items."""
        if hasattr(items, "columns"):
            return None
        series = [np.atleast_2d(np.asarray(item, dtype=np.float64)) for item in items]
        series = [item.T for item in series] if channels == "last" else series
        names = [f"channel_{number}" for number in range(len(series[0]))] if len(series[0]) > 1 else ["series"]
        return {name: [item[index].tolist() for item in series] for index, name in enumerate(names)}, cls(names)

    def items_of(self, table: pl.DataFrame) -> tuple[Self, pl.DataFrame, tuple[str, ...]]:
        if self.id is not None and not self._has_items(table):
            items, notes = from_long(table, values=self.columns, id=self.id, time=self.time)
            return self, items, notes
        if self.moments and self.column not in table.columns and {*self.moments} <= {*table.columns}:
            return self, from_wide(table, self.moments, self.column), ()
        pattern = self.values[0] if len(self.values) == 1 else ""
        if "*" in pattern and pattern not in table.columns:
            names = wide_columns(table, pattern)
            name = pattern.replace("*", "").strip("_- ") or "series"
            bound = learned(replace(self, values=(name,)), moments=names)
            others = [repr(other) for other in table.columns if fnmatchcase(other, pattern) and other not in names]
            notes = [f"{len(names)} columns {pattern!r}, {names[0]!r} to {names[-1]!r}, are the moments of {name!r}."]
            if others:
                notes.append(f"Without a number behind it, these are no moments: {', '.join(others[:10])}.")
            return bound, from_wide(table, names, name), tuple(notes)
        if not self.values:
            recognised = self.recognise((), lambda: table, size=0)
            if recognised is None:
                what, given = "The table has no series.", f"columns: {', '.join(table.columns)}"
                raise DataError(
                    what, given=given, fix='Name their columns: hw.Series(["x", "y"], id="beat", time="t").'
                )
            return recognised.items_of(table)
        return self, table, ()

    def fit(self, rows: pl.DataFrame) -> Self:
        items = self._every(rows, self._numbers)
        longest = max(item.shape[1] for item in items)
        every = -(-longest // _MAX_LENGTH)
        length = max(-(-longest // every), MIN_LENGTH)
        array = np.stack([_in_length(item, length, every) for item in items])
        stds = array.std((0, 2), dtype=np.float64)
        return learned(
            self,
            length=length,
            every=every,
            means=tuple(array.mean((0, 2), dtype=np.float64).tolist()),
            # A channel that never changes would be divided by 0.
            stds=tuple(np.where(stds > 0, stds, 1.0).tolist()),
            typical=tuple(tuple(float(f"{value:.{_DIGITS}g}") for value in row) for row in array.mean(0)),
        )

    # Reading.

    def _numbers(self, value: Any) -> np.ndarray:
        """An item's channels as they come, float64 `[channels, moments]`, gaps filled."""
        return moments_of(value, self.columns, self.moments)

    def read_noted(self, value: Any) -> tuple[np.ndarray, tuple[str, ...]]:
        # A long text takes most of the time of an answer, so it is parsed once for both.
        numbers = self._numbers(value)
        moments, longest = numbers.shape[1], self.length * self.every
        notes = (f"{moments} moments, of which the first {longest} count",) if moments > longest else ()
        return _in_length(numbers, self.length, self.every), notes

    def read(self, value: Any) -> np.ndarray:
        """One item, float32 `[channels, length]`: a row, a list, text, or an array `[time]` or `[channels, time]`."""
        return self.read_noted(value)[0]

    def unreadable(self, items: pl.DataFrame) -> dict[int, str]:
        reasons = {}
        for position, row in enumerate(items.select(self.columns).iter_rows(named=True)):
            try:
                self._numbers(row)
            except ReadError as error:
                reasons[position] = str(error)
        return reasons

    def names(self, items: pl.DataFrame) -> list[str]:
        """Their ids, where the table was one of a row a moment, else the rows' numbers, from 0."""
        name = self.id if self.id in items.columns else "row"
        return [f"{self.noun} {one}" for one in (items[name] if name in items.columns else range(len(items)))]

    def read_rows(self, items: pl.DataFrame) -> np.ndarray:
        return np.stack(self._every(items, self.read))

    def numbers(self, items: pl.DataFrame) -> list[np.ndarray]:
        """Each row's channels as they come, float64 `[channels, moments]`, of which each row has its own number."""
        return self._every(items, self._numbers)

    def _every(self, items: pl.DataFrame, read: Callable[[Any], np.ndarray]) -> list[np.ndarray]:
        """What a function gives of every row; a DataError names the one that cannot be read."""
        arrays = []
        for name, row in zip(self.names(items), items.select(self.columns).iter_rows(named=True), strict=True):
            try:
                arrays.append(read(row))
            except ReadError as error:
                what = f"{self} cannot be read in every row."
                raise DataError(what, given=f"{name}: {error}", fix="Correct or remove that row.") from error
        return arrays

    def each(self, items: Any) -> Any:
        """The rows of a frame or of a dict of columns, one by one; anything else as it is.

        Of a table of a row a moment, as the model was trained on, the series in the order of their ids.
        """
        if self.id is not None and self.id in column_names(items):
            return self.items_of(as_frame(items))[1].iter_rows(named=True)
        names = column_names(items)
        needed = self.moments if self.moments and self.column not in names else self.columns
        missing = next((name for name in needed if name not in names), None)
        if names and missing is not None:
            what, given = f"The table has no column {missing!r}, which the model reads.", ", ".join(names[:10])
            raise DataError(what, given=f"columns: {given}", fix=did_you_mean(missing, names))
        if hasattr(items, "iter_rows"):
            return items.iter_rows(named=True)
        if hasattr(items, "to_dict") and hasattr(items, "columns"):
            return items.to_dict("records")
        if isinstance(items, Mapping):
            return [dict(zip(items, row, strict=True)) for row in zip(*items.values(), strict=True)]
        return items

    def series_in(self, table: pl.DataFrame) -> list[str] | None:
        if self.id is None or self.id not in table.columns or self._has_items(table):
            return None
        return [str(id) for id in table[self.id].unique().sort()]

    def _has_items(self, table: pl.DataFrame) -> bool:
        """Whether a row is an item, with a series in each channel's column, and not a moment."""
        columns = [table[name] for name in self.columns if name in table.columns]
        return len(columns) == len(self.columns) and all(one.dtype.is_nested() or is_list(one) for one in columns)

    def from_row(self, row: Mapping[str, Any]) -> Any:
        return row

    def notes(self, value: Any) -> tuple[str, ...]:
        """That the item is longer than what the model sees."""
        return self.read_noted(value)[1]

    # Serving.

    def form(self) -> tuple[Column, ...]:
        texts = (" ".join(f"{value:.4g}" for value in row) for row in self.typical)
        return tuple(
            Column(name=name, kind="text", typical=text) for name, text in zip(self.columns, texts, strict=True)
        )

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        """Of each channel its mean, spread and roughness, in standard deviations of the training rows."""
        scaled = (array - np.array(self.means)[:, None]) / np.array(self.stds)[:, None]
        measured = {"mean": scaled.mean(1), "spread": scaled.std(1), "roughness": np.abs(np.diff(scaled)).mean(1)}
        one = len(self.columns) == 1
        return {
            name if one else f"{name} of {column}": float(values[index])
            for index, column in enumerate(self.columns)
            for name, values in measured.items()
        }

    def describe(self) -> list[str]:
        channels = "1 channel" if len(self.columns) == 1 else f"{len(self.columns)} channels"
        every = f", the mean of {self.every} neighbouring ones each" if self.every > 1 else ""
        return [f"in:  series of {channels}, {self.length} moments{every}"]

    # Training.

    @classmethod
    def architectures(cls) -> list[str]:
        from headway.inputs.series.models import ARCHITECTURES

        return list(ARCHITECTURES)

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.series.models import build

        return build(arch, self, target)

    def training_view(self, target: Target, augment: Any = None) -> TrainingView:
        view = super().training_view(target, augment)
        view.is_small = True
        return view

    def pretraining(self, model: nn.Module) -> Pretraining | None:
        """Stretches are hidden, and a convolutional body fills them in."""
        from headway.inputs.series.masked_moments import masked_moments

        return masked_moments(model, len(self.columns))

    # Judging.

    def near_copies(self, part: Part) -> Sequence[tuple[int, int]]:
        from headway.inputs.series.near_copies import find_copies

        return find_copies(self.read_rows(part.items) / np.array(self.stds, dtype=np.float32)[:, None])

    def audit(self, part: Part) -> ItemAudit:
        from headway.inputs.series.audit import SeriesAudit

        return SeriesAudit(part)

    def baselines(self, target: Target) -> dict[str, Baseline]:
        from headway.inputs.series.baselines import BASELINES

        return BASELINES[target.estimator] if target.estimator else {}

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """The series, standardised, float32 `[items, channels, length]`, and their statistics `[items, numbers]`."""
        from headway.inputs.series.baselines import summary_statistics

        part = part.left()
        scaled = (self.read_rows(part.items) - np.array(self.means)[:, None]) / np.array(self.stds)[:, None]
        series = scaled.astype(np.float32)
        return part, {"series": series, "statistics": summary_statistics(series)}, {}

    def draw(self, axes: Axes, value: Any) -> None:
        """Each channel as a line over its moments."""
        for name, line in zip(self.columns, self._numbers(value), strict=True):
            axes.plot(line, linewidth=1, label=name)
        axes.set_xticks([])
        axes.tick_params(labelsize=6)

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "series",
            "values": list(self.columns),
            "moments": list(self.moments),
            "id": self.id,
            "time": self.time,
            "length": self.length,
            "every": self.every,
            "means": list(self.means),
            "stds": list(self.stds),
            "typical": [list(row) for row in self.typical],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        channels = tuple(str(name) for name in values["values"])
        numbers = {name: tuple(float(number) for number in values[name]) for name in ("means", "stds")}
        typical = tuple(tuple(float(number) for number in row) for row in values["typical"])
        length, every = int(values["length"]), int(values["every"])
        if min(length, every) < 1 or not len(channels) == len(numbers["means"]) == len(numbers["stds"]) == len(typical):
            message = f"a series of {len(channels)} channels, length {length}"
            raise ValueError(message)
        moments = tuple(str(name) for name in values["moments"])
        # Bundles from before have neither.
        id, time = (None if (name := values.get(key)) is None else str(name) for key in ("id", "time"))
        return learned(
            cls(channels, id=id, time=time), moments=moments, length=length, every=every, typical=typical, **numbers
        )

    def __str__(self) -> str:
        return f"Series({', '.join(map(repr, self.columns))})"


def _in_length(numbers: np.ndarray, length: int, every: int) -> np.ndarray:
    """An item's channels in the model's length, float32 `[channels, length]`."""
    if every > 1:
        # The last of the groups is filled with the last moment.
        padded = np.pad(numbers, ((0, 0), (0, -numbers.shape[1] % every)), mode="edge")
        numbers = padded.reshape(len(numbers), -1, every).mean(axis=2)
    numbers = numbers[:, :length]
    return np.pad(numbers, ((0, 0), (0, length - numbers.shape[1])), mode="edge").astype(np.float32)
