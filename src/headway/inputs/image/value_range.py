"""Pictures of other than 8 bits, as microscopes and scanners write them: one range of values for a whole data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.errors import ReadError
from headway.inputs.image.scientific import decode_item

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
    1. Anything else goes from the least to the greatest. Where headers ask for a window, as DICOM's do, all
    pictures get the median of these windows.
    """
    if not any(_is_deep_picture(value, open_picture) for value in values[:: max(1, len(values) // _LOOKED_AT)]):
        return None
    measured = values[:: max(1, len(values) // _MEASURED)]
    with ThreadPoolExecutor() as pool:
        extremes = [ends for ends in pool.map(lambda value: _extremes(value, open_picture), measured) if ends]
    windows = [ends[:2] for ends in extremes if ends[3]]
    if windows:
        low, high = np.median(windows, axis=0).tolist()
        return low, max(high, low + 1)
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
    if isinstance(value, str) and Path(value).suffix.lower() in _OF_8_BITS:
        return False
    if decoded := decode_item(value):
        return decoded.value_range is not None
    try:
        if isinstance(value, str):
            with PILImage.open(value) as image:
                return is_deep(image.mode)
        return is_deep(open_picture(value).mode)
    # It was read before: what cannot be read is left out already, unless it has just changed.
    except (OSError, ValueError):
        return False


def _extremes(value: Any, open_picture: Callable[[Any], PILImage.Image]) -> tuple[float, float, bool, bool] | None:
    """The least and the greatest value of a deep picture, whether all are whole numbers, and whether a header says so.

    None of another picture.
    """
    if not _is_deep_picture(value, open_picture):
        return None
    decoded = decode_item(value)
    if decoded and decoded.window:
        return *decoded.window, False, True
    try:
        picture = decoded.values if decoded else value if isinstance(value, np.ndarray) else open_picture(value)
        array = np.asarray(picture)
    except (OSError, ReadError):
        return None
    array = array[np.isfinite(array)]
    if not array.size:
        return None
    return float(array.min()), float(array.max()), bool((array == np.floor(array)).all()), False
