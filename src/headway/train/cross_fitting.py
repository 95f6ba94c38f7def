"""Heads of folds, by which the body trains in stage two: each row's features go to one that was solved without it.

A head is right on nearly all the rows that it was solved with, and sure of them: their loss is near 0, and the body
learns little from it. A head that does not know a row answers as for a new one. The heads stay as they were solved, and
afterwards their mean answers.

Source:
    Cross-fitting: Chernozhukov et al. 2018, arXiv:1608.00060. That a head need not be trained with its body: Hoffer,
    Hubara and Soudry 2018, arXiv:1801.04540.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.targets.base import Target
from headway.train.linear_probe import NUM_FOLDS, Head, fold_numbers, solve_head
from headway.train.recipe import Recipe

__all__ = ["FoldHeads", "choose_heads", "cross_fitting", "is_cross_fitting", "solve_fold_heads"]


class FoldHeads(nn.Linear):
    """Linear heads, one a fold: in training each row is answered by the head that was solved without it, else by all.

    Args:
        heads: Of each fold, solved on the rows of the others.
        folds: The fold of each row, int64 `[items]`.
        rows: The rows' numbers, int64 `[items]`, ascending.
    """

    folds: torch.Tensor

    def __init__(self, heads: Sequence[Head], folds: np.ndarray, rows: np.ndarray) -> None:
        outputs, features = heads[0].weight.shape
        super().__init__(features, len(heads) * outputs)
        self.num_heads, self.rows = len(heads), rows
        self.register_buffer("folds", torch.from_numpy(folds), persistent=False)
        self.chosen = self.folds
        self.requires_grad_(requires_grad=False)
        self.weight.copy_(torch.cat([head.weight for head in heads]))
        self.bias.copy_(torch.cat([head.bias for head in heads]))

    def choose(self, rows: np.ndarray) -> None:
        """Has the next batch, which is of these rows, answered by their folds' heads."""
        self.chosen = self.folds[torch.from_numpy(np.searchsorted(self.rows, rows)).to(self.folds.device)]

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Features `[batch, features]` to outputs `[batch, outputs]`."""
        outputs = F.linear(input, self.weight, self.bias).unflatten(1, (self.num_heads, -1))
        if not self.training:
            return outputs.mean(dim=1)
        return outputs[torch.arange(len(outputs), device=outputs.device), self.chosen]

    def put_mean_into(self, layer: nn.Linear) -> None:
        """Gives a linear layer the mean of the heads' weights, by which it answers as all of them together."""
        with torch.no_grad():
            layer.weight.copy_(self.weight.unflatten(0, (self.num_heads, -1)).mean(dim=0))
            layer.bias.copy_(self.bias.unflatten(0, (self.num_heads, -1)).mean(dim=0))


def is_cross_fitting(model: nn.Module, recipe: Recipe) -> bool:
    """Whether stage two trains by heads of folds: its recipe says so, and there is something of the body to train."""
    return recipe.cross_fits and any(parameter.requires_grad for parameter in model.get_submodule("body").parameters())


def solve_fold_heads(
    features: torch.Tensor, targets: torch.Tensor, rows: np.ndarray, *, target: Target, seed: int, **options: Any
) -> FoldHeads:
    """Heads of folds: of each fold one that is solved on the rows of the others.

    Args:
        features: float32 `[items, features]`.
        targets: As `target.encode` gives them, `[items]` or `[items, outputs]`.
        rows: The items' rows, int64 `[items]`, ascending.
        target: The fitted target field.
        seed: The run's seed, for the folds.
        options: What `solve_head` takes besides.
    """
    folds = fold_numbers(targets.numpy() if target.is_one_class else np.zeros(len(targets)), seed)
    heads = [
        solve_head(features[folds != fold], targets[folds != fold], target=target, seed=seed, **options)
        for fold in range(NUM_FOLDS)
    ]
    return FoldHeads(heads, folds, rows)


@contextmanager
def cross_fitting(model: Any, heads: FoldHeads) -> Iterator[None]:
    """A context in which heads of folds stand in the place of a model's head, which has their mean afterwards."""
    head = model.head
    model.head = heads.to(head.weight.device)
    try:
        yield
    finally:
        model.head = head
        heads.put_mean_into(head)


def choose_heads(model: nn.Module, rows: np.ndarray) -> None:
    """Tells a model whose head is one of folds which rows the next batch is of."""
    head = getattr(model, "head", None)
    if isinstance(head, FoldHeads):
        head.choose(rows)
