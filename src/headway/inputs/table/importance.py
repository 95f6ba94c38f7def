"""How much a model needs each column: the loss of quality when a column's values are shuffled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from headway.as_json import AsJson
from headway.errors import ConfigError, ShapeError
from headway.inputs.table.column_values import Predict, aligned, check_columns, draw
from headway.judge.intervals import Estimate, mean
from headway.judge.metric import TaskMetrics
from headway.seeds import generator
from headway.system.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ColumnImportance", "Importance", "importance"]

# Epochs from here on are of no other draw in this stream.
_OWN_DRAWS = 1 << 32
# Rows that a model is asked for at once: each call has its own cost, and the rows need memory.
_ROWS_AT_ONCE, _VALUES_AT_ONCE = 20_000, 4_000_000


@dataclass(frozen=True)
class ColumnImportance(AsJson):
    """How much a model needs one column, or several that belong together, by their names `columns`.

    Attributes:
        drop: How much worse the metric is on average when their values are shuffled among the items, in the metric's
            unit; around 0 where the model does not use them.
    """

    columns: tuple[str, ...]
    drop: Estimate

    @property
    def name(self) -> str:
        """The columns in one text."""
        return " + ".join(self.columns)

    @property
    def is_used(self) -> bool:
        """Whether the interval lies above 0."""
        return self.drop.low > 0


@dataclass(frozen=True, kw_only=True)
class Importance(AsJson):
    """How much a model needs each column; `str()` gives a table.

    Attributes:
        metric: The metric that drops.
        score: The model's, with all columns as they are.
        columns: The columns, the one that is needed most first.
        num_items: Items that it was measured on.
        permutations: How often each column was shuffled.
    """

    metric: str
    score: Estimate
    columns: tuple[ColumnImportance, ...]
    num_items: int
    permutations: int

    def __str__(self) -> str:
        head = f"{self.metric} {self.score}, {self.num_items:,} items, {self.permutations} shuffles a column"
        rows = [(column.name, str(column.drop)) for column in self.columns]
        return f"{head}\n{aligned([('column', 'how much worse without it'), *rows])}"

    def plot(self) -> Figure:
        """A figure with a bar a column; the lines are 95 % intervals."""
        figure, [axes] = new_figure(width=6, height=1 + 0.3 * max(len(self.columns), 2))
        names = [column.name for column in reversed(self.columns)]
        low, value, high = np.array(
            [(drop.low, drop.value, drop.high) for drop in (column.drop for column in self.columns)]
        )[::-1].T
        axes.barh(names, value, xerr=(value - low, high - value), color="#7aa6d8", ecolor="#333333")
        axes.axvline(0, color="#333333", linewidth=0.8)
        axes.set_xlabel(f"how much worse {self.metric} is when the column is shuffled")
        return figure


def importance(
    predict: Predict,
    items: pl.DataFrame,
    targets: np.ndarray,
    *,
    metrics: TaskMetrics,
    together: Sequence[Sequence[str]] = (),
    columns: Sequence[str] | None = None,
    permutations: int = 5,
    num_items: int = 10_000,
    seed: int = 0,
) -> Importance:
    """Permutation importance, with intervals.

    A column's values are shuffled among the items and the model answers again; what it loses on average is how much it
    needs the column. The interval holds both the choice of items and the shuffling: an item counts with what it loses
    and with what its value costs the item that is given it, both averaged over the shuffles, as in the variance of a
    U-statistic. Columns that say nearly the same stand in for one another, so each alone seems unimportant; shuffle
    these `together`.

    Args:
        predict: The model: items to answers.
        items: Rows that the model was not trained on, with the columns to shuffle.
        targets: Their targets, as the task's metrics take them.
        metrics: How predictions are judged; the metric is the main one.
        together: Groups of columns that are shuffled as one.
        columns: Columns that are shuffled alone, where they are in no group. Default: all.
        permutations: How often each is shuffled, at least 1.
        num_items: Of more items, so many are drawn at random.
        seed: The run's seed.

    Example:
        >>> from headway.targets.number.metrics import METRICS
        >>> items = pl.DataFrame({"x": [0.0, 1.0] * 50, "noise": list(range(100))})
        >>> targets = items["x"].to_numpy()[:, None]
        >>> needed = importance(lambda rows: rows["x"].to_numpy()[:, None], items, targets, metrics=METRICS)
        >>> [column.name for column in needed.columns if column.is_used]
        ['x']

    Source:
        Breiman 2001, "Random forests", section 10; Fisher, Rudin and Dominici 2019, arXiv:1801.01489, for any model, as
        a U-statistic; Hoeffding 1948 for the variance of these.
    """
    groups = _groups(items, together, items.columns if columns is None else columns)
    if permutations < 1:
        given = f"permutations={permutations}"
        raise ConfigError("`permutations` must be at least 1.", given=given, fix="Leave it out for 5.")
    if len(items) != len(targets) or not len(items):
        what, given = (
            "Importance needs items, at least one, with a target each.",
            f"{len(items)} items, {len(targets)} targets",
        )
        raise ShapeError(what, given=given, fix="Pass both of the same part, in the same order.")
    rows = draw(generator(seed, "bootstrap", epoch=_OWN_DRAWS), len(items), num_items)
    items, targets = items[rows], targets[rows]
    predictions = predict(items)
    sign = 1.0 if metrics.higher_is_better else -1.0
    before = metrics.by_item(predictions, targets)
    lost = np.zeros((len(groups), len(items)))
    for number, order, shuffled in _shuffled(predict, items, groups, permutations, seed):
        losses = sign * (before - metrics.by_item(shuffled, targets)) / permutations
        # An item counts twice: with what it loses itself, and with what its value costs whoever is given it.
        lost[number] += losses
        lost[number][order] += losses
    # Less half of its mean, which counts each loss twice, `lost` has the importance as its mean, and the spread of a
    # U-statistic: hence the interval.
    drops = [mean(of_group - of_group.mean() / 2, seed=seed) for of_group in lost]
    needed = [ColumnImportance(*pair) for pair in zip(groups, drops, strict=True)]
    return Importance(
        metric=metrics.main,
        score=metrics.evaluate(predictions, targets, names=[metrics.main], seed=seed)[metrics.main],
        columns=tuple(sorted(needed, key=lambda column: -column.drop.value)),
        num_items=len(items),
        permutations=permutations,
    )


def _shuffled(
    predict: Predict, items: pl.DataFrame, groups: Sequence[Sequence[str]], permutations: int, seed: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """A group's number, an order of the items, and the predictions with its values in that order; several at once."""
    orders = (
        (number, generator(seed, "bootstrap", epoch=_OWN_DRAWS + 1 + number, step=step).permutation(len(items)))
        for number in range(len(groups))
        for step in range(permutations)
    )
    count, width = len(items), len(items.columns)
    at_once = max(min(_ROWS_AT_ONCE, _VALUES_AT_ONCE // width) // count, 1)
    while several := list(islice(orders, at_once)):
        rows = np.tile(np.arange(count), (len(several), 1))
        copies = pl.concat([items] * len(several))
        for number in sorted({number for number, _ in several}):
            # Several copies are asked for at once, each shuffled in its own columns alone.
            moved = rows.copy()
            for index, (of_group, order) in enumerate(several):
                moved[index] = order if of_group == number else moved[index]
            copies = copies.with_columns(items[name].gather(moved.ravel()) for name in groups[number])
        predictions = np.split(predict(copies), len(several))
        for (number, order), answers in zip(several, predictions, strict=True):
            yield number, order, answers


def _groups(items: pl.DataFrame, together: Sequence[Sequence[str]], columns: Sequence[str]) -> list[tuple[str, ...]]:
    """What is shuffled as one: the groups as they are given, every other of the columns alone."""
    joined = [name for group in together for name in group]
    check_columns(items, [*joined, *columns])
    twice = sorted({name for name in joined if joined.count(name) > 1})
    if twice:
        fix = "Name each column once."
        raise ConfigError("A column is in `together` more than once.", given=twice, fix=fix)
    return [tuple(group) for group in together] + [(name,) for name in columns if name not in joined]
