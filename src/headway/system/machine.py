"""What this process has of the machine: its cores, its memory, and a heap that keeps what a batch frees for later.

By default glibc gives every large block back to the system as soon as it is freed, and the system clears each page
before it hands it out again. A batch of photos as floats and every layer's activations are such blocks, freed and asked
for at every step: on a processor that was a sixth of a training step's time and most of that of reading a batch.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache
from pathlib import Path

from headway.system.files import read_file

__all__ = ["keep_freed_memory", "memory_bytes", "num_cores", "return_freed_memory"]

_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")

# From glibc's malloc.h; the largest values that its `int` takes.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _LARGEST, _USUAL = -1, -3, 2**31 - 1, 2**17


@cache
def keep_freed_memory() -> bool:
    """Asks the C library to keep what is freed for the process, from now on; gives whether it does.

    The process's peak memory grows a little, and after training it does not shrink by itself, as with torch's memory on
    accelerators. Only glibc can be asked: on macOS, Windows and with musl it does not.

    Source:
        glibc's manual, "Malloc Tunable Parameters" (`mallopt`).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST)) and bool(libc.mallopt(_M_TRIM_THRESHOLD, _LARGEST))


def return_freed_memory() -> bool:
    """Asks the C library to return large blocks to the system again, where it was asked to keep them."""
    # Asked once, so that nobody asks for it afterwards.
    return keep_freed_memory() and all(
        ctypes.CDLL(None).mallopt(name, _USUAL) for name in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD)
    )


def num_cores() -> int:
    """The processor's cores that this process may use."""
    # On a shared machine or in a container a process may use fewer cores than there are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """The memory that this process may use: the machine's, or its container's."""
    # Windows has no such question; most machines there have more.
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**33
    try:
        return min(memory, int(read_file(_MEMORY_LIMIT)))
    # Elsewhere than in a container there is no such file, or it says "max".
    except (OSError, ValueError):
        return memory
