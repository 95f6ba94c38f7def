"""What is wrong with numbers as answers, before any model is trained: slips, and copies that differ."""

from __future__ import annotations

import numpy as np
import polars as pl

from headway.data.dataset import Data
from headway.data.near_copies import same_content
from headway.judge.diagnosis.far_values import far_values
from headway.judge.diagnosis.finding import DROP, LOOK, Finding, Line, Severity
from headway.judge.diagnosis.item_audit import Unseen
from headway.judge.intervals import mean, wilson

__all__ = ["audit_numbers"]

_SHOWN = 500
# An answer is doubted where it is so many of the usual errors from what models say, and beyond all but so few errors;
# surely wrong are several that are so many on average.
_DOUBTED, _MOST_DOUBTED, _SURELY = 8, 0.05, 20
# Copies' answers differ where they are apart by so many standard deviations of all answers.
_APART, _FEW = 0.5, 5
# Half of the interval that the mean absolute error should have, as a share of it, and its whole from which on models
# cannot be compared.
_WANTED, _WIDE, _VERY_WIDE = 0.05, 0.3, 0.6
_MOST_VALID = 0.4


def audit_numbers(data: Data, unseen: Unseen | None) -> list[Finding]:
    """What is wrong with the answers, in no order."""
    findings = [*_far(data), *_conflicts(data)]
    return findings if unseen is None else [*findings, *_suspects(data, unseen), *_enough(data, unseen)]


def _far(data: Data) -> list[Finding]:
    """Answers far from all others, or that stand for a missing one."""
    answers = np.asarray(data.placed, dtype=np.float64)[:, 0]
    is_far = far_values(answers)
    if not is_far.any():
        return []
    share, first, others = wilson(int(is_far.sum()), len(is_far)), int(is_far.argmax()), answers[~is_far]
    rows = data.items["row"].to_numpy()
    sentence = (
        f"Answers far from all others in {share.value:.1%} of the items ({int(is_far.sum()):,}): {answers[first]:g} in "
        f"row {rows[first]:,} (others {others.min():g} to {others.max():g})."
    )
    # One that comes again and again stands for a missing one.
    severity: Severity = "warning" if len(np.unique(answers[is_far])) < is_far.sum() > 2 else "note"
    evidence = {"share": share.to_json(), "rows": rows[is_far].tolist()[:_SHOWN]}
    remedies = ("look through them: headway clean DATA", "correct them, or leave the items out")
    return [Finding("label_noise", severity, sentence, evidence, remedies, DROP)]


def _conflicts(data: Data) -> list[Finding]:
    """Copies with different answers."""
    answers = np.asarray(data.placed, dtype=np.float64)[:, 0]
    copies = pl.DataFrame({"row": data.items["row"], "same": same_content(data.items, data.near_copies), "y": answers})
    limit = _APART * float(answers.std())
    mixed = copies.filter((pl.col("y").max() - pl.col("y").min()).over("same") > limit).sort("same", "row")
    if not len(mixed):
        return []
    first = mixed.filter(pl.col("same") == mixed["same"][0])
    shown = ", ".join(f"{row} ({answer:g})" for row, answer in first.select("row", "y").rows()[:3])
    sentence = (
        f"{len(mixed):,} items in {mixed['same'].n_unique():,} sets of copies or near-copies have answers that are far "
        f"apart, such as rows {shown}."
    )
    # Where most sets do, they only look alike, as rows of few values do.
    num_copies = int(copies["same"].is_duplicated().sum())
    severity: Severity = "warning" if _FEW <= len(mixed) <= num_copies / 2 else "note"
    evidence = {"rows": mixed["row"].to_list()[:_SHOWN]}
    remedies = ("decide for each set which answer is right: headway clean DATA",)
    return [Finding("label_conflict", severity, sentence, evidence, remedies, LOOK)]


def _suspects(data: Data, unseen: Unseen) -> list[Finding]:
    """Answers far from what models say that did not see them."""
    errors = np.abs(unseen.targets - unseen.predictions).astype(np.float64).reshape(len(unseen.targets), -1)[:, 0]
    usual = 1.4826 * float(np.median(errors))
    limit = max(_DOUBTED * usual, float(np.quantile(errors, 1 - _MOST_DOUBTED)))
    places = [place for place in np.argsort(-errors, kind="stable") if errors[place] > limit]
    if not places or not usual:
        return []
    first, share = places[0], wilson(len(places), len(errors))
    sentence = (
        f"{len(places):,} of {len(errors):,} answers ({share.value:.1%}) may be wrong: they are far from what "
        f"{unseen.model} says, without having seen them, such as row {unseen.rows[first]:,}, "
        f"{float(unseen.targets[first].item()):g} in place of {float(unseen.predictions[first].item()):.4g}."
    )
    evidence = {"share": share.to_json(), "rows": unseen.rows[places].tolist()[:_SHOWN]}
    remedies = ("look through them, the surest first: headway clean DATA", "correct or drop those that are wrong")
    severity: Severity = "warning" if len(places) >= _FEW and np.median(errors[places]) > _SURELY * usual else "note"
    return [Finding("label_noise", severity, sentence, evidence, remedies, DROP)]


def _enough(data: Data, unseen: Unseen) -> list[Finding]:
    """How wide the interval of the mean absolute error will be, by the errors of answers without the item."""
    errors = np.abs(unseen.targets - unseen.predictions).astype(np.float64).reshape(len(unseen.targets), -1)[:, 0]
    if (usual := float(errors.mean())) <= 0:
        return []
    count, half = len(data.valid), 1.96 * float(errors.std()) / usual
    width, wanted = 2 * half / np.sqrt(count), int(np.ceil((half / _WANTED) ** 2))
    severity: Severity = "warning" if width > _VERY_WIDE else "note"
    sentence = (
        f"With {count:,} validation items the interval of the mean absolute error will be about {width:.0%} of it "
        f"wide, if errors are those of {unseen.model}. For ±{_WANTED:.0%} {wanted:,} are enough."
    )
    evidence = {"num_valid": count, "error": mean(errors).to_json(), "wanted": wanted, "width": float(width)}
    kind = "little_validation_data" if width > _WIDE else "verdict_width"
    share = wanted / len(data.items)
    if wanted <= count:
        return [Finding(kind, severity, sentence, evidence, ())]
    python = f"data = data.rebuild(split=hw.RandomSplit({share:.2f}))"
    line = Line(command=f"headway train DATA --valid {share:.2f}", python=python)
    if share > _MOST_VALID:
        line = Line(python="print(hw.Learner(data).cross_validate())")
    remedies = (
        f"a larger part: valid={share:.2f} (--valid {share:.2f})" if share <= _MOST_VALID else "more items",
        "judge by cross-validation: learner.cross_validate()",
    )
    return [Finding(kind, severity, sentence, evidence, remedies, line)]
