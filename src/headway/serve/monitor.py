"""What a server tells of its work: counters for Prometheus, and a log of requests and answers.

The log has one JSON line an item, in files that are rotated by size. A thread writes, so that a slow disk keeps no
answer waiting; when it falls far behind, lines are dropped and counted. Of an item the log has a few numbers. The item
itself is kept only where that was asked for.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import logging
import os
import queue
import threading
from collections.abc import Iterator
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    multiprocess,
)

from headway.errors import ConfigError, DataError
from headway.system.files import open_file

__all__ = ["LOG_NAME", "MULTIPROCESS_FOLDER", "Journal", "Metrics", "read_log"]

# The variable by which several workers share their numbers; prometheus-client's own.
MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# From a row of a small table to a request at its deadline.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

LOG_NAME = "predictions"
_FILE_BYTES, _OLD_FILES = 10_000_000, 9
_MAX_BEHIND = 10_000
_MAX_KEPT_BYTES = 2**30

_log = logging.getLogger("headway.serve")


class Metrics:
    """Counters and histograms of one server, named by what its items are called in the plural, such as "pictures"."""

    def __init__(self, noun: str) -> None:
        title = noun.capitalize()
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry, buckets=_SECONDS)
        self.requests = counter(
            "headway_requests", "Requests by path, method and status.", ["path", "method", "status"]
        )
        self.request_seconds = histogram("headway_request_seconds", "Time of a request.", ["path"])
        # `answered`, `unfamiliar`, or the problem's name.
        self.items = counter(f"headway_{noun}", f"{title} by what became of them.", ["outcome"])
        self.noted = counter(f"headway_{noun}_noted", f"{title} with what training did not have.")
        # Of targets without classes, which would make a counter each, by their kind.
        self.labels = counter("headway_labels", "Answers by label.", ["label"])
        self.decode_seconds = histogram("headway_decode_seconds", "Time to read an item.")
        self.model_seconds = histogram("headway_model_seconds", "Time of a batch in the model.")
        self.batch_items = histogram("headway_batch_items", f"{title} in a batch.", buckets=(1, 2, 4, 8, 12, 16))
        inside = f"{title} that are being answered."
        self.inside = Gauge(f"headway_{noun}_inside", inside, multiprocess_mode="livesum", registry=self.registry)
        if MULTIPROCESS_FOLDER not in os.environ:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def text(self) -> bytes:
        """All of it in Prometheus's text format; of all workers together where there are several."""
        if MULTIPROCESS_FOLDER not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        return generate_latest(registry)


class Journal:
    """Appends entries to `predictions.jsonl` in a folder, ten files of 10 MB at most; of several workers one each.

    With `keep_inputs` files that came in are kept in `inputs/` below it, up to 1 GB of them.

    Raises:
        ConfigError: If the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, keep_inputs: bool = False, worker: str = "") -> None:
        # Entries that were lost because the disk was too slow.
        self.num_dropped = 0
        self._inputs = folder / "inputs"
        self._keep_inputs = keep_inputs
        name = f"{LOG_NAME}-{worker}.jsonl" if worker else f"{LOG_NAME}.jsonl"
        try:
            (self._inputs if keep_inputs else folder).mkdir(parents=True, exist_ok=True)
            self._file = RotatingFileHandler(
                folder / name, maxBytes=_FILE_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
            )
            self._kept_bytes = sum(file.stat().st_size for file in self._inputs.glob("*"))
        except OSError as error:
            what = "The log's folder cannot be written to."
            raise ConfigError(what, given=f"{folder}: {error.strerror}", fix="Name another folder.") from error
        # Bounded, or a disk that hangs would fill the memory.
        self._behind: queue.Queue[tuple[dict[str, Any], bytes] | None] = queue.Queue(_MAX_BEHIND)
        self._thread = threading.Thread(target=self._work, name="headway-log", daemon=True)
        self._thread.start()

    def write(self, entry: dict[str, Any], *, file: bytes = b"") -> None:
        """Adds an entry, with the time in front of it, and the bytes of the item's file where they are kept."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        try:
            self._behind.put_nowait(({"time": now, **entry}, file if self._keep_inputs else b""))
        except queue.Full:
            self.num_dropped += 1

    def close(self) -> None:
        """Writes what is left, and closes the file."""
        self._behind.put(None)
        self._thread.join()
        self._file.close()

    def _work(self) -> None:
        while (taken := self._behind.get()) is not None:
            entry, data = taken
            try:
                if data:
                    entry |= self._keep(data)
                line = json.dumps(entry, ensure_ascii=False)
                self._file.emit(logging.makeLogRecord({"msg": line}))
            # A full disk must not end the thread: there may be room again.
            except OSError as error:
                self.num_dropped += 1
                _log.warning("An entry of the log was lost: %s", error)

    def _keep(self, data: bytes) -> dict[str, str]:
        """Puts a file beside the log, the same one once."""
        # By its content: no name of the client's, and the same file once.
        name = hashlib.sha256(data).hexdigest()[:32]
        file = self._inputs / name
        if not file.exists():
            if self._kept_bytes + len(data) > _MAX_KEPT_BYTES:
                return {}
            file.write_bytes(data)
            self._kept_bytes += len(data)
        return {"input": name}


def read_log(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The entries of a log, a folder that a server wrote to or one file of it, in no particular order.

    Raises:
        DataError: If there is no log, or a file of it cannot be opened.
    """
    path = Path(path).expanduser()
    files = [path] if path.exists() and not path.is_dir() else sorted(path.glob(f"{LOG_NAME}*.jsonl*"))
    if not files:
        what = f"The log was not found: it must be a file, or a folder with {LOG_NAME}.jsonl in it."
        raise DataError(what, given=path, fix="Name the folder that `headway serve --log` wrote to.")
    return _entries(files)


def _entries(files: list[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        try:
            opened = open_file(file)
        except OSError as error:
            what, fix = "A file of the log cannot be read.", "Remove it, or name another log."
            raise DataError(what, given=f"{file}: {error.strerror or error}", fix=fix) from error
        with io.TextIOWrapper(opened, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                # The last line of a crash is cut short; one of many brackets is nobody's.
                except (ValueError, RecursionError):
                    continue
                if isinstance(entry, dict):
                    yield entry
