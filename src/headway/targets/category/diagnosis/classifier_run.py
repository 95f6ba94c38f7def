"""A run as the diagnosis of classes sees it: its history, and the predictions in a form that can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from headway.errors import DataError
from headway.judge.intervals import NAN, Estimate, wilson
from headway.targets.category.metrics import item_log_losses

__all__ = ["ClassifierRun", "Epoch", "Judged"]

# A history's loss within so much of the log loss (as a share of it) is taken to be the log loss.
SAME_LOSS, SAME_LOSS_NATS = 0.1, 0.02


@dataclass(frozen=True)
class Epoch:
    """One entry of a history, of stage "head" or "all"; a number that it lacks is NaN.

    The accuracy is on valid, the rate that of the last step. Where the training targets were mixed or smoothed, the
    training loss is another measure than the validation loss.
    """

    stage: str
    train_loss: float
    valid_loss: float
    accuracy: float
    lr: float
    is_mixed: bool = False

    @property
    def is_finite(self) -> bool:
        """Whether both losses are."""
        return math.isfinite(self.train_loss) and math.isfinite(self.valid_loss)


@dataclass(frozen=True)
class Judged:
    """A model's probabilities for a part, float `[items, classes]`, its targets, int64 `[items]`, and what follows."""

    probabilities: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def correct(self) -> np.ndarray:
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
    def shares(self) -> np.ndarray:
        """Each class's share of the targets, float64 `[classes]`."""
        return np.bincount(self.targets, minlength=self.probabilities.shape[1]) / len(self)


@dataclass(frozen=True, kw_only=True)
class ClassifierRun:
    """A run as a diagnosis sees it.

    Attributes:
        labels: The classes' names, in the order of the columns.
        valid: Judged for valid.
        train: Judged for training items in evaluation mode and without augmentation; without it, neither a gap between
            train and valid nor underfitting can be seen.
        history: An entry an epoch, as `History.to_json()` gives them; may be empty.
        num_label_issues: Suspected label errors among `num_checked` items.
        num_checked: Items that were looked at for them.
        baseline_accuracy: The best baseline's on valid, from 0 to 1: a model without an error is suspicious only where
            the task is not easy.
        baseline_learns: Whether one of the baselines looks at the items, and not at the targets alone.
        is_blind: Whether neither the model nor a baseline that learns surely gives an item's own class more probability
            than other items' classes; False where that was not measured.
        tries: What to try that only the kind of input has, by the kind of finding.
        clusters: Which items of valid belong together, int64 `[items]`; None where all are independent.
    """

    labels: Sequence[str]
    valid: Judged
    train: Judged | None = None
    history: Sequence[Mapping[str, Any]] = ()
    num_label_issues: int = 0
    num_checked: int = 0
    baseline_accuracy: float | None = None
    baseline_learns: bool = False
    is_blind: bool = False
    tries: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clusters: np.ndarray | None = None

    @cached_property
    def head(self) -> Epoch | None:
        """The last entry that solved the head alone, if any."""
        return next((epoch for epoch in reversed(self._entries) if epoch.stage == "head"), None)

    @cached_property
    def epochs(self) -> tuple[Epoch, ...]:
        """The epochs that trained every layer since the head was solved, of the last call alone.

        Two calls make no curve: the second starts with a high learning rate again, and its losses jump for that reason
        alone. A call starts where the rate rises after it had been falling.
        """
        heads = [index for index, epoch in enumerate(self._entries) if epoch.stage == "head"]
        after = self._entries[heads[-1] + 1 :] if heads else self._entries
        start, was_falling = 0, False
        for index in range(1, len(after)):
            if after[index].lr < after[index - 1].lr:
                was_falling = True
            # While a schedule warms up the rate rises, too: only after a fall is it another call.
            elif after[index].lr > after[index - 1].lr and was_falling:
                start, was_falling = index, False
        return tuple(after[start:])

    @cached_property
    def _entries(self) -> list[Epoch]:
        return [_epoch(index, entry) for index, entry in enumerate(self.history)]

    @cached_property
    def log_loss(self) -> float:
        """Mean log loss on valid, in nats."""
        return float(self.valid.losses.mean())

    @cached_property
    def chance(self) -> float:
        """Log loss of one who knows the classes' shares and nothing else, in nats."""
        # Of the training items, which is what a model could learn of shares.
        shares = (self.train or self.valid).shares
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())

    @cached_property
    def kept_head(self) -> bool:
        """Whether the model is the one that stage "head" ended with, although every layer was trained after it."""
        if self.head is None or not self.epochs:
            return self.head is not None
        # The history does not say so; the loss on valid, which is the same to the last digits, does.
        return abs(self.head.valid_loss - self.log_loss) < abs(self.epochs[-1].valid_loss - self.log_loss)

    @cached_property
    def can_compare(self) -> bool:
        """Whether the training losses are log losses of plain targets, which `chance` and losses on valid are, too."""
        last = self.head if self.kept_head else self.epochs[-1] if self.epochs else None
        if last is None or any(epoch.is_mixed for epoch in self.epochs):
            return False
        # A loss of one's own gives the last epoch another number than the log loss of the model's predictions.
        gap = abs(last.valid_loss - self.log_loss)
        return not math.isfinite(gap) or gap <= SAME_LOSS * self.log_loss + SAME_LOSS_NATS

    @cached_property
    def noise(self) -> Estimate:
        """Suspected label errors as a share of the items looked at; NaN where nobody looked."""
        return wilson(self.num_label_issues, self.num_checked) if self.num_checked else NAN


def _epoch(index: int, entry: Mapping[str, Any]) -> Epoch:
    missing = [name for name in ("stage", "train_loss", "valid_loss") if name not in entry]
    # A history comes from the user where predictions are judged as arrays, hence the check.
    if missing or entry["stage"] not in ("head", "all"):
        raise DataError(
            'Each entry of `history` needs a stage ("head" or "all"), a train_loss and a valid_loss.',
            given=f"entry {index} without {', '.join(missing)}" if missing else f"stage {entry['stage']!r}",
            fix="Pass `learner.history.to_json()`.",
        )
    values = [entry.get(name) for name in ("train_loss", "valid_loss", "accuracy", "lr")]
    numbers = (math.nan if value is None else float(value) for value in values)
    return Epoch(entry["stage"], *numbers, is_mixed=bool(entry.get("is_mixed", False)))
