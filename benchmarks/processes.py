"""A program watched while it runs: how much memory it takes, with all that it starts."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.results import ROOT

__all__ = ["Sample", "peak_memory", "watched"]

MEGABYTE = 2**20


class Sample(NamedTuple):
    """What a program and its children hold at a moment.

    Attributes:
        at: When, by `time.monotonic`.
        own: What only they can give back (anonymous pages), in MB of 2**20 bytes; this is what runs out. Pages that
            several of them share are counted once.
        all: The resident set, in MB: own, and what is mapped from files, which the system drops when it needs the room.
    """

    at: float
    own: float
    all: float


@contextmanager
def watched(
    command: Sequence[str], *, seconds: float = 0.02, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[Sample]]]:
    """A context in which a command runs, its output piped, and a list of samples that grows until it ends.

    Args:
        command: Program and arguments; it runs in the project's root.
        seconds: Between samples.
        environment: Variables on top of those of this process.

    Raises:
        CalledProcessError: At the end, if the program gave an exit status other than 0.
    """
    given = {**os.environ, **(environment or {})}
    samples: list[Sample] = []
    with subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.PIPE, text=True) as process:
        thread = threading.Thread(target=_watch, args=(process, samples, seconds), daemon=True)
        thread.start()
        yield process, samples
        status = process.wait()
        thread.join()
    if status:
        raise subprocess.CalledProcessError(status, command)


def peak_memory(samples: Sequence[Sample]) -> tuple[float, float]:
    """The most there was of own and of all memory, in MB; NaN without samples."""
    if not samples:
        return float("nan"), float("nan")
    return max(each.own for each in samples), max(each.all for each in samples)


def _watch(process: subprocess.Popen[str], samples: list[Sample], seconds: float) -> None:
    while process.poll() is None:
        with suppress(psutil.Error):
            top = psutil.Process(process.pid)
            tree = [top, *top.children(recursive=True)]
            found = [each for each in (_held(process, is_alone=len(tree) == 1) for process in tree) if each]
            # Libraries' code is the same in a program and its children.
            own, mapped = sum(own for own, _ in found), max((mapped for _, mapped in found), default=0.0)
            samples.append(Sample(time.monotonic(), own, own + mapped))
        time.sleep(seconds)


def _held(process: psutil.Process, *, is_alone: bool) -> tuple[float, float] | None:
    """Own memory of a process and what it has mapped, in MB; None where it has just ended."""
    try:
        memory = process.memory_info()
        mapped = getattr(memory, "shared", 0)
        # A child begins with its parent's pages: each has its share of those. To ask for it takes milliseconds.
        own = None if is_alone else _own_share(process.pid)
    except (psutil.Error, OSError):
        return None
    return (memory.rss - mapped if own is None else own) / MEGABYTE, mapped / MEGABYTE


def _own_share(pid: int) -> int | None:
    """Bytes of a process's own, shared pages divided up among those who share them; None where that is not told."""
    file = Path(f"/proc/{pid}/smaps_rollup")
    lines = file.read_text().splitlines() if file.exists() else ()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")), None)
