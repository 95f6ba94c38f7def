"""Whether a text's tokens are those of the training texts: other languages, code and gibberish have rarer ones."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from headway.inputs.text.tokenizer import encode, learned_tokenizer, opened, uncounted

__all__ = ["MAX_ROWS", "Surprisal"]

# Texts that it learns from at most; more hardly change how rare a token is.
MAX_ROWS = 5_000
# Tokens of a text that are looked at where the limit is found.
_MAX_TOKENS = 1_024
# The share of training texts that may be as rare to the other half of them.
_MAX_REFUSED = 0.01
# With fewer training texts the limit comes from their mean and spread.
_MIN_RANKED = 200
# In nats; JSON has no infinity.
_NO_LIMIT = 1e9
# So many tokens of usual rarity are counted beside a text's own: a few tokens say little.
_USUAL = 5
# The same in bytes, where these are counted: about as much text.
_USUAL_BYTES = 20
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
        lengths: How much each token counts, a byte a token: its bytes of text. Empty where each counts as one.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> usual = Surprisal.fit([draw.integers(1, 9, 12) for _ in range(200)], size=20, ignored=(0,))
        >>> usual.is_far(np.array([[3, 2, 1, 8, 0, 0], [17, 18, 17, 15, 12, 19]])).tolist()
        [False, True]
    """

    tokens: bytes
    usual: float
    limit: float
    lengths: bytes = b""

    @classmethod
    def fit(cls, arrays: Sequence[np.ndarray], *, size: int, ignored: Sequence[int]) -> Self:
        """From training texts, integers `[tokens]` below `size` each; `ignored` are tokens such as padding."""
        halves = (arrays[::2], arrays[1::2])
        # Each half as the other sees it: of their own texts all tokens are known.
        others = [_rarity(half, size, ignored) for half in reversed(halves)]
        seen = [[table[array] for array in half] for half, table in zip(halves, others, strict=True)]
        return cls._limited(_rarity(arrays, size, ignored), [_sums(row[None]) for half in seen for row in half])

    @classmethod
    def fit_learned(cls, texts: Sequence[str], tokenizer: str) -> Self:
        """Of a tokenizer of `learned_tokenizer` that has learned from these training texts: rarity by bytes of text.

        A text of another kind falls into single letters. These are frequent: it has many tokens, and not rare ones.
        """
        sums = []
        for known, new in ((texts[::2], texts[1::2]), (texts[1::2], texts[::2])):
            # The tokenizer, too, has only seen the other half: its own texts fall into few tokens.
            table, lengths, arrays = _learned(learned_tokenizer(known), known, new)
            sums += [_sums(table[array][None], lengths[array][None]) for array in arrays]
        table, lengths, _ = _learned(tokenizer, texts, [])
        return cls._limited(table, sums, lengths)

    @classmethod
    def _limited(
        cls, table: np.ndarray, sums: Sequence[tuple[np.ndarray, np.ndarray]], lengths: np.ndarray | None = None
    ) -> Self:
        """With a limit from what `_sums` gives of texts that were new to what judged them."""
        nats, counts = np.array(sums, dtype=np.float64).reshape(-1, 2).T
        usual = float(nats.sum() / counts.sum()) if counts.sum() else 0.0
        means = _mean((nats, counts), usual, _USUAL if lengths is None else _USUAL_BYTES)
        return cls(table.tobytes(), usual, _limit(means), b"" if lengths is None else lengths.tobytes())

    def is_far(self, arrays: np.ndarray) -> np.ndarray:
        """Which texts of a batch, integers `[batch, tokens]`, are made of tokens rarer than the training texts'."""
        return self.mean(arrays) > self.limit

    def mean(self, arrays: np.ndarray) -> np.ndarray:
        """How rare the tokens of each text are on average, float64 `[batch]`, in nats; of few tokens nearly `usual`."""
        if not self.lengths:
            return _mean(_sums(self._table[arrays]), self.usual, _USUAL)
        return _mean(_sums(self._table[arrays], self._lengths[arrays]), self.usual, _USUAL_BYTES)

    @cached_property
    def _table(self) -> np.ndarray:
        return np.frombuffer(self.tokens, np.uint8)

    @cached_property
    def _lengths(self) -> np.ndarray:
        return np.frombuffer(self.lengths, np.uint8)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        tables = {"tokens": base64.b64encode(self.tokens).decode(), "lengths": base64.b64encode(self.lengths).decode()}
        return {**tables, "usual": self.usual, "limit": self.limit}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What `to_json` wrote."""
        tokens, lengths = (base64.b64decode(values.get(name, "")) for name in ("tokens", "lengths"))
        assert len(lengths) in (0, len(tokens))
        return cls(tokens, float(values["usual"]), float(values["limit"]), lengths)


def _limit(means: np.ndarray) -> float:
    """What one text in a hundred goes beyond, from the average rarity of some texts' tokens, float64 `[texts]`.

    Of few texts it is the one-sided prediction limit of a normal distribution: the fewer, the wider. With fewer than
    two texts nothing is beyond it.

    Source:
        Hahn and Meeker 1991, "Statistical intervals", section 4.8.
    """
    if len(means) >= _MIN_RANKED:
        # One more is left out: of a hundred texts one is often of another kind, and would set the limit for all.
        return float(np.sort(means)[int(len(means) * (1 - _MAX_REFUSED)) - 2])
    if len(means) < 2:
        return _NO_LIMIT
    from scipy.special import stdtrit

    quantile = float(stdtrit(len(means) - 1, 1 - _MAX_REFUSED))
    return float(means.mean() + quantile * means.std(ddof=1) * math.sqrt(1 + 1 / len(means)))


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


def _learned(
    tokenizer: str, known: Sequence[str], new: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """The rarity and the bytes of each token that some texts give, uint8 `[size]`; and the tokens of other texts."""
    made = opened(tokenizer, _MAX_TOKENS)
    size, ignored = made.get_vocab_size(), uncounted(tokenizer)
    # In a tokenizer of byte pairs a character stands for a byte; longer tokens than 255 are lines of one sign.
    lengths = np.array([min(len(made.id_to_token(token) or ""), 255) for token in range(size)], dtype=np.uint8)
    return _rarity(encode(made, known), size, ignored), lengths, encode(made, new)


def _sums(values: np.ndarray, lengths: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The nats of each row of values, uint8 `[batch, tokens]`, and how much its tokens count together."""
    is_counted = values != _NOT_COUNTED
    counts = is_counted.sum(axis=1) if lengths is None else (lengths * is_counted).sum(axis=1, dtype=np.int64)
    return np.where(is_counted, values, 0).sum(axis=1, dtype=np.int64) / _STEPS, counts


def _mean(sums: tuple[np.ndarray, np.ndarray], usual: float, num_usual: int) -> np.ndarray:
    """Nats by what they are counted by, with some of the usual beside them."""
    nats, counts = sums
    return (nats + usual * num_usual) / (counts + num_usual)
