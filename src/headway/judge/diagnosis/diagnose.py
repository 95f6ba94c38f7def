"""What is wrong with a model, in words, and what to try next.

Every finding needs more than noise: an interval that leaves out what would be fine. Each threshold is a named constant
with its reason. Where a cause is found, its symptoms are not told as well: a learning rate that is too low also leaves
the model underfitted, but only the first says what to do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headway.judge.diagnosis.case import Case, make_answers, read_history
from headway.judge.diagnosis.finding import Finding, LayerActivity, describe
from headway.judge.diagnosis.generalisation import check_leak, check_overfitting, check_underfitting
from headway.judge.diagnosis.trends import check_lr
from headway.judge.intervals import Estimate, wilson

__all__ = ["Finding", "LayerActivity", "check_activity", "describe", "diagnose"]

NOISE, MUCH_NOISE = 0.05, 0.15
"""Suspected label errors. Of clean labels that are hard to predict, a few per cent are suspected, too."""
DEAD, ALL_DEAD = 0.5, 0.95
"""Channels of a layer that are zero for every item. Some always are where a pretrained body meets other images."""
LARGE, HALF_LARGEST = 1e4, 65504.0
"""Sizes of outputs. Normalised layers stay below 100; above the second, float16 is infinite."""
CONFUSED, OFTEN_CONFUSED = 0.05, 0.15
"""Share of two classes' items that were given the other of the two."""
BY_CHANCE = 0.01
"""How likely so many confusions of any pair may be if wrong answers fell on the other classes evenly."""
MAX_PAIRS = 3
WIDE, VERY_WIDE = 0.1, 0.2
"""Width of accuracy's interval: with the first, 0.90 cannot be told from 0.95."""
_CAUSES = {
    "underfitting": {"lr_too_high", "lr_too_low", "dead_activations", "exploding_activations"},
    "overconfidence": {"lr_too_high", "overfitting"},
    "confused_pair": {"lr_too_high", "lr_too_low", "dead_activations", "exploding_activations", "underfitting"},
}
"""Findings that are left out when one of these has been found that is more than a note."""


def diagnose(
    history: Sequence[Mapping[str, Any]],
    *,
    valid: tuple[np.ndarray, np.ndarray],
    train: tuple[np.ndarray, np.ndarray] | None = None,
    labels: Sequence[str],
    num_label_issues: int | None = None,
    num_checked: int | None = None,
    baseline_accuracy: float | None = None,
    activity: Sequence[LayerActivity] = (),
    is_photos: bool = True,
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
        activity: What the model's layers give for some items.
        is_photos: Whether the items are photos, which may be larger or augmented less.

    Returns:
        The findings, the most severe first; none when nothing is wrong.

    Raises:
        ShapeError: If arrays or labels do not fit together.
        DataError: If the arrays hold no probabilities, targets that are no class, or `history` is none.

    Example:
        >>> probabilities = np.eye(2)[np.arange(20) % 2] * 0.8 + 0.1
        >>> [finding] = diagnose([], valid=(probabilities, np.arange(20) % 2), labels=["cat", "dog"])
        >>> print(finding.severity, finding.sentence)
        note The 20 validation items put the accuracy between 83.9% and 100.0%; 35 would narrow it to 10 points.
    """
    head, epochs = read_history(history)
    case = Case(
        labels=tuple(str(label) for label in labels),
        valid=make_answers(valid, labels),
        train=None if train is None else make_answers(train, labels),
        head=head,
        epochs=epochs,
        num_label_issues=num_label_issues,
        num_checked=num_checked,
        baseline_accuracy=baseline_accuracy,
        activity=tuple(activity),
        is_photos=is_photos,
    )
    checks = (
        check_lr,
        lambda case: check_activity(case.activity),
        check_leak,
        check_underfitting,
        check_overfitting,
        _check_noise,
        _check_pairs,
        _check_size,
    )
    found = [finding for check in checks for finding in check(case)]
    causes = {finding.kind for finding in found if finding.severity != "note"}
    told = [finding for finding in found if not causes & _CAUSES.get(finding.kind, set())]
    return sorted(told, key=lambda finding: finding.rank)


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


def check_activity(activity: Sequence[LayerActivity]) -> list[Finding]:
    """Layers whose outputs are far too large, or always zero."""
    return [*_check_exploding(activity), *_check_dead(activity)]


def _check_dead(activity: Sequence[LayerActivity]) -> list[Finding]:
    dead = sorted((each for each in activity if each.share_dead > DEAD), key=lambda each: -each.share_dead)
    if not dead:
        return []
    sentence = (
        f"In {_layers(len(dead), len(activity))} more than half of the channels are zero for every item; most in "
        f'"{dead[0].name}" ({dead[0].share_dead:.0%}).'
    )
    evidence = {"share_dead": {each.name: each.share_dead for each in dead}, "num_layers": len(activity)}
    remedies = (
        "a lower learning rate: one large step can switch a channel off for good",
        "normalisation before the activation, or one that is never flat (GELU, leaky ReLU)",
        "check how weights and biases are initialised, and that inputs are normalised",
    )
    severity = "serious" if dead[0].share_dead >= ALL_DEAD else "warning"
    return [Finding("dead_activations", severity, sentence, evidence, remedies)]


def _check_exploding(activity: Sequence[LayerActivity]) -> list[Finding]:
    large = [each for each in activity if not each.largest <= LARGE]
    if not large:
        return []
    # The first layer to do so, in the model's order, is where it begins.
    first, worst = large[0], max(large, key=lambda each: each.largest if math.isfinite(each.largest) else math.inf)
    size = f"{worst.largest:,.0f}" if math.isfinite(worst.largest) else "no finite number"
    sentence = (
        f"In {_layers(len(large), len(activity))} outputs are larger than {LARGE:,.0f}; the largest is {size}, in "
        f'"{worst.name}", and it begins in "{first.name}".'
    )
    sizes = {each.name: each.largest if math.isfinite(each.largest) else None for each in large}
    evidence = {"largest": sizes, "first": first.name, "num_layers": len(activity)}
    remedies = (
        "normalise the inputs",
        "normalisation between the layers",
        "a lower learning rate",
        "float32 in place of float16",
    )
    severity = "serious" if not worst.largest <= HALF_LARGEST else "warning"
    return [Finding("exploding_activations", severity, sentence, evidence, remedies)]


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


def _layers(count: int, total: int) -> str:
    return f"{count} of {total} layers"
