"""How answers are judged, by the kind of target: which metrics there are, and which of them comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headway.errors import ConfigError, did_you_mean, explain
from headway.fields import Target
from headway.judge.intervals import Estimate
from headway.judge.metrics import CLASSIFICATION, Metric, check_predictions
from headway.judge.regression import REGRESSION, absolute_errors, check_numbers

__all__ = ["TASKS", "TaskMetrics", "evaluate", "shown_metrics", "task_metrics"]

Check = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class TaskMetrics:
    """How the answers for one kind of target are judged.

    Attributes:
        metrics: All of its metrics, by name.
        main: The name of the one that a verdict is about, and that is shown while training.
        of_baselines: The names of those that baselines are measured by, too.
        check: Answers and targets as the metrics take them, or an error that says what is wrong.
        by_item: Checked answers and targets to each item's part of the main metric, float `[items]`: whether it is
            right, or how far it is off. Where it is a mean over items, models are compared item by item.
    """

    metrics: Mapping[str, Metric]
    main: str
    of_baselines: Sequence[str]
    check: Check
    by_item: Callable[[np.ndarray, np.ndarray], np.ndarray]

    @property
    def higher_is_better(self) -> bool:
        """The direction of the main metric."""
        return self.metrics[self.main].higher_is_better


TASKS: dict[str, TaskMetrics] = {
    "classification": TaskMetrics(
        metrics=CLASSIFICATION,
        main="accuracy",
        of_baselines=("accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
        check=check_predictions,
        by_item=lambda answers, targets: (answers.argmax(axis=1) == targets).astype(np.float64),
    ),
    "regression": TaskMetrics(
        metrics=REGRESSION,
        main="mae",
        of_baselines=("mae", "rmse", "r2"),
        check=check_numbers,
        by_item=absolute_errors,
    ),
}


def task_metrics(task: str) -> TaskMetrics:
    """The metrics of a task.

    Raises:
        ConfigError: If the task is not known.
    """
    if task not in TASKS:
        raise ConfigError(explain("There are no metrics for this task.", given=task, fix=did_you_mean(task, TASKS)))
    return TASKS[task]


def evaluate(
    answers: np.ndarray, targets: np.ndarray, *, task: str, metrics: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Estimate]:
    """Metrics of a task with their 95 % intervals.

    Args:
        answers: Float `[items, outputs]`: probabilities of the classes, or numbers in the target's unit.
        targets: Class indices `[items]`, or float `[items, outputs]`.
        task: The kind of target, a key of `TASKS`.
        metrics: Names of the task's metrics; all of them when left out.
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
    known = task_metrics(task)
    answers, targets = known.check(answers, targets)
    wanted = known.metrics if metrics is None else metrics
    for name in wanted:
        if name not in known.metrics:
            raise ConfigError(explain("This metric is not known.", given=name, fix=did_you_mean(name, known.metrics)))
    return {name: known.metrics[name].estimate(answers, targets, seed=seed) for name in wanted}


def shown_metrics(target: Target) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    """What is computed on valid after each epoch."""
    known = task_metrics(target.task)
    return {known.main: lambda answers, targets: known.metrics[known.main].compute(*known.check(answers, targets))}
