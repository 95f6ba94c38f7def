"""From a data set to its audit: one check after another, each timed; the most costly, features, is computed once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from headway.audit.audit import Audit
from headway.audit.items import check_left_out, check_sources, check_unlike
from headway.audit.leaks import check_copies_of_parts, check_groups, check_names, check_time
from headway.audit.shortcuts import check_shortcuts
from headway.audit.unseen import answers_unseen, head_curve, rows_of
from headway.data.dataset import Data
from headway.judge.diagnosis.finding import Finding
from headway.judge.diagnosis.item_audit import ItemAudit, Unseen
from headway.judge.report.report import Picture

__all__ = ["audit_data", "item_audit", "rows_shown"]

# Items of a finding that the page shows.
_SHOWN = 8
_LEAST_SURE = 200

Tell = Callable[[str], object]


def audit_data(data: Data, *, name: str = "", source: str = "DATA", seed: int = 0, tell: Tell | None = None) -> Audit:
    """What is wrong with data.

    Args:
        data: The data set.
        name: What the page calls them.
        source: Where they are, for the commands among the remedies.
        seed: Of folds, and of items drawn where there are many.
        tell: Called with the name of each check as it begins.
    """
    items, findings, seconds = item_audit(data), list[Finding](), dict[str, float]()
    answers: list[Unseen | None] = []

    def labels() -> Iterable[Finding]:
        answers.append(answers_unseen(data, seed=seed))
        return data.target.audit(data, answers[0])

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
    findings = [_at(source, finding) for finding in sorted(findings, key=lambda finding: finding.rank)]
    return Audit(
        name=name,
        data=data.to_json(),
        findings=findings,
        notes=_notes(data, unseen),
        seconds=seconds,
        learning_curve=head_curve(data, unseen, seed=seed),
        pictures=(pictures := _pictures(items, findings)),
        labels=_labels(items, pictures),
        least_sure=_least_sure(data, unseen),
    )


def _at(source: str, finding: Finding) -> Finding:
    """The finding with commands that can be run as they are."""
    return replace(finding, remedies=tuple(remedy.replace("DATA", source) for remedy in finding.remedies))


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
