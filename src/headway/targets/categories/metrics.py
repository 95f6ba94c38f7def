"""Metrics of labels of which an item can have several, or none: each with its direction and its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headway.errors import DataError, ShapeError
from headway.judge.intervals import NAN, Estimate, average, f1_of, logit_normal, wilson
from headway.judge.metric import LabelScores, Metric, TaskMetrics
from headway.judge.rankings import Ranking, precision_effects, rank

__all__ = [
    "check_labels",
    "given_labels",
    "item_log_losses",
    "multilabel_metrics",
    "per_label",
]


def check_labels(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float `[items, labels]`, or an error that names all that is wrong.

    Raises:
        ShapeError: If they are not of one shape.
        DataError: If they are empty, `answers` are no probabilities, or `targets` hold anything but 0 and 1.

    Example:
        >>> answers, targets = check_labels([[0.9, 0.2]], [[1, 0]])
        >>> answers.shape, targets.dtype
        ((1, 2), dtype('float64'))
    """
    answers, targets = np.asarray(answers), np.asarray(targets)
    answers, targets = (each if each.dtype == np.float32 else each.astype(np.float64) for each in (answers, targets))
    if answers.ndim != 2 or answers.shape != targets.shape or not answers.shape[1]:
        what = "`answers` and `targets` must both be [items, labels]."
        given = f"answers {list(answers.shape)}, targets {list(targets.shape)}"
        raise ShapeError(what, given=given, fix="Pass a probability and a 0 or 1 for each label of each item.")
    with np.errstate(invalid="ignore"):
        wrong = {
            "answers that are no probability": ~((answers >= 0) & (answers <= 1)),
            "targets that are neither 0 nor 1": ~((targets == 0) | (targets == 1)),
        }
    problems = [
        f"{each.sum():,} {what} (first: row {each.any(1).argmax()})" for what, each in wrong.items() if each.any()
    ]
    if problems or not len(targets):
        what = "`answers` must lie between 0 and 1, and `targets` be 0 or 1."
        fix = "Pass the output of a sigmoid (not logits), and targets as `Categories.encode` gives them."
        raise DataError(what, given=problems or "0 items", fix=fix)
    return answers, targets


def multilabel_metrics(thresholds: Sequence[float] = ()) -> TaskMetrics:
    """How labels are judged.

    Args:
        thresholds: The probability from which each label is given; 0.5 when left out.

    Example:
        >>> known = multilabel_metrics([0.5, 0.3])
        >>> answers, targets = np.array([[0.9, 0.4], [0.2, 0.1]]), np.array([[1.0, 1.0], [0.0, 0.0]])
        >>> known.score(answers, targets, name="micro_f1"), known.score(answers, targets, name="subset_accuracy")
        (1.0, 1.0)
    """
    limits = tuple(thresholds)
    metrics = (
        Metric(
            "mean_average_precision",
            interval=lambda a, t, _: _ranking(a, t).estimate,
            by_item=lambda a, t: _ranking(a, t).parts,
            is_share=True,
        ),
        Metric("macro_f1", interval=lambda a, t, _: _macro_f1(_given(a, limits), t > 0), is_share=True),
        Metric("micro_f1", interval=lambda a, t, _: _micro_f1(_given(a, limits), t > 0), is_share=True),
        Metric("subset_accuracy", interval=lambda a, t, _: _subset(_given(a, limits), t > 0), is_share=True),
        Metric("log_loss", by_item=item_log_losses, higher_is_better=False),
    )
    return TaskMetrics(
        metrics={each.name: each for each in metrics},
        main="mean_average_precision",
        of_baselines=("mean_average_precision", "log_loss"),
        check=check_labels,
        decide=lambda answers: _given(answers, limits).astype(np.int64),
        losses=item_log_losses,
        describe=lambda values, labels: given_labels(values, labels, limits),
        per_label=lambda answers, targets, labels: per_label(answers, targets, labels=labels, thresholds=limits),
        label_word="label",
    )


def per_label(
    answers: np.ndarray, targets: np.ndarray, *, labels: Sequence[str], thresholds: Sequence[float] = ()
) -> list[LabelScores]:
    """How well each label is told: precision, recall and F1 at the thresholds, and average precision.

    Args:
        answers: Probabilities, float `[items, labels]`.
        targets: 0 or 1, of the same shape.
        labels: The labels' names, in the order of the columns.
        thresholds: The probability from which each label is given; 0.5 when left out.

    Raises:
        ShapeError: If `labels` names more or fewer than there are columns.

    Example:
        >>> answers, targets = np.array([[0.9, 0.4], [0.2, 0.1]]), np.array([[1.0, 1.0], [0.0, 0.0]])
        >>> cat, dog = per_label(answers, targets, labels=["cat", "dog"])
        >>> cat.scores["recall"].value, dog.scores["recall"].value, dog.scores["average_precision"].value
        (1.0, 0.0, 1.0)
    """
    if len(labels) != answers.shape[1]:
        what = "`labels` must name each column of `answers`."
        given = f"{len(labels)} labels, {answers.shape[1]} columns"
        fix = "Pass one name a label, in the order of the model's outputs."
        raise ShapeError(what, given=given, fix=fix)
    given, actual = _given(answers, tuple(thresholds)), targets > 0
    found = []
    for place, label in enumerate(labels):
        hits, count, called = (int(each.sum()) for each in _counts(given[:, place], actual[:, place]))
        scores = {
            "precision": wilson(hits, called),
            "recall": wilson(hits, count),
            "f1": _f1(hits, count, called),
            "average_precision": _ranking(answers[:, [place]], targets[:, [place]]).estimate,
        }
        found.append(LabelScores(str(label), count, scores))
    return found


def item_log_losses(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The log loss of each item in nats, float64 `[items]`: the mean over its labels."""
    tiny = np.finfo(answers.dtype).eps
    chosen = np.where(targets > 0, answers, 1 - answers)
    return -np.log(np.clip(chosen, tiny, 1.0).astype(np.float64)).mean(axis=1)


def given_labels(values: np.ndarray, labels: Sequence[str], thresholds: Sequence[float] = ()) -> str:
    """The labels that probabilities `[labels]` give an item, in words."""
    given = _given(values[None], tuple(thresholds))[0]
    names = labels or [str(place) for place in range(len(values))]
    return ", ".join(name for name, is_given in zip(names, given, strict=True) if is_given) or "no label"


def _given(answers: np.ndarray, thresholds: tuple[float, ...]) -> np.ndarray:
    return answers >= (np.array(thresholds) if thresholds else 0.5)


def _ranking(answers: np.ndarray, targets: np.ndarray) -> Ranking:
    """Of the labels that some items have and others have not; the others cannot be ranked."""
    positive = targets > 0
    kept = positive.any(0) & ~positive.all(0)
    return rank(answers[:, kept], positive[:, kept], precision_effects)


def _counts(given: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, what there is, and what was given."""
    return given & actual, actual, given


def _f1(hits: int, count: int, called: int) -> Estimate:
    return f1_of(wilson(hits, count + called - hits))


def _macro_f1(given: np.ndarray, actual: np.ndarray) -> Estimate:
    """The mean over labels that are among the targets or the answers."""
    hits, counts, called = (each.sum(0) for each in _counts(given, actual))
    kept = counts + called > 0
    if not kept.any():
        return NAN
    total = (counts + called)[kept]
    scores = 2 * hits[kept] / total
    # What an item adds to each label's ratio of sums, averaged: labels of one item go together.
    sums = given[:, kept].astype(np.float64) + actual[:, kept]
    effects = ((2.0 * (given & actual)[:, kept] - scores * sums) / total).mean(axis=1)
    each = [
        _f1(*three) for three in zip(hits[kept].tolist(), counts[kept].tolist(), called[kept].tolist(), strict=True)
    ]
    return _bounded(float(scores.mean()), effects, average(each))


def _micro_f1(given: np.ndarray, actual: np.ndarray) -> Estimate:
    """Of all labels of all items taken together; items are drawn, not labels."""
    hits, counts, called = (each.sum(1) for each in _counts(given, actual))
    total = int((counts + called).sum())
    if not total:
        return NAN
    value = 2 * int(hits.sum()) / total
    effects = (2.0 * hits - value * (counts + called)) / total
    return _bounded(value, effects, _f1(int(hits.sum()), int(counts.sum()), int(called.sum())))


def _bounded(value: float, effects: np.ndarray, perfect: Estimate) -> Estimate:
    """A share with its interval from the items' effects; `perfect` where none of them moves it."""
    error = float(np.sqrt((effects**2).sum()))
    return logit_normal(value, error) if 0 < value < 1 and error > 0 else Estimate(value, perfect.low, perfect.high)


def _subset(given: np.ndarray, actual: np.ndarray) -> Estimate:
    """The share of items of which every label is right."""
    return wilson(int((given == actual).all(axis=1).sum()), len(actual))
