"""What can be said of a picture without knowing what is in it: numbers that show whether pictures have changed."""

from __future__ import annotations

import numpy as np

__all__ = ["STATISTICS", "image_statistics"]

# What is measured of an image, in this order, each between 0 and 1.
STATISTICS = ("brightness", "contrast", "saturation", "sharpness")

_ROWS = 48


def image_statistics(image: np.ndarray) -> dict[str, float]:
    """What can be said of an image, uint8 `[height, width, channels]`, without knowing what is in it.

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
    values = (grey.mean(), grey.std(), saturation.mean(), sharpness)
    return {name: round(float(value) / 255, 5) for name, value in zip(STATISTICS, values, strict=True)}
