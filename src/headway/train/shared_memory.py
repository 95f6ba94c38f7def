"""Shared memory through which the processes of one machine exchange tensors, without sockets.

Each process writes into a slot of its own, counts up, waits until all others have counted up as well, and reads theirs.
There are two slots each, used in turn: who writes into one again knows that all have read what was in it. What is
larger than a slot goes in several turns.

The order in which a process sees what others write is that of x86 processors; elsewhere there is no such memory.
"""

from __future__ import annotations

import mmap
import os
import platform
import sys
import tempfile
import time
import weakref
from pathlib import Path

import torch
import torch.distributed as dist

__all__ = ["SharedMemory"]

FOLDER = Path("/dev/shm")

# Small enough for the second level of a processor's cache, and for the 64 MB that a container has.
SLOT_BYTES = 1 << 20

# The counts of two processes share no line of the cache.
LINE_BYTES = 64

# How often a process looks in vain before it lets others have its core, and after how many seconds it sleeps between
# looks, and asks whether the others are there.
LOOKS, SECONDS_AWAKE, SECONDS_BETWEEN_QUESTIONS = 100, 0.002, 0.5


class SharedMemory:
    """Memory that all processes of torch's default group map, as one of them sees it.

    Args:
        file: A file of `size(world)` bytes, which all of them open; it may be removed once they have.
        rank: Which of them this is, from 0.
        world: How many there are.
    """

    def __init__(self, file: Path, rank: int, world: int) -> None:
        import fcntl

        self.rank, self.world = rank, world
        self._file = os.open(file, os.O_RDWR)
        weakref.finalize(self, os.close, self._file)
        # Held until this object or the process ends, whatever ends it.
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, rank)
        memory = mmap.mmap(self._file, size(world))
        self._counts = memoryview(memory).cast("q")
        slots = torch.frombuffer(memory, dtype=torch.uint8)[world * LINE_BYTES :]
        self._slots = slots.view(2, world, SLOT_BYTES)
        self._turns = 0

    @classmethod
    def of_group(cls) -> SharedMemory | None:
        """The memory of torch's default group; all of it must ask. None where not all of them can have it."""
        rank, world = dist.get_rank(), dist.get_world_size()
        name: list[str | None] = [_new_file(world) if rank == 0 else None]
        dist.broadcast_object_list(name, src=0)
        if name[0] is None:
            return None
        try:
            memory = cls(Path(name[0]), rank, world)
        except OSError:
            # On another machine, or in another container.
            memory = None
        have_it: list[bool] = [False] * world
        dist.all_gather_object(have_it, memory is not None)
        if rank == 0:
            Path(name[0]).unlink()
        return memory if all(have_it) else None

    def gathered(self, tensor: torch.Tensor) -> torch.Tensor:
        """Every process's tensor, `[processes, ...]`; all have one shape and type."""
        own = tensor.detach().reshape(-1)
        gathered = own.new_empty(self.world, len(own))
        for part, into in zip(_turns(own), _turns(gathered), strict=True):
            into.copy_(self._exchanged(part))
        return gathered.view(self.world, *tensor.shape)

    def add_up(self, tensor: torch.Tensor) -> None:
        """Replaces a flat tensor by its sum over processes, in their order."""
        for own in _turns(tensor):
            first, second, *others = self._exchanged(own)
            torch.add(first, second, out=own)
            for other in others:
                own.add_(other)

    def _exchanged(self, own: torch.Tensor) -> torch.Tensor:
        """Every process's values, `[processes, values]`, until the turn after the next."""
        slots = self._slots[self._turns % 2, :, : own.nbytes].view(own.dtype)
        slots[self.rank] = own
        self._turns += 1
        # After what was written into the slot, also for the others.
        self._counts[self.rank * LINE_BYTES // 8] = self._turns
        for other in range(self.world):
            self._wait_for(other)
        return slots

    def _wait_for(self, other: int) -> None:
        counts, index, turns = self._counts, other * LINE_BYTES // 8, self._turns
        for _ in range(LOOKS):
            if counts[index] >= turns:
                return
        began = asked = time.monotonic()
        while counts[index] < turns:
            now = time.monotonic()
            if now - asked > SECONDS_BETWEEN_QUESTIONS:
                asked = now
                # It may have come here meanwhile, and gone on to its end.
                if not self._is_there(other) and counts[index] < turns:
                    raise dist.DistNetworkError(f"process {other} has ended")
            if now - began < SECONDS_AWAKE:
                os.sched_yield()
            else:
                # Longer and longer: where a process waits for minutes, others need its core.
                time.sleep(min(0.01, (now - began) / 20))

    def _is_there(self, other: int) -> bool:
        import fcntl

        try:
            # Shared, so that several may ask at once.
            fcntl.lockf(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, other)
        except OSError:
            return True
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, other)
        return False


def size(world: int) -> int:
    """How many bytes so many processes share."""
    return world * (LINE_BYTES + 2 * SLOT_BYTES)


def _new_file(world: int) -> str | None:
    """A file in memory; None where there is no such thing, or too little of it."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or not FOLDER.is_dir():
        return None
    try:
        file, name = tempfile.mkstemp(prefix="headway-", dir=FOLDER)
    except OSError:
        return None
    try:
        # All of it now: a process that writes where there is no memory left is killed.
        os.posix_fallocate(file, 0, size(world))
    except OSError:
        Path(name).unlink()
        return None
    finally:
        os.close(file)
    return name


def _turns(values: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What of `[..., values]` is told in each turn."""
    return values.split(SLOT_BYTES // values.element_size(), dim=-1)
