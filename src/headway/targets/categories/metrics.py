"""Metrics of labels of which an item can have several, or none: each with its direction and its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from headway.errors import DataError
from headway.judge.intervals import NAN, Z_SCORE, Estimate, average, f1_of, if_enough, rate, wilson
from headway.judge.metric import LabelScores, Metric, TaskMetrics
from headway.judge.rankings import Ranking, precision_effects, rank, rank_classes
from headway.targets.base import check_shapes

__all__ = ["check_answers", "item_log_losses", "labels_text", "logit_normal", "multilabel_metrics", "per_label"]

# Items that each label has at least for the interval of a mean over labels.
_NEEDED = 10


def check_answers(answers: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float `[items, labels]`, or an error that names all that is wrong.

    Example:
        >>> answers, targets = check_answers([[0.9, 0.2]], [[1, 0]])
        >>> answers.shape, targets.dtype
        ((1, 2), dtype('float64'))
    """
    answers, targets = np.asarray(answers), np.asarray(targets)
    answers, targets = (
        array if array.dtype == np.float32 else array.astype(np.float64) for array in (answers, targets)
    )
    check_shapes(
        answers,
        targets,
        fit=answers.ndim == 2 and answers.shape == targets.shape and answers.shape[1] > 0,
        what="`answers` and `targets` must both be [items, labels].",
        fix="Pass a probability and a 0 or 1 for each label of each item.",
    )
    with np.errstate(invalid="ignore"):
        wrong = {
            "answers that are not probabilities": ~((answers >= 0) & (answers <= 1)),
            "targets that are neither 0 nor 1": ~((targets == 0) | (targets == 1)),
        }
    problems = [
        f"{cells.sum():,} {what} (first: row {cells.any(1).argmax()})" for what, cells in wrong.items() if cells.any()
    ]
    if problems or not len(targets):
        what = "`answers` must lie between 0 and 1, and `targets` be 0 or 1."
        fix = "Pass the output of a sigmoid (not logits), and targets as `Categories.encode` gives them."
        raise DataError(what, given=problems or "0 items", fix=fix)
    return answers, targets


def multilabel_metrics(thresholds: Sequence[float] = ()) -> TaskMetrics:
    """How labels are judged that are given from these probabilities on. Default: from 0.5.

    Example:
        >>> metrics = multilabel_metrics([0.5, 0.3])
        >>> answers, targets = np.array([[0.9, 0.4], [0.2, 0.1]]), np.array([[1.0, 1.0], [0.0, 0.0]])
        >>> metrics.score(answers, targets, name="micro_f1"), metrics.score(answers, targets, name="subset_accuracy")
        (1.0, 1.0)
    """
    limits = np.array(thresholds or 0.5)
    metrics = (
        Metric(
            "mean_average_precision",
            interval=lambda a, t, _: rank_classes(a, t > 0, precision_effects, what="label"),
            by_item=lambda a, t: _ranking(a, t).parts,
            is_share=True,
        ),
        Metric("macro_f1", interval=lambda a, t, _: _macro_f1(a >= limits, t > 0), is_share=True),
        Metric("micro_f1", interval=lambda a, t, _: _micro_f1(a >= limits, t > 0), is_share=True),
        Metric("subset_accuracy", interval=lambda a, t, _: _subset(a >= limits, t > 0), is_share=True),
        Metric("log_loss", by_item=item_log_losses, higher_is_better=False),
    )
    return TaskMetrics(
        metrics={metric.name: metric for metric in metrics},
        main="mean_average_precision",
        of_baselines=("mean_average_precision", "log_loss"),
        check=check_answers,
        decide=lambda answers: (answers >= limits).astype(np.int64),
        losses=item_log_losses,
        describe=partial(labels_text, limits),
        per_label=partial(per_label, limits),
        label_word="label",
    )


def per_label(limits: np.ndarray, answers: np.ndarray, targets: np.ndarray, labels: Sequence[str]) -> list[LabelScores]:
    """How well each label is told: precision, recall and F1 at the limits, and average precision.

    Example:
        >>> answers, targets = np.array([[0.9, 0.4], [0.2, 0.1]]), np.array([[1.0, 1.0], [0.0, 0.0]])
        >>> cat, dog = per_label(np.array(0.5), answers, targets, ["cat", "dog"])
        >>> cat.scores["recall"].value, dog.scores["recall"].value, dog.scores["average_precision"].value
        (1.0, 0.0, 1.0)
    """
    assigned, actual = answers >= limits, targets > 0
    counts = ((assigned & actual).sum(0).tolist(), actual.sum(0).tolist(), assigned.sum(0).tolist())
    scores = []
    for column, (label, hits, count, calls) in enumerate(zip(labels, *counts, strict=True)):
        estimates = {
            "precision": rate(hits, calls),
            "recall": rate(hits, count),
            "f1": _f1(hits, count, calls),
            "average_precision": rank_classes(
                answers[:, [column]], actual[:, [column]], precision_effects, what="label"
            ),
        }
        scores.append(LabelScores(label, count, estimates))
    return scores


def item_log_losses(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The log loss of each item in nats, float64 `[items]`: the mean over its labels."""
    # As of classes: a label that was given nothing does not make the whole infinite.
    tiny = np.finfo(answers.dtype).eps
    chosen = np.where(targets > 0, answers, 1 - answers)
    return -np.log(np.clip(chosen, tiny, 1.0).astype(np.float64)).mean(axis=1)


def labels_text(limits: np.ndarray, values: np.ndarray, labels: Sequence[str]) -> str:
    """The labels that probabilities `[labels]` give an item, in words."""
    names = labels or [str(index) for index in range(len(values))]
    return ", ".join(name for name, is_given in zip(names, values >= limits, strict=True) if is_given) or "no label"


def _ranking(answers: np.ndarray, targets: np.ndarray) -> Ranking:
    """Of the labels that some items have and others have not; the others cannot be ranked."""
    positive = targets > 0
    mixed = positive.any(0) & ~positive.all(0)
    return rank(answers[:, mixed], positive[:, mixed], precision_effects)


def _f1(hits: int, count: int, calls: int) -> Estimate:
    return f1_of(wilson(hits, count + calls - hits))


def _macro_f1(assigned: np.ndarray, actual: np.ndarray) -> Estimate:
    """The mean over labels that are among the targets or the answers."""
    present = assigned.any(0) | actual.any(0)
    if not present.any():
        return NAN
    assigned, actual = assigned[:, present], actual[:, present]
    hits, counts, calls = (assigned & actual).sum(0), actual.sum(0), assigned.sum(0)
    total = counts + calls
    scores = 2 * hits / total
    # What an item adds to each label's ratio of sums, averaged: labels of one item go together.
    effects = ((2.0 * (assigned & actual) - scores * (assigned.astype(np.float64) + actual)) / total).mean(axis=1)
    perfect = average(list(map(_f1, hits.tolist(), counts.tolist(), calls.tolist())))
    estimate = _bounded(float(scores.mean()), effects, perfect)
    return if_enough(estimate, int(counts.min()), _NEEDED, "label")


def _micro_f1(assigned: np.ndarray, actual: np.ndarray) -> Estimate:
    """Of all labels of all items taken together; items are drawn, not labels."""
    hits, counts, calls = (assigned & actual).sum(1), actual.sum(1), assigned.sum(1)
    total = int((counts + calls).sum())
    if not total:
        return NAN
    value = 2 * int(hits.sum()) / total
    effects = (2.0 * hits - value * (counts + calls)) / total
    return _bounded(value, effects, _f1(int(hits.sum()), int(counts.sum()), int(calls.sum())))


def logit_normal(value: float, error: float) -> Estimate:
    """An interval for a number between 0 and 1, both excluded, from its standard error: normal in its log odds.

    Source:
        Pepe 2003, "The statistical evaluation of medical tests", section 5.2, for the area under the ROC curve.
    """
    odds = value / (1 - value)
    reach = math.exp(min(Z_SCORE * error / (value * (1 - value)), 700.0))  # exp(710) overflows
    return Estimate(value, odds / (odds + reach), odds / (odds + 1 / reach))


def _bounded(value: float, effects: np.ndarray, perfect: Estimate) -> Estimate:
    """A share with its interval from the items' effects; `perfect` where none of them moves it."""
    error = float(np.sqrt((effects**2).sum()))
    return logit_normal(value, error) if 0 < value < 1 and error > 0 else Estimate(value, perfect.low, perfect.high)


def _subset(assigned: np.ndarray, actual: np.ndarray) -> Estimate:
    """The share of items of which every label is right."""
    return rate(int((assigned == actual).all(axis=1).sum()), len(actual))
