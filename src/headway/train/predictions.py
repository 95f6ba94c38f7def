"""A model's answers for a part of the data, gathered into arrays: what every metric and report starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.augment import Augment
from headway.data.dataset import Part
from headway.data.loader import Loader
from headway.errors import ConfigError, explain
from headway.fields import Image
from headway.train.loop import evaluating, predict
from headway.train.precision import Precision

__all__ = ["Predictions", "check_views", "predictions", "predictions_of_views"]

FIRST_VIEW_EPOCH = 2**40
"""Views are augmented as in epochs that no training comes to, so that none was trained on as it is."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Aligned arrays, an entry an item.

    Attributes:
        row: The items' numbers in the source, int64 `[items]`.
        probabilities: float32 `[items, classes]`.
        targets: int64 `[items]`.
        losses: The log loss of each, float32 `[items]`, in nats.
    """

    row: np.ndarray
    probabilities: np.ndarray
    targets: np.ndarray
    losses: np.ndarray


def predictions(model: nn.Module, part: Part, *, prepare: nn.Module, precision: Precision) -> Predictions:
    """The model's predictions for a part, in the order of its rows."""
    outputs, targets = predict(model, Loader(part, 32), prepare=prepare, precision=precision)
    losses = F.cross_entropy(outputs, targets, reduction="none")
    return Predictions(
        row=part.left().rows,
        probabilities=torch.softmax(outputs, dim=1).numpy(),
        targets=targets.numpy(),
        losses=losses.numpy(),
    )


def predictions_of_views(
    model: nn.Module,
    part: Part,
    *,
    views: int,
    augment: Augment,
    seed: int,
    prepare: nn.Module,
    precision: Precision,
) -> tuple[Predictions, Predictions]:
    """Test-time augmentation: the mean of the probabilities for the plain view and for augmented ones.

    Args:
        model: Prepared inputs to logits.
        part: The rows.
        views: Augmented views of each item, at least 1; the plain one comes on top.
        augment: What is done to them: what was done in training.
        seed: The run's seed. With the item's row and the view's number it decides how a view looks, and nothing else.
        prepare: Pixels to what the model wants.
        precision: Device, number format, layout.

    Returns:
        The predictions from the plain view alone, and those from all views, in the order of the part's rows.

    Raises:
        ConfigError: If `views` is below 1, or `augment` changes nothing.

    Source:
        Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural networks",
        section 4.1.
    """
    check_views(views, augment)
    reader = part.data.input
    assert isinstance(reader, Image)
    sums, plain = [], []
    with evaluating(model), torch.inference_mode(), precision.autocast():

        def answer(images: torch.Tensor) -> torch.Tensor:
            return model(precision.layout(prepare(images))).float().softmax(dim=1).cpu()

        for canvases, rows in _canvases(part):
            images = torch.from_numpy(canvases).permute(0, 3, 1, 2).to(precision.device)
            view = torch.from_numpy(reader.view(canvases)).permute(0, 3, 1, 2).to(precision.device)
            plain.append(answer(view))
            total = plain[-1].clone()
            for epoch in range(FIRST_VIEW_EPOCH, FIRST_VIEW_EPOCH + views):
                total += answer(augment(images, rows=rows, size=reader.size, seed=seed, epoch=epoch))
            sums.append(total / (1 + views))
    return _predictions(part, torch.cat(plain)), _predictions(part, torch.cat(sums))


def check_views(views: int, augment: Augment) -> None:
    """Raises a ConfigError if there are no views, or all would be the same."""
    if views < 1 or augment == Augment.none():
        raise ConfigError(
            explain(
                "Test-time augmentation needs a number of views of at least 1, and an augmentation that changes them.",
                given=f"tta={views}, {augment}",
                fix="Leave `tta` out, or train with an augmentation.",
            )
        )


def _canvases(part: Part, batch_size: int = 32) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for positions in np.array_split(np.arange(len(part)), -(-len(part) // batch_size)):
        canvases, positions = part.readable(positions)
        if len(positions):
            yield canvases, part.rows[positions]


def _predictions(part: Part, probabilities: torch.Tensor) -> Predictions:
    part, given = part.left(), probabilities.numpy()
    chosen = given[np.arange(len(given)), part.targets]
    losses = -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))
    return Predictions(row=part.rows, probabilities=given, targets=part.targets, losses=losses)
