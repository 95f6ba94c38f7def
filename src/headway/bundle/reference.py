"""What a model's input and answers looked like when it was made: the other side of every later comparison.

Export computes it on validation rows and puts it into the manifest as `reference`; `headway drift` compares with it
what a server has written down. Training rows would not do: a model is surer of what it has learned from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["STATISTICS", "image_statistics", "reference"]

STATISTICS = ("brightness", "contrast", "saturation", "sharpness")
"""What is measured of an image, in this order, each between 0 and 1."""

_ROWS = 48
_LEVELS = np.linspace(0, 1, 101)
_DIGITS = 5


def image_statistics(image: np.ndarray) -> dict[str, float]:
    """What can be said of an image without knowing what is in it.

    Args:
        image: uint8 `[height, width, channels]` as `input.read` gives it.

    Returns:
        `brightness`, the mean of the pixels; `contrast`, their standard deviation; `saturation`, the mean distance
        between a pixel's largest and smallest channel; `sharpness`, the mean distance between neighbours in a row.
        All between 0 and 1.

    Example:
        >>> image_statistics(np.full((8, 8, 3), 51, np.uint8))
        {'brightness': 0.2, 'contrast': 0.0, 'saturation': 0.0, 'sharpness': 0.0}
    """
    # Every few rows say as much as all of them, in a tenth of the time: while serving, this is done for each item.
    rows = image[:: max(1, len(image) // _ROWS)]
    planes = np.ascontiguousarray(np.moveaxis(rows, -1, 0), dtype=np.float32)
    grey = planes.mean(axis=0)
    saturation = planes.max(axis=0) - planes.min(axis=0)
    sharpness = np.abs(np.diff(grey, axis=1)).mean() if grey.shape[1] > 1 else 0.0
    found = (grey.mean(), grey.std(), saturation.mean(), sharpness)
    return {name: round(float(value) / 255, _DIGITS) for name, value in zip(STATISTICS, found, strict=True)}


def reference(
    images: Iterable[np.ndarray], probabilities: np.ndarray, *, familiar: np.ndarray | None = None
) -> dict[str, Any]:
    """The distributions of scores, labels and input statistics, as plain JSON values of about 4 kB.

    Args:
        images: uint8 `[height, width, channels]` each, or one array of them `[items, height, width, channels]`.
        probabilities: The model's for the same items, `[items, classes]`, at least one.
        familiar: Whether each item was taken as familiar, bool `[items]`, where the model tells.

    Returns:
        `items`, their number; `quantiles`, for `score` and for each of `STATISTICS` the quantiles 0, 0.01 ... 1;
        `labels`, the share of the items that each class was the answer for, in the order of the classes; and
        `familiar`, the share that was familiar, where that was given.

    Example:
        >>> found = reference(np.zeros((2, 8, 8, 3), np.uint8), np.array([[0.9, 0.1], [0.2, 0.8]]))
        >>> found["items"], found["labels"], found["quantiles"]["score"][::50]
        (2, [0.5, 0.5], [0.8, 0.85, 0.9])
    """
    measured = [image_statistics(image) for image in images]
    assert len(measured) == len(probabilities) > 0
    values = {"score": probabilities.max(axis=1)}
    values |= {name: np.array([each[name] for each in measured]) for name in STATISTICS}
    chosen = np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])
    found = {
        "items": len(measured),
        "quantiles": {name: _quantiles(each) for name, each in values.items()},
        "labels": [round(float(share), _DIGITS) for share in chosen / len(measured)],
    }
    return found if familiar is None else found | {"familiar": round(float(np.mean(familiar)), _DIGITS)}


def _quantiles(values: np.ndarray) -> list[float]:
    return [round(float(each), _DIGITS) for each in np.quantile(values.astype(np.float64), _LEVELS)]
