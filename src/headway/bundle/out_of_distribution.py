"""Whether an item is like those that the model was trained on: a distance, computed in the graph beside the answer.

Source: class means and one shared covariance of the body's features (Lee et al. 2018, arXiv:1807.03888), together with
the energy of the logits (Liu et al. 2020, arXiv:2010.03759), the two brought to one scale as in Wang et al. 2022
(arXiv:2203.10807).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headway.bundle.predictor import GRAPH_DISTANCE
from headway.bundle.quantize import graph_outputs, spread_rows
from headway.data.dataset import Part
from headway.train.checks import has_linear_head
from headway.train.counts import with_scores
from headway.train.stage import Setup

__all__ = ["MAX_REFUSED", "Distance", "Familiar", "find_familiar", "find_threshold"]

# The share of validation rows that may be called unfamiliar.
MAX_REFUSED = 0.05

# The distance is fitted on so many training rows at most.
MAX_ROWS = 5000

# Both were chosen by leaving out classes of training rows, clothing and breeds of pets. With fewer rows than features,
# as is usual here, a covariance that is mostly round did better than what Ledoit and Wolf's formula gives.
SHRINKAGE = 0.9
WEIGHT = 1.5

NUM_DIRECTIONS = 64
NUM_ROUNDS = 6


class Distance(nn.Module):
    """Features `[batch, features]` and logits `[batch, classes]` to a distance `[batch]`: the larger, the stranger.

    Two terms: how far the features are from the nearest class's mean, by a covariance that all classes share; and how
    little the logits stand out. Each is divided by its mean over the training rows, so they count alike for any model.

    Args:
        features: Of the training rows, float32 `[items, features]`; with `logits` and int64 `targets` of the same.
        num_used: How many of the features count, from the first on. Default: all.
        is_classes: Whether the targets are classes; without them all items have one mean, and the logits do not count.
    """

    center: Tensor
    means: Tensor
    directions: Tensor
    scales: Tensor

    def __init__(
        self,
        features: Tensor,
        logits: Tensor,
        targets: Tensor,
        *,
        num_used: int | None = None,
        is_classes: bool = True,
    ) -> None:
        super().__init__()
        self.is_classes = is_classes
        targets = targets if is_classes else torch.zeros(len(features), dtype=torch.int64)
        self.num_used = features.shape[1] if num_used is None else num_used
        points = _on_sphere(features[:, : self.num_used].double())
        center = points.mean(dim=0)
        points = points - center
        classes, indices = targets.unique(return_inverse=True)
        means = torch.stack([points[indices == index].mean(dim=0) for index in range(len(classes))])
        inside = points - means[indices]
        variances, directions = _widest(inside)
        floor = SHRINKAGE * inside.square().sum(dim=1).mean() / inside.shape[1]
        # Along the first directions more spread is allowed; along all others the same.
        weights = 1 - floor / ((1 - SHRINKAGE) * variances.clamp_min(0) + floor).clamp_min(1e-30)
        directions = directions * weights.clamp(0, 1).sqrt()
        self.register_buffer("center", center.float())
        self.register_buffer("means", means.float())
        self.register_buffer("directions", directions.float())
        self.register_buffer("scales", torch.ones(2))
        # In float32, as the graph will compute it.
        far, plain = self.terms(features.float(), logits.float())
        self.scales = torch.stack([far.mean().clamp_min(1e-6) / WEIGHT, plain.mean().abs().clamp_min(1e-6)])

    def terms(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """The distance to the nearest class's mean, and the logits' energy with its sign turned; each `[batch]`."""
        points = _on_sphere(features[:, : self.num_used]) - self.center
        squared = _squared_distances(points, self.means)
        allowed = _squared_distances(points @ self.directions, self.means @ self.directions)
        nearest = (squared - allowed).amin(dim=1).clamp_min(0).sqrt()
        if not self.is_classes:
            return nearest, torch.zeros_like(nearest)
        # Adding a number to all logits changes no probability, and must change nothing here.
        centred = logits - logits.mean(dim=1, keepdim=True)
        return nearest, centred.logsumexp(dim=1)

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """The distance of each item."""
        far, plain = self.terms(features, logits)
        return far / self.scales[0] - plain / self.scales[1]


@dataclass(frozen=True, kw_only=True)
class Familiar:
    """What tells familiar items from others: the distance that goes into the graph, and how far validation rows are.

    Attributes:
        valid_distances: float32 `[items]`.
        num_rows: How many training rows it was fitted on.
        valid: The validation rows, where they can be asked of the graph again.
    """

    distance: Distance
    valid_distances: np.ndarray
    num_rows: int
    valid: Part | None = None

    def facts(self, graph: bytes) -> dict[str, Any]:
        """What goes into the manifest: the threshold on the validation rows' distances, and what it refuses."""
        # By the graph's own distances: training may compute in fewer bits.
        batches = graph_outputs(graph, self.valid, GRAPH_DISTANCE) if self.valid else [self.valid_distances]
        distances = np.concatenate(list(batches))
        threshold = find_threshold(distances)
        refused = float((distances > threshold).mean())
        return {"threshold": threshold, "refused": refused, "valid_items": len(distances), "train_items": self.num_rows}


def find_familiar(setup: Setup, known: Mapping[str, np.ndarray] | None = None) -> Familiar | None:
    """Fits the distance on the training rows of a trained model.

    `known` are features by part's name that were computed earlier; they are used where the body still gives the same.
    None where the model has no body with a linear head, or its features have NaN or infinite values.
    """
    if not has_linear_head(setup.model) or not len(setup.data.valid):
        return None
    train = _sample(setup.data.train)
    # After fine-tuning the body gives other features than those that stage one kept.
    usable = known is not None and len(train) == len(setup.data.train) and _is_same(setup, known["train"])
    features = {}
    for part in (train, setup.data.valid):
        if usable and known:
            features[part.name] = torch.from_numpy(with_scores(setup.model, part, known[part.name]))
        else:
            features[part.name] = _features(setup, part)
    if not all(values.isfinite().all() for values in features.values()):
        return None
    head = setup.model.get_submodule("head")
    device = setup.precision.device
    with torch.no_grad():
        logits = {name: head(values.to(device, torch.float32)).float().cpu() for name, values in features.items()}
        # Features of a body's earlier levels tell classes apart, but not what is strange.
        num_used = getattr(setup.model.get_submodule("body"), "num_pooled", None)
        distance = Distance(
            features["train"],
            logits["train"],
            torch.from_numpy(train.targets),
            num_used=num_used,
            is_classes=setup.data.target.is_one_class,
        )
        distances = distance(features["valid"].float(), logits["valid"]).numpy()
    if not np.isfinite(distances).all():
        return None
    return Familiar(distance=distance, valid_distances=distances, num_rows=len(train), valid=setup.data.valid)


def find_threshold(distances: np.ndarray) -> float:
    """The distance that at most `MAX_REFUSED` of items like these exceed.

    With fewer than 19 items it is the largest.

    Example:
        >>> find_threshold(np.arange(1.0, 101.0))
        96.0
    """
    # One more than there are, so that the promise holds on average for new items too: the rank of conformal
    # prediction (Vovk et al. 2005).
    rank = min(math.ceil((len(distances) + 1) * (1 - MAX_REFUSED)), len(distances))
    return float(np.sort(distances)[rank - 1])


def _on_sphere(features: Tensor) -> Tensor:
    """Square roots with their sign, brought to length 1: what counts is which features there are, not how strong.

    This is Hellinger's distance; Arandjelović and Zisserman 2012 (RootSIFT) made it known for photos.
    """
    total = features.abs().sum(dim=1, keepdim=True).clamp_min(1e-12)
    return features.sign() * (features.abs() / total).sqrt()


def _widest(points: Tensor) -> tuple[Tensor, Tensor]:
    """Variances along the directions of most spread, and these, `[features, directions]`."""
    # With thousands of features an exact decomposition would take minutes; a few rounds of subspace iteration are as
    # good here (Halko et al. 2011, arXiv:0909.4061). They start from the same numbers each time.
    num_features = points.shape[1]
    start = torch.Generator().manual_seed(0)
    # Some more than are kept: the last ones of a subspace are the least exact.
    count = min(NUM_DIRECTIONS + 32, num_features)
    basis = torch.randn(num_features, count, generator=start, dtype=points.dtype)
    for _ in range(NUM_ROUNDS):
        basis, _ = torch.linalg.qr(points.T @ (points @ basis))
    seen = points @ basis
    variances, turns = torch.linalg.eigh(seen.T @ seen / len(points))
    return variances[-NUM_DIRECTIONS:], (basis @ turns)[:, -NUM_DIRECTIONS:]


def _squared_distances(points: Tensor, means: Tensor) -> Tensor:
    squares = points.square().sum(dim=1, keepdim=True) + means.square().sum(dim=1)
    return squares - 2 * points @ means.T


def _sample(part: Part) -> Part:
    if len(part) <= MAX_ROWS:
        return part
    return Part(part.data, part.name, part.items[np.sort(spread_rows(part, MAX_ROWS)).tolist()])


def _features(setup: Setup, part: Part) -> Tensor:
    return setup.outputs(setup.model.get_submodule("body"), part)[0]


def _is_same(setup: Setup, known: np.ndarray) -> bool:
    """Whether the body gives the features that are known, tried on the first batch."""
    part = setup.data.train
    if len(known) != len(part):
        return False
    count = max(setup.batch_size, 32)
    first = Part(part.data, part.name, part.items.head(count))
    features, expected = _features(setup, first).numpy(), with_scores(setup.model, first, known[:count])
    return features.shape == expected.shape and bool(np.abs(features - expected).max() <= 1e-3 * np.abs(expected).max())
