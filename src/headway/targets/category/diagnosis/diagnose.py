"""What can be wrong with a model that tells classes apart, from its history and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headway.judge.diagnosis.finding import Finding
from headway.judge.intervals import Estimate, wilson
from headway.judge.report.inputs import ReportInputs
from headway.targets.category.diagnosis.case import Case, judged, read_history
from headway.targets.category.diagnosis.generalisation import check_leak, check_overfitting, check_underfitting
from headway.targets.category.diagnosis.trends import check_lr
from headway.targets.category.metrics import METRICS
from headway.targets.category.mistakes import find_issues

__all__ = ["find_in_classes", "find_problems"]

# Suspected label errors. Of clean labels that are hard to predict, a few per cent are suspected, too.
NOISE, MUCH_NOISE = 0.05, 0.15
# Share of two classes' items that were given the other of the two.
CONFUSED, OFTEN_CONFUSED = 0.05, 0.15
# How likely so many confusions of any pair may be if wrong answers fell on the other classes evenly.
BY_CHANCE = 0.01
MAX_PAIRS = 3
# Width of accuracy's interval: with the first, 0.90 cannot be told from 0.95.
WIDE, VERY_WIDE = 0.1, 0.2


def find_problems(inputs: ReportInputs) -> list[Finding]:
    """What is wrong with a model of classes, with what is known of the labels and of baselines."""
    issues, seen, train, best = inputs.once(find_issues), inputs.seen, inputs.train, inputs.best
    accuracy = METRICS.score(best.predictions[inputs.focus], seen.targets) if best else None
    return find_in_classes(
        inputs.history,
        valid=(seen.predictions, seen.targets),
        train=None if train is None else (train.predictions, train.targets),
        labels=inputs.labels,
        num_label_issues=sum(each.count for each in issues.values()),
        num_checked=sum(each.checked for each in issues.values()),
        baseline_accuracy=accuracy,
        tries=inputs.tries,
    )


def find_in_classes(
    history: Sequence[Mapping[str, Any]],
    *,
    valid: tuple[np.ndarray, np.ndarray],
    train: tuple[np.ndarray, np.ndarray] | None = None,
    labels: Sequence[str],
    num_label_issues: int | None = None,
    num_checked: int | None = None,
    baseline_accuracy: float | None = None,
    tries: Sequence[str] = (),
) -> list[Finding]:
    """What is wrong with a model, from its history and its answers.

    Args:
        history: An entry an epoch, as `History.to_json()` gives them; may be empty. Two stages are not one curve, and
            where the head of stage one was kept, stage two is not held against the model.
        valid: Probabilities, float `[items, classes]`, and targets, int64 `[items]`, on valid.
        train: The same for training items, in evaluation mode and without augmentation; all of them or some drawn at
            random. Without it, neither a gap between train and valid nor underfitting can be seen.
        labels: The classes' names, in the order of the columns.
        num_label_issues: How many label errors are suspected among `num_checked` items.
        num_checked: How many items were looked at for that.
        baseline_accuracy: The best simple baseline's accuracy on the same valid items, from 0 to 1; a model without
            an error is suspicious only where the task is not easy.
        tries: What to try against underfitting that depends on the kind of input.

    Returns:
        The findings, in no order; symptoms beside their causes.

    Raises:
        ShapeError: If arrays or labels do not fit together.
        DataError: If the arrays hold no probabilities, targets that are no class, or `history` is none.

    Example:
        >>> probabilities = np.eye(2)[np.arange(20) % 2] * 0.8 + 0.1
        >>> [finding] = find_in_classes([], valid=(probabilities, np.arange(20) % 2), labels=["cat", "dog"])
        >>> print(finding.severity, finding.sentence)
        note The 20 validation items put the accuracy between 83.9% and 100.0%; 35 would narrow it to 10 points.
    """
    head, epochs = read_history(history)
    case = Case(
        labels=tuple(str(label) for label in labels),
        valid=judged(valid, labels),
        train=None if train is None else judged(train, labels),
        head=head,
        epochs=epochs,
        num_label_issues=num_label_issues,
        num_checked=num_checked,
        baseline_accuracy=baseline_accuracy,
        tries=tuple(tries),
    )
    checks = (
        check_lr,
        check_leak,
        check_underfitting,
        check_overfitting,
        _check_noise,
        _check_pairs,
        _check_size,
    )
    return [finding for check in checks for finding in check(case)]


def _check_noise(case: Case) -> list[Finding]:
    noise = case.noise
    if not noise.low > NOISE:
        return []
    sentence = (
        f"{case.num_label_issues:,} of {case.num_checked:,} labels ({noise.value:.1%}) look wrong: models that did not "
        "see these items are sure of another class."
    )
    evidence = {"share": noise.to_json(), "num_label_issues": case.num_label_issues, "num_checked": case.num_checked}
    remedies = ("look through the suspected labels, the surest first", "correct or drop those that are wrong")
    return [Finding("label_noise", "serious" if noise.low > MUCH_NOISE else "warning", sentence, evidence, remedies)]


def _check_pairs(case: Case) -> list[Finding]:
    """Two of three or more classes taken for one another more often than errors fall on a class by chance."""
    classes = len(case.labels)
    counts = case.valid.confusion
    if classes < 3:
        return []
    from scipy.stats import binom

    items, found = counts.sum(1), []
    pairs = classes * (classes - 1) // 2
    # Of a thousand classes there are half a million pairs, but no more that were taken for one another than errors.
    for one, other in np.argwhere(np.triu(counts + counts.T, 1)).tolist():
        swapped, total = int(counts[one, other] + counts[other, one]), int(items[one] + items[other])
        share = wilson(swapped, total)
        if not share.low > CONFUSED:
            continue
        errors = total - int(counts[one, one] + counts[other, other])
        if binom.sf(swapped - 1, errors, 1 / (classes - 1)) * pairs < BY_CHANCE:
            found.append((share, one, other))
    found.sort(key=lambda each: -each[0].low)
    return [_pair(case, *each) for each in found[:MAX_PAIRS]]


def _pair(case: Case, share: Estimate, one: int, other: int) -> Finding:
    counts, labels = case.valid.confusion, case.labels
    there, back = int(counts[one, other]), int(counts[other, one])
    sentence = (
        f'"{labels[one]}" and "{labels[other]}" are taken for one another in {share.value:.1%} of their '
        f"{int(counts[[one, other]].sum()):,} items on valid: {there:,} {labels[one]} were called {labels[other]}, and "
        f"{back:,} {labels[other]} {labels[one]}."
    )
    evidence = {"labels": [labels[one], labels[other]], "share": share.to_json(), "counts": [there, back]}
    remedies = (
        "look at these items: are their labels right, and can a person tell them apart",
        "more items of both classes, above all of those that look alike",
        "larger images, where the difference is small",
    )
    return Finding("confused_pair", "warning" if share.low > OFTEN_CONFUSED else "note", sentence, evidence, remedies)


def _check_size(case: Case) -> list[Finding]:
    """An interval of accuracy so wide that models cannot be compared."""
    accuracy, count = case.valid.accuracy, len(case.valid)
    width = accuracy.high - accuracy.low
    if width <= WIDE:
        return []
    wanted = _items_for(accuracy.value, WIDE)
    sentence = (
        f"The {count:,} validation items put the accuracy between {accuracy.low:.1%} and {accuracy.high:.1%}; "
        f"{wanted:,} would narrow it to {100 * WIDE:.0f} points."
    )
    evidence = {"num_valid": count, "valid_accuracy": accuracy.to_json(), "wanted": wanted}
    remedies = ("a larger share for valid", "more data", "judge by cross-validation")
    return [Finding("little_validation_data", "warning" if width > VERY_WIDE else "note", sentence, evidence, remedies)]


def _items_for(accuracy: float, width: float) -> int:
    """The fewest items whose interval around this accuracy is no wider than that."""
    low, high = 1, 1_000
    while low < high:
        middle = (low + high) // 2
        estimate = wilson(round(accuracy * middle), middle)
        low, high = (low, middle) if estimate.high - estimate.low <= width else (middle + 1, high)
    return low
