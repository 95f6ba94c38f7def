"""From a data set to its audit: one check after another, each timed; the most costly, features, is computed once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from headway.audit.audit import Audit
from headway.audit.items import check_left_out, check_sources, check_unlike
from headway.audit.leaks import check_copies_of_parts, check_groups, check_names, check_time, group_columns
from headway.audit.shortcuts import check_shortcuts
from headway.audit.unseen import answers_unseen, check_moved, head_curve, rows_of
from headway.data.dataset import Data
from headway.data.decisions import Decision
from headway.judge.diagnosis.finding import Finding, runnable
from headway.judge.diagnosis.item_audit import ItemAudit, Unseen
from headway.judge.report.report import Picture
from headway.system.files import write_whole

__all__ = ["audit_data", "item_audit", "rows_shown", "write_files"]

# Items of a finding that the page shows.
_SHOWN = 8
_LEAST_SURE = 200

Tell = Callable[[str], object]


def audit_data(data: Data, *, name: str = "", folder: str = "", seed: int = 0, tell: Tell | None = None) -> Audit:
    """What is wrong with data.

    Args:
        data: The data set.
        name: What the page calls them.
        folder: Where `write_files` is to put what some of the lines to run read.
        seed: Of folds, and of items drawn where there are many.
        tell: Called with the name of each check as it begins.
    """
    # What keeps a model from being trained is a finding here, not an error.
    data = replace(data, refusal=None)
    items, findings, seconds = item_audit(data), list[Finding](), dict[str, float]()
    answers: list[Unseen | None] = []

    def labels() -> Iterable[Finding]:
        answers.append(answers_unseen(data, seed=seed))
        found = data.target.audit(data, answers[0])
        is_learned = all(finding.kind != "no_better_than_baseline" for finding in found)
        return found if is_learned else [*found, *check_moved(data, seed=seed)]

    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "copies": lambda: check_copies_of_parts(data),
        "groups and time": lambda: [*check_groups(items, seed), *check_time(items.part), *check_names(items.part)],
        "shortcuts": lambda: check_shortcuts(items, seed),
        "items": lambda: [*check_left_out(data), *items.findings(), *check_sources(items)],
        "labels": labels,
        "outliers": lambda: check_unlike(items.part, answers[0]),
    }
    for check, run in checks.items():
        if tell is not None:
            tell(check)
        start = time.perf_counter()
        findings += run()
        seconds[check] = round(time.perf_counter() - start, 3)
    unseen = answers[0]
    findings = _ranked(findings, data, folder)
    return Audit(
        name=name,
        data=data.to_json(),
        findings=findings,
        notes=_notes(data, unseen),
        seconds=seconds,
        learning_curve=head_curve(data, unseen, seed=seed),
        pictures=(pictures := _pictures(items, findings)),
        labels=_labels(items, pictures),
        groups=_groups(items),
        least_sure=_least_sure(data, unseen),
    )


def _ranked(findings: Iterable[Finding], data: Data, folder: str) -> list[Finding]:
    """The most severe first, their lines as they can be run."""
    ranked = enumerate(sorted(findings, key=lambda finding: finding.rank))
    return [runnable(finding, data.source, _names(data, finding, number, folder)) for number, finding in ranked]


def _names(data: Data, finding: Finding, number: int, folder: str) -> dict[str, str]:
    """What the words in a finding's line stand for: files in a folder, which `write_files` puts there."""
    columns = {"input": data.input.column, "target": data.target.column}
    said = [option for option in data.source[1:] if not re.match(r"--(input|target|split)\b", option)]
    options = [*(f"--{option} {shlex.quote(name)}" for option, name in columns.items()), *said]
    files = {"DECISIONS": _file(finding), "ITEMS": "items.csv"}
    names = {word: shlex.quote(os.path.join(folder, file)) for word, file in files.items()}
    return {**names, "ITEMS": " ".join([names["ITEMS"], *options]), "FINDING": f"audit.findings[{number}]"}


def write_files(audit: Audit, data: Data, folder: Path) -> None:
    """Writes what the commands of findings read: decisions on items, and the items with the groups that they are of."""
    items, own = data.items, ["row", "content", "split"]
    contents = dict(items.select("row", "content").iter_rows())
    for finding in audit.findings:
        command = finding.line.command if finding.line else ""
        if str(folder / "items.csv") in command:
            paths = pl.Series(data.input.column, list(map(os.path.abspath, items[data.input.column])))
            known = items.with_columns(paths).join(audit.groups, on="row", how="left", maintain_order="left")
            write_whole(folder / "items.csv", known.drop(own).write_csv().encode())
        if "--decisions" not in command or not (rows := finding.rows):
            continue
        labels = finding.suggestions
        decisions = [
            Decision(
                content=contents[row],
                row=row,
                action="relabel" if row in labels else "drop",
                new=labels.get(row),
                author="headway audit",
            )
            for row in rows
        ]
        lines = [json.dumps(decision.to_json(), ensure_ascii=False) + "\n" for decision in decisions]
        write_whole(folder / _file(finding), "".join(lines).encode())


def _file(finding: Finding) -> str:
    """A file of decisions by what it holds, so that a later audit into the same folder leaves it as it is."""
    decided = json.dumps([finding.rows, list(finding.suggestions.items())])
    return f"{finding.kind}-{hashlib.sha256(decided.encode()).hexdigest()[:6]}.jsonl"


def item_audit(data: Data) -> ItemAudit:
    """What the kind of input knows of all items."""
    part = rows_of(data)
    return data.input.audit(part) or ItemAudit(part)


def _notes(data: Data, unseen: Unseen | None) -> tuple[str, ...]:
    notes = list(data.notes)
    if unseen is None:
        notes.append("Labels were not checked: no simple model learns such answers.")
    elif data.target.is_one_class:
        right = float((unseen.predictions.argmax(axis=1) == unseen.targets).mean())
        notes.append(f"Labels were judged by {unseen.model}, right on {right:.1%} of items that they did not see.")
    if data.store.canvases is None:
        notes.append("Near-copies were not looked for: the items are too many to be kept decoded.")
    elif len(data.items) > data.input.most_compared:
        notes.append(f"Near-copies were looked for among {data.input.most_compared:,} items drawn at random.")
    return tuple(notes)


def _pictures(items: ItemAudit, findings: Iterable[Finding]) -> dict[int, Picture]:
    pictures: dict[int, Picture] = {}
    for finding in findings:
        # A page that is passed on must not pass personal data on.
        for row in () if finding.kind == "personal_data" else rows_shown(finding):
            position = int(np.searchsorted(items.part.rows, row))
            if row not in pictures and position < len(items.part) and items.part.rows[position] == row:
                pictures[row] = items.picture(position)
    return pictures


def _least_sure(data: Data, unseen: Unseen | None) -> list[int]:
    if unseen is None or not data.target.is_one_class:
        return []
    own = unseen.predictions[np.arange(len(unseen.targets)), unseen.targets]
    return unseen.rows[np.argsort(own, kind="stable")[:_LEAST_SURE]].tolist()


def _groups(items: ItemAudit) -> pl.DataFrame:
    """What items belong to by what no column says, such as bursts; an item alone is a group of its own."""
    rows = items.part.items["row"]
    alone = "row " + rows.cast(pl.String)
    columns = {name: column.fill_null(alone) for name, column, is_named in group_columns(items) if not is_named}
    return pl.DataFrame({"row": rows, **columns})


def _labels(items: ItemAudit, rows: Iterable[int]) -> dict[int, str]:
    target = items.part.data.target
    if not target.is_one_class:
        return {}
    return {row: target.labels[int(items.part.targets[np.searchsorted(items.part.rows, row)])] for row in rows}


def rows_shown(finding: Finding) -> list[int]:
    """The first rows of a finding's evidence; of pairs both."""
    rows = finding.evidence.get("rows", [])
    flat = [row for entry in rows for row in (entry if isinstance(entry, list | tuple) else [entry])]
    return flat[:_SHOWN]
