"""What a diagnosis of classes looks at: a run's history and the model's predictions, in a form that can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from headway.errors import DataError
from headway.judge import intervals
from headway.judge.intervals import NAN, Estimate, wilson
from headway.targets.category.metrics import check_labels, check_predictions, confusion_matrix, item_log_losses

__all__ = ["Case", "Judged", "Row", "judged", "read_history"]

# A history's loss within so much of the log loss (as a share of it) is taken to be the log loss.
_SAME_LOSS = 0.1
_SAME_LOSS_NATS = 0.02


@dataclass(frozen=True)
class Row:
    """One epoch; a number that the history lacks is NaN.

    Attributes:
        stage: "head" or "all".
        train_loss: Over the epoch, as it was trained on.
        valid_loss: At the epoch's end.
        accuracy: On valid, from 0 to 1.
        lr: Of the last step.
        is_mixed: Whether the training targets were mixed or smoothed: the training loss is then another measure.
    """

    stage: str
    train_loss: float
    valid_loss: float
    accuracy: float
    lr: float
    is_mixed: bool = False


@dataclass(frozen=True)
class Judged:
    """A model's predictions for one part, and what follows from them.

    Attributes:
        probabilities: float `[items, classes]`.
        targets: int64 `[items]`.
    """

    probabilities: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether each answer is right, bool `[items]`."""
        return self.probabilities.argmax(1) == self.targets

    @cached_property
    def confidence(self) -> np.ndarray:
        """The probability of each answer, float64 `[items]`."""
        return self.probabilities.max(1).astype(np.float64)

    @cached_property
    def losses(self) -> np.ndarray:
        """The log loss of each item in nats, float64 `[items]`."""
        return item_log_losses(self.probabilities, self.targets)

    @cached_property
    def accuracy(self) -> Estimate:
        """Share of right answers, with its interval."""
        return wilson(int(self.correct.sum()), len(self))

    @cached_property
    def overconfidence(self) -> Estimate:
        """Mean probability of the answers less the share of right ones; above 0 when the model is too sure."""
        return intervals.mean(self.confidence - self.correct)

    @cached_property
    def shares(self) -> np.ndarray:
        """Each class's share of the targets, float64 `[classes]`."""
        return np.bincount(self.targets, minlength=self.probabilities.shape[1]) / len(self)

    @cached_property
    def confusion(self) -> np.ndarray:
        """How often each class (row) was given each class (column), int64 `[classes, classes]`."""
        return confusion_matrix(self.probabilities, self.targets)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run as a diagnosis sees it.

    Attributes:
        labels: The classes' names.
        valid: Judged for valid.
        train: Judged for training items without augmentation, where there are any.
        head: The last entry that solved the head alone, if any.
        epochs: The epochs that trained every layer since then, of the last call alone.
        num_label_issues: Suspected label errors.
        num_checked: Items that were looked at for them.
        baseline_accuracy: The best baseline's on valid, from 0 to 1.
        tries: What to try against underfitting that depends on the kind of input.
    """

    labels: tuple[str, ...]
    valid: Judged
    train: Judged | None = None
    head: Row | None = None
    epochs: tuple[Row, ...] = ()
    num_label_issues: int | None = None
    num_checked: int | None = None
    baseline_accuracy: float | None = None
    tries: tuple[str, ...] = ()

    @cached_property
    def log_loss(self) -> float:
        """Mean log loss on valid, in nats."""
        return float(self.valid.losses.mean())

    @cached_property
    def chance(self) -> float:
        """Log loss of one who knows the classes' shares and nothing else, in nats."""
        shares = (self.train or self.valid).shares
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())

    @cached_property
    def kept_head(self) -> bool:
        """Whether the model is the one that stage "head" ended with, although every layer was trained after it.

        The history does not say so; the loss on valid, which is the same to the last digits, does.
        """
        if self.head is None or not self.epochs:
            return self.head is not None
        return abs(self.head.valid_loss - self.log_loss) < abs(self.epochs[-1].valid_loss - self.log_loss)

    @cached_property
    def is_log_loss(self) -> bool:
        """Whether the history's losses are log losses, so that they can be compared with `chance`."""
        kept = self.head if self.kept_head else self.epochs[-1] if self.epochs else None
        if kept is None or not math.isfinite(kept.valid_loss):
            return kept is not None
        return abs(kept.valid_loss - self.log_loss) <= _SAME_LOSS * self.log_loss + _SAME_LOSS_NATS

    @cached_property
    def can_compare(self) -> bool:
        """Whether the training losses are log losses of plain targets, which `chance` and losses on valid are, too."""
        return self.is_log_loss and not any(row.is_mixed for row in self.epochs)

    @cached_property
    def noise(self) -> Estimate:
        """Suspected label errors as a share of the items looked at; NaN where nobody looked."""
        if not self.num_checked or self.num_label_issues is None:
            return NAN
        return wilson(self.num_label_issues, self.num_checked)


def read_history(history: Sequence[Mapping[str, Any]]) -> tuple[Row | None, tuple[Row, ...]]:
    """The last entry of stage "head", and the epochs after it that belong to the last call.

    Two calls make no curve: the second starts with a high learning rate again, and its losses jump for that reason
    alone. A call starts where the rate rises after it had been falling.

    Raises:
        DataError: If an entry has no stage or losses.
    """
    rows = [_row(number, entry) for number, entry in enumerate(history)]
    heads = [place for place, row in enumerate(rows) if row.stage == "head"]
    after = rows[heads[-1] + 1 :] if heads else rows
    start, was_falling = 0, False
    for place in range(1, len(after)):
        if after[place].lr < after[place - 1].lr:
            was_falling = True
        elif after[place].lr > after[place - 1].lr and was_falling:
            start, was_falling = place, False
    return rows[heads[-1]] if heads else None, tuple(after[start:])


def judged(given: tuple[np.ndarray, np.ndarray], labels: Sequence[str]) -> Judged:
    """The two arrays, checked.

    Raises:
        ShapeError: If they do not fit together, or not to the labels.
        DataError: If they hold no probabilities, or targets that are no class.
    """
    found = Judged(*check_predictions(*given))
    check_labels(labels, found.probabilities.shape[1])
    return found


def _row(number: int, entry: Mapping[str, Any]) -> Row:
    missing = [name for name in ("stage", "train_loss", "valid_loss") if name not in entry]
    if missing or entry["stage"] not in ("head", "all"):
        raise DataError(
            'Each entry of `history` needs a stage ("head" or "all"), a train_loss and a valid_loss.',
            given=f"entry {number} without {', '.join(missing)}" if missing else f"stage {entry['stage']!r}",
            fix="Pass `learner.history.to_json()`.",
        )
    values = [entry.get(name) for name in ("train_loss", "valid_loss", "accuracy", "lr")]
    numbers = (math.nan if value is None else float(value) for value in values)
    return Row(entry["stage"], *numbers, is_mixed=bool(entry.get("is_mixed", False)))
