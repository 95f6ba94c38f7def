"""For whom a model is good where answers are not right or wrong: its main metric by the values of columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headway.errors import ConfigError, ShapeError
from headway.judge.intervals import Estimate
from headway.judge.slices.classes import ALPHA, Slice, SliceReport, group_rows, holm
from headway.judge.slices.disparities import ENOUGH
from headway.judge.slices.groups import group_items
from headway.judge.tasks import TaskMetrics, evaluate, task_metrics

if TYPE_CHECKING:
    import polars as pl

__all__ = ["judge_number_slices"]

_NAN = Estimate(math.nan, math.nan, math.nan)


def judge_number_slices(
    answers: np.ndarray,
    targets: np.ndarray,
    items: pl.DataFrame,
    *,
    columns: Sequence[str],
    task: str,
    thresholds: Sequence[float] = (),
    seed: int = 0,
) -> SliceReport:
    """A task's metrics by the values of columns, the main one of each group compared with all other items.

    Args:
        answers: As the task's metrics take them, `[items, ...]`.
        targets: The same.
        items: One row an item, in the same order.
        columns: Columns of `items`; how each becomes groups is told in `headway.judge.slices.groups`.
        task: The kind of target, a key of `headway.judge.tasks.TASKS`.
        thresholds: The probability from which each label is given, where an item can have several.
        seed: The run's seed, for the resampling.

    Returns:
        The slices, differences tested; without disparities, which are of classes.

    Raises:
        ShapeError: If the arrays or the items do not fit together.
        DataError: If the arrays do not hold what the task needs.
        ConfigError: If a column is not known, none is given, or one cannot be grouped.

    Example:
        >>> import polars as pl
        >>> targets = np.arange(200.0)
        >>> answers = targets + np.where(np.arange(200) < 150, 1, 5) + np.arange(200) % 2
        >>> items = pl.DataFrame({"site": ["north"] * 150 + ["south"] * 50})
        >>> judged = judge_number_slices(answers, targets, items, columns=["site"], task="regression")
        >>> print(judged.sentences[0])
        Worse on site = south (50 items): mean absolute error +4.000 from the rest's [3.836, 4.164], p < 0.001.

    Source:
        Welch 1947, "The generalization of Student's problem when several different population variances are involved";
        Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    known = task_metrics(task, thresholds=thresholds)
    known.check(answers, targets)
    answers, targets = np.asarray(answers), np.asarray(targets)
    if len(items) != len(targets):
        given = f"{len(items):,} items, {len(targets):,} answers"
        what = "`items` must have a row for each answer."
        raise ShapeError(what, given=given, fix="Pass the items that were answered, in the same order.")
    if isinstance(columns, str) or not columns:
        given = f"columns={columns!r}"
        raise ConfigError("`columns` must name the columns to slice by.", given=given, fix='Pass ["site"].')
    grouped = {column: group_items(items, column) for column in columns}
    found = [(column, group, rows) for column, groups in grouped.items() for group, rows in group_rows(groups)]
    # Two groups are each other's rest: that is one comparison.
    tests = [(column, group if len(grouped[column].names) > 2 else 0) for column, group, _ in found]
    gaps = [_compare(known, answers, targets, rows) for _, _, rows in found]
    raw = {test: gap.p for test, gap in zip(tests, gaps, strict=True) if gap is not None}
    corrected = dict(zip(raw, holm(list(raw.values())), strict=True))
    slices = []
    for (column, group, rows), test, gap in zip(found, tests, gaps, strict=True):
        metrics = dict.fromkeys(known.metrics, _NAN)
        if len(rows) >= ENOUGH:
            metrics = evaluate(answers[rows], targets[rows], task=task, thresholds=thresholds, seed=seed)
        where = {column: grouped[column].names[group]}
        slices.append(_slice(known, where, len(rows), metrics, gap, corrected.get(test, math.nan), len(raw)))
    return SliceReport(count=len(targets), slices=slices, num_compared=len(raw), title=known.title)


@dataclass(frozen=True)
class _Gap:
    """A group's mean less the rest's, its standard error and degrees of freedom, and the p that there is none."""

    value: float
    error: float
    freedom: float
    p: float

    def estimate(self, confidence: float) -> Estimate:
        """The difference with its interval."""
        from scipy.special import stdtrit

        half = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return Estimate(self.value, self.value - half, self.value + half)


def _welch(ours: np.ndarray, theirs: np.ndarray) -> _Gap:
    from scipy.special import stdtr

    value = float(ours.mean() - theirs.mean())
    shares = [float(each.var(ddof=1)) / len(each) for each in (ours, theirs)]
    error = math.sqrt(sum(shares))
    if error == 0:
        return _Gap(value, 0.0, len(ours) + len(theirs) - 2, 0.0 if value else 1.0)
    freedom = error**4 / sum(share**2 / (len(each) - 1) for share, each in zip(shares, (ours, theirs), strict=True))
    return _Gap(value, error, freedom, 2 * float(stdtr(freedom, -abs(value) / error)))


def _compare(known: TaskMetrics, answers: np.ndarray, targets: np.ndarray, rows: np.ndarray) -> _Gap | None:
    """The group beside the rest; None where one of them is too small."""
    rest = np.setdiff1d(np.arange(len(targets)), rows)
    if min(len(rows), len(rest)) < ENOUGH:
        return None
    # Each side on its own, as pseudo-values are parts of the metric of the items that they were made of.
    return _welch(*(known.by_item(*known.check(answers[each], targets[each])) for each in (rows, rest)))


def _slice(
    known: TaskMetrics,
    where: dict[str, str],
    count: int,
    metrics: dict[str, Estimate],
    gap: _Gap | None,
    p: float,
    num_compared: int,
) -> Slice:
    if gap is None or math.isnan(gap.value):
        verdict = "too small" if count < ENOUGH else "not compared"
        return Slice(where=where, count=count, metrics=metrics, difference=_NAN, p=math.nan, verdict=verdict)
    found = gap.estimate(1 - ALPHA / num_compared).scaled(100 if known.is_share else 1)
    is_told = p < ALPHA and not found.low <= 0 <= found.high
    is_better = (found.value > 0) == known.higher_is_better
    digits = known.difference_digits(found)
    ends = f"[{found.low:.{digits}f}, {found.high:.{digits}f}]"
    return Slice(
        where=where,
        count=count,
        metrics=metrics,
        difference=found,
        p=p,
        verdict=("better" if is_better else "worse") if is_told else "indistinguishable",
        told=f"{known.title} {found.value:+.{digits}f}{known.unit} from the rest's {ends}",
    )
