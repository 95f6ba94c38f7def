"""What is wrong with labels before any model is trained: suspected errors, classes that look alike, rare ones."""

from __future__ import annotations

import warnings
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from headway.data.dataset import Data
from headway.data.near_copies import same_content
from headway.judge.diagnosis.copies import AGREE
from headway.judge.diagnosis.finding import DROP, LOOK, RANDOM, RELABEL, Finding, Line, Severity
from headway.judge.diagnosis.item_audit import Unseen
from headway.judge.diagnosis.spellings import usual_spellings
from headway.judge.intervals import wilson
from headway.targets.category.diagnosis.diagnose import FEW, MUCH_NOISE, NOISE
from headway.targets.category.field import MIN_ITEMS_A_CLASS
from headway.targets.category.mistakes import LabelJudge, label_issues

__all__ = ["audit_labels", "num_items_for"]

_SHOWN = 500
# Of answers that know less than this share of the way from the commonest class, most suspects are only hard to tell.
_KNOWS = 0.7
# Labels that are wrong make the answers look worse than they are: those that know so much are believed, too, where they
# contradict few.
_KNOWS_MUCH, _CONTRADICT = 0.4, 0.1
# Items of a class below which little is learned of it, and below which valid says nothing of it.
_RARE, _RARE_VALID = 20, 5
# Of classes that nothing separates: how often an item of one is put before one of the other, where 0.5 is chance.
_ALIKE = 0.7
_FEWEST, _FEWEST_LEARNED = 10, 100
_MOST_PAIRS = 2_000
# Half of the interval that a verdict should have, and the width from which on models cannot be compared.
_MOST_VALID = 0.4
_POINTS, _WIDE, _VERY_WIDE = 0.02, 0.1, 0.2


def audit_labels(data: Data, unseen: Unseen | None) -> list[Finding]:
    """What is wrong with the labels, in no order."""
    findings = [*_spellings(data), *_rare(data), *_conflicts(data)]
    if unseen is not None:
        findings += [*_learnable(unseen), *_suspects(data, unseen), *_alike(data, unseen), *_enough(data, unseen)]
    return findings


def _suspects(data: Data, unseen: Unseen) -> list[Finding]:
    labels, knows = data.target.labels, _knows(unseen) >= _KNOWS
    if label_issues(unseen.predictions, unseen.targets, unseen.rows, labels=labels).reason:
        return []
    suspects = _suspected(unseen, labels, every=knows or _contradict_few(unseen))
    if not suspects:
        return []
    share = wilson(len(suspects), len(unseen.targets))
    # Of clean labels that are hard to predict some are suspected, too: the surest errors alone say how many are wrong.
    sure = wilson(_num_sure(unseen), len(unseen.targets))
    severity: Severity = "note"
    if sure.low > NOISE and len(suspects) >= FEW and knows:
        severity = "serious" if sure.low > MUCH_NOISE else "warning"
    sentence = (
        f"{len(suspects):,} of {len(unseen.targets):,} labels ({share.value:.1%}) may be wrong: {unseen.model} give "
        "these items another class, without having seen them."
    )
    evidence = {
        "share": share.to_json(),
        "rows": [row for row, _ in suspects[:_SHOWN]],
        "suggested": [label for _, label in suspects[:_SHOWN]],
    }
    remedies = ("look through them, the surest first: headway clean DATA", "correct or drop those that are wrong")
    return [Finding("label_noise", severity, sentence, evidence, remedies, RELABEL)]


def _suspected(unseen: Unseen, labels: Sequence[str], *, every: bool) -> list[tuple[int, str]]:
    """Rows and the labels that models give them instead, the surest errors first.

    Those of confident learning; where models are right nearly everywhere, every label that they contradict.
    """
    from cleanlab.filter import find_label_issues

    is_own = np.eye(unseen.predictions.shape[1], dtype=bool)[unseen.targets]
    own, others = unseen.predictions[is_own], np.where(is_own, -1, unseen.predictions)
    with warnings.catch_warnings():
        # Of classes that no item is near to.
        warnings.simplefilter("ignore")
        suspect = np.asarray(find_label_issues(unseen.targets, unseen.predictions, n_jobs=1), dtype=bool)
    suspect |= every & (others.max(axis=1) > own)
    order = np.argsort(own, kind="stable")
    chosen = order[suspect[order]]
    return [(int(unseen.rows[place]), labels[int(others[place].argmax())]) for place in chosen]


def _knows(unseen: Unseen) -> float:
    """The share of the way from the commonest class to no error."""
    majority = np.bincount(unseen.targets).max() / len(unseen.targets)
    accuracy = (unseen.predictions.argmax(axis=1) == unseen.targets).mean()
    return float((accuracy - majority) / max(1 - majority, 1e-9))


def _contradict_few(unseen: Unseen) -> bool:
    share = (unseen.predictions.argmax(axis=1) != unseen.targets).mean()
    return bool(share <= _CONTRADICT) and _knows(unseen) >= _KNOWS_MUCH


def _num_sure(unseen: Unseen) -> int:
    is_agreed = np.ones(len(unseen.targets), dtype=bool)
    judge = LabelJudge(probabilities=unseen.predictions, targets=unseen.targets, rows=unseen.rows, is_agreed=is_agreed)
    return judge.num_sure_errors


def _conflicts(data: Data) -> list[Finding]:
    """Copies with different labels."""
    copies = pl.DataFrame(
        {"row": data.items["row"], "same": same_content(data.items, data.near_copies), "label": _labels(data)}
    )
    mixed = copies.filter(pl.col("label").n_unique().over("same") > 1).sort("same", "row")
    if not len(mixed):
        return []
    num_sets = mixed["same"].n_unique()
    first = mixed.filter(pl.col("same") == mixed["same"][0])
    sentence = (
        f"{len(mixed):,} items in {num_sets:,} sets of copies or near-copies do not have the same label, such as rows "
        f"{', '.join(f'{row} ({label})' for row, label in first.select('row', 'label').rows()[:3])}."
    )
    share = wilson(len(mixed), len(copies))
    # Where copies hardly agree more often than others do, they only look alike, as rows of few values do.
    num_copies = int(copies["same"].is_duplicated().sum())
    shares = np.bincount(data.placed) / len(copies)
    by_chance, agreement = float((shares**2).sum()), 1 - len(mixed) / num_copies
    are_copies = agreement - by_chance >= AGREE * (1 - by_chance)
    severity: Severity = "warning" if are_copies and len(mixed) >= FEW else "note"
    remedies = ("decide for each set which label is right: headway clean DATA",)
    evidence = {"share": share.to_json(), "rows": mixed["row"].to_list()[:_SHOWN]}
    return [Finding("label_conflict", severity, sentence, evidence, remedies, LOOK)]


def _labels(data: Data) -> list[str]:
    return [data.target.labels[index] for index in data.placed.tolist()]


def _spellings(data: Data) -> list[Finding]:
    """Labels that differ in capitals, blanks and marks alone."""
    counts = Counter(_labels(data))
    forms = usual_spellings(counts.items())
    slips = {label: usual for label, usual in usual_spellings(counts.items(), slips=True).items() if label not in forms}
    kinds: list[tuple[dict[str, str], Severity, str]] = [
        (forms, "warning", "Labels that differ in capitals, blanks or marks alone"),
        (slips, "note", "Rare labels that differ from a common one in a letter"),
    ]
    findings = []
    for usual, severity, words in kinds:
        if not usual:
            continue
        pairs = [sorted((label, other)) for label, other in usual.items()]
        named = "; ".join(" and ".join(map(repr, pair)) for pair in pairs[:5])
        wrong = [
            (row, usual[label]) for row, label in zip(data.items["row"], _labels(data), strict=True) if label in usual
        ]
        evidence = {"labels": pairs, "rows": [row for row, _ in wrong], "suggested": [label for _, label in wrong]}
        line = replace(RELABEL, solves=True)
        findings.append(
            Finding("one_class", severity, f"{words}: {named}.", evidence, ("write each label in one way",), line)
        )
    return findings


def _learnable(unseen: Unseen) -> list[Finding]:
    """Labels that models do not learn at all."""
    counts = np.bincount(unseen.targets, minlength=unseen.predictions.shape[1])
    areas = [
        _area(unseen.predictions[unseen.targets == label, label], unseen.predictions[unseen.targets != label, label])
        for label in np.flatnonzero((counts >= _FEWEST) & (counts < len(unseen.targets)))
    ]
    if len(unseen.targets) < _FEWEST_LEARNED or not areas or any(area - 3 * error > 0.5 for area, error in areas):
        return []
    best = max(area for area, _ in areas)
    sentence = (
        f"Nothing in the items tells the label: {unseen.model} put an item of a class before one of another in at most "
        f"{best:.0%} of cases; by chance it is 50%."
    )
    remedies = (
        "look whether labels and items belong together: a table that was sorted alone, labels that moved by a row",
        "ask whether the items can say it at all",
    )
    return [Finding("no_better_than_baseline", "warning", sentence, {"auroc": best}, remedies)]


def _alike(data: Data, unseen: Unseen) -> list[Finding]:
    """Pairs of classes that answers without the item do not separate."""
    labels, counts = data.target.labels, np.bincount(unseen.targets, minlength=len(data.target.labels))
    logs = np.log(np.maximum(unseen.predictions, 1e-12))
    # What is written in two ways is told already.
    spellings = usual_spellings(zip(labels, counts.tolist(), strict=True))
    usual = [spellings.get(label, label) for label in labels]
    pairs = [
        (one, other)
        for one, other in zip(*np.triu_indices(len(labels), 1), strict=True)
        if min(counts[one], counts[other]) >= _FEWEST and usual[one] != usual[other]
    ]
    if len(pairs) > _MOST_PAIRS or len(labels) < 3:
        return []
    findings = []
    for one, other in pairs:
        first, second = (
            logs[unseen.targets == label, one] - logs[unseen.targets == label, other] for label in (one, other)
        )
        area, error = _area(first, second)
        if area + 2 * error < _ALIKE:
            sentence = (
                f'Nothing separates "{labels[one]}" ({counts[one]:,} items) from "{labels[other]}" '
                f"({counts[other]:,}): {unseen.model} order a pair of them rightly in {area:.0%} of cases; by chance "
                "it is 50%."
            )
            remedies = ("look at both: can a person separate them", "make one class of them")
            fewer, more = sorted((one, other), key=lambda label: (counts[label], label))
            rows = unseen.rows[unseen.targets == fewer].tolist()
            evidence = {"labels": [labels[one], labels[other]], "auroc": area}
            evidence |= {"rows": rows, "suggested": [labels[more]] * len(rows)}
            line = replace(RELABEL, solves=True)
            findings.append(Finding("one_class", "warning", sentence, evidence, remedies, line))
    return findings


def _area(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The area under the ROC curve, and its standard error where the two do not differ."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([first, second]))
    area = (ranks[: len(first)].sum() - len(first) * (len(first) + 1) / 2) / (len(first) * len(second))
    return float(area), float(np.sqrt((len(first) + len(second) + 1) / (12 * len(first) * len(second))))


def _rare(data: Data) -> list[Finding]:
    """Classes with too few items to be learned at all, without any in a part, with few, or with hardly any in valid."""
    strata = pl.DataFrame({"row": data.items["row"], "label": _labels(data), "split": data.items["split"]})
    of_part = [(pl.col("split") == part).sum().alias(part) for part in ("train", "valid")]
    counts = strata.group_by("label").agg(pl.len().alias("all"), *of_part).sort("all", "label")
    too_few = pl.col("all") < MIN_ITEMS_A_CLASS
    lacking = ~too_few & ((pl.col("train") == 0) | (pl.col("valid") == 0))
    few = ~too_few & ~lacking & ((pl.col("all") < _RARE) | (pl.col("valid") < _RARE_VALID))
    weights = Line(
        command="headway train DATA --class-weights balanced",
        python='learner = hw.Learner(data, class_weights="balanced")',
    )
    more = "more items of these classes"
    known: list[tuple[pl.Expr, Severity, str, tuple[str, ...], Line]] = [
        (
            too_few,
            "serious",
            f"fewer than {MIN_ITEMS_A_CLASS} items, and nothing can be trained before that is mended",
            (more, "correct the labels, or join the classes with others: headway clean DATA", "leave them out"),
            replace(DROP, solves=True),
        ),
        (lacking, "serious", "no item in train or none in valid", ("split anew: split=hw.RandomSplit()",), RANDOM),
        (few, "note", "few items", (more, 'count them more: class_weights="balanced"'), weights),
    ]
    findings = []
    for which, severity, words, remedies, line in known:
        if not len(rare := counts.filter(which)):
            continue
        shown = "; ".join(f'"{label}" {total} ({valid} in valid)' for label, total, _, valid in rare.rows()[:6])
        others = f"; and {len(rare) - 6} more" if len(rare) > 6 else ""
        sentence = f"{len(rare)} of {len(counts)} classes have {words}: {shown}{others}."
        evidence: dict[str, Any] = {"classes": rare["label"].to_list()[:50]}
        if line.command == DROP.command:
            evidence["rows"] = strata.filter(pl.col("label").is_in(rare["label"].to_list()))["row"].to_list()
        findings.append(Finding("rare_class", severity, sentence, evidence, remedies, line))
    return findings


def _enough(data: Data, unseen: Unseen) -> list[Finding]:
    """How wide the verdict's interval will be, by the accuracy of answers without the item."""
    count = len(data.valid)
    accuracy = float((unseen.predictions.argmax(axis=1) == unseen.targets).mean())
    expected = wilson(round(accuracy * count), count)
    width, wanted = expected.high - expected.low, num_items_for(accuracy)
    severity: Severity = "warning" if width > _VERY_WIDE else "note"
    sentence = (
        f"With {count:,} validation items the verdict's interval will be about {100 * width:.1f} points wide, if the "
        f"accuracy is that of {unseen.model}, {accuracy:.1%}. For ±{100 * _POINTS:.0f} points {wanted:,} are enough."
    )
    evidence = {"num_valid": count, "expected": expected.to_json(), "wanted": wanted, "width": width}
    kind = "little_validation_data" if width > _WIDE else "verdict_width"
    share = wanted / len(data.items)
    larger = f"a larger part: valid={share:.2f} (--valid {share:.2f})" if share <= _MOST_VALID else "more items"
    remedies = (larger, "judge by cross-validation: learner.cross_validate()") if wanted > count else ()
    python = f"data = data.rebuild(split=hw.RandomSplit({share:.2f}))"
    line = Line(command=f"headway train DATA --valid {share:.2f}", python=python)
    if share > _MOST_VALID:
        line = Line(python="print(hw.Learner(data).cross_validate())")
    return [Finding(kind, severity, sentence, evidence, remedies, line if remedies else None)]


def num_items_for(accuracy: float, *, points: float = _POINTS) -> int:
    """The fewest items whose interval around this accuracy is at most so far to either side.

    Example:
        >>> num_items_for(0.9)
        869
    """

    def is_narrow(count: int) -> bool:
        estimate = wilson(round(accuracy * count), count)
        return estimate.high - estimate.low <= 2 * points

    return bisect_left(range(1, 100_000), True, key=is_narrow) + 1
