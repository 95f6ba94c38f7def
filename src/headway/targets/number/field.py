"""One number an item: the target of regression."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from headway.data.parse_numbers import numbers_in, odd_value
from headway.errors import ConfigError, DataError
from headway.inputs.base import Input, learned
from headway.targets.base import Prediction, Target, Task

if TYPE_CHECKING:
    import polars as pl

    from headway.data.dataset import Data
    from headway.judge.diagnosis.finding import Finding
    from headway.judge.diagnosis.item_audit import Unseen
    from headway.judge.report.inputs import ReportInputs
    from headway.judge.report.report import Section

__all__ = ["Number"]

_BINS = 10

# A column of whole numbers with more different values than this holds numbers, not classes.
MANY_CLASSES = 20


@dataclass(frozen=True)
class Number(Target):
    """A column of numbers, one an item.

    Args:
        column: The column's name.
        low: The least that an answer can be, in the column's unit. Default: no end.
        high: The most, likewise.

    Attributes:
        mean: Of the training rows; found by `fit`.
        std: Their standard deviation, above 0; found by `fit`.

    Raises:
        ConfigError: If an end of the range is not finite, or they are in the wrong order.

    Example:
        >>> field = Number("age", low=0, high=120)
        >>> field.encode([31, "7.5"]).tolist()
        [[31.0], [7.5]]
        >>> field.decode(np.array([30.98])).value
        30.98
    """

    column: str
    _: KW_ONLY
    low: float | None = None
    high: float | None = None
    mean: float = field(default=0.0, init=False, repr=False)
    std: float = field(default=1.0, init=False, repr=False)
    kind: ClassVar[str] = "number"
    package: ClassVar[str] = "headway.targets.number"
    task: ClassVar[Task] = "regression"
    estimator: ClassVar[Literal["classifier", "regressor"] | None] = "regressor"
    strata_name: ClassVar[str] = "size"
    value_type: ClassVar[Any] = float
    runs_in_browser: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ("limits",)

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        known = [end for end in ends if end is not None]
        if not all(map(math.isfinite, known)) or (len(known) == 2 and known[0] >= known[1]):
            given = f"low={self.low}, high={self.high}"
            fix = "Leave out `low` or `high` where there is no limit."
            raise ConfigError("`low` and `high` must be finite, and `low` below `high`.", given=given, fix=fix)

    @property
    def num_outputs(self) -> int:
        return 1

    def strata(self, items: pl.DataFrame) -> list[str]:
        """Ten bins with as many items each, so that both sides of a split have small and large ones."""
        numbers = self.encode(self.values(items))[:, 0]
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
        return [str(index) for index in np.searchsorted(edges, numbers, side="right")]

    @classmethod
    def recognise(cls, column: str, values: Callable[[], pl.Series], input: Input) -> Self | None:
        """A column of decimals, or of many whole numbers, in a table of values; what goes with files has classes."""
        if input.target_is_number:
            # A value that is not a number is an error that `encode` names.
            return cls(column)
        numbers = numbers_in(values()) if input.source == "values" else None
        odd = odd_value(values()) if input.source == "values" and numbers is None else None
        if odd is not None:
            what = f"Column {column!r} holds numbers, but not in every row."
            fix = "Correct it, or leave it empty; for classes: --kind category (hw.Category)."
            raise DataError(what, given=f"row {odd[0]}: {odd[1]!r}", fix=fix)
        if numbers is None:
            return None
        distinct = np.unique(numbers)
        return cls(column) if len(distinct) > MANY_CLASSES or (distinct != np.floor(distinct)).any() else None

    def remarks(self, items: pl.DataFrame) -> list[str]:
        """How to forecast the column, where its rows are moments."""
        from headway.inputs.past.windows import forecast_hint

        own = ("row", "content", "split")
        return forecast_hint(items.drop(own, strict=False), self.column)

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows mean and standard deviation of `rows`."""
        numbers = self.encode(self.values(rows)).astype(np.float64)
        return learned(self, mean=float(numbers.mean()), std=float(numbers.std()) or 1.0)

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """The numbers, float32 `[items, 1]`; a DataError for those that are not finite, or outside of the range."""
        numbers = np.array([_number(value) for value in values], dtype=np.float64)
        infinite = ~np.isfinite(numbers)
        if infinite.any():
            what = f"Column {self.column!r} must hold finite numbers."
            fix = "Correct or remove those rows; for classes use Category."
            raise DataError(what, given=[values[row] for row in np.flatnonzero(infinite)[:10]], fix=fix)
        large = np.abs(numbers) > np.finfo(np.float32).max
        if large.any():
            what = f"Column {self.column!r} has numbers that are too large for float32."
            fix = "Correct those rows, or divide the column, such as by a million."
            raise DataError(what, given=[values[row] for row in np.flatnonzero(large)[:10]], fix=fix)
        low, high = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
        outside = (numbers < low) | (numbers > high)
        if outside.any():
            what = f"Column {self.column!r} has numbers outside of its range, {low:g} to {high:g}."
            fix = "Widen the range (low=, high=), or correct those rows."
            raise DataError(what, given=[values[row] for row in np.flatnonzero(outside)[:10]], fix=fix)
        return numbers.astype(np.float32)[:, None]

    def decode(self, scores: np.ndarray) -> Prediction:
        """The prediction from the graph's answer for one item, `[1]`, in the column's unit."""
        value = float(scores[0])
        # Four digits, but all of those before the point.
        return Prediction(label=f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}", value=value)

    def audit(self, data: Data, unseen: Unseen | None) -> list[Finding]:
        from headway.targets.number.audit import audit_numbers

        return audit_numbers(data, unseen)

    @classmethod
    def parse_options(cls, options: Mapping[str, str]) -> dict[str, Any]:
        """The two ends of `--range`, such as "0,120"; either may be missing, as in "0,"."""
        text = options.get("limits", ",")
        try:
            low, high = (float(end) if end.strip() else None for end in text.split(","))
        except ValueError as error:
            what = "`--range` must be the lowest and the highest value."
            raise ConfigError(what, given=repr(text), fix="Write it as --range 1,5.") from error
        return {"low": low, "high": high}

    def summary(self) -> str:
        return f"This model predicts a number: {self.column}."

    def statistics(self, prediction: Prediction) -> dict[str, Any]:
        return {"number": float(f"{prediction.value:.6g}")}

    def sections(self, inputs: ReportInputs) -> dict[str, Section]:
        """How predictions lie beside the truth, and those that are farthest from it."""
        from headway.judge.report.far_items import far_items
        from headway.targets.number.page import sections

        return sections(inputs) | {"far_items": far_items(inputs)}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
