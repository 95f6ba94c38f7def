"""Who is selected and who gets the errors, by group and by intersection: rates, gaps, and remarks on the groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from headway.as_json import AsJson
from headway.errors import ConfigError
from headway.judge.fairness.gaps import Gap, measure_gap, verdict_of
from headway.judge.fairness.measures import estimates, measures_of
from headway.judge.intervals import NAN, Estimate
from headway.judge.metric import TaskMetrics
from headway.judge.slices.compare import holm
from headway.judge.slices.groups import MISSING, OTHERS, Groups, group_items

if TYPE_CHECKING:
    import polars as pl

__all__ = ["GroupRates", "Grouping", "check_columns", "compare_groups_of", "grouped", "remarks"]

# By columns: their groups, and what the items of each have in common.
Grouping = dict[tuple[str, ...], tuple[Groups, list[dict[str, str]]]]


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


def grouped(items: pl.DataFrame, columns: Sequence[str]) -> Grouping:
    """The groups of each column and, of several, of their intersection, with what the items of each have in common.

    Example:
        >>> import polars as pl
        >>> people = pl.DataFrame({"sex": ["f", "m", "f"], "age": ["old", "old", "young"]})
        >>> list(grouped(people, ["sex", "age"])[("sex", "age")][0].names)
        ['f, old', 'f, young', 'm, old']
    """
    single = {column: group_items(items, column) for column in columns}
    groups: Grouping = {
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


def compare_groups_of(
    predictions: np.ndarray,
    targets: np.ndarray,
    grouping: Grouping,
    *,
    metrics: TaskMetrics,
    labels: Sequence[str] = (),
    clusters: np.ndarray | None = None,
) -> tuple[list[GroupRates], list[Gap], int]:
    """Rates and gaps, class by class and columns by columns; and for how many comparisons p is corrected."""
    rates, gaps = [], []
    for label, measures in measures_of(predictions, targets, metrics, labels).items():
        for names, (groups, where) in grouping.items():
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
    return rates, *_corrected(gaps)


def _corrected(gaps: Sequence[Gap]) -> tuple[list[Gap], int]:
    """Holm's method over all that were tested; and how many they are."""
    tested = [place for place, gap in enumerate(gaps) if not math.isnan(gap.p)]
    corrected = list(gaps)
    for place, p in zip(tested, holm([gaps[place].p for place in tested]), strict=True):
        corrected[place] = replace(gaps[place], p=p, verdict=verdict_of(gaps[place].difference, p))
    return corrected, len(tested)


def remarks(items: pl.DataFrame, grouping: Grouping) -> list[str]:
    """What a reader must know of the groups themselves, a sentence each."""
    notes = []
    for names, (groups, _) in grouping.items():
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
