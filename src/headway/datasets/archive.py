"""What is inside an archive, read without trusting it.

Nothing is written here: members come one by one as a name and bytes, and whoever asked says where each belongs. So no
name, link or mode from an archive ever reaches the file system by itself.
"""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from headway.errors import DataError

__all__ = ["members", "read_gzip"]

# What the standard library raises on bytes that are not the archive they should be.
_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, struct.error),
    *(EOFError, ValueError, OverflowError, IndexError, NotImplementedError, RuntimeError),
)


def members(archive: str | os.PathLike[str], *, limit: int) -> Iterator[tuple[str, bytes]]:
    """The files in an archive, in its order; folders, links and devices are passed over.

    Args:
        archive: A file that ends in `.zip`, `.tar`, `.tar.gz` or `.tgz`.
        limit: How many bytes it may hold unpacked, all members and their headers together.

    Yields:
        A member's name (relative, with `/`, no `..`) and its bytes.

    Raises:
        DataError: If it is damaged, larger than the limit, or has a name that leads out of its folder.
    """
    path = Path(archive)
    with _explained(path):
        yield from (_zip(path, limit) if path.suffix.lower() == ".zip" else _tar(path, limit))


def read_gzip(file: str | os.PathLike[str], *, limit: int) -> bytes:
    """What a `.gz` file holds.

    Args:
        file: The file.
        limit: How many bytes it may hold unpacked.

    Raises:
        DataError: If it is damaged or larger than the limit.
    """
    path = Path(file)
    with _explained(path), gzip.open(path) as stream:
        return _Limited(cast(BinaryIO, stream), limit).read()


class _TooLargeError(Exception):
    """More comes out of an archive than it may hold."""


class _UnsafeError(Exception):
    """A member's name leads elsewhere."""


class _Limited:
    """A stream that ends in an error once more than the limit has been read from it."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream, self._left = stream, limit

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise _TooLargeError
        return data


def _tar(path: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    with open(path, "rb") if path.suffix.lower() == ".tar" else gzip.open(path) as raw:
        # As a stream: the limit then counts headers and what is passed over as well.
        limited = _Limited(cast(BinaryIO, raw), limit)
        with tarfile.open(fileobj=limited, mode="r|") as archive:  # pyright: ignore[reportArgumentType, reportCallIssue]
            for member in archive:
                _check_name(member.name)
                # A sparse file says of itself how many zeros it has: no bytes of the archive stand behind them.
                stream = archive.extractfile(member) if member.isreg() and not member.issparse() else None
                if stream is not None:
                    yield member.name, stream.read()
        # Padding follows; gzip's checksum comes after it.
        while limited.read(2**20):
            pass


def _zip(path: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            _check_name(member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            limit -= member.file_size
            if limit < 0:
                raise _TooLargeError
            # zipfile gives no more bytes than `file_size`, whatever the compressed data would make.
            if not member.is_dir() and kind in (0, stat.S_IFREG):
                yield member.filename, archive.read(member)


def _check_name(name: str) -> None:
    # A backslash or a colon means something on Windows.
    if name.startswith("/") or ".." in PurePosixPath(name).parts or any(sign in name for sign in "\\:\0"):
        raise _UnsafeError(name)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    fix = f"Remove {path} and fetch the data set again."
    try:
        yield
    except _TooLargeError:
        raise DataError("The archive unpacks to more than it may hold.", given=path.name, fix=fix) from None
    except _UnsafeError as error:
        given = f"{path.name}: {str(error)!r}"
        raise DataError("The archive has a file that would lie outside its folder.", given=given, fix=fix) from None
    except DataError:
        raise
    except _DAMAGED as error:
        given = f"{path.name} ({error or type(error).__name__})"
        raise DataError("The archive is damaged.", given=given, fix=fix) from error
