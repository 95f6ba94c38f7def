"""Arrays of different lengths, such as the tokens of texts, one after another in a flat one: in memory or a file."""

from __future__ import annotations

import io
import math
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Ragged", "RaggedWriter"]


@dataclass(frozen=True)
class Ragged:
    """Arrays that differ in their lengths, one after another in a flat one.

    Attributes:
        flat: All their numbers.
        starts: Where each array's begin, int64 `[items]`.
        shapes: Of each array, int64 `[items, axes]`.
    """

    flat: np.ndarray
    starts: np.ndarray
    shapes: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, indices: np.ndarray) -> list[np.ndarray]:
        layout = zip(self.starts[indices].tolist(), self.shapes[indices].tolist(), strict=True)
        return [np.asarray(self.flat[start : start + math.prod(shape)]).reshape(shape) for start, shape in layout]


class RaggedWriter:
    """Keeps arrays of different lengths, in the order in which they come; none if beyond `most` bytes."""

    def __init__(
        self, count: int, num_axes: int, dtype: type[np.generic], file: Path | None = None, most: float = math.inf
    ) -> None:
        self._dtype, self._path, self._most = np.dtype(dtype), file, most
        self._starts, self._shapes = np.zeros(count, np.int64), np.zeros((count, num_axes), np.int64)
        self._bytes = file.open("wb") if file else io.BytesIO()
        self._length, self._lock = 0, threading.Lock()

    def __setitem__(self, index: int, array: np.ndarray) -> None:
        """Keeps an item's array; may be called by several threads."""
        with self._lock:
            self._starts[index], self._shapes[index] = self._length, array.shape
            self._length += array.size
            if self._length * self._dtype.itemsize <= self._most:
                self._bytes.write(array.tobytes())

    def close(self) -> None:
        """Nothing more is written; a file that is not finished has to be closed, too."""
        # Threads that are still reading write whole arrays, or none.
        with self._lock:
            self._bytes.close()

    def finish(self) -> Ragged | None:
        """All of them; None where they were too many."""
        if self._length * self._dtype.itemsize > self._most:
            self.close()
            return None
        if isinstance(self._bytes, io.BytesIO):
            flat = np.frombuffer(self._bytes.getbuffer(), dtype=self._dtype)
        else:
            assert self._path is not None
            self.close()
            # An empty file cannot be mapped.
            flat = np.memmap(self._path, dtype=self._dtype, mode="r") if self._length else np.zeros(0, self._dtype)
        return Ragged(flat, self._starts, self._shapes)
