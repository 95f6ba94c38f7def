"""How a model's answers change with one column while all others stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from headway.as_json import AsJson
from headway.errors import DataError
from headway.inputs.table.column_values import Predict, check_columns, draw, is_category
from headway.judge.intervals import Estimate, mean
from headway.seeds import generator
from headway.system.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["QUANTILES", "Dependence", "DependencePoint", "dependence"]

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
# Beyond these shares of the column's values there is too little to learn from.
_ENDS = (0.05, 0.95)
_OWN_DRAWS = 2 << 32


@dataclass(frozen=True)
class DependencePoint(AsJson):
    """The answers with the column set to one value for every item.

    Attributes:
        value: The value, of the column's type; None for a missing one.
        answer: The mean answer, with its interval over items.
        quantiles: Of the items' own answers, at the shares `QUANTILES`: how far they differ from one another.
        share: Of the items that have this very value, from 0 to 1.
    """

    value: Any
    answer: Estimate
    quantiles: tuple[float, ...]
    share: float


@dataclass(frozen=True, kw_only=True)
class Dependence(AsJson):
    """How answers depend on one column.

    Attributes:
        column: The column.
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

    @property
    def spread(self) -> float:
        """From the lowest mean answer to the highest."""
        values = [point.answer.value for point in self.points]
        return max(values) - min(values)

    def __str__(self) -> str:
        shown = [(_text(point.value), point) for point in [*self.points, *([self.missing] if self.missing else [])]]
        wide = max([len(text) for text, _ in shown] + [len(self.column)])
        lines = [f"{self.column:<{wide}}  {self.answer}: mean over {self.num_items:,} items"]
        return "\n".join(lines + [f"{text:<{wide}}  {point.answer}" for text, point in shown])

    def plot(self) -> Figure:
        """A figure: the mean answer with its interval, in bands the middle half and 80 % of the items' own answers."""
        figure, [axes] = new_figure(width=6)
        marks = [*self.points, *([self.missing] if self.missing is not None and self.is_category else [])]
        along = [_text(point.value) if self.is_category else point.value for point in marks]
        quantiles = np.array([point.quantiles for point in marks]).T
        values = np.array([point.answer.value for point in marks])
        reach = np.abs(np.array([[point.answer.low, point.answer.high] for point in marks]).T - values)
        if self.is_category:
            axes.vlines(along, quantiles[0], quantiles[-1], color="#c9dcf0", linewidth=9)
            axes.vlines(along, quantiles[1], quantiles[-2], color="#7aa6d8", linewidth=9)
            axes.errorbar(along, values, reach, fmt="o", color="#16324f")
            axes.tick_params(axis="x", rotation=90 if len(marks) > 4 else 0)
        else:
            axes.fill_between(along, quantiles[0], quantiles[-1], color="#c9dcf0", linewidth=0)
            axes.fill_between(along, quantiles[1], quantiles[-2], color="#7aa6d8", linewidth=0)
            axes.errorbar(along, values, reach, color="#16324f", marker="o", markersize=3)
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
    num_items: int = 1_000,
    seed: int = 0,
) -> Dependence:
    """Partial dependence: the mean answer with a column set to each of several values for every item.

    It says what the model does, not what the world does: values are combined that may never come together, such as the
    age of a child with an income. The items' own curves (individual conditional expectation) are given as quantiles:
    where these lie far apart, the mean hides that other columns matter more.

    Args:
        predict: The model: items to answers `[items, outputs]`.
        items: The items, of the part that the model is judged on.
        column: Which column.
        output: Which of the outputs.
        answer: What that output is called.
        num_points: Values at most: of numbers at even quantiles from 5 to 95 % (of the different values, too, where
            most items have the same few), of categories the most frequent.
        num_items: Of more items, so many are drawn at random.
        seed: The run's seed.

    Raises:
        ConfigError: If the column is not there.
        DataError: If it has no values.

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
        fix = "Choose another column."
        raise DataError("This column has no values.", given=repr(column), fix=fix)
    no_order = is_category(present.dtype)
    values = _categories(present, num_points) if no_order else _numbers(present, num_points)
    num_missing = len(items) - len(present)
    drawn = items[draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), num_items)]

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


def _categories(present: pl.Series, count: int) -> list[Any]:
    counts = present.value_counts(name="count").sort(["count", present.name], descending=[True, False])
    return counts[present.name].head(count).to_list()


def _text(value: Any) -> str:
    if value is None:
        return "(missing)"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
