"""What can be wrong with a model that tells classes apart, from its history and its predictions."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np

from headway.judge.diagnosis.finding import Finding
from headway.judge.grouped_items import of_groups
from headway.judge.intervals import Estimate, newcombe, wilson
from headway.judge.report.inputs import ReportInputs
from headway.targets.base import check_labels
from headway.targets.category.diagnosis.classifier_run import ClassifierRun, Judged
from headway.targets.category.diagnosis.generalisation import (
    SERIOUS_GAP,
    check_leak,
    check_overfitting,
    check_underfitting,
)
from headway.targets.category.diagnosis.trends import check_lr
from headway.targets.category.metrics import METRICS, check_predictions, confusion_matrix
from headway.targets.category.mistakes import find_issues, label_judges

__all__ = ["find_in_run", "find_problems"]

# Suspected label errors. Of clean labels that are hard to predict, one in a hundred is suspected, too. Chosen on
# digits, tables and photos with 5 % wrong labels and without.
NOISE, MUCH_NOISE, FEW = 0.015, 0.15, 10
# Share of the way from the commonest class to no error below which nothing is known of the labels: surely so, or
# where not even the probabilities know anything, of at least so many items.
NOTHING, LITTLE, ENOUGH = 0.1, 0.5, 100
# One model in 700 that knows nothing seems to know something.
KNOWS_SCORE = 3.0
# Share of two classes' items that were given the other of the two.
CONFUSED, OFTEN_CONFUSED = 0.05, 0.15
# How likely so many confusions of any pair may be if wrong answers fell on the other classes evenly.
BY_CHANCE = 0.01
MAX_PAIRS = 3
# Width of accuracy's interval: with the first, 0.90 cannot be told from 0.95.
WIDE, VERY_WIDE = 0.1, 0.2


def find_problems(inputs: ReportInputs) -> list[Finding]:
    """What is wrong with a model of classes, with what is known of the labels and of baselines."""
    # Where a model does not know the classes, nothing is said of labels.
    judges = [judge for part, judge in label_judges(inputs).items() if not inputs.once(find_issues)[part].reason]
    seen, train, best = inputs.seen, inputs.train, inputs.best
    if train is not None:
        check_labels(inputs.labels, train.predictions.shape[1])
    run = ClassifierRun(
        labels=inputs.labels,
        valid=Judged(*check_predictions(seen.predictions, seen.targets)),
        train=None if train is None else Judged(*check_predictions(train.predictions, train.targets)),
        history=inputs.history,
        num_label_issues=sum(judge.num_sure_errors for judge in judges),
        num_checked=sum(len(judge.targets) for judge in judges),
        baseline_learns=any(baseline.needs is not None for baseline in inputs.baselines),
        is_blind=_is_blind(inputs),
        baseline_accuracy=METRICS.score(best.predictions[inputs.focus], seen.targets) if best else None,
        tries=inputs.tries,
        clusters=inputs.clusters.get(inputs.focus),
    )
    return find_in_run(run)


def _is_blind(inputs: ReportInputs) -> bool:
    """Whether no model on `focus` surely gives an item's own class more probability than other items' classes.

    Where one class is common, a model may know much and still be right no more often than one who always says it.
    """
    targets, count = inputs.seen.targets, len(inputs.seen.targets)
    learned = [baseline.predictions[inputs.focus] for baseline in inputs.baselines if baseline.needs is not None]
    for predictions in (inputs.seen.predictions, *learned):
        is_own = np.eye(predictions.shape[1])[targets]
        # How an item's class and its probability go together; its mean is 0 where they do not.
        gains = ((is_own - is_own.mean(0)) * (predictions - predictions.mean(0, dtype=np.float64))).sum(1)
        if gains.mean() * np.sqrt(count) > KNOWS_SCORE * gains.std():
            return False
    return True


def find_in_run(run: ClassifierRun) -> list[Finding]:
    """What is wrong, in no order; symptoms beside their causes.

    Example:
        >>> valid = Judged(np.eye(2)[np.arange(20) % 2] * 0.8 + 0.1, np.arange(20) % 2)
        >>> [finding] = find_in_run(ClassifierRun(labels=["cat", "dog"], valid=valid))
        >>> print(finding.severity, finding.sentence)
        note The 20 validation items put the accuracy between 83.9% and 100.0%; 35 would narrow it to 10 points.
    """
    if nothing := _check_nothing(run):
        return [*nothing, *_check_size(run)]
    # The order says nothing: they are sorted, and symptoms left out, where all kinds of target come together.
    checks = (
        check_lr,
        check_leak,
        check_underfitting,
        check_overfitting,
        _check_noise,
        _check_pairs,
        _check_size,
    )
    return [finding for check in checks for finding in check(run)]


def _check_nothing(run: ClassifierRun) -> list[Finding]:
    """Nothing that learns predicts the labels of items that it did not see: they have nothing to do with the inputs."""
    majority, count = float(run.valid.shares.max()), len(run.valid)
    if run.baseline_accuracy is None or not run.baseline_learns:
        return []
    # The better of the two: a model may fail where a simple one does not, and the labels are then not at fault.
    best = wilson(round(max(run.baseline_accuracy, run.valid.accuracy.value) * count), count)
    is_sure = best.high < majority + NOTHING * (1 - majority)
    is_likely = run.is_blind and count >= ENOUGH and best.high < majority + LITTLE * (1 - majority)
    if not is_sure and not is_likely:
        return []
    knows = "knows more" if is_sure else "surely knows more"
    sentence = (
        f"Neither the model ({run.valid.accuracy.value:.1%} right on valid) nor any simple model (at most "
        f"{run.baseline_accuracy:.1%}) {knows} than the commonest class ({majority:.1%}). The labels may be "
        "shuffled, or have nothing to do with the inputs."
    )
    evidence = {"valid_accuracy": run.valid.accuracy.to_json(), "baseline_accuracy": run.baseline_accuracy}
    if run.train is not None and newcombe(run.train.accuracy, run.valid.accuracy).low > SERIOUS_GAP:
        sentence += f" The model learned its training items by heart ({run.train.accuracy.value:.1%} right)."
        evidence |= {"train_accuracy": run.train.accuracy.value}
    remedies = ("look at some items with their labels", "check how labels were joined to items", "other inputs")
    severity = "serious" if is_sure else "warning"
    return [Finding("label_noise", severity, sentence, evidence | {"majority_share": majority}, remedies)]


def _check_noise(run: ClassifierRun) -> list[Finding]:
    noise = run.noise
    if not noise.low > NOISE or run.num_label_issues < FEW:
        return []
    # A model that has learned few items by heart is as sure of some errors as of right answers.
    gap = newcombe(run.train.accuracy, run.valid.accuracy).low if run.train else 0.0
    if gap > SERIOUS_GAP and noise.low <= MUCH_NOISE:
        return []
    sentence = (
        f"{run.num_label_issues:,} of {run.num_checked:,} labels ({noise.value:.1%}) look wrong: models that did not "
        "see these items are sure of another class."
    )
    evidence = {"share": noise.to_json(), "num_label_issues": run.num_label_issues, "num_checked": run.num_checked}
    remedies = ("look through the suspected labels, the surest first", "correct or drop those that are wrong")
    return [Finding("label_noise", "serious" if noise.low > MUCH_NOISE else "warning", sentence, evidence, remedies)]


def _check_pairs(run: ClassifierRun) -> list[Finding]:
    """Two of three or more classes taken for one another more often than errors fall on a class by chance."""
    classes = len(run.labels)
    if classes < 3:
        return []
    from scipy.stats import binom

    counts = confusion_matrix(run.valid.probabilities, run.valid.targets)
    items, confused = counts.sum(1), []
    num_pairs = classes * (classes - 1) // 2
    # Of a thousand classes there are half a million pairs, but no more that were taken for one another than errors.
    for one, other in np.argwhere(np.triu(counts + counts.T, 1)).tolist():
        swapped, total = int(counts[one, other] + counts[other, one]), int(items[one] + items[other])
        share = wilson(swapped, total)
        if not share.low > CONFUSED:
            continue
        errors = total - int(counts[one, one] + counts[other, other])
        # Bonferroni: with many pairs some are confused most, even if errors fall anywhere.
        if binom.sf(swapped - 1, errors, 1 / (classes - 1)) * num_pairs < BY_CHANCE:
            confused.append((share, one, other))
    confused.sort(key=lambda pair: -pair[0].low)
    return [_confused_pair(run, counts, *pair) for pair in confused[:MAX_PAIRS]]


def _confused_pair(run: ClassifierRun, counts: np.ndarray, share: Estimate, one: int, other: int) -> Finding:
    first, second = run.labels[one], run.labels[other]
    there, back = int(counts[one, other]), int(counts[other, one])
    sentence = (
        f'"{first}" and "{second}" are taken for one another in {share.value:.1%} of their '
        f"{int(counts[[one, other]].sum()):,} items on valid: {there:,} {first} were called {second}, and "
        f"{back:,} {second} {first}."
    )
    evidence = {"labels": [first, second], "share": share.to_json(), "counts": [there, back]}
    remedies = (
        "look at these items: are their labels right, and can a person tell them apart",
        "more items of both classes, above all of those that look alike",
        *run.tries.get("confused_pair", ()),
    )
    return Finding("confused_pair", "warning" if share.low > OFTEN_CONFUSED else "note", sentence, evidence, remedies)


def _check_size(run: ClassifierRun) -> list[Finding]:
    """An interval of accuracy so wide that models cannot be compared."""
    accuracy, count = run.valid.accuracy, len(run.valid)
    if run.clusters is not None:
        accuracy = of_groups(accuracy, run.valid.correct.astype(float), run.clusters, is_share=True)
    if accuracy.reason:
        sentence = f"The {count:,} validation items are too few for an interval of the accuracy: {accuracy.reason}."
        evidence = {"num_valid": count, "valid_accuracy": accuracy.to_json()}
        return [
            Finding("little_validation_data", "warning", sentence, evidence, ("more groups for valid", "more data"))
        ]
    width = accuracy.high - accuracy.low
    if width <= WIDE:
        return []
    wanted = _items_for(accuracy.value)
    if run.clusters is not None:
        # Items of a group tell less than as many others: of like groups as many times more as the interval is wider.
        wanted = math.ceil(count * max((width / WIDE) ** 2, wanted / count))
    sentence = (
        f"The {count:,} validation items put the accuracy between {accuracy.low:.1%} and {accuracy.high:.1%}; "
        f"{wanted:,} would narrow it to {100 * WIDE:.0f} points."
    )
    evidence = {"num_valid": count, "valid_accuracy": accuracy.to_json(), "wanted": wanted}
    remedies = ("a larger share for valid", "more data", "judge by cross-validation")
    return [Finding("little_validation_data", "warning" if width > VERY_WIDE else "note", sentence, evidence, remedies)]


def _items_for(accuracy: float) -> int:
    """The fewest items whose interval around this accuracy is no wider than `WIDE`."""

    def is_narrow(count: int) -> bool:
        estimate = wilson(round(accuracy * count), count)
        return estimate.high - estimate.low <= WIDE

    # The interval narrows with the items, and at any accuracy 1,000 are enough.
    return bisect_left(range(1, 1_000), True, key=is_narrow) + 1
