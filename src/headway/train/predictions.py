"""A model's predictions for a part of the data, for arrays, and for several views of each item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from headway.data.dataset import Part
from headway.data.loader import as_tensor
from headway.errors import ConfigError
from headway.inputs.protocols import Step
from headway.predictions import Predictions
from headway.train.checks import has_linear_head
from headway.train.counts import without_scores
from headway.train.loop import evaluating
from headway.train.stage import Setup

__all__ = [
    "as_inputs",
    "body_vectors",
    "check_body",
    "check_views",
    "nearest",
    "part_vectors",
    "predict_arrays",
    "predictions_of_views",
    "step_of",
]

# Views are augmented as in epochs that no training comes to, so that none was trained on as it is.
FIRST_VIEW_EPOCH = 2**40


def as_inputs(setup: Setup, arrays: np.ndarray) -> torch.Tensor:
    """What an input field reads of some items, `[items, ...]`, as the model takes it."""
    precision = setup.precision
    return precision.layout(setup.prepare(as_tensor(arrays, setup.data.input.axes).to(precision.device)))


def predict_arrays(setup: Setup, inputs: np.ndarray, *, batch_size: int = 4_096) -> np.ndarray:
    """The model's predictions `[items, outputs]` for what its input field reads of any items, `[items, ...]`."""
    predictions, precision = [], setup.objective.judged_in(setup.precision)
    with evaluating(setup.model), torch.inference_mode(), precision.autocast():
        for start in range(0, len(inputs), batch_size):
            # Back in float32 before they are activated: a bundle computes in float32, and its answers must be the same.
            outputs = setup.model(as_inputs(setup, inputs[start : start + batch_size])).float().cpu()
            predictions.append(setup.objective.activate(outputs).numpy())
    return np.concatenate(predictions)


def check_body(setup: Setup) -> None:
    """Raises a ConfigError unless the model has a body, whose vectors of items a linear head reads."""
    if not has_linear_head(setup.model):
        what = "Vectors of items need a model with a `body` and a linear `head`."
        raise ConfigError(what, given=type(setup.model).__name__, fix="Train a pretrained architecture.")


def body_vectors(setup: Setup, inputs: np.ndarray) -> np.ndarray:
    """What the model's body makes of what its input field reads of items, float32 `[items, features]`.

    Without scores of classes that it counted.
    """
    body = setup.model.get_submodule("body")
    with evaluating(body), torch.inference_mode(), setup.precision.autocast():
        vectors = body(as_inputs(setup, inputs)).float().cpu().numpy()
    return without_scores(setup.model, vectors)


def part_vectors(setup: Setup, part: Part) -> np.ndarray:
    """The same of a part's items, in the order of its rows."""
    return without_scores(setup.model, setup.outputs(setup.model.get_submodule("body"), part)[0].numpy())


def nearest(vectors: np.ndarray, others: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of other vectors the positions of the most similar ones, and the similarities, both `[others, k]`.

    Example:
        >>> positions, similarities = nearest(np.eye(3), np.array([[0.1, 0.9, 0.0]]), k=1)
        >>> positions.tolist(), similarities.round(2).tolist()
        ([[1]], [[0.99]])
    """
    # Seen from their mean: most vectors of a network point nearly the same way.
    mean = vectors.mean(axis=0)
    known, asked = (_of_length_one(rows - mean) for rows in (vectors, others))
    similarities = asked @ known.T
    positions = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return positions, np.take_along_axis(similarities, positions, axis=1)


def _of_length_one(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def step_of(setup: Setup) -> Step | None:
    """How the model in this process goes on from what it has read; None where it has no memory."""
    model: Any = setup.model
    device = setup.precision.device
    axes = getattr(model, "memory_axes", None)
    if not axes:
        return None

    def run(tokens: np.ndarray, past: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with evaluating(model), torch.inference_mode():
            _, logits, new = model(torch.from_numpy(tokens).to(device), torch.from_numpy(past).to(device))
        return logits.float().cpu().numpy(), new.cpu().numpy()

    with torch.inference_mode():
        empty = model.empty_memory(1).cpu().numpy()
    return Step(run=run, empty=empty, grows="past" in axes.values())


def predictions_of_views(setup: Setup, part: Part, *, views: int) -> tuple[Predictions, Predictions]:
    """Test-time augmentation: the mean of the probabilities for the plain view and for augmented ones.

    How a view looks depends on the run's seed, the item's row and the view's number alone.

    Returns:
        The predictions from the plain view alone, and those from it and all views, in the order of the part's rows.

    Raises:
        ConfigError: If `views` is below 1, the augmentation changes nothing, or the items have no class each.

    Source:
        Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural networks",
        section 4.1.
    """
    check_views(views, setup)
    input, precision = part.data.input, setup.precision
    sums, plain = [], []
    with evaluating(setup.model), torch.inference_mode(), precision.autocast():

        def answer(images: torch.Tensor) -> torch.Tensor:
            # Probabilities are averaged, not logits: one view that is very sure would outweigh the others.
            return setup.model(precision.layout(setup.prepare(images))).float().softmax(dim=1).cpu()

        for canvases, positions in _canvases(part):
            images = as_tensor(canvases, input.axes).to(precision.device)
            targets, rows = torch.from_numpy(part.placed_at(positions)), part.rows[positions]
            # The view that serving has: the one that is compared with.
            plain.append(answer(as_tensor(input.view(canvases), input.axes).to(precision.device)))
            total = plain[-1].clone()
            for epoch in range(FIRST_VIEW_EPOCH, FIRST_VIEW_EPOCH + views):
                drawn = {"rows": rows, "size": None, "seed": setup.seed, "epoch": epoch}
                total += answer(setup.training_view(images, targets, **drawn)[0])
            sums.append(total / (1 + views))
    return _predictions(part, torch.cat(plain)), _predictions(part, torch.cat(sums))


def check_views(views: int, setup: Setup) -> None:
    """Raises a ConfigError if there are no views, all would be the same, or the items have no class each."""
    data = setup.data
    if views < 1 or not setup.training_view.augments:
        raise ConfigError(
            "`tta` must be at least 1, and the learner needs an augmentation.",
            given=f"tta={views}, {setup.training_view}",
            fix="Leave `tta` out, or train with an augmentation.",
        )
    if not setup.data.target.is_one_class:
        what = "Test-time augmentation is for items with one class each."
        given = f"{type(data.input).__name__} and {type(data.target).__name__}"
        raise ConfigError(what, given=given, fix="Leave `tta` out.")


def _canvases(part: Part) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for positions in np.array_split(np.arange(len(part)), -(-len(part) // 32)):
        canvases, positions = part.readable(positions)
        if len(positions):
            yield canvases, positions


def _predictions(part: Part, probabilities: torch.Tensor) -> Predictions:
    part, predictions = part.left(), probabilities.numpy()
    of_targets = predictions[np.arange(len(predictions)), part.targets]
    # The smallest normal number in place of 0, whose logarithm is infinite.
    losses = -np.log(np.maximum(of_targets, np.finfo(np.float32).tiny))
    return Predictions(rows=part.rows, predictions=predictions, targets=part.targets, losses=losses)
