"""Stage one's head: the best linear layer on the frozen body's features, each computed once.

Since the body does not change, each image passes through it a single time; what remains is a multinomial logistic
regression with a few thousand weights, which is convex and solved in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.runs.checkpoint import Saved
from headway.seeds import generator
from headway.targets.base import Target
from headway.train.objective import WEIGHT_DECAYS, Objective

__all__ = ["NUM_FOLDS", "WEIGHT_DECAYS", "Head", "fold_numbers", "solve_head"]

# Each fold's heads see three quarters of the rows; there is one to solve for each weight decay.
NUM_FOLDS = 4


@dataclass(frozen=True)
class Head:
    """A linear head on unscaled features.

    Attributes:
        weight: float32 `[outputs, features]`.
        bias: float32 `[outputs]`.
        weight_decay: The one that was chosen.
        train_loss: Mean loss over the training rows.
        held_out: Answers for the training rows, float32 `[items, outputs]`, each by a head that was solved without
            its row; None where there was no weight decay to choose.
        held_out_accuracy: Share of the training rows that those heads answer rightly, from 0 to 1; None likewise,
            and for targets other than classes.
        held_back: Which features it was held back on, and how much, as `solve_head` takes it.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    weight_decay: float
    train_loss: float
    held_out: torch.Tensor | None = None
    held_out_accuracy: float | None = None
    held_back: tuple[int, float] | None = None

    @property
    def choices(self) -> dict[str, Any]:
        """What `solve_head` takes to solve such a head on other rows, without choosing anew."""
        return {"decays": (self.weight_decay,), "held_back": self.held_back}

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs `[items, outputs]` from features `[items, features]`."""
        return torch.addmm(self.bias, features, self.weight.T)

    def to_saved(self) -> Saved:
        """The head for a checkpoint."""
        tensors = {"weight": self.weight, "bias": self.bias}
        if self.held_out is not None:
            tensors["held_out"] = self.held_out
        names = ("weight_decay", "train_loss", "held_out_accuracy", "held_back")
        return Saved(tensors, {name: getattr(self, name) for name in names})

    @classmethod
    def from_saved(cls, saved: Saved) -> Head:
        """The head that `to_saved` gave."""
        tensors = saved.tensors
        return cls(tensors["weight"], tensors["bias"], held_out=tensors.get("held_out"), **saved.values)

    def put_into(self, layer: nn.Module) -> None:
        """Copies the weights into a model's linear layer."""
        assert isinstance(layer, nn.Linear)
        with torch.no_grad():
            layer.weight.copy_(self.weight)
            layer.bias.copy_(self.bias)


def solve_head(
    features: torch.Tensor,
    targets: torch.Tensor,
    *,
    target: Target,
    seed: int,
    objective: Objective | None = None,
    decays: Sequence[float] | None = None,
    held_back: tuple[int, float] | None = None,
) -> Head:
    """The linear head with the least regularised loss, its weight decay chosen by folds of these same rows.

    Args:
        features: float32 `[items, features]`.
        targets: As `target.encode` gives them, `[items]` or `[items, outputs]`.
        target: The fitted target field.
        seed: The run's seed, for the folds.
        objective: The loss. Default: the target's own.
        decays: Weight decays to choose from, the strongest first. Default: those of the objective.
        held_back: `(first, share)`: the features from `first` on are made smaller, to this share, once all have one
            scale. Weight decay then holds their weights back more than the others'.

    Source:
        Kumar et al. 2022, arXiv:2202.10054 (linear probing before fine-tuning). Solved with L-BFGS (Liu and Nocedal
        1989) for all folds at once.
    """
    objective = objective or target.objective()
    mean = features.mean(dim=0)
    std = (features - mean).square().sum(dim=0).div(len(features) - 1).sqrt()
    std = torch.clamp(std + objective.floor * features.std(), min=1e-6)  # a feature may be constant
    if held_back is not None:
        first, share = held_back
        std[first:] /= share
    # One weight decay fits all features only where they have one scale.
    scaled, back = _in_span((features - mean) / std)
    scaled = F.pad(scaled, (0, 1), value=1)  # the weights of this feature are the biases
    decays = objective.decays if decays is None else decays
    decay, outputs = _chosen(scaled, targets, target, objective, decays, seed) if len(decays) > 1 else (decays[0], None)
    held_out = None if outputs is None else objective.activate(outputs)
    is_right = held_out.argmax(dim=1) == targets if held_out is not None and target.is_one_class else None
    weights, everything = None, torch.ones(len(features), 1, dtype=torch.bool)
    if not objective.is_convex:
        # Of several solutions the one is taken that stronger weight decays lead to.
        for stronger in (one for one in objective.decays if one > decay):
            weights = _solve(scaled, targets, target, objective, stronger, everything, weights)
    weights = _solve(scaled, targets, target, objective, decay, everything, weights)
    train_loss = objective.loss_fn(scaled @ weights[0].T, targets).item()
    weight = back(weights[0, :, :-1]) / std  # for features as they are, not standardised
    return Head(
        weight=weight,
        bias=weights[0, :, -1] - weight @ mean,
        weight_decay=decay,
        train_loss=train_loss,
        held_out=held_out,
        held_out_accuracy=None if is_right is None else is_right.float().mean().item(),
        held_back=held_back,
    )


def _in_span(features: torch.Tensor) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
    """Where items are few, their features in as many coordinates as there are items; and the way back for weights."""
    # The best weights are a sum of items' features: whatever is at right angles to all of these changes no output and
    # costs decay (the representer theorem, Kimeldorf and Wahba 1971). Sought among these alone they are the same.
    num_items, num_features = features.shape
    if 2 * num_items > num_features:
        # The decomposition takes its time, too: it is for features that become shorter by half.
        return features, lambda weights: weights
    rotation, scales = torch.geqrf(features.T)  # QR in its packed form: written out, the rotation would be large

    def back(weights: torch.Tensor) -> torch.Tensor:
        padded = F.pad(weights.T, (0, 0, 0, num_features - num_items))
        return torch.ormqr(rotation, scales, padded).T

    return rotation[:num_items].triu().T.contiguous(), back


def _chosen(
    features: torch.Tensor,
    targets: torch.Tensor,
    target: Target,
    objective: Objective,
    decays: Sequence[float],
    seed: int,
) -> tuple[float, torch.Tensor]:
    """The weight decay with the least loss on folds that heads were solved without, and their outputs for these."""
    folds = fold_numbers(targets.numpy() if target.is_one_class else np.zeros(len(targets)), seed)
    inside = torch.from_numpy(folds[:, None] != np.arange(NUM_FOLDS))
    weights, least, best = None, math.inf, (decays[0], targets)
    for decay in decays:
        weights = _solve(features, targets, target, objective, decay, inside, weights)
        outputs = (features @ weights.flatten(0, 1).T).unflatten(1, weights.shape[:2])[~inside]
        # By the loss, which all rows move, not by accuracy, which a few rows on the border decide.
        loss = objective.loss_fn(outputs, targets).item()
        if loss >= least:
            break  # weaker ones fit what is peculiar to the rows still more closely
        least, best = loss, (decay, outputs)
    return best


def fold_numbers(targets: np.ndarray, seed: int) -> np.ndarray:
    """A fold for each row, int64 `[items]`, the classes spread evenly over them.

    Targets other than classes have nothing to stratify by: zeros stand for them.
    """
    # Shuffled first: rows of a class may come in an order of their own, such as by camera.
    order = generator(seed, "head").permutation(len(targets))
    by_class = order[np.argsort(targets[order], kind="stable")]
    folds = np.empty(len(targets), dtype=np.int64)
    folds[by_class] = np.arange(len(targets)) % NUM_FOLDS
    return folds


def _solve(
    features: torch.Tensor,
    targets: torch.Tensor,
    target: Target,
    objective: Objective,
    decay: float,
    inside: torch.Tensor,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """Weights `[heads, outputs, features]`, of each head by those items that are `inside` of it, `[items, heads]`."""
    from scipy.optimize import minimize

    num_heads, num_outputs, rows = inside.shape[1], target.num_outputs, inside.flatten().nonzero().squeeze(1)
    targets = targets.repeat_interleave(num_heads, dim=0)[rows]
    start = features.new_zeros(num_heads, num_outputs, features.shape[1]) if start is None else start
    # None of the biases: how frequent a class is must not be held back.
    decays = F.pad(features.new_full((features.shape[1] - 1,), decay), (0, 1))

    def loss_and_gradient(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.from_numpy(numbers).to(features).view(-1, features.shape[1])
        outputs = (features @ weights.T).requires_grad_()
        # A mean over the items of all heads: times their number, so that decay weighs the same in one and in several.
        loss = num_heads * objective.loss_fn(outputs.view(-1, num_outputs).index_select(0, rows), targets)
        gradient = torch.addmm(decays * weights, torch.autograd.grad(loss, outputs)[0].T, features)
        return loss.item() + 0.5 * (decays * weights.square()).sum().item(), gradient.double().flatten().numpy()

    # To be compared, as several are, they need not be exact.
    stops = {"maxiter": 200, "gtol": 1e-5, "ftol": 1e-7 if num_heads == 1 else 1e-6}
    solution = minimize(loss_and_gradient, start.double().flatten().numpy(), jac=True, method="L-BFGS-B", options=stops)
    return torch.from_numpy(solution.x).to(features).view_as(start)
