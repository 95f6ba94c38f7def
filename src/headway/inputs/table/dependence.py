"""How a model's answers change with one column while all others stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from headway.as_json import AsJson
from headway.errors import DataError
from headway.inputs.table.column_values import Predict, aligned, check_columns, draw, is_category
from headway.inputs.table.parse_values import frequencies
from headway.judge.intervals import Estimate, mean
from headway.seeds import generator
from headway.system.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["QUANTILES", "Dependence", "DependencePoint", "dependence"]

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
# Beyond these shares of the column's values there is too little to learn from.
_ENDS = (0.05, 0.95)
_NUM_ITEMS = 1_000
_OWN_DRAWS = 2 << 32


@dataclass(frozen=True)
class DependencePoint(AsJson):
    """The answers with the column set to one value, None for a missing one, for every item.

    Attributes:
        answer: The mean answer, with its interval over items.
        quantiles: Of the items' own answers, at the shares `QUANTILES`: how far they differ from one another.
        share: Of the items that have this very value, from 0 to 1.
    """

    value: Any
    answer: Estimate
    quantiles: tuple[float, ...]
    share: float

    @property
    def label(self) -> str:
        """The value as text."""
        if self.value is None:
            return "(missing)"
        if hasattr(self.value, "toordinal"):
            return f"{self.value:%Y-%m-%d}"
        return f"{self.value:.4g}" if isinstance(self.value, float) else str(self.value)


@dataclass(frozen=True, kw_only=True)
class Dependence(AsJson):
    """How answers depend on one column.

    Attributes:
        answer: What the answer is, such as a class.
        is_category: Whether the values have no order.
        points: The values, numbers in their order, categories by how frequent they are.
        missing: The answers with no value; None where no item lacks one.
        num_items: Items whose answers are averaged.
    """

    column: str
    answer: str
    is_category: bool
    points: tuple[DependencePoint, ...]
    missing: DependencePoint | None
    num_items: int

    def __str__(self) -> str:
        points = [*self.points, *([self.missing] if self.missing else [])]
        head = (self.column, f"{self.answer}: mean over {self.num_items:,} items")
        return aligned([head, *((point.label, str(point.answer)) for point in points)])

    def plot(self) -> Figure:
        """A figure: the mean answer with its interval, in bands the middle half and 80 % of the items' own answers."""
        figure, [axes] = new_figure(width=6)
        points = [*self.points, *([self.missing] if self.missing and self.is_category else [])]
        along = [point.label if self.is_category else point.value for point in points]
        quantiles = np.array([point.quantiles for point in points]).T
        for end, colour in enumerate(("#c9dcf0", "#7aa6d8")):
            band = along, quantiles[end], quantiles[-1 - end]
            if self.is_category:
                axes.vlines(*band, color=colour, linewidth=9)
            else:
                axes.fill_between(*band, color=colour, linewidth=0)
        answers = np.array([(point.answer.low, point.answer.value, point.answer.high) for point in points]).T
        marks: dict[str, Any] = {"fmt": "o"} if self.is_category else {"marker": "o", "markersize": 3}
        axes.errorbar(along, answers[1], np.abs(answers[::2] - answers[1]), color="#16324f", **marks)
        axes.tick_params(axis="x", rotation=90 if self.is_category and len(points) > 4 else 0)
        axes.set_xlabel(self.column)
        axes.set_ylabel(self.answer)
        return figure


def dependence(
    predict: Predict,
    items: pl.DataFrame,
    column: str,
    *,
    output: int = 0,
    answer: str = "answer",
    num_points: int = 20,
    seed: int = 0,
) -> Dependence:
    """Partial dependence: the mean answer with a column set to each of several values for every item.

    It says what the model does, not what the world does: values are combined that may never come together, such as the
    age of a child with an income. The items' own curves (individual conditional expectation) are given as quantiles:
    where these lie far apart, the mean hides that other columns matter more.

    Args:
        predict: The model: items to answers `[items, outputs]`.
        items: The items, of the part that the model is judged on.
        column: Which column; ConfigError if it is not there, DataError if it has no values.
        output: Which of the outputs.
        answer: What that output is called.
        num_points: Values at most: of numbers at even quantiles from 5 to 95 % (of the different values, too, where
            most items have the same few), of categories the most frequent.
        seed: The run's seed. Of more than 1,000 items, so many are drawn.

    Example:
        >>> items = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 1.0, 4.0]})
        >>> by_x = dependence(lambda rows: (rows["x"] * 2 + rows["y"]).to_numpy()[:, None], items, "x")
        >>> [(point.value, point.answer.value) for point in by_x.points]
        [(1.0, 4.0), (2.0, 6.0), (3.0, 8.0)]

    Source:
        Friedman 2001, "Greedy function approximation", section 8.2; Goldstein et al. 2015, arXiv:1309.6392, for the
        items' own curves.
    """
    check_columns(items, [column])
    present = items[column].drop_nulls()
    if present.dtype.is_float():
        present = present.drop_nans()
    if not len(present):
        raise DataError("This column has no values.", given=repr(column), fix="Choose another column.")
    no_order = is_category(present.dtype)
    commonest = [value for value, _ in frequencies(present)] if no_order else []
    values = commonest[:num_points] or _numbers(present, num_points)
    num_missing = len(items) - len(present)
    # The same items for each value, so that the curve's shape is not that of different draws.
    drawn = items[draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), _NUM_ITEMS)]

    # A missing value is one more point, for the model may well treat it in a way of its own.
    grid = [*values, *([None] if num_missing else [])]
    copies = [drawn.with_columns(pl.lit(value, dtype=items.schema[column]).alias(column)) for value in grid]
    # All at once: each call of a model has its own cost.
    answers = np.asarray(predict(pl.concat(copies)), dtype=np.float64).reshape(len(grid), len(drawn), -1)[:, :, output]

    def point(value: Any, of_items: np.ndarray) -> DependencePoint:
        count = num_missing if value is None else int((present == value).sum())
        quantiles = tuple(np.quantile(of_items, QUANTILES).tolist())
        return DependencePoint(value, mean(of_items, seed=seed), quantiles, count / len(items))

    points = [point(value, of_items) for value, of_items in zip(grid, answers, strict=True)]
    return Dependence(
        column=column,
        answer=answer,
        is_category=no_order,
        points=tuple(points[: len(values)]),
        missing=points[-1] if num_missing else None,
        num_items=len(drawn),
    )


def _numbers(present: pl.Series, count: int) -> list[Any]:
    """Values that occur, in their order: all of a few, of many those at even quantiles."""
    ordered = present.sort()
    distinct = ordered.unique(maintain_order=True)
    if len(distinct) <= count:
        return distinct.to_list()
    values = _at_quantiles(ordered, count).unique(maintain_order=True)
    if len(values) < count / 2:
        # Nearly all items have one of a few values, such as 0: the others are hardly seen among the quantiles.
        values = pl.concat([values, _at_quantiles(distinct, count - len(values))]).unique().sort()
    return values.to_list()


def _at_quantiles(ordered: pl.Series, count: int) -> pl.Series:
    return ordered.gather(np.round(np.linspace(*_ENDS, count) * (len(ordered) - 1)).astype(np.int64))
