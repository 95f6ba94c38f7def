"""For whom a model is good: its metrics by the values of the items' columns, and the slices that it is worst on.

Whether a slice is worse than the rest is Fisher's exact test on how many answers are right. Many slices are looked at,
so one in twenty would seem different where none is; the p values are corrected by Holm's method, which holds the
chance of even one false alarm at 5 %. The Benjamini-Hochberg method would find more, but lets a share of all alarms be
false, and its proof does not cover slices that share items or are each other's rest. Items count as independent: where
several belong together (photos of one patient), the intervals are too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from headway.errors import ConfigError, ShapeError
from headway.judge.intervals import Estimate, wilson
from headway.judge.slices.disparities import ENOUGH, Disparity, disparities
from headway.judge.slices.groups import Groups, group_items
from headway.seeds import generator
from headway.targets.category.metrics import CLASSIFICATION, Metric, check_predictions, find_metric

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ALPHA", "Slice", "SliceReport", "Tally", "check_items", "group_rows", "harm", "holm", "judge_slices"]

_NAN = Estimate(math.nan, math.nan, math.nan)
# These sort the items once a class; from this many drawn items they are known to within a thousandth or so.
_SORTING = ("auroc", "average_precision")
_DRAWN = 20_000
ALPHA = 0.05
"""The chance that any slice is called different where none is."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Some of the items, and how the model does on them.

    Attributes:
        where: What its items have in common: group by column.
        count: Its items.
        metrics: Estimates by name, each with its own 95 % interval; NaN when the slice is too small.
        difference: Its main metric (accuracy, of classes) less that of all other items, of a share in points; the 95 %
            interval holds for all slices that were compared at once. NaN when it was not compared.
        p: That of Fisher's exact test, or of Welch's where answers are not right or wrong, corrected by Holm's method;
            NaN when it was not compared.
        verdict: "better" or "worse" than the rest when p is below 0.05 and the interval leaves out 0; "too small" to
            say below 30 items; "not compared" where fewer than 30 items are left as the rest.
        told: The difference in words, such as "accuracy +1.2 points from the rest's [0.3, 2.1]".
    """

    where: dict[str, str]
    count: int
    metrics: dict[str, Estimate]
    difference: Estimate
    p: float
    verdict: Literal["better", "indistinguishable", "not compared", "too small", "worse"]
    told: str = ""

    @property
    def name(self) -> str:
        """Such as "site = north and sex = f"."""
        return " and ".join(f"{column} = {group}" for column, group in self.where.items())

    @property
    def sentence(self) -> str:
        """The slice in words."""
        if self.verdict == "too small":
            return f"{self.name}: {self.count:,} items are too few to say."
        if self.verdict == "not compared":
            return f"{self.name}: {self.count:,} items, and too few others to compare them with."
        shown = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        opening = {"better": "Better on", "worse": "Worse on"}.get(self.verdict, "Not distinguishable from the rest on")
        return f"{opening} {self.name} ({self.count:,} items): {self.told}, {shown}."

    def to_json(self) -> dict[str, Any]:
        """The slice as plain JSON values."""
        metrics = {name: each.to_json() for name, each in self.metrics.items()}
        p = None if math.isnan(self.p) else self.p
        plain = {name: value for name, value in vars(self).items() if name != "told"}
        return {**plain, "metrics": metrics, "difference": self.difference.to_json(), "p": p}


@dataclass(frozen=True)
class Tally:
    """Right answers in a slice and in all.

    Attributes:
        hits: Items of the slice that were answered right.
        count: Items of the slice.
        all_hits: Items that were answered right.
        all_count: Items.
    """

    hits: int
    count: int
    all_hits: int
    all_count: int

    @property
    def comparable(self) -> bool:
        """Whether the slice and the rest have enough items to be compared."""
        return self.count >= ENOUGH and self.all_count - self.count >= ENOUGH

    @property
    def p(self) -> float:
        """Fisher's exact p, two-sided, that the slice is as good as the rest."""
        from scipy.stats import fisher_exact

        hits, count = self.all_hits - self.hits, self.all_count - self.count
        found: Any = fisher_exact([[self.hits, self.count - self.hits], [hits, count - hits]])
        return float(found.pvalue)

    def difference(self, confidence: float) -> Estimate:
        """The slice's accuracy less the rest's, between -1 and 1, with Newcombe's interval."""
        own = wilson(self.hits, self.count, confidence)
        rest = wilson(self.all_hits - self.hits, self.all_count - self.count, confidence)
        value = own.value - rest.value
        low = value - math.hypot(own.value - own.low, rest.high - rest.value)
        return Estimate(value, low, value + math.hypot(own.high - own.value, rest.value - rest.low))

    def slice(self, where: Mapping[str, str], metrics: Mapping[str, Estimate], *, p: float, num_compared: int) -> Slice:
        """The slice as it is reported.

        Args:
            where: What its items have in common.
            metrics: Its metrics.
            p: Corrected; NaN when it was not compared.
            num_compared: How many slices were, for the width of the interval.
        """
        difference, verdict = _NAN, "not compared"
        if self.count < ENOUGH:
            verdict = "too small"
        elif not math.isnan(p):
            difference = self.difference(1 - ALPHA / num_compared).scaled(100)
            told = p < ALPHA and not difference.low <= 0 <= difference.high
            verdict = "indistinguishable" if not told else "worse" if difference.value < 0 else "better"
        ends = f"[{difference.low:.1f}, {difference.high:.1f}]"
        return Slice(
            where=dict(where),
            count=self.count,
            metrics=dict(metrics),
            difference=difference,
            p=p,
            verdict=verdict,
            told=f"accuracy {difference.value:+.1f} points from the rest's {ends}",
        )


@dataclass(frozen=True, kw_only=True)
class SliceReport:
    """How a model does by the values of some columns.

    Attributes:
        count: All items.
        slices: Each group of each column, column by column.
        num_compared: How many of them were compared with the rest.
        disparities: Three a column and class; none where answers are no classes.
        title: The main metric in words.
    """

    count: int
    slices: list[Slice]
    num_compared: int
    disparities: list[Disparity] = field(default_factory=list)
    title: str = "accuracy"

    @property
    def sentences(self) -> list[str]:
        """What can be told apart, the worst first; else that nothing can. Then what is too small to say."""
        worse = sorted((each for each in self.slices if each.verdict == "worse"), key=_nearest_end, reverse=True)
        better = sorted((each for each in self.slices if each.verdict == "better"), key=_nearest_end)
        told = worse + better
        lines = [each.sentence for each in told]
        if self.num_compared and not told:
            compared = f"between a slice and the rest ({self.num_compared} compared)"
            lines = [f"No difference in {self.title} can be told {compared}."]
        small = [f"{each.name} ({each.count:,})" for each in self.slices if each.verdict == "too small"]
        return [*lines, f"Too small to say, with fewer than {ENOUGH} items: {', '.join(small)}."] if small else lines

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values; what could not be computed is null."""
        return {
            "count": self.count,
            "slices": [each.to_json() for each in self.slices],
            "num_compared": self.num_compared,
            "disparities": [each.to_json() for each in self.disparities],
            "sentences": self.sentences,
        }


def judge_slices(
    probabilities: np.ndarray,
    targets: np.ndarray,
    items: pl.DataFrame,
    *,
    columns: Sequence[str],
    labels: Sequence[str],
    metrics: Sequence[str | Metric] | None = None,
    seed: int = 0,
) -> SliceReport:
    """Metrics by the values of columns, each group compared with all other items.

    Args:
        probabilities: Of each class for each item, float `[items, classes]`; rows sum to one.
        targets: Class indices, integers `[items]`.
        items: One row an item, in the same order.
        columns: Columns of `items`; how each becomes groups is told in `headway.judge.slices.groups`.
        labels: The classes, in the order of the columns of `probabilities`.
        metrics: Names from `CLASSIFICATION`, or a `Metric` of your own. Left out: all of `CLASSIFICATION`. AUROC and
            average precision of a slice with more than 20,000 items come from 20,000 drawn at random.
        seed: The run's seed, for the resampling.

    Returns:
        The slices, differences tested, and disparities.

    Raises:
        ShapeError: If the arrays, the items or the labels do not fit together.
        DataError: If the arrays are empty, no probabilities, or hold targets that are no class.
        ConfigError: If a column or a metric is not known, no column is given, or one cannot be grouped.

    Example:
        >>> import polars as pl
        >>> targets = np.tile([0, 1], 100)
        >>> given = np.where(np.arange(200) < 150, targets, 0)
        >>> items = pl.DataFrame({"site": ["north"] * 150 + ["south"] * 50})
        >>> judged = judge_slices(np.eye(2)[given], targets, items, columns=["site"], labels=["no", "yes"])
        >>> print(judged.sentences[0])
        Worse on site = south (50 items): accuracy -50.0 points from the rest's [-63.4, -36.4], p < 0.001.

    Source:
        Holm 1979, "A simple sequentially rejective multiple test procedure"; Newcombe 1998, "Interval estimation for
        the difference between independent proportions".
    """
    wanted = [find_metric(each) for each in (CLASSIFICATION if metrics is None else metrics)]
    probabilities, targets = check_items(probabilities, targets, items, labels)
    if isinstance(columns, str) or not columns:
        given = f"columns={columns!r}"
        raise ConfigError("`columns` must name the columns to slice by.", given=given, fix='Pass ["site"].')
    predicted = probabilities.argmax(1)
    right = predicted == targets
    grouped = {column: group_items(items, column) for column in columns}
    members = [(column, group, rows) for column, groups in grouped.items() for group, rows in group_rows(groups)]
    tallies = [Tally(int(right[rows].sum()), len(rows), int(right.sum()), len(right)) for _, _, rows in members]
    # Two groups are each other's rest: that is one comparison.
    tests = [(column, group if len(grouped[column].names) > 2 else 0) for column, group, _ in members]
    raw = {test: tally.p for test, tally in zip(tests, tallies, strict=True) if tally.comparable}
    corrected = dict(zip(raw, holm(list(raw.values())), strict=True))
    slices = [
        tally.slice(
            {column: grouped[column].names[group]},
            _measure(probabilities, targets, rows, wanted, seed),
            p=corrected.get(test, math.nan),
            num_compared=len(raw),
        )
        for (column, group, rows), tally, test in zip(members, tallies, tests, strict=True)
    ]
    measured = [
        each
        for column, groups in grouped.items()
        for each in disparities(predicted, targets, groups, column=column, labels=labels)
    ]
    return SliceReport(count=len(targets), slices=slices, num_compared=len(raw), disparities=measured)


def check_items(
    probabilities: np.ndarray, targets: np.ndarray, items: pl.DataFrame, labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as `check_predictions` gives them, when the items and the labels fit them.

    Raises:
        ShapeError: If the arrays, the items or the labels do not fit together.
        DataError: If the arrays are empty, no probabilities, or hold targets that are no class.
    """
    probabilities, targets = check_predictions(probabilities, targets)
    if len(items) != len(targets) or len(labels) != probabilities.shape[1]:
        raise ShapeError(
            "`items` must have a row for each row of `probabilities`, and `labels` a name for each column.",
            given=f"{len(items):,} items, {len(labels)} labels, probabilities {list(probabilities.shape)}",
            fix="Pass the items that were predicted, in the same order, and all classes.",
        )
    return probabilities, targets


def holm(p: Sequence[float]) -> list[float]:
    """P values corrected for how many there are, in the same order.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected.tolist()


def harm(judged: Slice) -> float:
    """How a slice is sorted: the loss of accuracy that its interval leaves no doubt of comes first."""
    return judged.difference.high


def _nearest_end(judged: Slice) -> float:
    """How much of a difference its interval leaves no doubt of, whichever way is worse."""
    return min(abs(judged.difference.low), abs(judged.difference.high))


def group_rows(groups: Groups) -> Iterator[tuple[int, np.ndarray]]:
    """Each group and its rows, in order."""
    order = np.argsort(groups.index, kind="stable")
    ends = np.cumsum(np.bincount(groups.index, minlength=len(groups.names)))
    yield from enumerate(np.split(order, ends[:-1]))


def _measure(
    probabilities: np.ndarray, targets: np.ndarray, rows: np.ndarray, metrics: Sequence[Metric], seed: int
) -> dict[str, Estimate]:
    if len(rows) < ENOUGH:
        return {each.name: _NAN for each in metrics}
    own, actual = probabilities[rows], targets[rows]
    drawn = slice(None)
    if len(rows) > _DRAWN:
        drawn = np.sort(generator(seed, "bootstrap", epoch=1).choice(len(rows), _DRAWN, replace=False))
    return {
        each.name: each.estimate(own[drawn], actual[drawn], seed=seed)
        if each.name in _SORTING
        else each.estimate(own, actual, seed=seed)
        for each in metrics
    }
