"""Pictures of other than 8 bits, as microscopes and scanners write them: one range of values for a whole data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.errors import ReadError

if TYPE_CHECKING:
    from PIL import Image as PILImage

__all__ = ["fitted_range", "is_deep", "to_8_bits"]

# Pictures that are opened to see whether a set has deep ones, and those of it that are measured.
_LOOKED_AT, _MEASURED = 200, 2_000

# These cannot hold more than 8 bits, so they need not be opened.
_OF_8_BITS = (".jpg", ".jpeg", ".gif", ".bmp", ".webp")


def is_deep(mode: str) -> bool:
    """Whether one of Pillow's modes has numbers of other than 8 bits."""
    return mode.startswith(("I", "F"))


def to_8_bits(values: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """The values, uint8 of the same shape: the range's ends become 0 and 255; NaN is 0.

    Example:
        >>> to_8_bits(np.array([0, 2048, 4095, 9000]), (0, 4095)).tolist()
        [0, 128, 255, 255]
    """
    low, high = value_range
    shares = (np.nan_to_num(values.astype(np.float32), nan=low) - np.float32(low)) * np.float32(255 / (high - low))
    return np.clip(np.round(shares), 0, 255).astype(np.uint8)


def fitted_range(values: Sequence[Any], open_picture: Callable[[Any], PILImage.Image]) -> tuple[float, float] | None:
    """The range of the deep ones among these pictures; None where a sample of them has none.

    Whole numbers have a whole number of bits: 12 bits, stored in 16, go from 0 to 4095. Decimals up to 1 go from 0 to
    1. Anything else goes from the least to the greatest.
    """
    if not any(_is_deep_picture(value, open_picture) for value in values[:: max(1, len(values) // _LOOKED_AT)]):
        return None
    measured = values[:: max(1, len(values) // _MEASURED)]
    with ThreadPoolExecutor() as pool:
        extremes = [ends for ends in pool.map(lambda value: _extremes(value, open_picture), measured) if ends]
    low, high = min(ends[0] for ends in extremes), max(ends[1] for ends in extremes)
    if low >= 0 and all(ends[2] for ends in extremes):
        return 0.0, float(2 ** max(int(high).bit_length(), 1) - 1)
    if low >= 0 and 0.5 < high <= 1:
        return 0.0, 1.0
    return (low, high) if low < high else (low, low + 1)


def _is_deep_picture(value: Any, open_picture: Callable[[Any], PILImage.Image]) -> bool:
    """Of a file only the header is read."""
    from PIL import Image as PILImage

    if isinstance(value, np.ndarray):
        return value.dtype == np.uint16
    try:
        if isinstance(value, str):
            if Path(value).suffix.lower() in _OF_8_BITS:
                return False
            with PILImage.open(value) as image:
                return is_deep(image.mode)
        return is_deep(open_picture(value).mode)
    # It was read before: what cannot be read is left out already, unless it has just changed.
    except (OSError, ValueError):
        return False


def _extremes(value: Any, open_picture: Callable[[Any], PILImage.Image]) -> tuple[float, float, bool] | None:
    """The least and the greatest value of a deep picture, and whether all are whole numbers; None of another."""
    if not _is_deep_picture(value, open_picture):
        return None
    try:
        array = value if isinstance(value, np.ndarray) else np.asarray(open_picture(value))
    except (OSError, ReadError):
        return None
    array = array[np.isfinite(array)]
    if not array.size:
        return None
    return float(array.min()), float(array.max()), bool((array == np.floor(array)).all())
