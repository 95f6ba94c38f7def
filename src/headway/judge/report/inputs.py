"""What a report is made of: a model's answers for parts of the data, and what is known beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.judge.baselines.run import BaselineResult
from headway.judge.diagnosis.finding import LayerActivity
from headway.judge.tasks import TaskMetrics, task_metrics

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Given", "PartAnswers", "part_answers"]


@dataclass(frozen=True, kw_only=True)
class PartAnswers:
    """A model's answers for one part: aligned arrays, an entry an item. Made by `part_answers`, which checks them.

    Attributes:
        answers: Probabilities of each class, float `[items, classes]`, rows sum to one; or numbers in their unit.
        targets: Class indices, int64 `[items]`, or float `[items, outputs]`.
        rows: The items' numbers in their source, int64 `[items]`.
        items: What else is known of the items; None where nothing is.
    """

    answers: np.ndarray
    targets: np.ndarray
    rows: np.ndarray
    items: pl.DataFrame | None = None


def part_answers(
    answers: np.ndarray,
    targets: np.ndarray,
    *,
    task: str = "classification",
    rows: np.ndarray | None = None,
    items: pl.DataFrame | None = None,
) -> PartAnswers:
    """A model's answers for one part, checked; without `rows` the items are numbered as they come.

    Raises:
        ConfigError: If the task is not known.
        ShapeError: If the arrays do not fit together.
        DataError: If they do not hold what the task needs.
    """
    task_metrics(task).check(answers, targets)
    # Kept as they came, since metrics of pictures take counts of them; a plain list of numbers becomes a column.
    answers, targets = np.asarray(answers), np.asarray(targets)
    if answers.ndim == 1:
        answers, targets = answers[:, None], targets[:, None]
    rows = np.arange(len(targets)) if rows is None else rows
    return PartAnswers(answers=answers, targets=targets, rows=rows, items=items)


@dataclass(frozen=True, kw_only=True)
class Given:
    """All that a report's findings and details can be made of.

    Attributes:
        task: The kind of target.
        labels: The names of the outputs, where they have names.
        seen: Answers for the part that is looked into item by item.
        part: What that part is called.
        judged: Answers for the part that the verdict is on.
        best: The best baseline on `seen`; None where none was run.
        train: Answers and targets of some training items, answered without augmentation.
        held_out: Answers for training items by models that were trained without them.
        activity: What the model's layers give.
        history: One row an epoch.
        slices: Columns by whose values every metric is given.
        search: Columns among which the worst groups are looked for; all of them when None.
        thresholds: The probability from which each label is given, where an item can have several.
        is_photos: Whether the items are photos, as far as is known.
        seed: The run's seed, for the resampling.
    """

    task: str
    labels: Sequence[str]
    seen: PartAnswers
    part: str = "valid"
    judged: PartAnswers
    best: BaselineResult | None = None
    train: tuple[np.ndarray, np.ndarray] | None = None
    held_out: PartAnswers | None = None
    activity: Sequence[LayerActivity] = ()
    history: Sequence[Mapping[str, Any]] = ()
    slices: Sequence[str] = ()
    search: Sequence[str] | None = None
    thresholds: Sequence[float] = ()
    is_photos: bool = True
    seed: int = 0

    @property
    def known(self) -> TaskMetrics:
        """The task's metrics."""
        return task_metrics(self.task, thresholds=self.thresholds)
