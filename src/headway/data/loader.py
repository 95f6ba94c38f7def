"""Batches, read ahead by threads, in an order that is counted: it depends on seed and epoch, never on the threads."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from headway.data.dataset import Part
from headway.data.store import reader_threads
from headway.errors import ConfigError, DataError
from headway.inputs.base import model_order
from headway.seeds import generator
from headway.system.machine import keep_freed_memory

# Batches that are filled by length together: more of them need less padding, fewer mix items better.
POOL = 32

__all__ = ["Batch", "Loader", "as_tensor", "by_length", "piece_sizes", "shuffled_by_length", "to_device"]


@dataclass(frozen=True)
class Batch:
    """A batch on the way to the device.

    Attributes:
        inputs: For photos uint8 `[batch, channels, height, width]`, channels last in memory; for rows of a table
            float32 `[batch, columns]`.
        targets: For a category int64 `[batch]`, for numbers float32 `[batch, outputs]`, for masks uint8 `[batch, side,
            side]`.
        rows: The items' numbers in the source, int64 `[batch]`.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    rows: np.ndarray

    def to(self, device: torch.device) -> Batch:
        """The batch on a device; itself where it is already."""
        if self.inputs.device == device:
            return self
        return Batch(to_device(self.inputs, device), to_device(self.targets, device), self.rows)

    def split(self, pieces: int) -> list[Batch]:
        """The batch in so many pieces, equal up to one item; as many as it has items, at most."""
        if pieces == 1:
            return [self]
        ends = itertools.accumulate(piece_sizes(len(self.rows), pieces), initial=0)
        cuts = [slice(start, end) for start, end in itertools.pairwise(ends)]
        return [Batch(self.inputs[cut], self.targets[cut], self.rows[cut]) for cut in cuts]


def piece_sizes(count: int, pieces: int) -> list[int]:
    """How many of so many items each piece has: equal up to one item, and no piece without one."""
    ends = np.linspace(0, count, min(pieces, count) + 1).astype(int)
    return np.diff(ends).tolist()


class Loader:
    """The batches of a part.

    An epoch's batches have equal sizes up to one item, so none is ever tiny. Shuffled, they are whole canvases, to be
    cut by augmentation; in order, they are what serving would see. Items of different lengths are put together by
    length, so that little is padding: shuffled within `POOL` batches, whose order is drawn anew; else throughout, so
    that a batch's `rows` say which items it has.

    Args:
        part: The rows.
        batch_size: Items a batch, at most.
        seed: The run's seed.
        shuffle: Whether to shuffle, anew each epoch, and give canvases.
        threads: How many threads read. Default: one a core. Results do not depend on it.
        pin_memory: Whether batches are put into pinned memory, for a CUDA device.
        share: Which share this is of how many, where several processes read: shuffled, each batch is divided; in order,
            batches are dealt out.

    Raises:
        ConfigError: If `batch_size` is below 1 or the part is empty.
        DataError: While reading, if no item of a share of a batch can be read.
    """

    def __init__(
        self,
        part: Part,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
        threads: int | None = None,
        pin_memory: bool = False,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        if batch_size < 1 or not len(part):
            given = f"batch_size={batch_size}, {len(part)} items in {part.name!r}"
            raise ConfigError("There are no batches to read.", given=given, fix="Correct the call.")
        self.part = part
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.threads = threads or reader_threads()
        self.pin_memory = pin_memory
        self.share = share
        # Taken once: threads share it, and a part computes it when it is first asked for.
        self._rows = part.rows

    def __len__(self) -> int:
        return -(-len(self.part) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def epoch(self, epoch: int, *, start: int = 0) -> Generator[Batch, None, None]:
        """The batches of one epoch, whose number, from 0, decides the shuffled order.

        The first `start` are passed over, for a run that goes on.
        """
        keep_freed_memory()
        order = np.arange(len(self.part))
        if self.shuffle:
            order = generator(self.seed, "order", epoch=epoch).permutation(len(self.part))
        parts = np.array_split(order, len(self))
        lengths = self.part.lengths
        if lengths is not None and self.shuffle:
            parts = shuffled_by_length(parts, lengths, seed=self.seed, epoch=epoch)
        elif lengths is not None:
            parts = by_length(parts, lengths)
        # Divided before the first are dropped: a run that goes on has the batches that it would have had.
        parts = self._own(parts[start:])
        if self.part.data.input.source == "values":
            # Rows lie in memory: to hand them from one thread to another would take longer than to look them up.
            yield from itertools.chain.from_iterable(map(self._read, parts))
            return
        waiting: deque[Future[list[Batch]]] = deque()
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="headway-reader")
        try:
            for positions in parts:
                waiting.append(pool.submit(self._read, positions))
                # One batch ready beyond those being read, so that no thread waits for the model; more is memory.
                if len(waiting) > self.threads + 1:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            # The garbage collector may close this in a thread that a reader waits for: to wait here could be for ever.
            pool.shutdown(wait=False, cancel_futures=True)

    def _own(self, batches: list[np.ndarray]) -> list[np.ndarray]:
        """What this process reads of them."""
        index, count = self.share
        if not self.shuffle:
            return batches[index::count]
        # In one piece, so that the shares one after the other are the batch.
        return [np.array_split(positions, count)[index] for positions in batches] if count > 1 else batches

    def _read(self, positions: np.ndarray) -> list[Batch]:
        """The batch of those that can be read; nothing where none of them can."""
        asked = positions
        canvases, positions = self.part.readable(positions)
        if not len(positions):
            if self.shuffle and self.share[1] > 1:
                given = f"rows {', '.join(map(str, self._rows[asked].tolist()))}"
                fix = "Bring the files back, or train in one process; what was saved stays."
                raise DataError("None of the items that a process has of a batch can be read.", given=given, fix=fix)
            return []
        targets, reader = self.part.placed_at(positions), self.part.data.input
        if not self.shuffle:
            canvases, targets = reader.view(canvases), self.part.data.target.view(targets, reader)
        inputs, targets = as_tensor(canvases, reader.axes), torch.from_numpy(targets)
        # In the reading thread, so that the copy into pinned memory costs training no time.
        if self.pin_memory:
            inputs, targets = inputs.pin_memory(), targets.pin_memory()
        return [Batch(inputs, targets, self._rows[positions])]


def by_length(batches: list[np.ndarray], lengths: np.ndarray) -> list[np.ndarray]:
    """Batches of as many items as these, those of nearly one length together; `lengths` are by position."""
    positions = np.concatenate(batches)
    positions = positions[np.argsort(lengths[positions], kind="stable")]
    return np.split(positions, np.cumsum([len(batch) for batch in batches])[:-1])


def shuffled_by_length(batches: list[np.ndarray], lengths: np.ndarray, *, seed: int, epoch: int) -> list[np.ndarray]:
    """The same within each `POOL` of batches, whose order is then drawn anew."""
    ordered = [batch for at in range(0, len(batches), POOL) for batch in by_length(batches[at : at + POOL], lengths)]
    # Step 1, as the items' order is drawn at step 0: from the same draws the two would go together.
    return [ordered[index] for index in generator(seed, "order", epoch=epoch, step=1).permutation(len(ordered))]


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device, copied without waiting for what the device still has to do, where that is safe.

    To CUDA it is: pinned memory is kept until it was read, any other is read before the call returns. On Apple's
    devices the copy may read memory that was given back since (github.com/pytorch/pytorch/issues/189690).
    """
    return tensor.to(device, non_blocking=device.type == "cuda")


def as_tensor(arrays: np.ndarray, axes: tuple[str, ...]) -> torch.Tensor:
    """A batch as `Input.collate` gives it, `[batch, *axes]`, as models take it: channels before other axes."""
    tensor = torch.from_numpy(np.ascontiguousarray(arrays))
    # A single axis has no order; of rows, a microsecond in each of very many batches.
    return tensor if len(axes) == 1 else tensor.permute(model_order(axes))
