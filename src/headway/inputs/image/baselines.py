"""Photos as simple models see them: small, and as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headway.data.dataset import Part
from headway.judge.baselines.base import drawn_rows

if TYPE_CHECKING:
    from headway.inputs.image.field import Image

__all__ = ["baseline_part", "small_pixels"]

_MAX_PIXELS = 1_024


def baseline_part(reader: Image, part: Part, *, seed: int) -> tuple[Part, np.ndarray]:
    """The photos that simple models learn from or predict, and their pixels as `small_pixels` gives them.

    No simple model of photos learns from more than 10,000: those of a large data set would fill the memory.
    """
    if part.name == "train":
        part = Part(part.data, part.name, part.items[drawn_rows(len(part), seed=seed)])
    # The size of MNIST's digits for drawings; of photos what simple models can use of pixels is in fewer.
    side = min(reader.size, 28 if reader.size < 64 else 16)
    pixels = [
        small_pixels(reader.thumbnail(reader.view(canvas), side)[None])[0]
        for position in range(len(part))
        for canvas in part.readable([position])[0]
    ]
    # After the pixels: what can no longer be read is then left out of the targets, too.
    return part.left(), np.stack(pixels) if pixels else np.empty((0, 0), np.float32)


def small_pixels(images: np.ndarray) -> np.ndarray:
    """Pixels between 0 and 1, float32 `[items, dim]`, of images as uint8 `[items, height, width, channels]`.

    Blocks of them are averaged until at most 1,024 are left.

    Example:
        >>> small_pixels(np.full((1, 64, 64, 1), 255, np.uint8)).shape
        (1, 1024)
    """
    items, height, width, channels = images.shape
    block = 1
    while (height // block) * (width // block) * channels > _MAX_PIXELS and block < min(height, width):
        block += 1
    high, wide = height // block, width // block
    cut = images[:, : high * block, : wide * block].reshape(items, high, block, wide, block, channels)
    return cut.mean((2, 4), dtype=np.float32).reshape(items, -1) / np.float32(255)
