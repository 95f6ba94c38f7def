"""What a body learns by counting rather than by gradients: a score for each class, as its last features.

A body that can do so has a `counter`, whose scores are 0 until counts are put into it; the head adds them to its
outputs. They are put in after the weights were trained: rows that were counted have surer scores than new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from headway.data.dataset import Part
from headway.train.objective import Objective, calibrated_losses

__all__ = [
    "Counts",
    "add_scores",
    "count",
    "counter_of",
    "forget_counts",
    "judged",
    "scores_of",
    "with_scores",
    "without_scores",
]

# Of more items nothing is counted: the weights learn from so many what scores would add.
MOST_COUNTED = 50_000

# Items that are scored at once.
CHUNK = 1_000


@dataclass(frozen=True)
class Counts:
    """What a counter found in a part's items.

    Attributes:
        table: What its `put` takes.
        held_out: Scores of the part's items, float32 `[items, classes]`, each counted without its item.
    """

    table: torch.Tensor
    held_out: torch.Tensor

    def scores(self, model: Any, part: Part) -> torch.Tensor:
        """The scores of other items, float32 `[items, classes]`; the model stays as it is."""
        before = model.body.counter.table.clone()
        model.body.counter.put(self.table)
        scores = scores_of(model, part)
        model.body.counter.put(before)
        return scores

    def put_into(self, model: Any) -> None:
        """Has the model's outputs go by the scores, too."""
        model.body.counter.put(self.table)
        add_scores(model.head)


def count(model: nn.Module, part: Part, *, seed: int) -> Counts | None:
    """What the counter of a model's body finds in training items; None where it has none, or these are many.

    The model stays as it is.
    """
    counter = counter_of(model)
    if counter is None or len(part.data.train) > MOST_COUNTED:
        return None
    items = torch.from_numpy(part.canvases(np.arange(len(part))))
    return Counts(*counter.count(items, torch.from_numpy(part.targets), seed=seed))


@torch.no_grad()
def add_scores(head: nn.Linear) -> None:
    """Has a head add the last of its features, as many as it has outputs, to these."""
    head.weight[:, -head.out_features :] = torch.eye(head.out_features)


@torch.no_grad()
def scores_of(model: Any, part: Part) -> torch.Tensor:
    """The scores of a part's items as the model's counter has them, float32 `[items, classes]`."""
    counter = model.body.counter
    chunks = np.array_split(np.arange(len(part)), -(-len(part) // CHUNK))
    device = counter.table.device
    return torch.cat([counter(torch.from_numpy(part.canvases(chunk)).to(device)).cpu() for chunk in chunks])


def judged(
    outputs: torch.Tensor, targets: torch.Tensor, scores: torch.Tensor | None, *, objective: Objective
) -> tuple[torch.Tensor, bool]:
    """The `calibrated_losses` of outputs, or of outputs and scores where these are lower; and whether they are."""
    losses = calibrated_losses(outputs, targets, objective=objective)
    if scores is None:
        return losses, False
    with_them = calibrated_losses(outputs + scores, targets, objective=objective)
    return (with_them, True) if with_them.mean() < losses.mean() else (losses, False)


def with_scores(model: nn.Module, part: Part, features: np.ndarray) -> np.ndarray:
    """Features of a part that were computed before anything was counted, with the scores that the model has now."""
    if counter_of(model) is None:
        return features
    scores = scores_of(model, part).numpy()
    return np.hstack([features[:, : -scores.shape[1]], scores])


def without_scores(model: Any, features: np.ndarray) -> np.ndarray:
    """Features `[items, features]` without the scores, which are of the classes and not of what items are like."""
    return features if counter_of(model) is None else features[:, : -model.head.out_features]


def forget_counts(model: nn.Module) -> None:
    """Makes all scores 0."""
    counter = counter_of(model)
    if counter is not None:
        counter.put(torch.zeros_like(counter.table))


def counter_of(model: nn.Module) -> Any:
    """The counter of a model's body; None where it has none."""
    return getattr(getattr(model, "body", None), "counter", None)
