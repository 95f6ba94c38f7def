"""Slices: a model's metrics by the values of the items' columns, each group compared with all others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from headway.as_json import AsJson
from headway.errors import ConfigError, ShapeError
from headway.judge.intervals import ALPHA, NAN, Estimate
from headway.judge.metric import Metric, TaskMetrics
from headway.judge.significance import format_p
from headway.judge.slices.compare import (
    ENOUGH,
    Difference,
    fisher,
    grouped_difference,
    holm,
    mean_difference,
    share_difference,
)
from headway.judge.slices.disparities import Disparity, disparities
from headway.judge.slices.groups import group_items, group_rows
from headway.seeds import generator

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Slice", "SliceReport", "check_items", "judge_slices", "make_slice"]

# Metrics that sort the items once a class are known to within a thousandth or so from this many drawn items.
_DRAWN = 20_000


@dataclass(frozen=True, kw_only=True)
class Slice(AsJson):
    """Some of the items, and how the model does on them.

    Attributes:
        where: What its items have in common: group by column.
        count: Its items.
        metrics: Estimates by name, each with its own 95 % interval; NaN when the slice is too small.
        difference: Its main metric (accuracy, of classes) minus that of all other items, of a share in points; the 95 %
            interval holds for all slices that were compared at once. NaN when it was not compared.
        p: That of Fisher's exact test, or of Welch's where predictions are not right or wrong, corrected by Holm's
            method; NaN when it was not compared.
        verdict: "better" or "worse" than the rest when p is below 0.05 and the interval leaves out 0; "too small" to
            say below 30 items; "not compared" where fewer than 30 items are left as the rest.
        gap: The difference in words, such as "accuracy +1.2 points [0.3, 2.1] from the rest's".
    """

    json_without: ClassVar[tuple[str, ...]] = ("gap",)

    where: dict[str, str]
    count: int
    metrics: dict[str, Estimate]
    difference: Estimate
    p: float
    verdict: Literal["better", "indistinguishable", "not compared", "too small", "worse"]
    gap: str = ""

    @property
    def name(self) -> str:
        """Such as "site = north and sex = f"."""
        return " and ".join(f"{column} = {group}" for column, group in self.where.items())

    @property
    def sentence(self) -> str:
        """The slice in words."""
        if self.verdict == "too small":
            return f"{self.name}: {self.count:,} items are too few to compare."
        if self.verdict == "not compared":
            return f"{self.name}: {self.count:,} items, and too few others to compare them with."
        opening = {"better": "Better on", "worse": "Worse on"}.get(self.verdict, "Not distinguishable from the rest on")
        return f"{opening} {self.name} ({self.count:,} items): {self.gap}, {format_p(self.p)}."


@dataclass(frozen=True, kw_only=True)
class SliceReport(AsJson):
    """How a model does by the values of some columns.

    Attributes:
        count: All items.
        slices: Each group of each column, column by column.
        num_compared: How many of them were compared with the rest.
        disparities: Three a column and class; none where an item has not one class.
        title: The main metric in words.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentences",)
    json_without: ClassVar[tuple[str, ...]] = ("title",)

    count: int
    slices: list[Slice]
    num_compared: int
    disparities: list[Disparity] = field(default_factory=list)
    title: str = "accuracy"

    @property
    def sentences(self) -> list[str]:
        """What can be told apart, the worst first; else that nothing can. Then what is too small to say."""
        worse = [one for one in self.slices if one.verdict == "worse"]
        better = [one for one in self.slices if one.verdict == "better"]
        worse.sort(key=_nearest_end, reverse=True)
        better.sort(key=_nearest_end)
        lines = [one.sentence for one in worse + better]
        if self.num_compared and not lines:
            compared = f"between a slice and the rest ({self.num_compared} compared)"
            lines = [f"No measurable difference in {self.title} {compared}."]
        small = [f"{one.name} ({one.count:,})" for one in self.slices if one.verdict == "too small"]
        return [*lines, f"Too few items to compare, fewer than {ENOUGH}: {', '.join(small)}."] if small else lines


def judge_slices(
    predictions: np.ndarray,
    targets: np.ndarray,
    items: pl.DataFrame,
    *,
    columns: Sequence[str],
    metrics: TaskMetrics,
    labels: Sequence[str] = (),
    names: Iterable[str] | None = None,
    seed: int = 0,
    apart: np.ndarray | None = None,
) -> SliceReport:
    """Metrics by the values of columns, the main one of each group compared with all other items.

    How each column becomes groups is told in `headway.judge.slices.groups`; disparities are of `labels`, the classes.
    Metrics that sort the items come from 20,000 drawn at random, of a slice with more. `apart` numbers what is
    independent of one another where items are not, such as patients, int64 `[items]`.

    Raises:
        ShapeError: If the arrays, the items or the labels do not fit together.
        DataError: If the arrays do not hold what the metrics need.
        ConfigError: If a column or a metric is not known, no column is given, or one cannot be grouped.

    Example:
        >>> import polars as pl
        >>> from headway.targets.category.metrics import METRICS
        >>> targets = np.tile([0, 1], 100)
        >>> given = np.eye(2)[np.where(np.arange(200) < 150, targets, 0)]
        >>> items = pl.DataFrame({"site": ["north"] * 150 + ["south"] * 50})
        >>> judged = judge_slices(given, targets, items, columns=["site"], metrics=METRICS, labels=["no", "yes"])
        >>> print(judged.sentences[0])
        Worse on site = south (50 items): accuracy -50.0 points [-63.4, -36.4] from the rest's, p < 0.001.
    """
    wanted = metrics.named(names)
    check_items(predictions, targets, items, metrics=metrics, labels=labels)
    predictions, targets = np.asarray(predictions), np.asarray(targets)
    if isinstance(columns, str) or not columns:
        given = f"columns={columns!r}"
        raise ConfigError("`columns` must name the columns to slice by.", given=given, fix='Pass ["site"].')
    grouped = {column: group_items(items, column) for column in columns}
    members = [(column, group, rows) for column, groups in grouped.items() for group, rows in group_rows(groups)]
    gaps = _gaps(metrics, predictions, targets, [rows for _, _, rows in members], apart)
    # Two groups are each other's rest: that is one comparison.
    tests = [(column, group if len(grouped[column].names) > 2 else 0) for column, group, _ in members]
    raw = {test: gap[1] for test, gap in zip(tests, gaps, strict=True) if gap is not None}
    corrected = dict(zip(raw, holm(list(raw.values())), strict=True))
    slices = [
        make_slice(
            {column: grouped[column].names[group]},
            len(rows),
            _measure(metrics, predictions, targets, rows, wanted, seed, apart),
            gap[0] if gap else None,
            p=corrected.get(test, math.nan),
            num_compared=len(raw),
            metrics=metrics,
        )
        for (column, group, rows), gap, test in zip(members, gaps, tests, strict=True)
    ]
    measured: list[Disparity] = []
    if metrics.has_classes:
        predicted = metrics.decide(predictions)
        for column, groups in grouped.items():
            measured += disparities(predicted, targets, groups, column=column, labels=labels)
        if apart is not None:
            measured = [replace(one, value=one.value.without_interval("items come in groups")) for one in measured]
    return SliceReport(
        count=len(targets), slices=slices, num_compared=len(raw), disparities=measured, title=metrics.title
    )


def check_items(
    predictions: np.ndarray,
    targets: np.ndarray,
    items: pl.DataFrame,
    *,
    metrics: TaskMetrics,
    labels: Sequence[str],
) -> None:
    """Raises an error unless items, labels and arrays fit together, and the arrays hold what the metrics need."""
    metrics.check(predictions, targets)
    num_labels = np.shape(predictions)[1] if metrics.has_classes else len(labels)
    if len(items) != len(targets) or len(labels) != num_labels:
        raise ShapeError(
            "`items` must have a row for each prediction, and `labels` a name for each class.",
            given=f"{len(items):,} items, {len(labels)} labels, predictions {list(np.shape(predictions))}",
            fix="Pass the items that were predicted, in the same order, and all classes.",
        )


def make_slice(
    where: dict[str, str],
    count: int,
    estimates: dict[str, Estimate],
    gap: Difference | None,
    *,
    p: float,
    num_compared: int,
    metrics: TaskMetrics,
) -> Slice:
    """A slice of `count` items, beside the rest by its `gap`; None where one of them is too small for that.

    `p` is corrected for the `num_compared` slices; all of their intervals hold at once.
    """
    difference, verdict, words = NAN, "too small" if count < ENOUGH else "not compared", ""
    if gap is not None and not math.isnan(p):
        # Bonferroni's width, so that all intervals hold at once, as the corrected p values do.
        difference = gap(1 - ALPHA / num_compared).scaled(100 if metrics.is_share else 1)
        is_told = p < ALPHA and not difference.low <= 0 <= difference.high
        is_better = (difference.value > 0) == metrics.higher_is_better
        verdict = ("better" if is_better else "worse") if is_told else "indistinguishable"
        words = f"{metrics.title} {metrics.format_difference(difference)} from the rest's"
    return Slice(where=where, count=count, metrics=estimates, difference=difference, p=p, verdict=verdict, gap=words)


def _nearest_end(judged: Slice) -> float:
    """How much of a difference its interval leaves no doubt of, whichever way is worse."""
    return min(abs(judged.difference.low), abs(judged.difference.high))


def _gaps(
    metrics: TaskMetrics,
    predictions: np.ndarray,
    targets: np.ndarray,
    members: Sequence[np.ndarray],
    apart: np.ndarray | None,
) -> list[tuple[Difference, float] | None]:
    """Each group, by its rows, beside the rest, with the p; None where one of them is too small."""
    right = metrics.by_item(predictions, targets) > 0 if metrics.metric.is_right else None
    gaps: list[tuple[Difference, float] | None] = []
    for rows in members:
        if min(len(rows), len(targets) - len(rows)) < ENOUGH:
            gaps.append(None)
        elif apart is not None:
            gaps.append(grouped_difference(metrics.by_item(predictions, targets), rows, apart))
        elif right is not None:
            counts = int(right[rows].sum()), len(rows), int(right.sum()), len(right)
            gaps.append((share_difference(*counts), fisher(*counts)))
        else:
            # Each side on its own, as pseudo-values are parts of the metric of the items that they were made of.
            rest = np.setdiff1d(np.arange(len(targets)), rows)
            parts = (metrics.by_item(predictions[side], targets[side]) for side in (rows, rest))
            gaps.append(mean_difference(*parts))
    return gaps


def _measure(
    metrics: TaskMetrics,
    predictions: np.ndarray,
    targets: np.ndarray,
    rows: np.ndarray,
    wanted: Sequence[Metric],
    seed: int,
    apart: np.ndarray | None,
) -> dict[str, Estimate]:
    if len(rows) < ENOUGH:
        return {metric.name: NAN for metric in wanted}
    drawn = rows
    if len(rows) > _DRAWN:
        drawn = rows[np.sort(generator(seed, "bootstrap", epoch=1).choice(len(rows), _DRAWN, replace=False))]

    def known(chosen: np.ndarray) -> np.ndarray | None:
        return None if apart is None else apart[chosen]

    slow = [metric.name for metric in wanted if metric.sorts]
    quick = [metric.name for metric in wanted if not metric.sorts]
    estimates = metrics.evaluate(predictions[rows], targets[rows], names=quick, seed=seed, groups=known(rows))
    estimates |= metrics.evaluate(predictions[drawn], targets[drawn], names=slow, seed=seed, groups=known(drawn))
    return {metric.name: estimates[metric.name] for metric in wanted}
