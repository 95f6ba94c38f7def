"""Who is harmed: what a model gives to groups of people, where differences come from, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.judge.fairness.conflict import Conflict, conflicts
from headway.judge.fairness.gaps import Gap
from headway.judge.fairness.learned import Learned
from headway.judge.fairness.measures import OF_DATA
from headway.judge.fairness.proxies import Proxy, proxies
from headway.judge.fairness.rates import GroupRates, check_columns, compare_groups_of, grouped, remarks
from headway.judge.fairness.remedies import Remedy, retrained, threshold_curve
from headway.judge.fairness.sources import Source, find_sources
from headway.judge.metric import TaskMetrics
from headway.judge.slices.compare import ENOUGH
from headway.judge.slices.groups import group_items
from headway.predictions import Predictions

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FairnessReport", "judge_fairness"]


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
        sources: Where differences come from, by six sources of bias.
        proxies: How well what the model reads tells the groups; empty where its training rows are not known.
        conflicts: Groups whose base rates differ: rules that cannot all hold for them.
        remedies: What can be done, and at what price; of two classes alone.
        notes: What a reader must know of the groups themselves.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentences",)

    part: str
    columns: tuple[str, ...]
    count: int
    groups: list[GroupRates]
    gaps: list[Gap]
    num_compared: int
    sources: list[Source] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    remedies: list[Remedy] = field(default_factory=list)
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
    learned: Learned | None = None,
    chosen_on: Predictions | None = None,
    seed: int = 0,
) -> FairnessReport:
    """Rates by group and by intersection, how far apart the groups are, where it comes from, and what can be done.

    Args:
        predictions: As the metrics take them: of classes probabilities, float `[items, classes]`.
        targets: Likewise, such as class indices `[items]`.
        items: A row an item, in the same order.
        columns: Columns of `items`, each with groups; see `headway.judge.slices.groups`.
        metrics: Those of the target.
        labels: The classes. Of two the second is looked at, of more each against all others.
        part: What the items are called.
        clusters: Which items belong together, int64 `[items]`: intervals and tests then count clusters.
        learned: What the model learned from, for proxies and remedies; None where that is not known.
        chosen_on: The predictions for other rows, with their items, that thresholds are chosen on; None to choose on
            either half of these and judge the other.
        seed: The run's seed, for halves and resampling.

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
    grouping = grouped(items, columns)
    options: dict[str, Any] = {"metrics": metrics, "labels": labels, "clusters": clusters}
    groups, gaps, num_compared = compare_groups_of(predictions, targets, grouping, **options)
    found = [] if learned is None else [one for column in columns for one in proxies(learned, column, seed=seed)]
    notes, remedies = remarks(items, grouping), []
    if metrics.has_classes and len(labels) == 2:
        arrays = (np.asarray(predictions), np.asarray(targets), items)
        for column in columns:
            of_column = [proxy for proxy in found if proxy.group == column]
            more = {"learned": learned, "found": of_column, "chosen_on": chosen_on, "clusters": clusters, "seed": seed}
            remedies += _remedies(*arrays, column, **more)
    else:
        notes.append("Remedies are measured for targets of two classes.")
    return FairnessReport(
        part=part,
        columns=tuple(columns),
        count=len(items),
        groups=groups,
        gaps=gaps,
        num_compared=num_compared,
        sources=find_sources(items, columns, gaps, learned=learned, proxies=found),
        proxies=found,
        conflicts=conflicts(groups, gaps),
        remedies=remedies,
        notes=notes,
    )


def _remedies(
    predictions: np.ndarray,
    targets: np.ndarray,
    items: pl.DataFrame,
    column: str,
    *,
    learned: Learned | None,
    found: Sequence[Proxy],
    chosen_on: Predictions | None,
    clusters: np.ndarray | None,
    seed: int,
) -> list[Remedy]:
    """Those for the groups of one column; none where there are not two that can be judged."""
    groups = group_items(items, column)
    if (np.bincount(groups.index) >= ENOUGH).sum() < 2:
        return []
    other = None
    if chosen_on is not None and chosen_on.items is not None:
        other = (chosen_on.predictions[:, 1], chosen_on.targets == 1, group_items(chosen_on.items, column))
    options: dict[str, Any] = {"column": column, "clusters": clusters, "seed": seed}
    remedies = threshold_curve(predictions[:, 1], targets == 1, groups, chosen_on=other, **options)
    if items[column].dtype.is_numeric() or items[column].dtype.is_temporal():
        # Fifths of a number are no values that a line can name.
        remedies = [replace(remedy, line=None) for remedy in remedies]
    if learned is not None:
        remedies += retrained(learned, groups, positive=1, found=found, **options)
    return remedies
