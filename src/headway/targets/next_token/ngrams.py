"""N-gram models with interpolation, on arrays of tokens: what a language model must beat.

All orders are computed in one pass over hashes of contexts, so a million characters take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["PAD", "SMOOTHINGS", "Smoothing", "ngram_bits"]

# What stands where a text has ended; never predicted.
PAD = -1

Smoothing = Literal["Witten-Bell", "Kneser-Ney"]
SMOOTHINGS: tuple[Smoothing, ...] = ("Witten-Bell", "Kneser-Ney")

# An odd number, so that no token vanishes from a hash: of a million contexts of 64 bits, two are the same by a chance
# of 1 in 40 million.
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def ngram_bits(
    train: np.ndarray, texts: np.ndarray, *, order: int, num_tokens: int, smoothing: Smoothing
) -> np.ndarray:
    """How many bits each text takes, by an n-gram model of every order: float64 `[order, items]`, from order 1 on.

    Args:
        train: Tokens to learn from, whole numbers from 0, `[texts, longest]`, `PAD` behind each text's end.
        texts: Tokens to predict, likewise.
        order: The largest order: tokens that are counted together, the predicted one among them.
        num_tokens: How many tokens there are. Before anything is known, all are equally likely.
        smoothing: How the orders are interpolated.

    Example:
        >>> train = np.array([[0, 1, 0, 1, 0, 1], [0, 1, 0, 1, PAD, PAD]])
        >>> bits = ngram_bits(train, np.array([[0, 1, 0, 1]]), order=2, num_tokens=2, smoothing="Witten-Bell")
        >>> bits.round(1).tolist()
        [[4.0], [0.7]]

    Source:
        Witten and Bell 1991, "The zero-frequency problem"; Kneser and Ney 1995, "Improved backing-off for m-gram
        language modeling", interpolated and with three discounts as in Chen and Goodman 1999, "An empirical study of
        smoothing techniques for language modeling".
    """
    asked = _grams(texts, order)
    lower = np.full(len(asked[0][0]), 1 / num_tokens)
    items, bits = np.nonzero(texts != PAD)[0], []
    learned = _grams(train, order)
    for length, (words, contexts) in enumerate(learned):
        counts = _Counts.of(words, contexts)
        if smoothing == "Witten-Bell":
            lower = best = counts.witten_bell(*asked[length], lower)
        else:
            # The order that answers counts how often a gram is seen; those below it, how many different tokens precede
            # it.
            best = counts.kneser_ney(*asked[length], lower)
            if length + 1 < order:
                _, first = np.unique(learned[length + 1][0], return_index=True)
                lower = _Counts.of(words[first], contexts[first]).kneser_ney(*asked[length], lower)
        bits.append(np.bincount(items, -np.log2(best), minlength=len(texts)))
    return np.array(bits)


def _grams(texts: np.ndarray, order: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For 0, 1, ... tokens of context the hash of each token with its context, and of the context, uint64 `[tokens]`.

    What lies before a text's beginning is a token of its own.
    """
    rows, columns = np.nonzero(texts != PAD)
    padded = np.ones((len(texts), order + texts.shape[1]), dtype=np.uint64)
    padded[:, order:] = (texts + 2).astype(np.uint64)
    token, context = padded[rows, columns + order], np.zeros(len(rows), dtype=np.uint64)
    power, grams = np.ones(1, dtype=np.uint64), []
    for length in range(order):
        grams.append((token + context, context))
        power = power * _FACTOR
        context = context + padded[rows, columns + order - length - 1] * power
    return grams


@dataclass(frozen=True)
class _Counts:
    """How often grams are seen, and in each context how many tokens there are and how many different ones, by count.

    Attributes:
        words: Hashes of grams, sorted; `word_counts` is how often each is seen.
        contexts: Hashes of contexts, sorted; `totals` is how many tokens follow each.
        kinds: How many different tokens follow each context once, twice, and more often, `[3, contexts]`.
    """

    words: np.ndarray
    word_counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    kinds: np.ndarray

    @classmethod
    def of(cls, words: np.ndarray, contexts: np.ndarray) -> _Counts:
        """Counted from the hash of each token with its context, and of the context."""
        distinct, first, counts = np.unique(words, return_index=True, return_counts=True)
        known, which = np.unique(contexts[first], return_inverse=True)
        kinds = [np.bincount(which[np.minimum(counts, 3) == count], minlength=len(known)) for count in (1, 2, 3)]
        return cls(distinct, counts, known, np.bincount(which, counts), np.array(kinds))

    def witten_bell(self, words: np.ndarray, contexts: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Probabilities of tokens in their contexts, from those that the shorter context gives."""
        count, total, kinds = self._looked_up(words, contexts)
        return np.where(total, (count + kinds.sum(0) * lower) / np.maximum(total + kinds.sum(0), 1), lower)

    def kneser_ney(self, words: np.ndarray, contexts: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """The same with discounts that depend on how often a gram is seen."""
        count, total, kinds = self._looked_up(words, contexts)
        discounts = self._discounts()
        left = np.maximum(count - np.concatenate([[0], discounts])[np.minimum(count, 3)], 0)
        return np.where(total, (left + discounts @ kinds * lower) / np.maximum(total, 1), lower)

    def _looked_up(self, words: np.ndarray, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        word, context = _positions(self.words, words), _positions(self.contexts, contexts)
        count = np.where(word < 0, 0, self.word_counts[word])
        return count, np.where(context < 0, 0, self.totals[context]), np.where(context < 0, 0, self.kinds[:, context])

    def _discounts(self) -> np.ndarray:
        """What is taken off counts of 1, of 2, and of 3 and more."""
        seen = np.maximum(np.bincount(np.minimum(self.word_counts, 5), minlength=6)[1:5], 1)
        share = seen[0] / (seen[0] + 2 * seen[1])
        discounts = [count - (count + 1) * share * seen[count] / seen[count - 1] for count in (1, 2, 3)]
        # Of few or strange counts the formula gives nonsense: nothing may be discounted below 0, nor all of it.
        return np.clip(discounts, 0.05, [0.95, 1.95, 2.95])


def _positions(known: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Where hashes are among sorted ones, -1 for those that are not."""
    positions = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.where(known[positions] == hashes, positions, -1)
