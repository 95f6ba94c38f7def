"""Decoded items kept between epochs and between runs: one memory-mapped file, made in one pass.

The same pass is the check before training: every item is opened once, hashed, decoded and put into its slot, and what
cannot be read is noted. The file lies in the cache folder under a key made of the items' paths, sizes and times of
change and the reader's settings, so it is never stale; it appears under its name only when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from headway.data.ragged import Ragged, RaggedWriter
from headway.errors import ConfigError, ReadError
from headway.inputs.base import Input, is_ragged
from headway.inputs.protocols import Reader
from headway.system.cache import cache_folder
from headway.system.files import read_file, whole_file
from headway.system.machine import num_cores
from headway.system.remote import is_remote, remote_state
from headway.targets.base import Target

__all__ = ["Store", "open_answers", "open_store", "read_store", "reader_threads", "temporary_file", "write_store"]

T = TypeVar("T")
V = TypeVar("V")

# More than this is not kept: the items are decoded again each epoch.
MAX_STORE_BYTES = 20 * 2**30

# Items that are no files (bytes, arrays) have no key to be cached under; up to this much is kept in memory.
MAX_MEMORY_BYTES = 2**30

# Files elsewhere are waited for, many at once; so many items are read ahead of the one that is asked for.
REMOTE_THREADS = 32
READ_AHEAD = 1_000

_PIECE = 10_000

# A file that nobody has written to for a day was left by a process that was killed.
_ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Store:
    """What the one pass over the items found.

    Attributes:
        canvases: What `reader.canvas` gives, `[items, ...]` of the reader's dtype, a slot an item (those of unreadable
            items are zero, or empty where items are ragged), or None where there is no room for it; of a table's
            values what their fitted field makes of them.
        contents: A hash of each item's bytes, "" where it could not be read, as a column of texts.
        reasons: For the index of each unreadable item, why.
        answers: The same of the items' answers, where these are files, too.
    """

    canvases: np.ndarray | Ragged | None
    contents: pl.Series
    reasons: dict[int, str] = field(default_factory=dict)
    answers: Store | None = None

    def batch(self, rows: np.ndarray, input: Input) -> np.ndarray:
        """The canvases of these rows, collated; only where there are any."""
        assert self.canvases is not None
        canvases = self.canvases[rows]
        return input.collate(canvases) if isinstance(canvases, list) else np.asarray(canvases)


def reader_threads() -> int:
    """How many threads read items: one a core, at most 16. Pillow releases Python's lock while it decodes."""
    return min(num_cores(), 16)


def open_store(
    values: Sequence[Any],
    reader: Reader,
    *,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Store:
    """The store of these items, from the cache where it is there, else made by reading each of them once.

    Items are paths, bytes, arrays or images; or pairs of an answer's and its item's, hashed by the first. The result
    does not depend on the threads; `on_progress` is called now and then with the number of items read and their total.
    """
    key = _key(values, reader)
    folder = cache_folder("store")
    if key is not None and (known := read_store(folder, key)) is not None:
        return known
    # One item is decoded first, since slots in a file need a size.
    shape = _first_shape(values, reader)
    size = len(values) * math.prod(shape) * np.dtype(reader.dtype).itemsize if shape is not None else 0
    temporary = temporary_file(folder, size) if key is not None else None
    try:
        canvases = None
        if shape is not None and is_ragged(reader.axes):
            most = MAX_STORE_BYTES if temporary else MAX_MEMORY_BYTES
            canvases = RaggedWriter(len(values), len(shape), reader.dtype, temporary, most)
        elif shape is not None and (temporary or size <= MAX_MEMORY_BYTES):
            slots = (len(values), *shape)
            canvases = (
                np.memmap(temporary, reader.dtype, "w+", shape=slots) if temporary else np.zeros(slots, reader.dtype)
            )
        store, is_lasting = _fill(
            values, reader, canvases, threads=threads or reader_threads(), on_progress=on_progress
        )
        # What failed for a moment must not be remembered as unreadable.
        if key is None or temporary is None or store.canvases is None or not is_lasting:
            return store
        return write_store(store, folder, key, temporary)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def open_answers(items: pl.DataFrame, input: Input, target: Target) -> Store | None:
    """The store of the answers, where they are files, in slots of the table's rows; None where the table holds them."""
    reader = target.files(input)
    return open_store(list(zip(target.values(items), items[input.column], strict=True)), reader) if reader else None


def _key(values: Sequence[Any], reader: Reader) -> str | None:
    """A name for the store of these files as they are now; None where they are not files."""
    digest = hashlib.blake2b(digest_size=16)
    settings = {
        **reader.to_json(),
        # How a column is called changes nothing in what is read from it.
        "column": "",
        "dtype": np.dtype(reader.dtype).str,
        # Another version may decode or resize to other bytes.
        "pillow": version("pillow"),
        "headway": version("headway"),
    }
    digest.update(json.dumps(settings, sort_keys=True).encode())
    if not all(isinstance(file, (str, os.PathLike)) for file in _files(values)):
        return None
    with ThreadPoolExecutor(REMOTE_THREADS) as pool:
        # Of millions of them only those that were asked about last are in memory.
        remote = _ahead(pool, remote_state, filter(is_remote, _files(values)))
        for file in _files(values):
            if is_remote(file):
                digest.update(f"\n{file}\0{next(remote)}".encode())
            else:
                digest.update(f"\n{os.path.abspath(file)}\0{_state(file)}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files(values: Iterable[Any]) -> Iterator[Any]:
    return (file for value in values for file in (value if isinstance(value, tuple) else (value,)))


def _state(file: str | os.PathLike[str]) -> str:
    """What changes when a file does."""
    try:
        stat = os.stat(file)
    except (OSError, ValueError):
        return "missing"
    # The time of change (ctime) moves even where a copy sets the time of writing back, and with permissions.
    return f"{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ctime_ns}"


def _first_shape(values: Sequence[Any], reader: Reader) -> tuple[int, ...] | None:
    """The shape of the first item that can be read; None where there is none."""
    for value in values:
        try:
            return reader.canvas(_content(value)[1]).shape
        except ReadError:
            continue
    return None


def temporary_file(folder: Path, size: int) -> Path | None:
    """A file to fill, beside its final place; None where it is too large or the cache cannot be written."""
    if size == 0 or size > MAX_STORE_BYTES:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, size)
        # As much again stays free, for checkpoints and whatever else writes to this disk.
        if shutil.disk_usage(folder).free < 2 * size:
            return None
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        os.close(handle)
    except OSError:
        return None
    return Path(name)


def _make_room(folder: Path, size: int) -> None:
    """Removes what killed runs left behind, and the stores that were not used for longest until this one fits."""
    for part in folder.glob("*.part"):
        if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
            part.unlink(missing_ok=True)
    # By the time of last use, which `read_store` sets.
    files = sorted(folder.glob("*.bin"), key=lambda file: file.stat().st_mtime)
    used = sum(file.stat().st_size for file in files)
    for file in files:
        if used + size <= MAX_STORE_BYTES:
            return
        used -= file.stat().st_size
        # The notes go first: a file without its notes is never used.
        file.with_suffix(".json").unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def _fill(
    values: Sequence[Any],
    reader: Reader,
    canvases: np.ndarray | RaggedWriter | None,
    *,
    threads: int,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[Store, bool]:
    """The store, and whether it would come out the same another time: a disk or network may fail for a moment."""

    def read(index: int) -> tuple[str, ReadError | None]:
        try:
            content, value = _content(values[index])
            canvas = reader.canvas(value)
        except ReadError as error:
            return "", error
        if canvas.dtype != reader.dtype:
            # Assigned to a slot it would be cut to the slot's dtype without a word.
            what = f"{type(reader).__name__} must read items of the dtype that it declares."
            given = f"{canvas.dtype}, not {np.dtype(reader.dtype)}"
            raise ConfigError(what, given=given, fix="Correct `dtype` of the field, or what it reads.")
        if canvases is not None:
            canvases[index] = canvas
        return content, None

    contents = _Texts()
    reasons: dict[int, str] = {}
    is_lasting = True
    pool = ThreadPoolExecutor(max(threads, REMOTE_THREADS) if any(map(is_remote, values[:1])) else threads)
    try:
        # In the order of the items, whichever thread is done first.
        for index, (content, error) in enumerate(_ahead(pool, read, range(len(values)))):
            contents.append(content)
            if error is not None:
                reasons[index] = str(error)
                is_lasting &= not _may_pass(error.__cause__)
            # Not at each item: to draw a bar takes longer than to read a small photo.
            if on_progress and (index % 64 == 63 or index + 1 == len(values)):
                on_progress(index + 1, len(values))
    except BaseException:
        if isinstance(canvases, RaggedWriter):
            canvases.close()
        raise
    finally:
        # Whoever wants to stop waits neither for what is queued nor for a disk that does not answer.
        pool.shutdown(wait=False, cancel_futures=True)
    filled = canvases.finish() if isinstance(canvases, RaggedWriter) else canvases
    return Store(filled, contents.column(), reasons), is_lasting


class _Texts:
    """A column of texts that come one by one; as Python's they would take twice as much memory."""

    def __init__(self) -> None:
        self._pieces, self._last = list[pl.Series](), list[str]()

    def append(self, text: str) -> None:
        self._last.append(text)
        if len(self._last) == _PIECE:
            self._pieces.append(pl.Series(self._last, dtype=pl.String))
            self._last.clear()

    def column(self) -> pl.Series:
        return pl.concat([*self._pieces, pl.Series(self._last, dtype=pl.String)])


def _ahead(pool: ThreadPoolExecutor, read: Callable[[V], T], values: Iterable[V]) -> Iterator[T]:
    """What a function gives for values in their order, a limited number computed before they are asked for."""
    waiting: deque[Future[T]] = deque()
    for value in values:
        # All at once would take a kilobyte for each of millions of items.
        if len(waiting) == READ_AHEAD:
            yield waiting.popleft().result()
        waiting.append(pool.submit(read, value))
    while waiting:
        yield waiting.popleft().result()


def _may_pass(cause: BaseException | None) -> bool:
    # Pillow's own OSErrors have no errno: those are about the bytes.
    known = isinstance(cause, (FileNotFoundError, IsADirectoryError))
    return isinstance(cause, MemoryError) or (isinstance(cause, OSError) and bool(cause.errno) and not known)


def _content(value: Any) -> tuple[str, Any]:
    """A hash of the item's bytes, and the item itself; a file is read only once."""
    if value is None:
        message = "no value"
        raise ReadError(message)
    if isinstance(value, tuple):
        content, answer = _content(value[0])
        return content, (answer, *value[1:])
    if isinstance(value, (str, os.PathLike)):
        try:
            value = read_file(value)
        except (OSError, ValueError) as error:
            raise ReadError(_file_reason(error)) from error
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
    elif isinstance(value, (list, dict)):
        # The reader says what it makes of them.
        return "", value
    else:
        array = np.ascontiguousarray(value)
        data = f"{array.dtype}{array.shape}".encode() + array.tobytes()
    return hashlib.blake2b(data, digest_size=16).hexdigest(), value


def _file_reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, ValueError):
        return f"not a path: {error}"
    return "a folder, not a file" if isinstance(error, IsADirectoryError) else f"{error.strerror or error}".lower()


def read_store(folder: Path, key: str) -> Store | None:
    """The store of that key, its canvases mapped from their file; None where there is none, or it is damaged."""
    notes, file = folder / f"{key}.json", folder / f"{key}.bin"
    try:
        known = json.loads(notes.read_text())
        shape = None if "starts" in known else tuple(known["shape"])
        canvases = np.memmap(file, dtype=known["dtype"], mode="r", shape=shape)
        if shape is None:
            starts, shapes = (np.array(known[name], dtype=np.int64) for name in ("starts", "shapes"))
            canvases = Ragged(canvases, starts, shapes)
        # Without a list of Python's texts, as there may be millions.
        contents = pl.Series([str(known["contents"])]).str.split("\n").explode()
        store = Store(canvases, contents, {int(index): why for index, why in known["reasons"].items()})
        # Its last use, by which the store that was not used for longest is found.
        os.utime(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return store if len(store.contents) == len(canvases) else None


def write_store(store: Store, folder: Path, key: str, temporary: Path) -> Store:
    """Moves the filled file to its place; the notes last, as they make it known."""
    canvases = store.canvases
    if isinstance(canvases, Ragged):
        layout = {"dtype": canvases.flat.dtype.str, "starts": canvases.starts.tolist()}
        layout["shapes"] = canvases.shapes.tolist()
    else:
        assert isinstance(canvases, np.memmap)
        # On the disk before the notes that make it known are.
        canvases.flush()
        layout = {"dtype": canvases.dtype.str, "shape": canvases.shape}
    os.replace(temporary, folder / f"{key}.bin")
    with whole_file(folder / f"{key}.json") as notes:
        notes.write_text(
            json.dumps({**layout, "contents": store.contents.str.join("\n").item(), "reasons": store.reasons})
        )
    return read_store(folder, key) or store
