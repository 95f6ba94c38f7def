"""Texts that are nearly the same: other capitals or marks, a word changed, a sentence added, HTML around them.

Of each text the pairs of words that follow one another are hashed, and the smallest hashes kept. Texts that have two of
these in common are compared by all of them.

Source:
    Broder 1997, "On the resemblance and containment of documents".
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

__all__ = ["find_copies", "words_of"]

# The smallest hashes of a text that are kept.
_KEPT = 64
# So many texts with the same pair of words are all compared; of more, each with the next that is most like it.
_FEW = 32
# Of the pairs of words that the shorter of two texts has, so many may be missing from the other: two, as a word that
# was changed is in two, or this share. A text with half as much again of its own must have nearly all of them.
_MISSING, _SHARE_MISSING, _ADDED, _SHARE_CONTAINED = 2, 0.3, 1.5, 0.1
# Texts of up to so many pairs must have the same ones: many start or end with one turn of speech ("worth the price of
# admission"), and the word that differs is what they say. Of longer ones, what is shared must be so much rarer.
_SHORT, _SHORTISH, _RARER = 5, 8, 2.5
# What two texts share must be so rare that of ten texts fewer than one would have a copy by chance.
_RARE = 10
# Pairs that are compared at once.
_BLOCK = 8_192

_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")
# Thai, Japanese and Chinese have no spaces between words: there each character counts as one.
_NO_SPACES = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W{_NO_SPACES}]+")
_NONE = np.uint64(2**64 - 1)


def find_copies(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of texts that are nearly the same, by their positions.

    Example:
        >>> texts = ["The sea was calm and very blue that day, they say.", "Nobody came.", "<p>Nobody&nbsp;came!</p>"]
        >>> find_copies([*texts, "The sea was calm and very green that day, they say"])
        [(0, 3), (1, 2)]
    """
    sketches, wholes = _sketches(texts)
    order = np.argsort(wholes, kind="stable")
    is_equal = (wholes[order[1:]] == wholes[order[:-1]]) & (wholes[order[1:]] != _NONE)
    equal = np.stack([order[:-1], order[1:]], axis=1)[is_equal]
    has_pairs = sketches != _NONE
    hashes, counts = np.unique(sketches[has_pairs], return_counts=True)
    surprise = np.log(len(texts) / counts)
    pairs = _candidates(sketches, has_pairs)
    blocks = [pairs[start : start + _BLOCK] for start in range(0, len(pairs), _BLOCK)]
    copies = [block[_are_copies(sketches, block, hashes, surprise)] for block in blocks]
    return list(map(tuple, np.unique(np.concatenate([equal, *copies]), axis=0).tolist()))


class _Hashes(dict[str, int]):
    """The hash of each word, computed when it is first asked for."""

    def __missing__(self, word: str) -> int:
        self[word] = number = _hash(word)
        return number


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def _sketches(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The smallest hashes of each text's pairs of words, ascending, uint64 `[texts, kept]`; and a hash of all words.

    Where a text has fewer, or none, `_NONE` stands.
    """
    of_words = _Hashes()
    sketches = np.full((len(texts), _KEPT), _NONE)
    wholes = np.full(len(texts), _NONE)
    for index, text in enumerate(texts):
        words = words_of(text)
        if words:
            # Without spaces: where a mark between two words is gone, they may be one.
            wholes[index] = _hash("".join(words))
            hashes = np.array([of_words[word] for word in words], dtype=np.uint64)
            # An odd factor, so that the order of two words counts.
            smallest = np.unique(hashes[:-1] * np.uint64(0x9E3779B97F4A7C15) + hashes[1:])[:_KEPT]
            sketches[index, : len(smallest)] = smallest
    return sketches, wholes


def words_of(text: str) -> list[str]:
    """Words in small letters, without marks, tags and entities."""
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        # Twice, as pages that were copied from pages have it.
        text = html.unescape(html.unescape(text))
    return _WORD.findall(_APOSTROPHE.sub("", text.lower()))


def _candidates(sketches: np.ndarray, has_pairs: np.ndarray) -> np.ndarray:
    """Texts with at least two hashes in common, int64 `[pairs, 2]`."""
    texts = np.nonzero(has_pairs)[0]
    hashes = sketches[has_pairs]
    # Of many texts with the same pair of words, those with the same smallest hash are side by side.
    order = np.lexsort((sketches[texts, 0], hashes))
    texts, hashes = texts[order], hashes[order]
    _, number, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
    are_few = sizes[number] <= _FEW
    codes = []
    for step in range(1, _FEW):
        is_same = hashes[step:] == hashes[:-step]
        if step > 1:
            is_same &= are_few[step:]
        first, second = texts[:-step][is_same], texts[step:][is_same]
        codes.append(np.minimum(first, second) * len(sketches) + np.maximum(first, second))
    both, counts = np.unique(np.concatenate(codes), return_counts=True)
    return np.stack(np.divmod(both[counts > 1], len(sketches)), axis=1)


def _are_copies(sketches: np.ndarray, pairs: np.ndarray, hashes: np.ndarray, surprise: np.ndarray) -> np.ndarray:
    """Which of these pairs, int64 `[pairs, 2]`, are nearly the same; `surprise` is of each hash, in nats."""
    first, second = sketches[pairs[:, 0]], sketches[pairs[:, 1]]
    # Up to the smaller of the largest hashes both sketches are complete; of short texts they always are.
    limit = np.minimum(first[:, -1:], second[:, -1:])
    sizes = np.stack([((rows <= limit) & (rows != _NONE)).sum(axis=1) for rows in (first, second)])
    both = np.sort(np.concatenate([first, second], axis=1), axis=1)
    is_shared = (both[:, 1:] == both[:, :-1]) & (both[:, 1:] != _NONE)
    missing, added = np.sort(sizes - is_shared.sum(axis=1), axis=0)
    rarity = np.zeros(is_shared.shape)
    rarity[is_shared] = surprise[np.searchsorted(hashes, both[:, 1:][is_shared])]
    shorter = sizes.min(axis=0)
    is_long = shorter > _SHORT
    allowed = is_long * np.maximum(_MISSING, _SHARE_MISSING * shorter)
    is_contained = is_long & (missing <= _SHARE_CONTAINED * shorter)
    is_near = (missing <= allowed) & (added <= _ADDED * allowed) | is_contained
    needed = np.where(is_long & (shorter <= _SHORTISH) & (missing > 0), _RARER, 1) * np.log(_RARE * len(sketches))
    return is_near & (rarity.sum(axis=1) > needed)
