"""Whether a text's tokens are those of the training texts: other languages, code and gibberish have rarer ones."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

__all__ = ["MAX_ROWS", "Surprisal"]

# Texts that it learns from at most; more hardly change how rare a token is.
MAX_ROWS = 5_000
# The share of training texts that may be as rare to the other half of them.
_MAX_REFUSED = 0.01
# So many tokens of usual rarity are counted beside a text's own: a few tokens say little.
_USUAL = 5
# Steps of an eighth of a nat, a byte each; the largest byte is for tokens that do not count.
_STEPS, _NOT_COUNTED = 8, 255


@dataclass(frozen=True)
class Surprisal:
    """How rare each token is in the training texts, and how rare the tokens of one text may be on average.

    Attributes:
        tokens: Minus the logarithm of each token's share, in eighths of a nat, a byte a token; 255 where it does not
            count.
        usual: That of all tokens on average, in nats.
        limit: Above it a text is far from the training texts, in nats.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> usual = Surprisal.fit([draw.integers(1, 9, 12) for _ in range(200)], size=20, ignored=(0,))
        >>> usual.is_far(np.array([[3, 2, 1, 8, 0, 0], [17, 18, 17, 15, 12, 19]])).tolist()
        [False, True]
    """

    tokens: bytes
    usual: float
    limit: float

    @classmethod
    def fit(cls, arrays: Sequence[np.ndarray], *, size: int, ignored: Sequence[int]) -> Self:
        """From training texts, integers `[tokens]` below `size` each; `ignored` are tokens such as padding."""
        halves = (arrays[::2], arrays[1::2])
        # Each half as the other sees it: of their own texts all tokens are known.
        others = [_rarity(half, size, ignored) for half in reversed(halves)]
        seen = [[table[array] for array in half] for half, table in zip(halves, others, strict=True)]
        every = np.concatenate([np.empty(0, np.uint8), *seen[0], *seen[1]])
        counted = every[every != _NOT_COUNTED]
        usual = float(counted.mean() / _STEPS) if len(counted) else 0.0
        means = np.sort([_mean(values[None], usual)[0] for half in seen for values in half])
        # One more is left out: of a hundred texts one is often of another kind, and would set the limit for all.
        rank = max(int(len(means) * (1 - _MAX_REFUSED)) - 1, 1)
        limit = float(means[rank - 1]) if len(means) else math.inf
        return cls(_rarity(arrays, size, ignored).tobytes(), usual, limit)

    def is_far(self, arrays: np.ndarray) -> np.ndarray:
        """Which texts of a batch, integers `[batch, tokens]`, are made of tokens rarer than the training texts'."""
        return self.mean(arrays) > self.limit

    def mean(self, arrays: np.ndarray) -> np.ndarray:
        """How rare the tokens of each text are on average, float64 `[batch]`, in nats; of few tokens nearly `usual`."""
        return _mean(self._table[arrays], self.usual)

    @cached_property
    def _table(self) -> np.ndarray:
        return np.frombuffer(self.tokens, np.uint8)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"tokens": base64.b64encode(self.tokens).decode(), "usual": self.usual, "limit": self.limit}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(base64.b64decode(values["tokens"]), float(values["usual"]), float(values["limit"]))


def _rarity(arrays: Sequence[np.ndarray], size: int, ignored: Sequence[int]) -> np.ndarray:
    """Minus the logarithm of each token's share in eighths of a nat, uint8 `[size]`; tokens that are new share a part.

    Source:
        Witten and Bell 1991, "The zero-frequency problem": new tokens are as frequent as different ones were.
    """
    counts = np.bincount(np.concatenate([np.empty(0, np.int64), *arrays]), minlength=size).astype(np.float64)
    counts[list(ignored)] = 0
    is_new = counts == 0
    num_different = max(int((~is_new).sum()), 1)
    counts[is_new] = num_different / max(int(is_new.sum()), 1)
    nats = -np.log(counts / counts.sum())
    table = np.minimum(np.round(nats * _STEPS), _NOT_COUNTED - 1).astype(np.uint8)
    table[list(ignored)] = _NOT_COUNTED
    return table


def _mean(values: np.ndarray, usual: float) -> np.ndarray:
    """The mean rarity of each row of values, uint8 `[batch, tokens]`, in nats, with some of the usual beside it."""
    counts = (values != _NOT_COUNTED).sum(axis=1)
    sums = np.where(values == _NOT_COUNTED, 0, values).sum(axis=1, dtype=np.int64) / _STEPS
    return (sums + usual * _USUAL) / (counts + _USUAL)
