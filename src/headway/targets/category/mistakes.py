"""What a model gets wrong: the classes it confuses, the items it is most wrong about, the labels that look wrong."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.judge.intervals import Estimate, wilson
from headway.judge.report.inputs import ReportInputs
from headway.targets.category.metrics import check_predictions, item_log_losses

__all__ = [
    "ConfusedPair",
    "LabelIssue",
    "LabelIssues",
    "TopLoss",
    "confused_pairs",
    "find_issues",
    "label_issues",
    "label_judges",
    "sort_by_confusion",
    "top_losses",
]

# An item of a class is compared with the mean of its class; of fewer items than this there is no mean to speak of.
_ENOUGH = 10
# Beyond this many classes the best order takes minutes; a good one still takes none.
_ORDERED = 200
# Share of the way from the commonest class to no error that a model must surely have gone to judge labels.
KNOWS = 0.25
# How many times as often as the best a simple model may be wrong and still be heard on labels.
MOST_WRONG = 3
# Suspected labels of a part; a report lists no more.
_NAMED = 200
# Training items that are set aside for baselines, of which fewer say little: the baselines have learned from few, too.
_ENOUGH_ASIDE = 100


@dataclass(frozen=True, kw_only=True)
class ConfusedPair(AsJson):
    """A class that is taken for another: how many of its items, and which share of them."""

    actual: str
    predicted: str
    count: int
    rate: Estimate


@dataclass(frozen=True, kw_only=True)
class TopLoss(AsJson):
    """An item that the model gave its own label little probability.

    Attributes:
        row: The item's number in its source.
        predicted: The label that it was given, which is its own where the answer is right but not sure.
        loss: The negative logarithm of `probability_of_target`, in nats.
    """

    row: int
    target: str
    predicted: str
    probability_of_target: float
    probability_of_predicted: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class LabelIssue(AsJson):
    """An item whose label looks wrong.

    Attributes:
        row: The item's number in its source.
        suggested: The label that models which did not see it give it.
        quality: The probability that they give the label that it has, between 0 and 1; the lower, the more suspect.
    """

    row: int
    label: str
    suggested: str
    quality: float


@dataclass(frozen=True, kw_only=True)
class LabelIssues(AsJson):
    """Which labels look wrong.

    Attributes:
        issues: The items, the most suspect first.
        noise: The estimated share of wrong labels, between 0 and 1. It has no interval: it is off by as much as the
            model is wrong with confidence, which more items do not mend. NaN where nothing could be checked.
        reason: Why nothing could be checked; empty where it was.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentence",)

    count: int
    checked: int
    issues: list[LabelIssue]
    noise: float
    reason: str = ""

    @property
    def sentence(self) -> str:
        """The finding in words."""
        if self.reason:
            return f"Labels were not checked: {self.reason}."
        if not self.count:
            return f"None of {self.checked:,} labels looks wrong."
        return (
            f"{self.count:,} of {self.checked:,} labels look wrong ({self.noise:.1%}). Look at them: "
            "some will be wrong, others only ambiguous."
        )


def confused_pairs(confusion: np.ndarray, labels: Sequence[str], *, n: int) -> list[ConfusedPair]:
    """Which classes are taken for which others, the `n` most frequent first.

    Example:
        >>> for pair in confused_pairs(np.array([[8, 2], [1, 9]]), ["cat", "dog"], n=10):
        ...     print(pair.actual, pair.predicted, pair.count, pair.rate)
        cat dog 2 0.200 [0.057, 0.510]
        dog cat 1 0.100 [0.018, 0.404]
    """
    totals = confusion.sum(1)
    wrong = confusion * (1 - np.eye(len(confusion), dtype=np.int64))
    actual, predicted = np.nonzero(wrong)
    counts = wrong[actual, predicted]
    # Of equally many items, the pair with the larger share of its class comes first.
    order = np.lexsort((-counts / totals[actual], -counts))[:n].tolist()
    return [
        ConfusedPair(
            actual=labels[int(actual[k])],
            predicted=labels[int(predicted[k])],
            count=int(counts[k]),
            rate=wilson(int(counts[k]), int(totals[actual[k]])),
        )
        for k in order
    ]


def sort_by_confusion(confusion: np.ndarray) -> list[int]:
    """The classes' indices in an order in which those that are confused stand together; without any, as they are.

    Example:
        >>> sort_by_confusion(np.array([[8, 0, 2], [0, 9, 0], [1, 0, 9]]))
        [0, 2, 1]

    Source:
        Average linkage with the leaves in their best order: Bar-Joseph, Gifford and Jaakkola 2001, "Fast optimal leaf
        ordering for hierarchical clustering".
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    rates = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    # Both ways: an order on a page has no direction.
    near = (rates + rates.T) / 2
    np.fill_diagonal(near, 0)
    if len(near) < 3 or not near.any():
        return list(range(len(near)))
    distances = 1 - near
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average", optimal_ordering=len(near) <= _ORDERED)
    order = leaves_list(tree).tolist()
    # An order is as good backwards: the one that begins lower is the one to expect.
    return order if order[0] <= order[-1] else order[::-1]


def top_losses(
    probabilities: np.ndarray, targets: np.ndarray, rows: np.ndarray, *, labels: Sequence[str], n: int
) -> list[TopLoss]:
    """The `n` items that the model is most wrong about, then the right ones that it is least sure of.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> (worst,) = top_losses(probabilities, np.array([1, 1]), np.array([7, 9]), labels=["cat", "dog"], n=1)
        >>> worst.row, worst.target, worst.predicted, round(worst.loss, 2)
        (7, 'dog', 'cat', 2.3)
    """
    own = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    best, predicted = probabilities.max(1).astype(np.float64), probabilities.argmax(1)
    losses = item_log_losses(probabilities, targets)
    # Of items whose label was given nothing at all, which are equally wrong, the surest of something else comes first.
    order = np.lexsort((rows, -best, -losses))[:n].tolist()
    return [
        TopLoss(
            row=int(rows[k]),
            target=labels[int(targets[k])],
            predicted=labels[int(predicted[k])],
            probability_of_target=float(own[k]),
            probability_of_predicted=float(best[k]),
            # Minus zero, the loss of a certain hit, is shown as 0.
            loss=float(losses[k]) + 0.0,
        )
        for k in order
    ]


def label_issues(
    probabilities: np.ndarray, targets: np.ndarray, rows: np.ndarray, *, labels: Sequence[str]
) -> LabelIssues:
    """Items whose label looks wrong, by confident learning.

    An item is suspect where a model that was not trained on it gives another class more probability than is usual for
    that class's own items. How many labels are wrong is estimated from that; as many are named, the least probable
    labels first. Classes with fewer than 10 items are suggested, but the labels of their own items are left alone.

    Example:
        >>> probabilities, targets = np.repeat([[0.9, 0.1], [0.1, 0.9]], 20, axis=0), np.repeat([0, 1], 20)
        >>> targets[3] = 1  # a mistake
        >>> (issue,) = label_issues(probabilities, targets, np.arange(40), labels=["cat", "dog"]).issues
        >>> issue.row, issue.label, issue.suggested
        (3, 'dog', 'cat')

    Source:
        Northcutt, Jiang and Chuang 2021, arXiv:1911.00068, by cleanlab.
    """
    from cleanlab.filter import find_label_issues

    is_common = np.bincount(targets, minlength=probabilities.shape[1]) >= _ENOUGH
    if is_common.sum() < 2:
        reason = f"at least two classes with {_ENOUGH} items are needed"
        return LabelIssues(count=0, checked=0, issues=[], noise=math.nan, reason=reason)
    right, majority = wilson(int((probabilities.argmax(1) == targets).sum()), len(targets)), np.bincount(targets).max()
    # A model that knows little finds many labels strange, and is wrong about them.
    if right.low <= majority / len(targets) + KNOWS * (1 - majority / len(targets)):
        reason = f"with {right.value:.1%} right answers, hardly more is known than the commonest class"
        return LabelIssues(count=0, checked=0, issues=[], noise=math.nan, reason=reason)
    with warnings.catch_warnings():
        # It warns of classes with hardly any items; those are left out anyway.
        warnings.simplefilter("ignore")
        # As many as the joint counts say, those with the least probable labels: of cleanlab's ways to choose, the one
        # with the fewest false alarms on digits. One process: its own would each load everything once more.
        suspect = find_label_issues(targets, probabilities, filter_by="low_self_confidence", n_jobs=1)
    quality = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    checked, predicted = is_common[targets], probabilities.argmax(1)
    suspects = np.flatnonzero(np.asarray(suspect, dtype=bool) & checked & (predicted != targets))
    issues = [
        LabelIssue(
            row=int(rows[k]),
            label=labels[int(targets[k])],
            suggested=labels[int(predicted[k])],
            quality=float(quality[k]),
        )
        for k in suspects[np.lexsort((rows[suspects], quality[suspects]))]
    ]
    count = int(checked.sum())
    return LabelIssues(count=len(issues), checked=count, issues=issues, noise=len(issues) / count)


def find_issues(inputs: ReportInputs) -> dict[str, LabelIssues]:
    """Labels that look wrong, by part; all of them are counted, the first 200 are named."""
    issues = {}
    for part, judge in label_judges(inputs).items():
        every = label_issues(judge.probabilities, judge.targets, judge.rows, labels=inputs.labels)
        issues[part] = replace(every, issues=every.issues[:_NAMED])
    return issues


@dataclass(frozen=True, kw_only=True)
class LabelJudge:
    """Answers of a model that did not see the items, and where simple models that are nearly as good give the same."""

    probabilities: np.ndarray
    targets: np.ndarray
    rows: np.ndarray
    is_agreed: np.ndarray

    @property
    def num_sure_errors(self) -> int:
        """About how many labels are wrong: twice the agreed errors that are surer than half of the right answers.

        Of an item that is hard to tell a model is less sure, and others say something else. Where the label is wrong it
        is as sure as elsewhere, however sure that is.
        """
        top = np.log(np.maximum(np.sort(self.probabilities.astype(np.float64), axis=1)[:, -2:], 1e-300))
        margins, is_right = top[:, 1] - top[:, 0], self.probabilities.argmax(1) == self.targets
        usual = float(np.median(margins[is_right])) if is_right.any() else math.inf
        return 2 * int((~is_right & self.is_agreed & (margins > usual)).sum())


def label_judges(inputs: ReportInputs) -> dict[str, LabelJudge]:
    """What labels are judged by, by part.

    Those of `inputs.focus` by the model or by the best baseline, whichever is right more often: a model that has not
    learned says nothing of labels. Those of train by heads that were solved without the item; where there are none, by
    the best baseline, for the items that were set aside for it, if there are three classes or more: of two classes all
    wrong answers are the same one, and that other baselines agree says nothing.
    """
    learned = [one for one in inputs.baselines if one.needs is not None]
    aside = [one.held_out for one in learned if one.held_out is not None and len(one.held_out) >= _ENOUGH_ASIDE]
    aside = aside if len(inputs.labels) > 2 else []
    seen = [replace(inputs.seen, predictions=one.predictions[inputs.focus]) for one in learned]
    judged = {inputs.focus: [inputs.seen, *seen]}
    if inputs.held_out is not None or aside:
        judged["train"] = [inputs.held_out] if inputs.held_out is not None else aside
    judges = {}
    for part, (first, *others) in judged.items():
        probabilities, targets = check_predictions(first.predictions, first.targets)
        answers = [probabilities, *(other.predictions for other in others)]
        num_wrong = [int((answer.argmax(1) != targets).sum()) for answer in answers]
        best = answers[int(np.argmin(num_wrong))]
        # Those that are wrong far more often, such as pixels beside a pretrained network's features, have no say.
        with_say = [
            answer.argmax(1) == best.argmax(1)
            for answer, wrong in zip(answers[1:], num_wrong[1:], strict=True)
            if wrong <= MOST_WRONG * min(num_wrong)
        ]
        is_agreed = np.all(with_say or [targets >= 0], axis=0)
        judges[part] = LabelJudge(probabilities=best, targets=targets, rows=first.rows, is_agreed=is_agreed)
    return judges
