"""Files: others' are opened without waiting, regular ones up to a size; ours are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from headway.errors import ConfigError
from headway.system.remote import fetched, is_remote

__all__ = [
    "MAX_FILE_BYTES",
    "RefusedFileError",
    "looked_up",
    "open_file",
    "read_file",
    "whole_file",
    "writable",
    "write_whole",
]

# Photos of a few hundred megapixels fit; several threads may each hold a file.
MAX_FILE_BYTES = 2**29


class RefusedFileError(OSError):
    """A file that is not opened, whatever it holds: a pipe, a device, or one that is too large. The text says which."""


def open_file(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES) -> BinaryIO:
    """A regular file, open for reading; one with an address such as "s3://pets/rex.jpg" is fetched first.

    Raises:
        OSError: If it cannot be opened.
        RefusedFileError: If it is a pipe, a device or the like, or has more bytes.
        ValueError: If the path cannot be one.
    """
    if is_remote(path):
        path = fetched(os.fspath(path), max_bytes=max_bytes)
    file = open(Path(path), "rb", opener=_without_waiting)  # noqa: SIM115
    status = os.fstat(file.fileno())
    problem = None
    if not stat.S_ISREG(status.st_mode):
        problem = "not a regular file"
    elif status.st_size > max_bytes:
        problem = f"too large: {status.st_size / 1e9:.1f} GB, the limit is {max_bytes / 1e9:.1f} GB"
    if problem:
        file.close()
        raise RefusedFileError(problem)
    return file


def read_file(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a regular file, which is opened as `open_file` does.

    Example:
        >>> read_file("/dev/zero")
        Traceback (most recent call last):
        headway.system.files.RefusedFileError: not a regular file
    """
    with open_file(path, max_bytes=max_bytes) as file:
        # Again up to the limit: the file may grow while it is read.
        return file.read(max_bytes)


def looked_up(path: str | os.PathLike[str]) -> str:
    """For a message: a path where nothing is, and the folder that a relative one was looked up from.

    Example:
        >>> looked_up("/data/photos")
        '/data/photos'
    """
    return str(path) if Path(path).expanduser().is_absolute() else f"{path}, looked up from {Path.cwd()}"


def _without_waiting(path: str, flags: int) -> int:
    # To open a pipe waits for its writer, unless one says so; what it is can be asked afterwards alone.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A draft beside `path` to write to; it takes the path's place when all went well, and is removed otherwise.

    Raises:
        OSError: If the system refuses; what was there before stays.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", str(path))
    # In the same folder, as a file can be moved in one step only within a file system.
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        # A file may take its name before its bytes are on the disk: without this a power cut leaves an empty one.
        _flush(draft)
        os.replace(draft, path)
        _flush(path.parent)
    finally:
        # What cannot be written may not be removed either.
        with suppress(OSError, ValueError):
            draft.unlink(missing_ok=True)


def write_whole(path: Path, *chunks: bytes | memoryview) -> None:
    """Writes a file's bytes as `whole_file` does; its folder is made.

    Raises:
        OSError: If the system refuses; what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as draft, draft.open("wb") as opened:
        opened.writelines(chunks)


@contextmanager
def writable(name: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """A context of writing: where the system refuses, such as on a full disk, a ConfigError names the file and why."""
    try:
        yield
    # A path with a null byte is a ValueError.
    except (OSError, ValueError) as error:
        given = f"{path} ({getattr(error, 'strerror', None) or error})"
        raise ConfigError(f"{name} cannot be written.", given=given, fix="Free space, or name another file.") from error


def _flush(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    if os.name != "posix" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
