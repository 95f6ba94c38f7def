"""The past of a series, as a model that forecasts reads it: the last values before the first that it forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.data.sources import as_frame
from headway.errors import ConfigError, ReadError
from headway.inputs.base import Input, learned, values_of
from headway.inputs.past.season import find_period
from headway.inputs.past.windows import MOST_HISTORY, ORIGIN, SERIES, Table, windows
from headway.inputs.protocols import Column
from headway.inputs.series.parse import moments_of

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

    from headway.data.dataset import Part
    from headway.inputs.training_view import TrainingView
    from headway.targets.base import Target
    from headway.train.model import Model

__all__ = ["Past"]

_SHORTEST, _LONGEST_HORIZON = 8, 512
# Periods, or horizons, that the model looks back on; whichever is longer.
_LOOK_BACK = 2
# Digits that are kept of what a bundle tells of the training rows.
_DIGITS = 6
# What makes an item familiar: these of `statistics`, up to so many ranges beyond those of the training items; and up to
# so many spreads in any case, where the training items are all alike.
_SHAPE, _BEYOND, _ROOM = ("roughness", "trend"), 0.5, 0.25


@dataclass(frozen=True)
class Past(Input):
    """The values of a series before a moment, in a table of a row a moment; `hw.Future` makes it.

    An item of the table that `items_of` makes is a list of the values up to a moment, of which `read` gives the last,
    float32 `[length]`; in front of a shorter past its first value is repeated, and gaps are filled by a straight line.

    Args:
        column: The column of values.
        horizon: How many values are forecast from an item, 1 to 512.
        time: The column of times. Left out: a column of dates, or one that is called as such a column usually is.
        id: The column that says which series a row belongs to, where a table has several.
        season: Moments of a period, such as 12 for months. Left out: found on the training rows.
        context: Values that the model looks back on. Left out: two periods, and two horizons at least.

    Attributes:
        length: The values that the model sees; found by `fit`.
        period: Moments of a period, 1 where there is none; found by `fit`.
        typical: The last values of a training series; found by `fit`.
        ranges: The least and the most roughness and trend of the training items; found by `fit`.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> import polars as pl
        >>> past = Past("sales", horizon=4)
        >>> _, items, notes = past.items_of(pl.DataFrame({"sales": [float(value) for value in range(20)]}))
        >>> len(items), past.fit(items).read([1, 2, 3]).tolist()
        (9, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0])
    """

    column: str
    _: KW_ONLY
    horizon: int = 12
    time: str | None = None
    id: str | None = None
    season: int | None = None
    context: int | None = None
    length: int = field(default=0, init=False, repr=False)
    period: int = field(default=1, init=False, repr=False)
    typical: tuple[float, ...] = field(default=(), init=False, repr=False)
    ranges: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    dtype = np.float32
    axes = ("time",)
    source = "values"
    noun: ClassVar[str] = "forecast"
    nouns: ClassVar[str] = "forecasts"
    can_quantize: ClassVar[bool] = False
    knows_arrays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        limits = {"horizon": (1, _LONGEST_HORIZON), "season": (1, MOST_HISTORY), "context": (2, MOST_HISTORY)}
        wrong = [
            f"`{name}` must be a whole number from {low} to {high}."
            for name, (low, high) in limits.items()
            if (value := getattr(self, name)) is not None and (type(value) is not int or not low <= value <= high)
        ]
        if wrong:
            given = ", ".join(f"{name}={getattr(self, name)!r}" for name in limits)
            raise ConfigError(" ".join(wrong), given=given, fix="Leave out `season` and `context` to have them chosen.")

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (self.length or None,)

    # From a table to items.

    def items_of(self, table: pl.DataFrame) -> tuple[Self, pl.DataFrame, tuple[str, ...]]:
        layout = Table.recognise(table, self.column, time=self.time, id=self.id)
        items, notes = windows(table, layout, horizon=self.horizon, least=max(self.horizon, _SHORTEST))
        return self, items, notes

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows the period, and how far the model looks back, from training rows."""
        # Each series as far as it is known in training: the longest of its items.
        latest = rows.sort(ORIGIN, maintain_order=True).unique(SERIES, keep="last", maintain_order=True)
        histories = [_numbers(past) for past in latest[self.column].to_list()]
        period = self.season or find_period(histories)
        length = self.context or max(_LOOK_BACK * period, _LOOK_BACK * self.horizon, _SHORTEST)
        length = min(length, max(max(map(len, histories)), _SHORTEST), MOST_HISTORY)
        # A period that the model cannot look back on is none.
        fitted = learned(self, length=length, period=period if period <= length else 1)
        shapes = [fitted.statistics(fitted.read(past)) for past in rows[self.column]]
        measured = np.array([[shape[name] for name in _SHAPE] for shape in shapes])
        ranges = zip(measured.min(0).tolist(), measured.max(0).tolist(), strict=True)
        example = fitted.read(max(histories, key=len)).tolist()
        typical = tuple(float(f"{value:.{_DIGITS}g}") for value in example)
        return learned(fitted, ranges=tuple(ranges), typical=typical)

    # Reading.

    def read(self, value: Any) -> np.ndarray:
        """The last values of a past, float32 `[length]`: of a list, an array, a text of numbers, or a row of a table.

        Raises:
            ReadError: If it is none of these, or has no number.
        """
        numbers = moments_of(value, self.columns)[0][-self.length :]
        return np.pad(numbers, (self.length - len(numbers), 0), mode="edge").astype(np.float32)

    def unreadable(self, items: pl.DataFrame) -> dict[int, str]:
        reasons = {}
        for position, past in enumerate(items[self.column]):
            try:
                moments_of(past, self.columns)
            except ReadError as error:
                reasons[position] = str(error)
        return reasons

    def names(self, items: pl.DataFrame) -> list[str]:
        """The series and the time of the first value that is forecast."""
        if ORIGIN not in items.columns:
            return [f"row {row}" for row in range(len(items))]
        return [f"{name} from {time}".strip() for name, time in zip(items[SERIES], items[ORIGIN], strict=True)]

    def read_rows(self, items: pl.DataFrame) -> np.ndarray:
        return np.stack([*super().read_rows(items)])

    def notes(self, value: Any) -> tuple[str, ...]:
        """That fewer values are known than the model looks back on."""
        known = moments_of(value, self.columns).shape[1]
        return (f"{known} values are known, and the model looks back on {self.length}",) if known < self.length else ()

    def each(self, items: Any) -> Any:
        """The pasts of a frame, one by one: its rows where they hold lists, else each series up to its last moment.

        The series of a table of a row a moment come in the order of their names.
        """
        if not isinstance(items, Mapping) and not hasattr(items, "columns"):
            return items
        items = as_frame(items)
        if self.column in items.columns and items[self.column].dtype.is_nested():
            return items[self.column].to_list()
        layout = Table.recognise(items, self.column, time=self.time, id=self.id)
        return [values for *_, values in layout.series(items)]

    # Serving.

    def form(self) -> tuple[Column, ...]:
        return (Column(name=self.column, kind="numbers", typical=" ".join(f"{value:.6g}" for value in self.typical)),)

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        """Level, spread, roughness (the usual change beside the spread) and the trend over the window in spreads."""
        array = array.astype(np.float64)
        spread = float(array.std())
        return {
            "level": float(array.mean()),
            "spread": spread,
            "roughness": float(np.abs(np.diff(array)).mean()) / spread if spread else 0.0,
            "trend": float(array[len(array) // 2 :].mean() - array[: len(array) // 2].mean()) / spread
            if spread
            else 0.0,
        }

    def familiar(self, arrays: np.ndarray) -> np.ndarray:
        """Whether roughness and trend lie within half a range of those of the training items.

        Level and spread do not count: the model sees a window in its own standard deviations.
        """
        measured = np.array([[self.statistics(array)[name] for name in _SHAPE] for array in arrays])
        low, high = np.array(self.ranges).T
        room = np.maximum(_BEYOND * (high - low), _ROOM)
        return ((measured >= low - room) & (measured <= high + room)).all(axis=1)

    def question(self, target: Target) -> str:
        return f"How will \u201c{self.column}\u201d go on?"

    def describe(self) -> list[str]:
        season = f", which repeat themselves after {self.period}" if self.period > 1 else ", with no season"
        return [f"in:  the last {self.length} values of {self.column!r}{season}"]

    # Training.

    @classmethod
    def architectures(cls) -> list[str]:
        return ["dlinear", "mlp_forecaster"]

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.past.models import build

        return build(arch, self)

    def training_view(self, target: Target, augment: Any = None) -> TrainingView:
        view = super().training_view(target, augment)
        view.is_small = True
        return view

    # Judging.

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """All that is known before each moment, float64 `[items, longest]`, NaN in front of what is shorter."""
        part = part.left()
        pasts = [moments_of(past, self.columns)[0] for past in part.items[self.column]]
        history = np.full((len(pasts), max(map(len, pasts), default=1)), np.nan)
        for row, past in enumerate(pasts):
            history[row, -len(past) :] = past
        return part, {"history": history}, {"period": self.period}

    def checked_columns(self, setup: Any) -> Sequence[str]:
        return (SERIES,)

    def draw(self, axes: Axes, value: Any) -> None:
        """The past as a line."""
        axes.plot(moments_of(value, self.columns)[0][-2 * self.length :], linewidth=1)
        axes.tick_params(labelsize=6)

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        names = ("column", "horizon", "time", "id", "season", "context", "length", "period")
        lists = {"typical": list(self.typical), "ranges": [list(ends) for ends in self.ranges]}
        return {"kind": "past"} | {name: getattr(self, name) for name in names} | lists

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        said, learnt = (values_of(cls, values, init=init) for init in (True, False))
        learnt["typical"] = tuple(float(value) for value in learnt["typical"])
        learnt["ranges"] = tuple((float(low), float(high)) for low, high in learnt["ranges"])
        if min(learnt["length"], learnt["period"]) < 1 or len(learnt["ranges"]) != len(_SHAPE):
            message = f"a past of length {learnt['length']}, period {learnt['period']}"
            raise ValueError(message)
        return learned(cls(**said), **learnt)

    def __str__(self) -> str:
        return f"Past({self.column!r})"


def _numbers(past: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in past], dtype=np.float64)
