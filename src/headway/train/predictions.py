"""A model's answers for a part of the data, gathered into arrays: what every metric and report starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from headway.data.dataset import Part
from headway.data.loader import as_tensor
from headway.errors import ConfigError
from headway.train.loop import evaluating
from headway.train.stage import Setup

__all__ = ["Predictions", "answers_for", "check_views", "predictions", "predictions_of_views"]

FIRST_VIEW_EPOCH = 2**40
"""Views are augmented as in epochs that no training comes to, so that none was trained on as it is."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Aligned arrays, an entry an item.

    Attributes:
        row: The items' numbers in the source, int64 `[items]`.
        answers: What the model gives, float32 `[items, outputs]`: probabilities of the classes, or numbers in the
            target's unit.
        targets: For a category int64 `[items]`, else float32 `[items, outputs]`.
        losses: The loss of each as it is trained on, float32 `[items]`; the log loss in nats for a category.
    """

    row: np.ndarray
    answers: np.ndarray
    targets: np.ndarray
    losses: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """The answers, for a target of classes."""
        return self.answers


def predictions(setup: Setup, part: Part) -> Predictions:
    """The model's predictions for a part, in the order of its rows."""
    found = setup.answered(part)
    return Predictions(
        row=part.left().rows,
        answers=found.answers.numpy(),
        targets=found.targets.numpy(),
        losses=found.losses.numpy(),
    )


def answers_for(setup: Setup, inputs: np.ndarray, *, batch_size: int = 4_096) -> np.ndarray:
    """The model's answers for items that need not be in the data, float32 `[items, outputs]`.

    Args:
        setup: The model.
        inputs: What its input field reads of them, `[items, ...]`.
        batch_size: Items that go through the model at once.
    """
    found, precision = [], setup.objective.judged_in(setup.precision)
    with evaluating(setup.model), torch.inference_mode(), precision.autocast():
        for start in range(0, len(inputs), batch_size):
            given = as_tensor(inputs[start : start + batch_size], setup.data.input.axes).to(precision.device)
            outputs = setup.model(precision.layout(setup.prepare(given))).float().cpu()
            found.append(setup.objective.activate(outputs).numpy())
    return np.concatenate(found)


def predictions_of_views(setup: Setup, part: Part, *, views: int) -> tuple[Predictions, Predictions]:
    """Test-time augmentation: the mean of the probabilities for the plain view and for augmented ones.

    Args:
        setup: The model, and the augmentation that it was trained with. With the run's seed, the item's row and the
            view's number it decides how a view looks, and nothing else.
        part: The rows, of photos with a class each.
        views: Augmented views of each item, at least 1; the plain one comes on top.

    Returns:
        The predictions from the plain view alone, and those from all views, in the order of the part's rows.

    Raises:
        ConfigError: If `views` is below 1, the augmentation changes nothing, or the items have no class each.

    Source:
        Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural networks",
        section 4.1.
    """
    check_views(views, setup)
    reader, precision = part.data.input, setup.precision
    sums, plain = [], []
    with evaluating(setup.model), torch.inference_mode(), precision.autocast():

        def answer(images: torch.Tensor) -> torch.Tensor:
            return setup.model(precision.layout(setup.prepare(images))).float().softmax(dim=1).cpu()

        for canvases, positions in _canvases(part):
            images = as_tensor(canvases, reader.axes).to(precision.device)
            targets, rows = torch.from_numpy(part.placed_at(positions)), part.rows[positions]
            plain.append(answer(as_tensor(reader.view(canvases), reader.axes).to(precision.device)))
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
            "Test-time augmentation needs a number of views of at least 1, and an augmentation that changes them.",
            given=f"tta={views}, {setup.training_view}",
            fix="Leave `tta` out, or train with an augmentation.",
        )
    if not setup.data.target.is_one_class:
        what = "Test-time augmentation is for items with one class each."
        given = f"{type(data.input).__name__} and {type(data.target).__name__}"
        raise ConfigError(what, given=given, fix="Leave `tta` out.")


def _canvases(part: Part, batch_size: int = 32) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for positions in np.array_split(np.arange(len(part)), -(-len(part) // batch_size)):
        canvases, positions = part.readable(positions)
        if len(positions):
            yield canvases, positions


def _predictions(part: Part, probabilities: torch.Tensor) -> Predictions:
    part, given = part.left(), probabilities.numpy()
    chosen = given[np.arange(len(given)), part.targets]
    losses = -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))
    return Predictions(row=part.rows, answers=given, targets=part.targets, losses=losses)
