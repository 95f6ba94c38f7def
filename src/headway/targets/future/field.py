"""The next values of a series: the target of forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.data.splits import Split, TimeSplit
from headway.errors import ConfigError, DataError
from headway.inputs.base import Input, learned
from headway.inputs.past.field import Past
from headway.inputs.past.season import find_period, usual_change
from headway.inputs.past.windows import END, NEXT, ORIGIN, SERIES, STRETCH
from headway.targets.base import Prediction, Target, Task

if TYPE_CHECKING:
    import polars as pl

    from headway.judge.metric import TaskMetrics
    from headway.judge.report.inputs import ReportInputs
    from headway.judge.report.report import Section

__all__ = ["Future"]

_NUMBERS = ("horizon", "season")


@dataclass(frozen=True)
class Future(Target):
    """The next values of a column of numbers that change with time, with an interval that holds 80 % of them.

    The table has a row a moment. Each moment from which `horizon` values are known is an item; the latest moments are
    valid, and between train and valid lies a gap of a horizon, so that no value that judges is one that trained.

    Args:
        column: The column of values.
        horizon: How many values to forecast, from 1 to 512.
        time: The column of times. Default: recognised; without one the rows are taken in their order.
        id: The column that says which series a row belongs to, where the table has several. Default: recognised, where
            several rows have the same time.
        season: Moments of a period, such as 12 for months. Default: found on the training rows.
        context: Values that the model looks back on. Default: two periods, and two horizons at least.
        known: Columns of numbers that are known ahead, such as prices and holidays; what is forecast takes them into
            account, and to forecast they must be given for the moments to come.

    Attributes:
        period: As `season`, or as it was found, 1 for none; found by `fit`.
        usual: How much a training series usually changes in a period, for those that never did so far; found by `fit`.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> field = Future("sales", horizon=2)
        >>> field.encode([([1.0, 3.0, 5.0], [5.0, 6.0])]).tolist()
        [[5.0, 6.0, 2.0]]
        >>> field.decode(np.array([5.0, 6.0, 4.0, 4.5, 7.0, 8.0])).label
        '5 (4 to 7), 6 (4.5 to 8)'
    """

    column: str
    _: KW_ONLY
    horizon: int = 12
    time: str | None = None
    id: str | None = None
    season: int | None = None
    context: int | None = None
    known: Sequence[str] = ()
    period: int = field(default=1, init=False, repr=False)
    usual: float = field(default=1.0, init=False, repr=False)
    kind: ClassVar[str] = "future"
    package: ClassVar[str] = "headway.targets.future"
    task: ClassVar[Task] = "forecast"
    strata_name: ClassVar[str] = ""
    groups: ClassVar[str | None] = STRETCH
    value_type: ClassVar[Any] = list[tuple[float, float, float]]
    options: ClassVar[tuple[str, ...]] = ("horizon", "known", "season", "series_column", "time_column")

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", self._past().known)

    def _past(self) -> Past:
        names = ("horizon", "time", "id", "season", "context", "known")
        return Past(self.column, **{name: getattr(self, name) for name in names})

    @property
    def num_outputs(self) -> int:
        """For each value its median and the two ends of its interval."""
        return 3 * self.horizon

    def own_input(self, input: str | Sequence[str] | Input | None) -> Input:
        """The past of the same column; a ConfigError where other columns are named."""
        if isinstance(input, Past):
            return input
        if input and input not in (self.column, [self.column], (self.column,)):
            what = "A forecast is made from the past of its own column."
            fix = (
                "Leave `input` (--input) out, and name columns that are known ahead: known=[...] (--known COLUMN,...)."
            )
            raise ConfigError(what, given=f"input={input}", fix=fix)
        return self._past()

    @classmethod
    def own_split(cls, *, valid: float, seed: int) -> Split:
        """By time, with a gap."""
        return TimeSplit(ORIGIN, valid, until=END, group=STRETCH)

    # Encoding.

    def values(self, items: pl.DataFrame) -> list[Any]:
        """Of each item the past and the values that followed."""
        return list(zip(items[self.column].to_list(), items[NEXT].to_list(), strict=True))

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows the season of the training rows, and how large their usual changes are."""
        latest = rows.sort(ORIGIN, maintain_order=True).unique(SERIES, keep="last", maintain_order=True)
        histories = [_numbers(past) for past in latest[self.column].to_list()]
        period = self.season or find_period(histories)
        changes = [change for past in histories if (change := usual_change(past[np.isfinite(past)], period)) > 0]
        return learned(self, period=period, usual=float(np.median(changes)) if changes else 1.0)

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """The next values and, last, how much the series usually changed before, float32 `[items, horizon + 1]`."""
        rows = []
        for past, following in values:
            known = _numbers(past)
            numbers = _numbers(following)
            if len(numbers) != self.horizon or not np.isfinite(numbers).all():
                what = f"Every item needs {self.horizon} values to forecast, finite numbers."
                raise DataError(what, given=repr(following)[:80], fix="Remove that row.")
            rows.append([*numbers, usual_change(known[np.isfinite(known)], self.period) or self.usual])
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.horizon + 1)

    # Answering.

    def decode(self, scores: np.ndarray) -> Prediction:
        """The answer from the graph's numbers for one item, `[3 * horizon]`; `value` has (median, low, high) a step."""
        # As many digits as a float32 has, and none of what it adds.
        steps = [
            [float(f"{value:.7g}") for value in step]
            for step in np.asarray(scores, dtype=np.float64).reshape(3, self.horizon).T
        ]
        from headway.targets.future.metrics import shown

        text = ", ".join(f"{shown(middle)} ({shown(low)} to {shown(high)})" for middle, low, high in steps)
        return Prediction(label=text, value=tuple(map(tuple, steps)))

    def metrics(self) -> TaskMetrics:
        from headway.targets.future.metrics import METRICS, describe

        return replace(METRICS, describe=partial(describe, horizon=self.horizon))

    def sections(self, inputs: ReportInputs) -> dict[str, Section]:
        """How forecasts lie beside what came, and how often their intervals held it."""
        from headway.targets.future.page import sections

        return sections(inputs)

    def statistics(self, prediction: Prediction) -> dict[str, Any]:
        return {"number": float(f"{prediction.value[0][0]:.6g}")}

    def summary(self) -> str:
        return f"This model forecasts the next {self.horizon} values of {self.column}, with 80 % intervals."

    @classmethod
    def of_arrays(cls, predictions: np.ndarray, targets: np.ndarray, labels: Sequence[str] | None) -> Self:
        return cls("target", horizon=max(np.shape(targets)[-1] - 1, 1) if np.ndim(targets) > 1 else 1)

    # The command line.

    @classmethod
    def parse_options(cls, options: Mapping[str, str]) -> dict[str, Any]:
        names = {"series_column": "id", "time_column": "time"}
        read = dict.fromkeys(_NUMBERS, _whole) | {"known": _names}
        return {
            names.get(name, name): read[name](name, text) if name in read else text for name, text in options.items()
        }


def _names(name: str, text: str) -> tuple[str, ...]:
    return tuple(column.strip() for column in text.split(",") if column.strip())


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        what = f"`--{name}` must be a whole number of moments."
        raise ConfigError(what, given=repr(text), fix=f"Write it as --{name} 12.") from error


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
