"""Pictures of scanners and microscopes, which Pillow does not read: recognised by their first bytes, and decoded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from headway.errors import ReadError
from headway.system.files import open_file

__all__ = [
    "HEAD_BYTES",
    "Decoded",
    "check_size",
    "decode",
    "decode_item",
    "is_dicom",
    "is_tiff",
    "load",
    "range_of",
]

# As much as tells what a file is: DICOM says so behind a preamble of 128 bytes.
HEAD_BYTES = 132

# As many as a photo of 100 megapixels has.
MAX_VALUES = 300_000_000

# The package by the module that reads with it.
_PACKAGES = {"pydicom": "DICOM", "tifffile": "TIFF of several frames or channels"}


@dataclass(frozen=True)
class Decoded:
    """A picture's values, before they are brought to 8 bits.

    Attributes:
        values: `[height, width]` or `[height, width, 3]`, of any type of numbers.
        value_range: The values that become black and white by the file's own account; None where all 8 bits are used.
        window: The same, where the file's header asks for it.
        note: What of the file was read, where that is not all; empty else.
    """

    values: np.ndarray
    value_range: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    note: str = ""


def is_dicom(head: bytes) -> bool:
    """Whether these are the first bytes of a DICOM file."""
    return head[128:HEAD_BYTES] == b"DICM"


def is_tiff(head: bytes) -> bool:
    """Whether these are the first bytes of a TIFF file, or of a large one (BigTIFF)."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def decode(data: bytes) -> Decoded | None:
    """The values of a DICOM file, or of a TIFF that Pillow does not read as it is; None for other files.

    Raises:
        ReadError: If it cannot be read, or the package that reads it is not installed.
    """
    if is_dicom(data[:HEAD_BYTES]):
        from headway.inputs.image.dicom import read_dicom

        return read_dicom(data)
    if is_tiff(data[:4]):
        from headway.inputs.image.tiff import read_tiff

        return read_tiff(data)
    return None


def decode_item(value: Any) -> Decoded | None:
    """The same of a path or bytes; None for other items, and for what cannot be read: that is said where it is read."""
    try:
        if isinstance(value, (str, os.PathLike)):
            with open_file(value) as file:
                head = file.read(HEAD_BYTES)
                value = head + file.read() if is_dicom(head) or is_tiff(head) else b""
        return decode(bytes(value)) if isinstance(value, (bytes, bytearray, memoryview)) else None
    except (OSError, ValueError):
        return None


def check_size(height: int, width: int, *, channels: int = 1) -> None:
    """A ReadError where a header promises more than is read, before anything is decoded."""
    if min(height, width, channels) < 1:
        message = f"empty: {width} x {height} pixels"
        raise ReadError(message)
    if height * width * channels > MAX_VALUES:
        message = f"too large: {width} x {height} pixels of {channels} channels; the limit is {MAX_VALUES // 10**6} "
        message += "million values"
        raise ReadError(message)


def range_of(values: np.ndarray) -> tuple[float, float]:
    """What becomes black and white in a picture of which nothing else is known: its whole bits, or its extremes.

    Example:
        >>> range_of(np.array([5, 3000], np.uint16)), range_of(np.array([-0.5, np.nan, 2]))
        ((0.0, 4095.0), (-0.5, 2.0))
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if values.dtype.kind == "u":
        return 0.0, float(2 ** max(int(high).bit_length(), 1) - 1)
    return low, high if high > low else low + 1


def load(package: str) -> Any:
    """The package that reads such files, imported now.

    Raises:
        ReadError: If it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        message = f'{_PACKAGES[package]}, for which {package} is not installed: pip install "headway[medical]"'
        raise ReadError(message) from error
