"""Items of a part that are nearly the same as training items, as a finding."""

from __future__ import annotations

from headway.data.near_copies import Copies
from headway.judge.diagnosis.finding import Finding, Line, Severity
from headway.judge.intervals import wilson

__all__ = ["AGREE", "check_copies"]

# Share of a part that is in train too, from which on it changes what is measured, and by much.
MANY, VERY_MANY = 0.01, 0.05
# Of copies' agreement on the target, what chance leaves room for. Those that look alike by accident agree less.
AGREE = 0.8


def check_copies(copies: Copies) -> Finding:
    """That items of valid or test have copies in train: a note where they are few, or look alike by accident."""
    share, sentence = wilson(len(copies.rows), copies.total), copies.sentence
    severity: Severity = "note" if share.low < MANY else "serious" if share.low >= VERY_MANY else "warning"
    evidence = {"part": copies.part, "share": share.to_json(), "rows": [list(pair) for pair in copies.rows[:20]]}
    if copies.num_same is not None:
        agreement = copies.num_same / len(copies.rows)
        sentence += (
            " The targets are the same." if agreement == 1 else f" {agreement:.1%} of the pairs agree on the target."
        )
        evidence["agreement"] = agreement
        severity = severity if agreement - copies.by_chance >= AGREE * (1 - copies.by_chance) else "note"
    remedies = (
        'keep copies on one side of the split: near_copies="move" (--near-copies move); or leave them out: "drop"',
        "split by what belongs together (customer, patient, day)",
    )
    line = Line(
        command="headway train DATA --near-copies move", python='data = data.rebuild(near_copies="move")', solves=True
    )
    return Finding("leak", severity, sentence, evidence, remedies, line)
