"""TIFF as microscopes write it: stacks, many channels, and colours of more than 8 bits."""

from __future__ import annotations

import io
import logging

import numpy as np
from PIL import Image as PILImage

from headway.errors import ReadError, in_a_line
from headway.inputs.image.scientific import Decoded, check_size, load, range_of

__all__ = ["read_tiff"]

# TIFF's tag of the bits of each channel.
_BITS = 258

# What channels and single pages are called in a file's axes; where they lie in depth, the middle one is read.
_CHANNELS, _DEPTH = ("C", "S"), "Z"


def read_tiff(data: bytes) -> Decoded | None:
    """The values of a TIFF file: of a stack in depth its middle, of other pages the first; up to three channels.

    Returns:
        The values; None where Pillow reads the file as it is: a single page, grey, or with 8 bits a channel.

    Raises:
        ReadError: If it is damaged, or tifffile is not installed.
    """
    if _is_for_pillow(data):
        return None
    tifffile = load("tifffile")
    # It also logs what it raises, and what it overlooks.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            series = file.series[0]
            axes, shape = series.axes, series.shape
            sizes = dict(zip(axes, shape, strict=True))
            channels = int(np.prod([sizes.get(name, 1) for name in _CHANNELS]))
            check_size(sizes["Y"], sizes["X"], channels=min(channels, 3))
            # A stack is read whole, since what belongs to a page may be stored in any order.
            check_size(int(np.prod(shape)) // sizes["X"], sizes["X"])
            # What a damaged file leaves out stays 0; without, it would be whatever was in memory.
            return _plane(series.asarray(out=np.zeros(shape, series.dtype)), axes)
    except ReadError:
        raise
    # tifffile and its decoders raise whatever they trip over.
    except Exception as error:
        message = f"a damaged TIFF file, or of a kind that is not read: {in_a_line(error)}"
        raise ReadError(message) from error


def _is_for_pillow(data: bytes) -> bool:
    try:
        with PILImage.open(io.BytesIO(data), formats=("TIFF",)) as image:
            bits = image.tag_v2.get(_BITS, (8,))  # pyright: ignore[reportAttributeAccessIssue]
            return getattr(image, "n_frames", 1) == 1 and (len(bits) == 1 or max(bits) <= 8)
    # Pillow raises whatever its parser trips over.
    except Exception:
        return False


def _plane(values: np.ndarray, axes: str) -> Decoded:
    """One picture of a file's array, whose axes have a letter each."""
    notes = []
    for axis in range(values.ndim - 1, -1, -1):
        name, length = axes[axis], values.shape[axis]
        if name not in ("Y", "X", *_CHANNELS):
            index = (length - 1) // 2 if name == _DEPTH else 0
            values, axes = values.take(index, axis), axes[:axis] + axes[axis + 1 :]
            if length > 1:
                notes.append(f"{'slice' if name == _DEPTH else 'page'} {index + 1} of {length} is read")
    order = [axes.index(name) for name in ("Y", "X")]
    values = np.transpose(values, [*order, *(axis for axis in range(values.ndim) if axis not in order)])
    values = values.reshape(*values.shape[:2], -1)
    channels = values.shape[2]
    if channels > 3:
        notes.append(f"channels 1 to 3 of {channels} are read")
    # Two channels are two colours.
    values = np.pad(values[..., :3], [(0, 0), (0, 0), (0, 1)]) if channels == 2 else values[..., :3]
    values = values[..., 0] if channels == 1 else values
    if values.dtype == np.uint8:
        return Decoded(values, note=", ".join(notes))
    if values.dtype == bool:
        return Decoded(values.astype(np.uint8) * 255, note=", ".join(notes))
    return Decoded(values, range_of(values), note=", ".join(notes))
