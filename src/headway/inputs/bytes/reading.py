"""From any file to windows of its bytes: its head, its tail, and windows that lie evenly between them.

A file is opened and its bytes are copied. Nothing in it is executed, parsed or unpacked, whatever it is.
"""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from headway.errors import ReadError, in_a_line
from headway.system.files import RefusedFileError, open_file

__all__ = ["PADDING", "read_windows"]

# What stands where a file has no byte: behind the end of a short one, and in windows that it does not have.
PADDING = 256


def read_windows(value: Any, *, length: int, most: int) -> np.ndarray:
    """A file's windows, int16 `[windows, length]`: bytes from 0 to 255, and `PADDING` behind the end of a short file.

    The first is the head and the last the tail. Of a long file only the windows are read from the disk.

    Args:
        value: A path, bytes, a binary file object, or an array, uint8 `[bytes]`.
        length: Bytes in a window.
        most: Windows at most.

    Raises:
        ReadError: If it cannot be read, or is empty; the text is one line.
    """
    try:
        with _opened(value) as file:
            return _windows(file, length, most)
    except ReadError:
        raise
    except FileNotFoundError as error:
        message = "no such file"
        raise ReadError(message) from error
    except RefusedFileError as error:
        raise ReadError(str(error)) from error
    # A path that cannot be one is a ValueError.
    except (OSError, ValueError) as error:
        message = f"cannot be read: {in_a_line(error)}"
        raise ReadError(message) from error


def _opened(value: Any) -> Any:
    if isinstance(value, (str, os.PathLike)):
        return open_file(value)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 1:
        value = value.tobytes()
    elif not isinstance(value, np.ndarray) and hasattr(value, "read"):
        value = value.read()
    if not isinstance(value, (bytes, bytearray, memoryview)):
        message = f"not a file: expected a path, bytes or an array of uint8, not {type(value).__name__}"
        raise ReadError(message)
    return io.BytesIO(value)


def _windows(file: Any, length: int, most: int) -> np.ndarray:
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        message = "empty: 0 bytes"
        raise ReadError(message)
    count = min(-(-size // length), most)
    starts = np.linspace(0, max(size - length, 0), count).astype(np.int64)
    windows = np.full((count, length), PADDING, np.int16)
    for window, start in zip(windows, starts.tolist(), strict=True):
        file.seek(start)
        content = np.frombuffer(file.read(length), np.uint8)
        # A file may be cut short while it is read.
        window[: len(content)] = content
    return windows
