"""Counted randomness: every random draw comes from (seed, stream, epoch, step, row) and from nothing else.

No generator is carried from one step to the next, so a run that stops and goes on, or that reads with more threads,
draws the same numbers. The generator is Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
whose state is a key and a counter: the key holds the seed and the stream, the counter holds epoch, step and row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from itertools import islice
from typing import Literal, get_args

import numpy as np

from headway.errors import ConfigError

__all__ = ["Stream", "generator", "hash_groups", "hash_order", "torch_seed"]

Stream = Literal[
    "init", "order", "augment", "forward", "head", "bootstrap", "baseline", "mix", "course", "write", "mask"
]

# A stream's number is its place in that list, which may only grow: else old runs could not be repeated.
_STREAMS: dict[str, int] = {name: number for number, name in enumerate(get_args(Stream), start=1)}

# Keys that are hashed at a time: the digests of all of them, as bytes, take as much again as in numbers.
_PIECE = 65_536


def generator(seed: int, stream: Stream, *, epoch: int = 0, step: int = 0, row: int = 0) -> np.random.Generator:
    """A fresh generator for one place in a run; the same arguments give the same numbers.

    Raises:
        ConfigError: If the seed is not from 0 to 2**64 - 1.

    Example:
        >>> a = generator(0, "order", epoch=3).permutation(4)
        >>> b = generator(0, "order", epoch=3).permutation(4)
        >>> bool((a == b).all())
        True
    """
    _check_seed(seed)
    # Philox makes its numbers of a key and a counter: nothing is carried from one step to the next.
    key = np.array([seed, _STREAMS[stream]], dtype=np.uint64)
    counter = np.array([0, row, step, epoch], dtype=np.uint64)  # the lowest word counts the draws themselves
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def torch_seed(seed: int, stream: Stream, *, epoch: int = 0, step: int = 0) -> int:
    """A seed for torch's own generators at one place in a run, from 0 to 2**63 - 1."""
    _check_seed(seed)
    # A hash and not a draw from a generator: it is needed at every step, and ten times as quick.
    counter = b"%d %d %d %d" % (seed, _STREAMS[stream], epoch, step)
    return int.from_bytes(hashlib.blake2b(counter, digest_size=8).digest()) >> 1


def hash_order(seed: int, keys: Collection[str]) -> np.ndarray:
    """A shuffled order of items, as indices into their keys, int64 `[items]`; equal keys stay in their order.

    Made for splits: it is the same on every machine and for every version of numpy, and an item keeps its place
    among the others when items are added. A key is such as the hash of an item's bytes.

    Example:
        >>> hash_order(0, ["p", "q", "r", "s"]).tolist()
        [2, 3, 1, 0]
    """
    return hash_groups(seed, keys)[0].astype(np.int64)


def hash_groups(seed: int, keys: Collection[str], *, prefix: str = "") -> tuple[np.ndarray, np.ndarray]:
    """The order of `hash_order`, in which equal keys are neighbours, and where in it each different key begins.

    `prefix` stands before every key. Both are int32, int64 for more keys than that can count, `[items]` and
    `[different keys]`.

    Example:
        >>> order, starts = hash_groups(0, ["p", "q", "p"])
        >>> order.tolist(), starts.tolist()
        ([1, 0, 2], [0, 1])
    """
    high, low = _digests(seed, keys, prefix)
    order = np.argsort(high, kind="stable")
    high = high[order]
    is_new = np.append(np.ones(min(len(keys), 1), dtype=bool), high[1:] != high[:-1])
    same = np.flatnonzero(~is_new)
    # Of thousands of millions of different keys two have the same first half.
    if (low[order[same]] != low[order[same - 1]]).any():
        high, low = _digests(seed, keys, prefix)
        order = np.lexsort((low, high))
        high, low = high[order], low[order]
        is_new[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    del high, low
    dtype = np.int32 if len(keys) < 2**31 else np.int64
    return order.astype(dtype), np.flatnonzero(is_new).astype(dtype)


def _digests(seed: int, keys: Collection[str], prefix: str) -> tuple[np.ndarray, np.ndarray]:
    """The first and the second half of each key's digest, uint64 `[items]` each: their order is that of the bytes."""
    start = hashlib.blake2b(f"{seed}\0{prefix}".encode(), digest_size=16)
    high, low = (np.empty(len(keys), dtype=np.uint64) for _ in range(2))
    left = iter(keys)
    for first in range(0, len(keys), _PIECE):
        digests = bytearray()
        for key in islice(left, _PIECE):
            digest = start.copy()
            digest.update(key.encode())
            digests += digest.digest()
        piece = slice(first, first + _PIECE)
        high[piece], low[piece] = np.frombuffer(digests, dtype=">u8").reshape(-1, 2).T
    return high, low


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**64:
        given = f"seed={seed}"
        raise ConfigError("`seed` must lie between 0 and 2**64 - 1.", given=given, fix="Pass one such as 0.")
