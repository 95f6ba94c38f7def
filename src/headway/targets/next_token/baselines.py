"""Simple models of texts: n-grams, which a language model must beat."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from headway.judge.baselines.base import Baseline, BaselineData
from headway.seeds import generator
from headway.targets.next_token.ngrams import PAD, SMOOTHINGS, ngram_bits

__all__ = ["BASELINES"]

# The orders that are tried: on a few hundred thousand characters more than that gained less than 0.01 bits.
_ORDERS = {"bytes": 14, "tokens": 5}
# 256 bytes and a text's end.
_NUM_BYTES = 257
_HELD_OUT = 0.1


def _uniform(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """Every character takes a byte."""
    return {part: np.repeat(data.targets, 2, axis=1) * [8, 1] for part, data in parts.items()}


def _unigram(
    train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    options = {"order": 1, "num_tokens": _NUM_BYTES, "smoothing": "Witten-Bell"}
    return _answers("bytes", parts, lambda texts: ngram_bits(train["bytes"], texts, **options)[0])


def _ngram(
    name: str, train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
) -> dict[str, np.ndarray]:
    """Order and smoothing are chosen on a tenth of the training texts, and then all of them are counted."""
    tokens = train[name]
    size = _NUM_BYTES if name == "bytes" else train.about["num_tokens"]
    is_aside = generator(seed, "baseline", epoch=2).random(len(tokens)) < _HELD_OUT
    bits = {
        smoothing: ngram_bits(
            tokens[~is_aside], tokens[is_aside], order=_ORDERS[name], num_tokens=size, smoothing=smoothing
        ).sum(axis=1)
        for smoothing in SMOOTHINGS
    }
    best = min(bits, key=lambda smoothing: bits[smoothing].min())
    options: dict[str, Any] = {"order": int(bits[best].argmin()) + 1, "num_tokens": size, "smoothing": best}
    return _answers(name, parts, lambda texts: ngram_bits(tokens, texts, **options)[-1])


def _answers(name: str, parts: Mapping[str, BaselineData], bits_of: Any) -> dict[str, np.ndarray]:
    """Bits and tokens of each text of the parts."""
    return {
        part: np.stack([bits_of(data[name]), (data[name] != PAD).sum(axis=1)], axis=1) for part, data in parts.items()
    }


def _size(name: str, data: BaselineData, num_outputs: int) -> int:
    """The grams of all orders, each with its count; of as many as there are tokens at most."""
    return int((data[name] != PAD).sum()) * _ORDERS[name]


# Counting is quick, and all texts are needed for it.
_ALL: dict[str, Any] = {"max_rows": sys.maxsize, "choice_rows": sys.maxsize}

BASELINES: dict[str, Baseline] = {
    "uniform": Baseline(_uniform, **_ALL),
    "unigram": Baseline(_unigram, needs="bytes", size=lambda *_: _NUM_BYTES, **_ALL),
    "n-gram of characters": Baseline(partial(_ngram, "bytes"), needs="bytes", size=partial(_size, "bytes"), **_ALL),
    "n-gram of tokens": Baseline(partial(_ngram, "tokens"), needs="tokens", size=partial(_size, "tokens"), **_ALL),
}
