"""Who is selected and who gets the errors, by group and by intersection: rates, gaps, and what cannot be said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.errors import ConfigError
from headway.judge.fairness.gaps import Gap, measure_gap, verdict_of
from headway.judge.fairness.measures import OF_DATA, estimates, measures_of
from headway.judge.intervals import NAN, Estimate
from headway.judge.metric import TaskMetrics
from headway.judge.slices.compare import ENOUGH, holm
from headway.judge.slices.groups import MISSING, OTHERS, Groups, group_items

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FairnessReport", "GroupRates", "check_columns", "grouped", "judge_fairness"]


@dataclass(frozen=True, kw_only=True)
class GroupRates(AsJson):
    """One group, and what the model gives it.

    Attributes:
        where: What its items have in common: group by column; of an intersection several.
        label: The class that the rates are of; empty where there are none.
        count: Its items.
        rates: By measure, each with its own 95 % interval; NaN where fewer than 30 items count.
        counts: By measure, how many of its items count.
    """

    where: dict[str, str]
    label: str
    count: int
    rates: dict[str, Estimate]
    counts: dict[str, int]

    @property
    def name(self) -> str:
        """Such as "sex = f and race = b"."""
        return " and ".join(f"{column} = {group}" for column, group in self.where.items())


@dataclass(frozen=True, kw_only=True)
class FairnessReport(AsJson):
    """What a model gives to groups of people.

    Attributes:
        part: The part of the data that it is about.
        columns: The columns that say to which groups people belong.
        count: All items.
        groups: The groups of each column, then of their intersection, class by class.
        gaps: How far apart they are, one a measure, likewise.
        num_compared: How many comparisons the p values are corrected for.
        notes: What a reader must know of the groups themselves.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentences",)

    part: str
    columns: tuple[str, ...]
    count: int
    groups: list[GroupRates]
    gaps: list[Gap]
    num_compared: int
    notes: list[str] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        """What differs, the clearest first; else that nothing measurably does. Then what cannot be said.

        Base rates come after what the model does.
        """
        told = [gap for gap in self.gaps if gap.verdict == "differ"]
        told.sort(key=lambda gap: (gap.measure in OF_DATA, -gap.difference.low))
        lines = [gap.sentence for gap in told]
        if not lines and self.num_compared:
            lines = [f"No measurable difference between groups ({self.num_compared} comparisons)."]
        lines += [gap.sentence for gap in self.gaps if gap.verdict == "cannot say"]
        small = {group.name: group.count for group in self.groups if group.count < ENOUGH}
        if small:
            shown = ", ".join(f"{name} ({count:,})" for name, count in list(small.items())[:8])
            more = f" and {len(small) - 8:,} more" if len(small) > 8 else ""
            lines.append(f"Cannot say for groups with fewer than {ENOUGH} items: {shown}{more}.")
        return lines


def check_columns(columns: Sequence[str], items: pl.DataFrame) -> None:
    """Raises a ConfigError unless `groups` is a list of columns that can be grouped."""
    if isinstance(columns, str):
        raise ConfigError(
            "`groups` must be a list of columns that say to which groups people belong.",
            given=f"groups={columns!r}",
            fix=f'Pass groups=["{columns}"]; for intervals that count groups, such as patients, clusters="{columns}".',
        )
    if not all(isinstance(column, str) for column in columns):
        what, fix = "`groups` must hold names of columns.", 'Pass such as groups=["sex", "race"].'
        wrong = next(column for column in columns if not isinstance(column, str))
        raise ConfigError(what, given=f"{wrong!r} among {len(columns):,} entries", fix=fix)
    if len(set(columns)) < len(columns):
        raise ConfigError("`groups` names a column twice.", given=", ".join(columns), fix="Name it once.")
    for column in columns:
        group_items(items, column)


def grouped(items: pl.DataFrame, columns: Sequence[str]) -> dict[tuple[str, ...], tuple[Groups, list[dict[str, str]]]]:
    """The groups of each column and, of several, of their intersection, with what the items of each have in common.

    Example:
        >>> import polars as pl
        >>> people = pl.DataFrame({"sex": ["f", "m", "f"], "age": ["old", "old", "young"]})
        >>> list(grouped(people, ["sex", "age"])[("sex", "age")][0].names)
        ['f, old', 'f, young', 'm, old']
    """
    single = {column: group_items(items, column) for column in columns}
    groups: dict[tuple[str, ...], tuple[Groups, list[dict[str, str]]]] = {
        (column,): (of_column, [{column: name} for name in of_column.names]) for column, of_column in single.items()
    }
    if len(single) > 1:
        shape = tuple(len(of_column.names) for of_column in single.values())
        cells, index = np.unique(
            np.ravel_multi_index([of_column.index for of_column in single.values()], shape), return_inverse=True
        )
        where = [
            {column: single[column].names[position] for column, position in zip(columns, cell, strict=True)}
            for cell in np.stack(np.unravel_index(cells, shape), axis=1).tolist()
        ]
        names = tuple(", ".join(one.values()) for one in where)
        groups[tuple(columns)] = (Groups(names, index), where)
    return groups


def judge_fairness(
    predictions: np.ndarray,
    targets: np.ndarray,
    items: pl.DataFrame,
    *,
    columns: Sequence[str],
    metrics: TaskMetrics,
    labels: Sequence[str] = (),
    part: str = "valid",
    clusters: np.ndarray | None = None,
) -> FairnessReport:
    """Rates by group and by intersection, and how far apart the groups are.

    Args:
        predictions: As the metrics take them: of classes probabilities, float `[items, classes]`.
        targets: Likewise, such as class indices `[items]`.
        items: A row an item, in the same order.
        columns: Columns of `items`, each with groups; see `headway.judge.slices.groups`.
        metrics: Those of the target.
        labels: The classes. Of two the second is looked at, of more each against all others.
        part: What the items are called.
        clusters: Which items belong together, int64 `[items]`: intervals and tests then count clusters.

    Raises:
        ConfigError: If a column is not known or cannot be grouped.

    Example:
        >>> import polars as pl
        >>> from headway.targets.category.metrics import METRICS
        >>> targets = np.tile([0, 1], 200)
        >>> predicted = np.where(np.arange(400) < 300, targets, 0)
        >>> people = pl.DataFrame({"sex": ["m"] * 300 + ["f"] * 100})
        >>> options = {"metrics": METRICS, "labels": ["no", "yes"]}
        >>> report = judge_fairness(np.eye(2)[predicted], targets, people, columns=["sex"], **options)
        >>> print(report.gaps[1].measure, report.gaps[1].difference, report.gaps[1].lowest)
        true_positive_rate 1.000 [0.924, 1.000] f
    """
    check_columns(columns, items)
    rates, gaps = [], []
    by_columns = grouped(items, columns)
    for label, measures in measures_of(predictions, targets, metrics, labels).items():
        for names, (groups, where) in by_columns.items():
            judged = {one.name: estimates(one, groups.index, len(where), clusters=clusters) for one in measures}
            counts = np.bincount(groups.index, minlength=len(where)).tolist()
            rates += [
                GroupRates(
                    where=common,
                    label=label,
                    count=counts[group],
                    rates={name: known[group] or NAN for name, (known, _) in judged.items()},
                    counts={name: int(counted[group]) for name, (_, counted) in judged.items()},
                )
                for group, common in enumerate(where)
            ]
            options = {"columns": names, "label": label, "clusters": clusters}
            gaps += [measure_gap(one, groups.index, groups.names, **options) for one in measures]
    gaps, num_compared = _corrected(gaps)
    return FairnessReport(
        part=part,
        columns=tuple(columns),
        count=len(items),
        groups=rates,
        gaps=gaps,
        num_compared=num_compared,
        notes=_notes(items, by_columns),
    )


def _corrected(gaps: Sequence[Gap]) -> tuple[list[Gap], int]:
    """Holm's method over all that were tested; and how many they are."""
    tested = [place for place, gap in enumerate(gaps) if not math.isnan(gap.p)]
    corrected = list(gaps)
    for place, p in zip(tested, holm([gaps[place].p for place in tested]), strict=True):
        corrected[place] = replace(gaps[place], p=p, verdict=verdict_of(gaps[place].difference, p))
    return corrected, len(tested)


def _notes(items: pl.DataFrame, by_columns: dict[tuple[str, ...], tuple[Groups, list[dict[str, str]]]]) -> list[str]:
    notes = []
    for names, (groups, _) in by_columns.items():
        column, *others = names
        if others:
            continue
        series = items[column]
        if len(groups.names) < 2:
            notes.append(f'All items have the same value of "{column}": there is nothing to compare.')
        if OTHERS in groups.names:
            values = series.drop_nulls().n_unique()
            shown = len([name for name in groups.names if name not in (OTHERS, MISSING)])
            notes.append(
                f'"{column}" has {values:,} values: the {shown} largest groups are shown, the {values - shown:,} '
                "others together. Group them by hand where they differ."
            )
        if series.dtype.is_numeric() and any(" to " in name for name in groups.names):
            notes.append(f'"{column}" is a number: its groups are fifths. Make a column of groups that mean something.')
    return notes
