"""Pictures in memory, as arrays with or without channels, first or last: brought into the form that `Image` reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from headway.errors import ConfigError

__all__ = ["pictures_of"]

CHANNELS = (1, 3, 4)


def pictures_of(items: Any, *, channels: Literal["first", "last"] | None) -> tuple[list[Any], int, int] | None:
    """The pictures one by one, the least of their sides, and how many channels the model is to see.

    Args:
        items: An array, or a list of arrays or of Pillow's pictures.
        channels: Which axis has the channels. Default: the one of length 1, 3 or 4.

    Returns:
        None where these are not pictures.

    Raises:
        ConfigError: If it is not clear which axis has the channels, or values cannot be pixels.
    """
    if isinstance(items, np.ndarray) and items.dtype != object:
        if items.ndim not in (3, 4):
            return None
        # All at once: whether numbers are shares or go up to 255 is not to differ from one picture to the next.
        pictures = list(_pixels(items if items.ndim == 3 else _channels_last(items, channels)))
    elif not isinstance(items, (Sequence, np.ndarray)) or not len(items) or isinstance(items, str):
        return None
    elif hasattr(items[0], "getbands"):
        is_grey = all(len(picture.getbands()) == 1 for picture in items)
        return list(items), min(min(picture.size) for picture in items), 1 if is_grey else 3
    elif all(isinstance(array, np.ndarray) and array.ndim in (2, 3) for array in items):
        pictures = [_pixels(array if array.ndim == 2 else _channels_last(array[None], channels)[0]) for array in items]
    else:
        return None
    is_grey = all(picture.ndim == 2 or picture.shape[2] == 1 for picture in pictures)
    return pictures, min(min(picture.shape[:2]) for picture in pictures), 1 if is_grey else 3


def _channels_last(array: np.ndarray, channels: Literal["first", "last"] | None) -> np.ndarray:
    fits = {"first": array.shape[1] in CHANNELS, "last": array.shape[3] in CHANNELS}
    if channels is None and sum(fits.values()) != 1:
        what = "It is not clear which axis of the pictures has the channels."
        fix = 'Say channels="first" or channels="last".'
        raise ConfigError(what, given=f"shape {list(array.shape)}", fix=fix)
    axis = channels or ("first" if fits["first"] else "last")
    if not fits[axis]:
        given = f'shape {list(array.shape)}, channels="{axis}"'
        raise ConfigError("Pictures have 1, 3 or 4 channels.", given=given, fix="Say which axis has the channels.")
    return np.moveaxis(array, 1, -1) if axis == "first" else array


def _pixels(array: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 to 255; decimals are taken as from 0 to 1 unless one is above."""
    low, high = float(array.min(initial=0)), float(array.max(initial=0))
    if array.dtype == np.uint8 or (array.dtype == np.uint16 and high > 255):
        return array
    if not (low >= 0 and high <= 255):
        what = "Pixels must lie between 0 and 1, or between 0 and 255."
        fix = "Pass pictures that are not normalised yet: the learner does that."
        raise ConfigError(what, given=f"values from {low:g} to {high:g}", fix=fix)
    is_share = array.dtype.kind == "f" and high <= 1
    return np.rint(array * 255 if is_share else array).astype(np.uint8)
