"""What can be wrong with a model whatever it answers: no better than something simple, learned by heart, broken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headway.judge.diagnosis.diagnose import check_activity
from headway.judge.diagnosis.finding import Finding
from headway.judge.report.inputs import Given
from headway.judge.tasks import TaskMetrics
from headway.judge.verdict import verdict

__all__ = ["find_common"]

OVERFITTED = 1.5
"""Error on valid over that on train. Every model that learns is a little better on what it learned from."""
_SURE = 1.96


def find_common(given: Given) -> list[Finding]:
    """The findings that need only the task's main metric, the most severe first."""
    found = [
        *_check_finite(given.history),
        *check_activity(given.activity),
        *_check_baseline(given),
        *_check_overfitting(given),
    ]
    return sorted(found, key=lambda finding: finding.rank)


def _check_finite(history: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """A loss that is no number."""
    losses = [(row.get("train_loss"), row.get("valid_loss")) for row in history]
    broken = [place for place, row in enumerate(losses) if any(each is None or not math.isfinite(each) for each in row)]
    if not broken:
        return []
    sentence = f"The loss is no finite number in {len(broken)} of {len(losses)} epochs, first in entry {broken[0]}."
    remedies = (
        "a lower learning rate",
        "look for targets or inputs that are far outside of the others",
        "float32 in place of float16",
    )
    return [Finding("not_finite", "serious", sentence, {"epochs": broken[:20]}, remedies)]


def _check_baseline(given: Given) -> list[Finding]:
    if given.best is None:
        return []
    seen, known = given.seen, given.known
    found = verdict(seen.answers, seen.targets, [given.best], part=given.part, task=given.task, seed=given.seed)
    if found.kind == "better":
        return []
    own, theirs = (known.score(each, seen.targets) for each in (seen.answers, given.best.answers[given.part]))
    is_worse = found.kind == "worse"
    relation = "worse than" if is_worse else "not distinguishable from"
    sentence = (
        f"On {given.part} the model's {known.title}, {own:.4g}, is {relation} that of {found.baseline}, {theirs:.4g}."
    )
    evidence = {"model": own, "baseline": theirs, "difference": found.difference.to_json(), "p": found.p}
    remedies = (
        "train for longer, or with another learning rate (find_lr)",
        "look whether the inputs hold what the answer depends on",
        f"use {found.baseline}, which costs less, as long as nothing is better",
    )
    return [Finding("no_better_than_baseline", "serious" if is_worse else "warning", sentence, evidence, remedies)]


def _check_overfitting(given: Given) -> list[Finding]:
    """Train and valid hold other items, so their means are compared as those of two samples."""
    if given.train is None:
        return []
    known, train = given.known, given.train
    theirs = _errors(known, *train)
    ours = _errors(known, given.seen.answers, given.seen.targets)
    value, reference = float(ours.mean()), float(theirs.mean())
    spread = math.hypot(_error_of_mean(ours), OVERFITTED * _error_of_mean(theirs))
    if not value - OVERFITTED * reference > _SURE * spread:
        return []
    ratio = value / reference if reference > 0 else math.inf
    shown = [known.score(given.seen.answers, given.seen.targets), known.score(*train)]
    times = f"{ratio:.1f} times" if math.isfinite(ratio) else "infinitely many times"
    sentence = (
        f"The {known.title} is {shown[0]:.4g} on {given.part} and {shown[1]:.4g} on {len(theirs):,} training items: "
        f"the model is {times} as far off on items that it has not seen."
    )
    evidence = {given.part: shown[0], "train": shown[1], "ratio": ratio if math.isfinite(ratio) else None}
    remedies = (
        "more data, or more augmentation",
        "fewer epochs, or more weight decay",
        "a smaller model, or one that is pretrained",
    )
    return [Finding("overfitting", "warning", sentence, evidence, remedies)]


def _errors(known: TaskMetrics, answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How far each item is from what would be perfect: 0, or 1 for a metric of which more is better."""
    parts = known.by_item(*known.check(answers, targets))
    return 1 - parts if known.higher_is_better else parts


def _error_of_mean(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
