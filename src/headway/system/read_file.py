"""Files that somebody else has made, opened without waiting and read whole: regular ones, up to a size."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

__all__ = ["MAX_FILE_BYTES", "open_file", "read_file"]

# Photos of a few hundred megapixels fit; several threads may each hold a file.
MAX_FILE_BYTES = 2**29


def open_file(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES) -> BinaryIO:
    """A regular file, open for reading.

    Raises:
        OSError: If it cannot be opened, is a pipe, a device or the like, or has more bytes.
        ValueError: If the path cannot be one.
    """
    file = open(Path(path), "rb", opener=_without_waiting)  # noqa: SIM115
    status = os.fstat(file.fileno())
    problem = None
    if not stat.S_ISREG(status.st_mode):
        problem = "not a regular file"
    elif status.st_size > max_bytes:
        problem = f"too large: {status.st_size / 1e9:.1f} GB, the limit is {max_bytes / 1e9:.1f} GB"
    if problem:
        file.close()
        raise OSError(problem)
    return file


def read_file(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a regular file, which is opened as `open_file` does.

    Example:
        >>> read_file("/dev/zero")
        Traceback (most recent call last):
        OSError: not a regular file
    """
    with open_file(path, max_bytes=max_bytes) as file:
        return file.read(max_bytes)


def _without_waiting(path: str, flags: int) -> int:
    # To open a pipe waits for its writer, unless one says so; what it is can be asked afterwards alone.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
