"""Files that lie elsewhere, by their addresses (`s3://`, `gs://`, `hf://`, `https://`): fetched once, and kept.

fsspec's file systems do the talking, each from a package of its own, with the settings that they read themselves:
environment variables, or `~/.config/fsspec`. What was fetched lies in the cache folder, which has a limit; the files
that were not used for longest make room.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from headway.system.cache import cache_folder

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MAX_CACHE_BYTES", "beside", "fetched", "files_of", "is_remote", "is_stored", "remote_state", "store"]

T = TypeVar("T")

# Of all files that are kept.
MAX_CACHE_BYTES = 20 * 2**30
# A try and two more; what does not answer in between is noted as a problem of the item.
TRIES = 3
WAIT_SECONDS = 0.5
# So many bytes are fetched before the folder's size is looked at again.
_LOOK_AGAIN_BYTES = MAX_CACHE_BYTES // 100

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", flags=re.IGNORECASE)
_lock = threading.Lock()
_fetched_bytes = _LOOK_AGAIN_BYTES


def is_remote(path: object) -> TypeGuard[str]:
    r"""Whether a path is the address of a file elsewhere.

    Example:
        >>> is_remote("s3://pets/rex.jpg"), is_remote("pets/rex.jpg"), is_remote("C:\\pets\\rex.jpg")
        (True, False, False)
    """
    return isinstance(path, str) and bool(_ADDRESS.match(path))


def beside(table: str | os.PathLike[str], paths: pl.Series) -> pl.Series:
    """The paths that a table elsewhere names, from its own folder there unless they are addresses; others as they are.

    Example:
        >>> import polars as pl
        >>> names = pl.Series(["photos/rex.jpg", "https://pets.example/kit.jpg", None])
        >>> beside("s3://pets/2026/items.parquet", names).to_list()
        ['s3://pets/2026/photos/rex.jpg', 'https://pets.example/kit.jpg', None]
    """
    import polars as pl

    folder = os.fspath(table).rpartition("/")[0]
    path = pl.col(paths.name)
    stays = path.str.contains(f"^(?i){_ADDRESS.pattern}") | (path.str.strip_chars() == "")
    joined = pl.concat_str(pl.lit(f"{folder}/"), path.str.strip_chars())
    return paths.to_frame().select(pl.when(stays).then(path).otherwise(joined).alias(paths.name)).to_series()


def fetched(address: str, *, max_bytes: int) -> Path:
    """The file of an address on this machine, fetched unless it is there as it is now.

    Raises:
        OSError: If there is no such file, it is too large, or it cannot be fetched after three tries.
    """
    size, state = _known(address)
    if size is not None and size > max_bytes:
        raise OSError(errno.EFBIG, f"too large: {size / 1e9:.1f} GB, the limit is {max_bytes / 1e9:.1f} GB")
    name = hashlib.blake2b(f"{address}\0{state}".encode(), digest_size=16).hexdigest()
    # Some readers go by the ending.
    file = cache_folder("remote") / f"{name}{Path(address).suffix[:16]}"
    try:
        # Its last use, by which the one that was not used for longest is found.
        os.utime(file)
    except OSError:
        _reaching(address, lambda files, path: _fetch(files, path, file))
    return file


def files_of(address: str) -> list[str]:
    """The addresses of all files below one, sorted.

    Raises:
        OSError: If they cannot be listed.
    """
    return _reaching(address, lambda files, path: [files.unstrip_protocol(name) for name in sorted(files.find(path))])


def is_stored(address: str) -> bool:
    """Whether there is a file at an address.

    Raises:
        OSError: If its server cannot be asked.
    """
    return _reaching(address, lambda files, path: files.exists(path))


def store(file: Path, address: str) -> None:
    """Puts a file of this machine at an address. In an object store it is there whole, or not at all.

    Raises:
        OSError: If it cannot be put there after three tries.
    """
    _reaching(address, lambda files, path: files.put_file(str(file), path))


def remote_state(address: str) -> str:
    """What changes when the file of an address does, as its server says it; "missing" where it says nothing."""
    try:
        return _known(address)[1]
    except OSError:
        return "missing"


def _known(address: str) -> tuple[int | None, str]:
    """A file's size in bytes, None where the server does not say it, and its state."""
    known = _reaching(address, lambda files, path: files.info(path))
    marks = ("size", "ETag", "etag", "LastModified", "last_modified", "mtime", "blob_id", "updated", "sha256")
    return known.get("size"), "\0".join(f"{known[mark]}" for mark in marks if known.get(mark) is not None)


def _fetch(files: Any, path: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that it takes its name in one step, whoever else fetches the same.
    part = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        files.get_file(path, str(part))
        size = part.stat().st_size
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    _make_room(file.parent, size)


def _make_room(folder: Path, size: int) -> None:
    """Removes the files that were not used for longest, until all are below the limit; not at each file."""
    global _fetched_bytes
    with _lock:
        _fetched_bytes += size
        if _fetched_bytes < _LOOK_AGAIN_BYTES:
            return
        _fetched_bytes = 0
        known = sorted(_files_in(folder))
        used = sum(size for _, size, _ in known)
        for _, size, path in known:
            if used <= MAX_CACHE_BYTES - _LOOK_AGAIN_BYTES:
                return
            Path(path).unlink(missing_ok=True)
            used -= size


def _files_in(folder: Path) -> Iterator[tuple[float, int, str]]:
    """When each file was last used, its size and its path; without those that are being fetched."""
    with os.scandir(folder) as entries:
        for entry in entries:
            # Another thread or process may take a file away, or give it its name, at any moment.
            with suppress(FileNotFoundError):
                if not entry.name.startswith("."):
                    yield entry.stat().st_mtime, entry.stat().st_size, entry.path


def _reaching(address: str, work: Callable[[Any, str], T]) -> T:
    """What a function makes of an address's file system and path, tried again where a network fails for a moment."""
    try:
        import fsspec

        files, path = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise OSError(errno.EPROTONOSUPPORT, f'{reason} (pip install "headway[remote]")') from error
    for left in reversed(range(TRIES)):
        try:
            return work(files, path)
        # Each file system has errors of its own: of its client, of the network, of time.
        except Exception as error:
            if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)) and not _may_pass(error):
                raise
            if not left:
                cause = error.__cause__ or error
                reason = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
                raise OSError(errno.EIO, f"not fetched in {TRIES} tries: {reason[:200]}") from error
            time.sleep(WAIT_SECONDS * 2 ** (TRIES - 1 - left))
    raise AssertionError


def _may_pass(error: OSError) -> bool:
    """Whether a file that is said to be missing may be there: fsspec says so of a web server that does not answer."""
    cause = error.__cause__
    return type(cause).__module__.startswith("aiohttp") and getattr(cause, "status", 0) != 404
