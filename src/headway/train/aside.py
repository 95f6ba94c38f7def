"""The training rows that are set aside to decide between two stages, and how they decide."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from headway.data.dataset import Part
from headway.data.splits import RandomSplit, assign_parts
from headway.train.callbacks import BatchResult, Callback, TrainState
from headway.train.recipe import Recipe

__all__ = ["BreakOff", "BrokenOff", "is_clearly_lower", "set_aside"]

# The share of the training rows that judges the two stages, and how many rows that are at least, and at most where no
# recipe wants fewer.
ASIDE = 0.1
MIN_ASIDE = 50
MOST_ASIDE = Recipe.most_aside

# The share of stage two's steps after which it may be broken off. Earlier, while the rate is high, a stage that ends
# clearly better than the head may be clearly worse.
LOOKS_AT = 1 / 2

# Where a recipe wants fewer rows, so many of the rarest class are still among them, if the share has them.
MIN_OF_CLASS = 20


def set_aside(part: Part, seed: int, *, most: int = MOST_ASIDE) -> tuple[Part, Part]:
    """A part in two, stratified, identical items together: what trains, and what judges the stages.

    `most` are how many judge at most, where each item has one class; of other targets `MOST_ASIDE` do. Thresholds of
    labels are chosen on them, too.
    """
    count = len(part)
    most = max(most, _for_classes(part)) if part.data.target.is_one_class else MOST_ASIDE
    # A tenth, but at least fifty rows where these are at most a quarter, and never more than so many.
    share = min(max(ASIDE, min(MIN_ASIDE / count, 0.25)), most / count if count > most else 1)
    is_inside = np.array(assign_parts(RandomSplit(share, seed=seed), part.items, part.data.target)) == "train"
    inside, aside = (Part(part.data, part.name, part.items.filter(rows)) for rows in (is_inside, ~is_inside))
    return inside, aside


def _for_classes(part: Part) -> int:
    """How many rows have `MIN_OF_CLASS` of the rarest class, drawn by class; at most `MOST_ASIDE`."""
    counts = np.bincount(part.targets)
    return min(math.ceil(MIN_OF_CLASS * len(part) / counts[counts > 0].min()), MOST_ASIDE)


def is_clearly_lower(losses: torch.Tensor, others: torch.Tensor) -> bool:
    """Whether losses `[rows]` are clearly lower than others of the same rows: by more than a standard error."""
    # The rule of one standard error (Breiman, Friedman, Olshen and Stone 1984, Classification and Regression Trees).
    gains = others - losses
    return bool(gains.mean() > gains.std() / math.sqrt(len(gains)))


class BrokenOff(Exception):  # noqa: N818
    """Stage two was clearly worse than the head; no user sees it.

    Attributes:
        losses: What its model lost on each of the rows set aside, `[rows]`.
        step: Steps done,
        total_steps: and planned.
    """

    def __init__(self, losses: torch.Tensor, step: int, total_steps: int) -> None:
        super().__init__()
        self.losses, self.step, self.total_steps = losses, step, total_steps


class BreakOff(Callback):
    """Breaks stage two off halfway where it is clearly worse than the head.

    Args:
        losses_of: A model to what it loses on each of the rows set aside, `[rows]`.
        head_losses: What the head that the stage began with loses on them.
    """

    def __init__(self, losses_of: Callable[[nn.Module], torch.Tensor], head_losses: torch.Tensor) -> None:
        self.losses_of, self.head_losses = losses_of, head_losses

    def on_train_begin(self, state: TrainState) -> None:
        """Finds the step by the plan, as a stage planned in minutes may be shortened before it."""
        self.looks_at = max(round(LOOKS_AT * state.total_steps), 1)

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        """Looks once.

        Raises:
            BrokenOff: If the model is clearly worse than the head.
        """
        if state.step == self.looks_at:
            losses = self.losses_of(state.model)
            if is_clearly_lower(self.head_losses, losses):
                raise BrokenOff(losses, state.step, state.total_steps)
