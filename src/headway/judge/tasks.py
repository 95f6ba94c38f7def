"""How answers are judged, by the kind of target: which metrics there are, and which of them comes first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headway.errors import ConfigError, did_you_mean
from headway.judge.intervals import Estimate
from headway.judge.significance import Comparison, compare_numbers, compare_right
from headway.targets.base import Target
from headway.targets.categories.metrics import (
    check_labels,
    given_labels,
    item_log_losses,
    multilabel_metrics,
    per_label,
    precision_parts,
)
from headway.targets.category.metrics import (
    CLASSIFICATION,
    ClassScores,
    LabelScores,
    Metric,
    check_predictions,
    per_class,
)
from headway.targets.mask.metrics import (
    SEGMENTATION,
    check_masks,
    counted_masks,
    item_ious,
    pixel_scores,
    told_mask,
    wrong_shares,
)
from headway.targets.number.metrics import REGRESSION, absolute_errors, check_numbers
from headway.targets.points.metrics import POINTS, check_points, item_errors, told_points

__all__ = ["TASKS", "TaskMetrics", "digits_of", "evaluate", "gathered", "shown_metrics", "task_metrics"]

Check = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
ByItem = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _numbers(values: np.ndarray, labels: Sequence[str]) -> str:
    return ", ".join(f"{each:.4g}" for each in np.ravel(values)[:6])


@dataclass(frozen=True, kw_only=True)
class TaskMetrics:
    """How the answers for one kind of target are judged.

    Attributes:
        metrics: All of its metrics, by name.
        main: The name of the one that a verdict is about, and that is shown while training.
        words: The same in words; made of the name when left out.
        of_baselines: The names of those that baselines are measured by, too.
        check: Answers and targets as the metrics take them, or an error that says what is wrong.
        by_item: Checked answers and targets to each item's part of the main metric, float `[items]`, whose mean is
            the metric: whether an item is right, or how far it is off. By it two models are compared on the same
            items. For a metric that is no mean over items these are pseudo-values: the metric plus, times the number
            of items, what the item adds to it.
        is_right: Whether `by_item` is 1 for a right answer and 0 for a wrong one.
        is_share: Whether the main metric is a share of 1, so that differences are in points (per cent).
        losses: Checked answers and targets to how bad each item's answer is, float `[items]`, the larger the worse.
            Left out: by `by_item`.
        tell: One item's answer or target in words, from its array and the labels.
        per_label: Checked answers and targets, with the labels, to how well each label is told; where there are any.
        label_word: What a label is called, "class" or "label".
        counted: What a label's count is of, "items" or "pixels".
        at: The same for other thresholds than 0.5, one a label, where a label is given from a probability on.
        condense: Answers and targets of some items, and the number of outputs, to what `check` takes in their place
            and takes up less memory; left out where they are small.
    """

    metrics: Mapping[str, Metric]
    main: str
    words: str = ""
    of_baselines: Sequence[str]
    check: Check
    by_item: ByItem
    is_right: bool = False
    is_share: bool = False
    losses: ByItem | None = None
    tell: Callable[[np.ndarray, Sequence[str]], str] = _numbers
    per_label: Callable[[np.ndarray, np.ndarray, Sequence[str]], Sequence[ClassScores | LabelScores]] | None = None
    label_word: Literal["class", "label"] = "class"
    counted: Literal["items", "pixels"] = "items"
    at: Callable[[Sequence[float]], TaskMetrics] | None = None
    condense: Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]] | None = None

    @property
    def title(self) -> str:
        """The main metric in words."""
        return self.words or self.main.replace("_", " ")

    @property
    def higher_is_better(self) -> bool:
        """The direction of the main metric."""
        return self.metrics[self.main].higher_is_better

    @property
    def unit(self) -> str:
        """Of differences of the main metric, after a blank: " points"; nothing for the target's own unit."""
        return " points" if self.is_share else ""

    def score(self, answers: np.ndarray, targets: np.ndarray) -> float:
        """The main metric, of arrays that are checked here."""
        return self.metrics[self.main].compute(*self.check(answers, targets))

    def item_losses(self, answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """How bad each item's answer is, float `[items]`, the larger the worse."""
        given = self.check(answers, targets)
        if self.losses is not None:
            return self.losses(*given)
        return -self.by_item(*given) if self.higher_is_better else self.by_item(*given)

    def compare(self, answers: np.ndarray, others: np.ndarray, targets: np.ndarray, *, seed: int = 0) -> Comparison:
        """The main metric of `answers` less that of `others`, for the same targets; of shares in points."""
        ours, theirs = (self.by_item(*self.check(each, targets)) for each in (answers, others))
        found = (compare_right if self.is_right else compare_numbers)(ours, theirs, seed=seed)
        return found.scaled(100) if self.is_share else found

    def digits(self, score: Estimate) -> int:
        """Digits after the point that say something: three of a share, four figures of any other number."""
        return 3 if self.is_share else digits_of(score)

    def told(self, score: Estimate) -> str:
        """The main metric with its interval, as text."""
        if math.isnan(score.value):
            return str(score)
        digits = self.digits(score)
        return f"{score.value:.{digits}f} [{score.low:.{digits}f}, {score.high:.{digits}f}]"

    def told_difference(self, gap: Estimate) -> str:
        """A difference of the main metric with its interval, as text."""
        digits = self.difference_digits(gap)
        return f"{gap.value:+.{digits}f}{self.unit} [{gap.low:.{digits}f}, {gap.high:.{digits}f}]"

    def difference_digits(self, gap: Estimate) -> int:
        """Digits after the point that say something of a difference."""
        return 1 if self.is_share else digits_of(gap)


def digits_of(score: Estimate) -> int:
    """Digits after the point for four figures of the largest of the three."""
    largest = max((abs(each) for each in (score.value, score.low, score.high) if math.isfinite(each)), default=0.0)
    return min(max(3 - math.floor(math.log10(largest)), 0), 9) if largest > 0 else 3


def _multilabel(thresholds: Sequence[float]) -> TaskMetrics:
    return TaskMetrics(
        metrics=multilabel_metrics(thresholds),
        main="mean_average_precision",
        of_baselines=("mean_average_precision", "log_loss"),
        check=check_labels,
        by_item=precision_parts,
        is_share=True,
        losses=item_log_losses,
        tell=lambda values, labels: given_labels(values, labels, thresholds),
        per_label=lambda answers, targets, labels: per_label(answers, targets, labels=labels, thresholds=thresholds),
        label_word="label",
        at=_multilabel,
    )


TASKS: dict[str, TaskMetrics] = {
    "classification": TaskMetrics(
        metrics=CLASSIFICATION,
        main="accuracy",
        of_baselines=("accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
        check=check_predictions,
        by_item=lambda answers, targets: (answers.argmax(axis=1) == targets).astype(np.float64),
        is_right=True,
        is_share=True,
        per_label=lambda answers, targets, labels: per_class(answers, targets, labels=labels),
    ),
    "multilabel": _multilabel(()),
    "regression": TaskMetrics(
        metrics=REGRESSION,
        main="mae",
        words="mean absolute error",
        of_baselines=("mae", "rmse", "r2"),
        check=check_numbers,
        by_item=absolute_errors,
    ),
    "points": TaskMetrics(
        metrics=POINTS,
        main="error",
        words="mean distance as a share of the longer side",
        of_baselines=("error", "error_pixels", "within_5", "within_10"),
        check=check_points,
        by_item=item_errors,
        is_share=True,
        tell=told_points,
    ),
    "segmentation": TaskMetrics(
        metrics=SEGMENTATION,
        main="mean_iou",
        words="mean intersection over union",
        of_baselines=("mean_iou", "mean_dice", "pixel_accuracy"),
        check=check_masks,
        by_item=item_ious,
        is_share=True,
        losses=wrong_shares,
        tell=told_mask,
        per_label=pixel_scores,
        counted="pixels",
        condense=counted_masks,
    ),
}


def task_metrics(task: str, *, thresholds: Sequence[float] = ()) -> TaskMetrics:
    """The metrics of a task; where labels are given from a probability on, by these thresholds in place of 0.5.

    Raises:
        ConfigError: If the task is not known.
    """
    if task not in TASKS:
        raise ConfigError("There are no metrics for this task.", given=task, fix=did_you_mean(task, TASKS))
    known = TASKS[task]
    return known.at(thresholds) if known.at and len(thresholds) else known


def gathered(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], *, task: str, num_outputs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Answers and targets batch by batch to what `evaluate` takes of them all; of masks only counts are kept.

    Args:
        batches: One or more of what `evaluate` takes, for some of the items each.
        task: The kind of target, a key of `TASKS`.
        num_outputs: How many numbers the model gives for an item, for a mask how many classes there are.

    Example:
        >>> batches = [(np.array([[1.0], [2.0]]), np.array([[1.0], [2.5]])), (np.array([[3.5]]), np.array([[3.0]]))]
        >>> gathered(batches, task="regression", num_outputs=1)[0].shape
        (3, 1)
    """
    condense = task_metrics(task).condense
    kept = [condense(*each, num_outputs) if condense else each for each in batches]
    answers, targets = zip(*kept, strict=True)
    return np.concatenate(answers), np.concatenate(targets)


def evaluate(
    answers: np.ndarray,
    targets: np.ndarray,
    *,
    task: str,
    metrics: Sequence[str] | None = None,
    thresholds: Sequence[float] = (),
    seed: int = 0,
) -> dict[str, Estimate]:
    """Metrics of a task with their 95 % intervals.

    Args:
        answers: Float `[items, outputs]`: probabilities of the classes, or numbers in the target's unit.
        targets: Class indices `[items]`, or float `[items, outputs]`.
        task: The kind of target, a key of `TASKS`.
        metrics: Names of the task's metrics; all of them when left out.
        thresholds: The probability from which each label is given, where an item can have several; 0.5 when left out.
        seed: The run's seed, for the resampling.

    Raises:
        ShapeError: If the arrays do not fit together.
        DataError: If they do not hold what the task needs.
        ConfigError: If the task or a metric is not known.

    Example:
        >>> found = evaluate(np.array([1.0, 2.0, 3.5]), np.array([1.0, 2.5, 3.0]), task="regression")
        >>> round(found["mae"].value, 3)
        0.333
    """
    known = task_metrics(task, thresholds=thresholds)
    answers, targets = known.check(answers, targets)
    wanted = known.metrics if metrics is None else metrics
    for name in wanted:
        if name not in known.metrics:
            raise ConfigError("This metric is not known.", given=name, fix=did_you_mean(name, known.metrics))
    return {name: known.metrics[name].estimate(answers, targets, seed=seed) for name in wanted}


def shown_metrics(target: Target) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    """What is computed on valid after each epoch."""
    known = task_metrics(target.task)
    return {known.main: known.score}
