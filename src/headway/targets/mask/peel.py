"""A class for each pixel, in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import torch
from PIL import Image as PILImage

from headway.inputs.image.field import _upright
from headway.peel.facts import KindParts, Subject, refuse, whole_path
from headway.peel.specialise import Known, constant
from headway.system.remote import is_remote
from headway.targets.mask.field import Mask, _numbered, _sampled
from headway.targets.mask.objective import _pixel_losses, moved

__all__ = ["parts"]


def parts(field: Mask, subject: Subject) -> KindParts:
    """What masks bring to the file."""
    files = subject.setup.data.items[field.column]
    if any(is_remote(file) for file in files):
        refuse("torch", "its masks lie at addresses, which Pillow does not read")
    indices = {number: field.labels.index(name) for number, name in _numbered(field.classes).items()}
    return KindParts(
        blocks={"targets": read_masks},
        known={
            "": {
                "facts.mask": constant("MASK", field.column),
                "facts.classes": constant("CLASSES", indices, "the class of each number in the masks"),
                "facts.loss_fn": Known("loss_fn"),
                "facts.moves": Known(value=True),
            },
        },
        columns=pl.DataFrame({field.column: [whole_path(file) for file in files]}),
    )


def mask_of(facts: Any, path: str) -> np.ndarray:
    """A mask in its photo's square, class indices as uint8 `[side, side]`, 255 where there is no label."""
    stored = np.asarray(_upright(PILImage.open(path)))
    height, width = stored.shape
    wide, high = min(width, facts.squeeze * height), min(height, facts.squeeze * width)
    left, top = (width - wide) / 2, (height - high) / 2
    down, across = _sampled(height, top, top + high, facts.side), _sampled(width, left, left + wide, facts.side)
    stored = stored[np.ix_(down, across)]
    indices = np.full(stored.shape, 255, dtype=np.uint8)
    for number, index in facts.classes.items():
        indices[stored == number] = index
    return indices


def read_masks(facts: Any, items: pl.DataFrame, matrices_of: Callable[..., torch.Tensor]) -> None:
    masks = torch.from_numpy(np.stack([mask_of(facts, path) for path in items[facts.mask]]))
    # What validation sees is the middle.
    start = (facts.side - facts.size) // 2
    targets = masks[:, start : start + facts.size, start : start + facts.size]

    def loss_fn(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean log loss of pixels, then of items."""
        return _pixel_losses(outputs, targets).mean()

    def targets_of(positions: np.ndarray, epoch: int) -> torch.Tensor:
        """The masks of photos that are changed as an epoch wants them."""
        return moved(masks[positions], matrices_of(positions, epoch), facts.size)
