"""What a report says beyond metrics and the verdict, by the kind of target: one step for each, in `DETAILS`.

A step gives some of the report's attributes by name; the page leaves out the sections of those that are not given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headway.judge.diagnosis.diagnose import diagnose
from headway.judge.diagnosis.finding import Finding
from headway.judge.diagnosis.problems import find_common
from headway.judge.report.inputs import Given, PartAnswers
from headway.judge.slices.classes import judge_slices
from headway.judge.slices.numbers import judge_number_slices
from headway.judge.slices.worst import worst_slices
from headway.targets.category.calibration import calibrate
from headway.targets.category.metrics import confusion_matrix
from headway.targets.category.mistakes import LabelIssues, confused_pairs, label_issues, sort_by_confusion, top_losses
from headway.targets.number.residuals import judge_fit

__all__ = ["NUM_SHOWN", "FarItem", "details", "find_problems"]

NUM_SHOWN = 12
"""Items in the gallery, and pairs of classes."""
_MAX_ISSUES = 200


@dataclass(frozen=True, kw_only=True)
class FarItem:
    """An item whose answer is far from its target.

    Attributes:
        row: The item's number in its source.
        target: Its target in words.
        answer: The model's answer in words.
        loss: How bad the answer is, the larger the worse, as the task measures it.
    """

    row: int
    target: str
    answer: str
    loss: float

    def to_json(self) -> dict[str, Any]:
        """The item as plain JSON values."""
        return dict(vars(self))


def details(given: Given) -> dict[str, Any]:
    """Attributes of a report by name: findings, and what else there is to say for this kind of target."""
    return DETAILS.get(given.task, _of_all)(given)


def find_problems(given: Given) -> list[Finding]:
    """The diagnosis alone."""
    return _PROBLEMS.get(given.task, find_common)(given)


def _of_classes(given: Given) -> dict[str, Any]:
    """What only classes have: confusion, calibration, label issues, slices by right and wrong."""
    seen, judged, labels = given.seen, given.judged, given.labels
    counts, issues = confusion_matrix(*given.known.check(seen.answers, seen.targets)), _issues(given)
    slices, worst = None, None
    if judged.items is not None:
        arrays = (judged.answers, judged.targets, judged.items)
        worst = worst_slices(*arrays, labels=labels, columns=given.search)
        slices = judge_slices(*arrays, columns=given.slices, labels=labels, seed=given.seed) if given.slices else None
    return {
        "findings": _problems_of_classes(given, issues),
        "confused_pairs": confused_pairs(counts, labels, n=NUM_SHOWN),
        "order": sort_by_confusion(counts),
        "top_losses": top_losses(seen.answers, seen.targets, seen.rows, labels=labels, n=NUM_SHOWN),
        "label_issues": issues,
        "calibration": calibrate(seen.answers, seen.targets, seed=given.seed),
        "slices": slices,
        "worst_slices": worst,
    }


def _of_numbers(given: Given) -> dict[str, Any]:
    """What only one number an item has: how it lies beside the true one."""
    seen = given.seen
    is_one = seen.answers.shape[1] == 1
    fit = judge_fit(seen.answers, seen.targets, seen.rows, seed=given.seed) if is_one else None
    return {**_of_all(given), "fit": fit}


def _of_all(given: Given) -> dict[str, Any]:
    """What every other kind has."""
    judged, slices = given.judged, None
    if judged.items is not None and given.slices:
        arrays = (judged.answers, judged.targets, judged.items)
        options = {"task": given.task, "thresholds": given.thresholds, "seed": given.seed}
        slices = judge_number_slices(*arrays, columns=given.slices, **options)
    return {"findings": find_common(given), "far_items": far_items(given), "slices": slices}


def far_items(given: Given) -> list[FarItem]:
    """The items of the part that is looked into whose answers are worst."""
    seen, known = given.seen, given.known
    losses = known.item_losses(seen.answers, seen.targets)
    return [
        FarItem(
            row=int(seen.rows[place]),
            target=known.tell(seen.targets[place], given.labels),
            answer=known.tell(seen.answers[place], given.labels),
            loss=float(losses[place]),
        )
        for place in np.argsort(-losses, kind="stable")[:NUM_SHOWN]
    ]


def _issues(given: Given) -> dict[str, LabelIssues]:
    """Labels that look wrong, by part; all of them are counted, the first 200 named."""
    parts: Mapping[str, PartAnswers | None] = {given.part: given.seen, "train": given.held_out}
    found = {
        part: label_issues(each.answers, each.targets, each.rows, labels=given.labels)
        for part, each in parts.items()
        if each is not None
    }
    return {part: replace(each, issues=each.issues[:_MAX_ISSUES]) for part, each in found.items()}


def _problems_of_classes(given: Given, issues: Mapping[str, LabelIssues] | None = None) -> list[Finding]:
    """The diagnosis, with what is known of the labels."""
    issues, seen, known = issues or _issues(given), given.seen, given.known
    return diagnose(
        given.history,
        valid=(seen.answers, seen.targets),
        train=given.train,
        labels=given.labels,
        num_label_issues=sum(each.count for each in issues.values()),
        num_checked=sum(each.checked for each in issues.values()),
        baseline_accuracy=known.score(given.best.answers[given.part], seen.targets) if given.best else None,
        activity=given.activity,
        is_photos=given.is_photos,
    )


DETAILS: dict[str, Callable[[Given], dict[str, Any]]] = {
    "classification": _of_classes,
    "regression": _of_numbers,
}
_PROBLEMS: dict[str, Callable[[Given], list[Finding]]] = {"classification": _problems_of_classes}
