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
from headway.inputs.past.windows import MOST_HISTORY, ORIGIN, SERIES, Moments, Table, windows
from headway.inputs.protocols import Column
from headway.inputs.series.parse import filled, moments_of, numbers_of

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
# Of larger numbers the variance of a window, which the model computes, is infinite as a float32.
_LARGEST = 1e17
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
        known: Columns of numbers that are known ahead, such as prices and holidays. An item then has a list of each of
            them, too, which goes on for the moments that are forecast; and behind the past `read` gives each of them,
            of the past and of the moments ahead, in its own standard deviations: float32
            `[length + (length + horizon) * columns]`.

    Attributes:
        length: The values that the model sees; found by `fit`.
        period: Moments of a period, 1 where there is none; found by `fit`.
        typical: The last values of a training series; found by `fit`.
        ranges: The least and the most roughness and trend of the training items, and of each column that is known
            ahead; found by `fit`.
        scales: Mean and standard deviation of each column that is known ahead; found by `fit`.

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
    known: Sequence[str] = ()
    length: int = field(default=0, init=False, repr=False)
    period: int = field(default=1, init=False, repr=False)
    typical: tuple[float, ...] = field(default=(), init=False, repr=False)
    ranges: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    scales: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
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
        object.__setattr__(self, "known", (self.known,) if isinstance(self.known, str) else tuple(self.known))
        if len({self.column, *self.known}) <= len(self.known):
            what = "`known` must name other columns than that of the values, each once."
            raise ConfigError(what, given=f"column={self.column!r}, known={self.known}", fix="Remove what is twice.")

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *self.known)

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (self.length + len(self.known) * (self.length + self.horizon) if self.length else None,)

    def _table(self, table: pl.DataFrame) -> Table:
        return Table.recognise(table, self.column, time=self.time, id=self.id, known=tuple(self.known))

    # From a table to items.

    def items_of(self, table: pl.DataFrame) -> tuple[Self, pl.DataFrame, tuple[str, ...]]:
        items, notes = windows(table, self._table(table), horizon=self.horizon, least=max(self.horizon, _SHORTEST))
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
        scales = [_scale(rows[name].explode()) for name in self.known]
        return learned(fitted, scales=tuple(scales))._with_ranges(rows, max(histories, key=len))  # noqa: SLF001

    def _with_ranges(self, rows: pl.DataFrame, example: np.ndarray) -> Self:
        measured = np.array([self._shape(array) for array in self.read_rows(rows)])
        ranges = zip(measured.min(0)[:, 0].tolist(), measured.max(0)[:, 1].tolist(), strict=True)
        typical = tuple(float(f"{value:.{_DIGITS}g}") for value in self._window(example).tolist())
        return learned(self, ranges=tuple(ranges), typical=typical)

    # Reading.

    def read(self, value: Any) -> np.ndarray:
        """The last values of a past, float32 `[length]`: of a list, an array, a text of numbers, or a row of a table.

        Raises:
            ReadError: If it is none of these, or has no number; or if a column that is known ahead is not given for the
                moments to forecast.
        """
        past = self._past(value)
        ahead = [
            (self._window(self._ahead(value, name, len(past)), self.horizon) - mean) / std
            for name, (mean, std) in zip(self.known, self.scales, strict=True)
        ]
        return np.concatenate([self._window(past), *ahead]).astype(np.float32)

    def _past(self, value: Any) -> np.ndarray:
        """The values of a past as they come, float64 `[moments]`, gaps filled."""
        return _checked(moments_of(value, (self.column,))[0], self.column)

    def _window(self, numbers: np.ndarray, beyond: int = 0) -> np.ndarray:
        """The last of these numbers, float64 `[length + beyond]`, with the first in front where they are fewer."""
        numbers = filled(numbers)[-self.length - beyond :]
        return np.pad(numbers, (self.length + beyond - len(numbers), 0), mode="edge")

    def _ahead(self, value: Any, name: str, length: int) -> np.ndarray:
        """A column that is known ahead, float64 `[length + horizon]`, behind a past of that length."""
        if not isinstance(value, Mapping) or value.get(name) is None:
            message = f"{name!r} is missing: it must be known for the moments that are forecast"
            raise ReadError(message)
        numbers, needed = _checked(numbers_of(value[name]), name), length + self.horizon
        if len(numbers) != needed or not np.isfinite(numbers[-self.horizon :]).all():
            there = len(numbers) - int(np.isnan(numbers[::-1]).argmin()) if np.isfinite(numbers).any() else 0
            message = (
                f"{name!r} must have {needed} numbers, not {there}: one for each of the {length} moments of the past "
                f"and the {self.horizon} to forecast"
            )
            raise ReadError(message)
        return numbers

    def unreadable(self, items: pl.DataFrame) -> dict[int, str]:
        reasons = {}
        for position, item in enumerate(self._items(items)):
            try:
                past = self._past(item)
                for name in self.known:
                    self._ahead(item, name, len(past))
            except ReadError as error:
                reasons[position] = str(error)
        return reasons

    def _items(self, items: pl.DataFrame) -> list[Any]:
        """What `read` takes of each row."""
        return items.select(self.columns).to_dicts() if self.known else items[self.column].to_list()

    def names(self, items: pl.DataFrame) -> list[str]:
        """The series and the time of the first value that is forecast."""
        if ORIGIN not in items.columns:
            return [f"row {row}" for row in range(len(items))]
        return [f"{name} from {time}".strip() for name, time in zip(items[SERIES], items[ORIGIN], strict=True)]

    def read_rows(self, items: pl.DataFrame) -> np.ndarray:
        return np.stack([*super().read_rows(items)])

    def notes(self, value: Any) -> tuple[str, ...]:
        """That fewer values are known than the model looks back on."""
        known = moments_of(value, (self.column,)).shape[1]
        return (f"{known} values are known, and the model looks back on {self.length}",) if known < self.length else ()

    def each(self, items: Any) -> Any:
        """The pasts of a frame, one by one: its rows where they hold lists, else each series up to its last moment.

        The series of a table of a row a moment come in the order of their names. Where columns are known ahead, the
        table goes on behind the last value: a row for each moment to forecast, with these columns.
        """
        if not isinstance(items, Mapping) and not hasattr(items, "columns"):
            return items
        items = as_frame(items)
        if self._holds_pasts(items):
            return self._items(items)
        series = self._table(items).series(items)
        return [self._latest(one) for one in series] if self.known else [one.values for one in series]

    def series_in(self, table: pl.DataFrame) -> list[str] | None:
        return (
            None if self._holds_pasts(table) else [one.name or self.column for one in self._table(table).series(table)]
        )

    def _holds_pasts(self, table: pl.DataFrame) -> bool:
        """Whether a row of a table is an item, with a list of values."""
        return self.column in table.columns and table[self.column].dtype.is_nested()

    def _latest(self, series: Moments) -> dict[str, Any]:
        """All of a series that has a value, and the columns that are known ahead for the moments behind it."""
        last = len(series.values) - int(np.isfinite(series.values[::-1]).argmax())
        ahead = (numbers[: last + self.horizon] for numbers in series.known)
        return {self.column: series.values[:last], **dict(zip(self.known, ahead, strict=True))}

    # Serving.

    def form(self) -> tuple[Column, ...]:
        typical = [np.array(self.typical), *(np.full(self.length + self.horizon, mean) for mean, _ in self.scales)]
        return tuple(
            Column(name=name, kind="numbers", typical=" ".join(f"{value:.6g}" for value in values))
            for name, values in zip(self.columns, typical, strict=True)
        )

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        """Level, spread, roughness (the usual change beside the spread) and the trend over the window in spreads."""
        array = array[: self.length].astype(np.float64)
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
        """Whether roughness, trend and what is known ahead lie within half a range of those of the training items.

        Level and spread do not count: the model sees a window in its own standard deviations.
        """
        measured = np.array([self._shape(array) for array in arrays])
        low, high = np.array(self.ranges).T
        room = np.maximum(_BEYOND * (high - low), _ROOM)
        return ((measured[..., 0] >= low - room) & (measured[..., 1] <= high + room)).all(axis=1)

    def _shape(self, array: np.ndarray) -> list[tuple[float, float]]:
        """The least and the most of each number that makes an item familiar."""
        measured, ahead = self.statistics(array), array[self.length :].reshape(-1, self.length + self.horizon)
        shape = [(measured[name], measured[name]) for name in _SHAPE]
        return shape + [(float(numbers.min()), float(numbers.max())) for numbers in ahead]

    def question(self, target: Target) -> str:
        return f"How will \u201c{self.column}\u201d go on?"

    def describe(self) -> list[str]:
        season = f", which repeat themselves after {self.period}" if self.period > 1 else ", with no season"
        ahead = f"; {', '.join(map(repr, self.known))} of these moments and those to come" if self.known else ""
        return [f"in:  the last {self.length} values of {self.column!r}{season}{ahead}"]

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
        pasts = [moments_of(past, (self.column,))[0] for past in part.items[self.column]]
        history = np.full((len(pasts), max(map(len, pasts), default=1)), np.nan)
        for row, past in enumerate(pasts):
            history[row, -len(past) :] = past
        return part, {"history": history}, {"period": self.period}

    def checked_columns(self, setup: Any) -> Sequence[str]:
        return (SERIES,)

    def draw(self, axes: Axes, value: Any) -> None:
        """The past as a line."""
        axes.plot(moments_of(value, (self.column,))[0][-2 * self.length :], linewidth=1)
        axes.tick_params(labelsize=6)

    # As JSON.

    def to_json(self) -> dict[str, Any]:
        names = ("column", "horizon", "time", "id", "season", "context", "length", "period")
        pairs = {name: [list(pair) for pair in getattr(self, name)] for name in ("ranges", "scales")}
        lists = {"typical": list(self.typical), "known": list(self.known), **pairs}
        return {"kind": "past"} | {name: getattr(self, name) for name in names} | lists

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        # Bundles that were written before columns were known ahead have no scales.
        said, learnt = (values_of(cls, {"scales": []} | values, init=init) for init in (True, False))
        learnt["typical"] = tuple(float(value) for value in learnt["typical"])
        for name in ("ranges", "scales"):
            learnt[name] = tuple((float(low), float(high)) for low, high in learnt[name])
        found, ahead = cls(**said), len(learnt["scales"])
        lengths = (len(learnt["ranges"]) - len(_SHAPE), len(found.known))
        if min(learnt["length"], learnt["period"]) < 1 or lengths != (ahead, ahead):
            message = f"a past of length {learnt['length']}, period {learnt['period']}"
            raise ValueError(message)
        return learned(found, **learnt)

    def __str__(self) -> str:
        return f"Past({self.column!r})"


def _checked(numbers: np.ndarray, name: str) -> np.ndarray:
    """Numbers of a column, if none of them is too large for the model."""
    if np.any(np.abs(numbers) > _LARGEST):
        message = f"{name!r} must be numbers between -{_LARGEST:g} and {_LARGEST:g}"
        raise ReadError(message)
    return numbers


def _scale(values: pl.Series) -> tuple[float, float]:
    """Mean and standard deviation, the latter 1 where nothing changes."""
    numbers = values.drop_nulls().to_numpy()
    return (float(numbers.mean()), float(numbers.std()) or 1.0) if len(numbers) else (0.0, 1.0)


def _numbers(past: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in past], dtype=np.float64)
