"""What can be said of a file's bytes without knowing what they mean: numbers that show whether files have changed."""

from __future__ import annotations

import numpy as np

from headway.inputs.bytes.reading import PADDING
from headway.representations.bytes import entropy_curve

__all__ = ["byte_statistics"]


def byte_statistics(windows: np.ndarray) -> dict[str, float]:
    """What can be said of a file's windows, int16 `[windows, length]`, without knowing what is in it.

    Returns:
        `entropy`, the mean over stretches of 256 bytes, in bits a byte; the shares of the bytes that are `zeros`,
        `printable` in ASCII (blanks and ends of lines too), and `high`, from 128 on; `bytes_read`, how many were read.

    Example:
        >>> byte_statistics(np.array([[72, 105, 10, 0, 256, 256]], np.int16))
        {'entropy': 2.0, 'zeros': 0.25, 'printable': 0.75, 'high': 0.0, 'bytes_read': 4.0}
    """
    values = windows[windows < PADDING].astype(np.uint8)
    is_printable = ((values >= 32) & (values < 127)) | ((values >= 9) & (values <= 13))
    return {
        "entropy": round(float(entropy_curve(values).mean()), 3),
        "zeros": round(float((values == 0).mean()), 4),
        "printable": round(float(is_printable.mean()), 4),
        "high": round(float((values >= 128).mean()), 4),
        "bytes_read": float(len(values)),
    }
