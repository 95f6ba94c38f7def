"""Masks on the page: the truth, the prediction and its errors, each laid over the photo, and what the colours mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from headway.targets.mask.field import UNLABELLED

__all__ = ["legend", "mask_pictures", "painted"]

# Red, green and blue, from 0 to 255.
Colour = tuple[int, int, int]
_WRONG: Colour = (200, 0, 0)
# How much of a pixel is colour, the rest being photo.
_SHARE = 0.55


def mask_pictures(
    photo: np.ndarray, *, prediction: np.ndarray, target: np.ndarray, colours: Mapping[str, Colour]
) -> dict[str, np.ndarray]:
    """What is shown of an item beside its photo, by name: "truth", "prediction" and "errors", `[height, width, 3]`.

    The photo is as the model sees it, uint8 `[height, width, channels]`; the masks hold class indices.
    """
    wrong = np.where((prediction != target) & (target != UNLABELLED), 0, UNLABELLED)
    return {
        "truth": painted(photo, target, list(colours.values())),
        "prediction": painted(photo, prediction, list(colours.values())),
        "errors": painted(photo, wrong, [_WRONG]),
    }


def painted(photo: np.ndarray, mask: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """A photo with its classes laid over it in their colours, uint8 `[height, width, 3]`; 255 is left as it is.

    Example:
        >>> painted(np.zeros((1, 2, 1), np.uint8), np.array([[0, 255]]), [(200, 100, 0)]).tolist()
        [[[110, 55, 0], [0, 0, 0]]]
    """
    grey = np.broadcast_to(photo.mean(axis=2, keepdims=True), (*photo.shape[:2], 3)).copy()
    for index, colour in enumerate(colours):
        here = mask == index
        grey[here] = (1 - _SHARE) * grey[here] + _SHARE * np.array(colour)
    return grey.round().astype(np.uint8)


def legend(colours: Mapping[str, Colour]) -> str:
    """The classes with their colours, as HTML."""
    marks = [
        f'<li><svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" rx="3" fill="rgb{colour}"/>'
        f"</svg> {escape(name)}</li>"
        for name, colour in colours.items()
    ]
    return f'<ul class="colours">{"".join(marks)}</ul>'
