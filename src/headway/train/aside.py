"""The training rows that are set aside to decide between two stages, and how they decide."""

from __future__ import annotations

import math

import numpy as np
import torch

from headway.data.dataset import Part
from headway.data.splits import RandomSplit, assign_parts
from headway.train.recipe import Recipe

__all__ = ["is_clearly_lower", "set_aside"]

# The share of the training rows that judges the two stages, and how many rows that are at least, and at most where no
# recipe wants fewer.
ASIDE = 0.1
MIN_ASIDE = 50
MOST_ASIDE = Recipe.most_aside

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
