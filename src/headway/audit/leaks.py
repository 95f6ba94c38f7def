"""Leaks between the parts: copies, groups on both sides, time, and names of files that tell the answer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

import numpy as np
import polars as pl

from headway.data.dataset import Data, Part
from headway.data.splits import GroupSplit, TimeSplit
from headway.judge.diagnosis.copies import check_copies
from headway.judge.diagnosis.finding import RANDOM, RELABEL, Finding, Line, Severity
from headway.judge.diagnosis.item_audit import ItemAudit
from headway.judge.intervals import Estimate, mean, wilson

__all__ = ["check_copies_of_parts", "check_groups", "check_names", "check_time", "group_columns", "whole_groups"]

# Names of columns that say who or what an item is of.
_OF_GROUPS = re.compile(
    r"(^|[\W_])(patient|subject|person|user|customer|client|author|speaker|camera|device|scanner|machine|site|hospital"
    r"|clinic|school|household|family|group|session|burst|scene|video|film|source|donor|animal|farm|shop|store"
    r"|employee|member|account|student|player|team|ticket|participant|owner|batch|slide|study|conversation|thread)s?"
    r"([\W_]*(id|no|nr|num|number|name|key|code|uuid))?$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Groups of fewer than two items on average cannot straddle; of fewer than five groups a split has nothing to choose.
_FEWEST_GROUPS, _MOST_GROUPS = 5, 0.9
_SHOWN = 20
# Share of valid's items whose group is in train, from which on it matters.
_STRADDLE = 0.05


def check_copies_of_parts(data: Data) -> list[Finding]:
    """Copies of training items in valid and test, and those that were left out for it."""
    findings = list(map(check_copies, data.copies))
    dropped = data.problems.filter(pl.col("reason").str.contains("identical to an item"))
    if len(dropped):
        sentence = f"Left out, as identical to an item on another side of the split: {len(dropped):,} items."
        remedies = ("remove them from the files: they count twice", "split anew: split=hw.RandomSplit()")
        evidence = {"rows": dropped["row"].to_list()[:_SHOWN]}
        findings.append(Finding("leak", "note", sentence, evidence, remedies, replace(RANDOM, solves=False)))
    return findings


def group_columns(audit: ItemAudit) -> Iterator[tuple[str, pl.Series, bool]]:
    """What items may belong to: a name, a text an item or null, and whether it is a column that is named so."""
    data, items = audit.part.data, audit.part.items
    own = {"row", "content", "split", *data.target.columns}
    for name in items.columns:
        if name not in own and _OF_GROUPS.search(_CAMEL.sub("_", name)):
            yield name, items[name].cast(pl.String), True
    for column in audit.groups().get_columns():
        yield column.name, column, False
    if data.input.source == "file" and items[data.input.column].dtype == pl.String:
        yield "the name of the file", pl.Series(list(map(_series, items[data.input.column].to_list()))), False


def _series(path: str) -> str | None:
    """What files of one series have in common: the name without its last number, where more than letters is left."""
    stem = PurePath(path).stem
    prefix = re.sub(r"[\W_]*\d+\D*$", "", stem)
    return f"{PurePath(path).parent}/{prefix}" if prefix != stem and re.search(r"\d", prefix) else None


def check_groups(audit: ItemAudit, seed: int) -> list[Finding]:
    """Groups that lie in train and in valid: a patient, a camera, a burst of photos."""
    data, items = audit.part.data, audit.part.items
    findings = []
    for name, column, is_named in group_columns(audit):
        if isinstance(data.split, GroupSplit) and name == data.split.column:
            continue
        counts = column.drop_nulls().value_counts(name="count")
        several = counts.filter(pl.col("count") > 1)
        if len(several) < _FEWEST_GROUPS or len(counts) > _MOST_GROUPS * max(len(column.drop_nulls()), 1):
            continue
        in_train = set(column.filter(items["split"] == "train").drop_nulls().to_list())
        judged = column.filter(items["split"] != "train")
        straddling = judged.is_in(list(in_train)) & judged.is_not_null()
        share = wilson(int(straddling.sum()), len(judged))
        if share.low < _STRADDLE:
            continue
        alike = _agreement(audit.part, column, seed)
        # What only looks like a group, such as a name's beginning, counts where its items have the same answer more
        # often than others.
        severity: Severity = "warning" if is_named or (alike is not None and alike.low > 0.05) else "note"
        findings.append(_straddling(name, share, len(several), alike, severity, is_named=is_named))
    return findings


def _straddling(
    name: str, share: Estimate, count: int, alike: Estimate | None, severity: Severity, *, is_named: bool
) -> Finding:
    called = repr(name) if is_named else name
    sentence = (
        f"{share.value:.0%} of the items that are judged have a training item of the same group by {called}, of which "
        f"{count:,} have two items or more."
    )
    if alike is not None and alike.low > 0:
        points = alike.scaled(100).format(1)
        sentence += f" Items of a group have the same answer more often than others do, by {points} points."
    remedies = ("keep groups whole, on one side of the split", "ask whether new items will be of known groups")
    evidence = {"column": name, "share": share.to_json(), "groups": count}
    evidence |= {"same_answer": alike.to_json()} if alike is not None else {}
    return Finding("straddling_groups", severity, sentence, evidence, remedies, whole_groups(name, is_named=is_named))


def whole_groups(name: str, *, is_named: bool, solves: bool = True) -> Line:
    """What to run so that groups are on one side, by a column of the table, or by one that the audit makes."""
    data, columns = ("DATA", "") if is_named else ("ITEMS", "columns=audit.groups, ")
    return Line(
        command=f"headway train {data} --split-group {shlex.quote(name)}",
        python=f"data = data.rebuild({columns}split=hw.GroupSplit({name!r}))",
        solves=solves,
    )


def _agreement(part: Part, groups: pl.Series, seed: int) -> Estimate | None:
    """How much more often two neighbours of a group have the same answer than two items at random, for classes."""
    if not part.data.target.is_one_class:
        return None
    known = pl.DataFrame({"group": groups, "target": part.targets}).filter(pl.col("group").is_not_null()).sort("group")
    same_group = (known["group"][1:] == known["group"][:-1]).to_numpy()
    same = (known["target"].to_numpy()[1:] == known["target"].to_numpy()[:-1])[same_group]
    if len(same) < 2:
        return None
    by_chance = float(((np.bincount(part.targets) / len(part)) ** 2).sum())
    return mean(same - by_chance, seed=seed)


def check_time(part: Part) -> list[Finding]:
    """A column of times beside a split at random."""
    data = part.data
    if isinstance(data.split, TimeSplit):
        return []
    own = {"row", "content", "split", *data.target.columns}
    for name in (name for name in part.items.columns if name not in own):
        times = _times(part.items[name])
        if times is None or times.n_unique() < _SHOWN:
            continue
        is_train = part.items["split"] == "train"
        newest = times.filter(is_train).max()
        before = int((times.filter(~is_train).drop_nulls() <= newest).sum())
        share = wilson(before, int((~is_train).sum()))
        if share.value < 0.5:
            continue
        sentence = (
            f"{share.value:.0%} of the items that are judged are older, by {name!r}, than the newest training item. In "
            "use every item is newer."
        )
        line = Line(
            command=f"headway train DATA --split-time {shlex.quote(name)}",
            python=f"data = data.rebuild(split=hw.TimeSplit({name!r}))",
            solves=True,
        )
        evidence = {"column": name, "share": share.to_json()}
        return [Finding("time_order", "note", sentence, evidence, ("judge by the newest items",), line)]
    return []


def _times(column: pl.Series) -> pl.Series | None:
    """A column's times; None where it holds something else."""
    if column.dtype.is_temporal():
        return column
    if column.dtype != pl.String or not column.drop_nulls().len():
        return None
    head = column.drop_nulls().head(_SHOWN)
    if not head.str.contains(r"^\d{4}-\d\d-\d\d").all():
        return None
    return column.str.head(10).str.to_date("%Y-%m-%d", strict=False)


def check_names(part: Part) -> list[Finding]:
    """Names of files that say another class than the label."""
    data = part.data
    if data.input.source != "file" or not data.target.is_one_class or part.items[data.input.column].dtype != pl.String:
        return []
    labels = [label for label in data.target.labels if len(label) > 2]
    words = {label: re.compile(rf"(?<![a-z]){re.escape(label.lower())}(?![a-z])") for label in labels}
    said: list[tuple[int, str, str]] = []
    for row, path, target in zip(part.rows, part.items[data.input.column], part.targets, strict=True):
        # By the file's name, or by its folder's, where that says it.
        said_by = (PurePath(path).stem.lower(), PurePath(path).parent.name.lower())
        of_each = [[label for label, word in words.items() if word.search(name)] for name in said_by]
        if len(named := next(filter(None, of_each), [])) == 1:
            said.append((int(row), named[0], data.target.labels[int(target)]))
    wrong = [entry for entry in said if entry[1] != entry[2]]
    # Names that say the label by a rule, and a few that do not.
    if not wrong or len(wrong) > 0.1 * len(said):
        return []
    first = wrong[0]
    sentence = (
        f"{len(said) - len(wrong):,} names of files or folders say the label, and {len(wrong):,} say another: row "
        f'{first[0]} is labelled "{first[2]}", and its name says "{first[1]}".'
    )
    evidence = {"rows": [entry[0] for entry in wrong[:200]], "suggested": [entry[1] for entry in wrong[:200]]}
    line = replace(RELABEL, solves=len(wrong) <= 200)
    return [Finding("label_noise", "warning", sentence, evidence, ("look through them: headway clean DATA",), line)]
