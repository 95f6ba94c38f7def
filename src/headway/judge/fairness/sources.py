"""Where differences between groups come from: six sources of bias, what the data show of each, and what no data show.

Source:
    Suresh and Guttag 2021, "A framework for understanding sources of harm throughout the machine learning life cycle",
    arXiv:1901.10002. Their seventh, learning bias, is what remedies are measured for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from headway.as_json import AsJson
from headway.judge.fairness.gaps import Gap, measure_gap
from headway.judge.fairness.learned import Learned
from headway.judge.fairness.measures import Measure
from headway.judge.fairness.proxies import ALL, Proxy
from headway.judge.intervals import ALPHA
from headway.judge.significance import format_p
from headway.judge.slices.compare import ENOUGH, holm
from headway.judge.slices.groups import Groups, group_items

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SOURCES", "Source", "find_sources"]

# By name: what happens, and what no data can show.
SOURCES: dict[str, tuple[str, str]] = {
    "historical": (
        "the past was unfair, and is recorded correctly",
        "whether different base rates are differences between people, or what was done to them",
    ),
    "representation": (
        "some people are missing, or few",
        "who is missing from the table, and whether the model will meet people in the same shares",
    ),
    "measurement": (
        "a column or the label stands for something else, more so for some",
        "whether the label means the same for each group, such as an arrest that stands for a crime",
    ),
    "aggregation": (
        "one rule for groups that need two",
        "whether a group hides others that nobody recorded",
    ),
    "evaluation": (
        "the model is judged on the wrong people, or by the wrong label",
        "whether these rows are like the people on whom the model will be used",
    ),
    "deployment": (
        "the model is used for what it was not made for",
        "what is done with an answer, who can object to it, and whether answers become data (simulate_feedback)",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Source(AsJson):
    """One source of bias.

    Attributes:
        name: "historical", "representation", "measurement", "aggregation", "evaluation" or "deployment".
        meaning: What happens.
        shown: What the data show of it, a sentence each; empty where nothing was found.
        unknown: What no data can show.
    """

    name: str
    meaning: str
    shown: list[str] = field(default_factory=list)
    unknown: str = ""


def find_sources(
    items: pl.DataFrame,
    columns: Sequence[str],
    gaps: Sequence[Gap],
    *,
    learned: Learned | None = None,
    proxies: Sequence[Proxy] = (),
) -> list[Source]:
    """What the judged items, the gaps and the training rows show of each of the six sources.

    `items` are the judged ones. Without `learned`, nothing is said of training rows and of columns that are missing.
    """
    shown: dict[str, list[str]] = {name: [] for name in SOURCES}
    shown["historical"] = _sentences(gaps, "base_rate")
    shown["aggregation"] = _sentences(gaps, "calibration")
    shown["evaluation"] = [f"{gap.sentence}" for gap in gaps if gap.measure == "error" and len(gap.columns) == 1]
    for column in columns:
        judged = group_items(items, column)
        trained = None if learned is None else group_items(learned.items, column)
        shown["representation"] += _shares(column, judged, trained)
    if learned is not None:
        shown["measurement"] = [*_missing(learned, columns), *_proxies(proxies, learned)]
    return [
        Source(name=name, meaning=meaning, shown=shown[name], unknown=unknown)
        for name, (meaning, unknown) in SOURCES.items()
    ]


def _sentences(gaps: Sequence[Gap], measure: str) -> list[str]:
    return [gap.sentence for gap in gaps if gap.measure == measure and gap.verdict == "differ"]


def _shares(column: str, judged: Groups, trained: Groups | None) -> list[str]:
    """How many there are of each group, and who was not trained on."""
    groups, part = (judged, "judged") if trained is None else (trained, "training")
    counts = np.bincount(groups.index, minlength=len(groups.names))
    order = np.argsort(-counts, kind="stable")
    total = max(int(counts.sum()), 1)
    told = [f"{groups.names[group]} {counts[group] / total:.1%}" for group in order[:6]]
    more = f" and {len(order) - 6} more" if len(order) > 6 else ""
    lines = [f"Of the {total:,} {part} rows, by {column}: {', '.join(told)}{more}."]
    few = [f"{groups.names[group]} ({counts[group]:,})" for group in order if counts[group] < ENOUGH]
    if few:
        lines.append(f"Fewer than {ENOUGH} {part} rows: {column} = {', '.join(few)}.")
    absent = [] if trained is None else [name for name in judged.names if name not in trained.names]
    if absent:
        lines.append(f"Judged, and in no training row: {column} = {', '.join(absent)}.")
    return lines


def _missing(learned: Learned, columns: Sequence[str]) -> list[str]:
    """Columns that the model reads and that are missing more often for some."""
    read = dict.fromkeys(name for name in learned.names if name in learned.items.columns)
    gaps = []
    for column in columns:
        groups = group_items(learned.items, column)
        for name in read:
            is_missing = learned.items[name].is_null().to_numpy()
            if name == column or not is_missing.any():
                continue
            measure = Measure(name, is_missing.astype(np.float64), np.ones(len(is_missing), dtype=bool))
            gaps.append(measure_gap(measure, groups.index, groups.names, columns=(column,), label=""))
    gaps = [gap for gap in gaps if not math.isnan(gap.p)]
    return [
        f"{gap.measure} is missing most often for {gap.highest} and least for {gap.lowest}, by {gap.columns[0]}: "
        f"difference {gap.difference}, {format_p(p)}."
        for gap, p in zip(gaps, holm([gap.p for gap in gaps]), strict=True)
        if p < ALPHA and gap.difference.low > 0
    ]


def _proxies(proxies: Sequence[Proxy], learned: Learned) -> list[str]:
    lines = []
    for group in dict.fromkeys(proxy.group for proxy in proxies):
        own = [proxy for proxy in proxies if proxy.group == group]
        if group in learned.names:
            lines.append(f"The model reads {group} itself.")
        close = [f"{proxy.column} ({proxy.auroc.value:.3f})" for proxy in own if proxy.is_proxy and proxy.column != ALL]
        if close:
            lines.append(f"Proxies of {group}, by AUROC (0.5 by chance, 1 tells all): {', '.join(close)}.")
        together = next((proxy.auroc for proxy in own if proxy.column == ALL), None)
        if together is not None:
            what = "All other columns" if learned.names else "The features of the pretrained body"
            lines.append(f"{what} together tell {group} with an AUROC of {together}.")
    return lines
