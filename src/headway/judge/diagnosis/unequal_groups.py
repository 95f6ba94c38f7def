"""Groups of a column that a model serves unequally, as a finding: equal accuracy can hide it."""

from __future__ import annotations

from headway.judge.diagnosis.finding import Finding
from headway.judge.report.inputs import ReportInputs
from headway.judge.slices.disparities import Disparity, disparities
from headway.judge.slices.groups import group_items

__all__ = ["check_groups"]

# Difference of recall that all of the interval must lie above: what is smaller is seldom worth another model.
UNEQUAL = 0.05


def check_groups(inputs: ReportInputs) -> list[Finding]:
    """Classes that the model finds far more of in one group than in another, the clearest of each column of slices.

    Where items come in groups, such as patients, a disparity has no interval, and nothing is said.
    """
    judged = inputs.judged
    if judged.items is None or not inputs.metrics.has_classes or inputs.main in inputs.clusters:
        return []
    predicted, targets, labels = inputs.metrics.decide(judged.predictions), judged.targets, inputs.labels
    findings = []
    for column in inputs.slices:
        groups = group_items(judged.items, column)
        gaps = disparities(predicted, targets, groups, column=column, labels=labels)
        if len(labels) == 2:
            # The second class is looked at; what of the first is missed are its false alarms.
            gaps += disparities(1 - predicted, 1 - targets, groups, column=column, labels=labels[::-1])
        # Shares that are given a class may differ with how common it is: only errors are unequal treatment.
        recalls = [gap for gap in gaps if gap.name == "equal_opportunity_difference" and gap.value.low > UNEQUAL]
        if recalls:
            findings.append(_finding(max(recalls, key=lambda gap: gap.value.low), inputs.main))
    return findings


def _finding(gap: Disparity, part: str) -> Finding:
    points, worse, better = gap.value.scaled(100), f"{gap.column} = {gap.lowest}", f"{gap.column} = {gap.highest}"
    sentence = (
        f'On {part} the recall of class "{gap.label}" is {points.value:.1f} points [{points.low:.1f}, '
        f"{points.high:.1f}] lower for {worse} than for {better}."
    )
    evidence = {name: getattr(gap, name) for name in ("column", "label", "lowest", "highest")}
    remedies = (
        f'check how the items of class "{gap.label}" with {worse} were recorded and labelled',
        f"train on more items with {worse}",
        "choose the model by its worst group, not by its accuracy",
    )
    return Finding("unequal_groups", "warning", sentence, {"difference": gap.value.to_json(), **evidence}, remedies)
