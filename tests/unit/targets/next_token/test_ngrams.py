"""N-grams beside plain counting, and as the distributions that they must be."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from headway.seeds import generator
from headway.targets.next_token.ngrams import PAD, SMOOTHINGS, Smoothing, ngram_bits


def texts(seed: int, *, rows: int = 6, length: int = 30, tokens: int = 3) -> np.ndarray:
    """Texts of different lengths in which a token often follows itself."""
    draw = generator(seed, "course")
    array = draw.integers(0, tokens, (rows, length))
    stays = draw.random((rows, length)) < 0.6
    for column in range(1, length):
        array[:, column] = np.where(stays[:, column], array[:, column - 1], array[:, column])
    array[0, length // 2 :] = PAD
    return array


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("start", [[], [0], [2, 1, 1], [1, 2, 0, 0, 2]])
def test_probabilities_sum_to_one(smoothing: Smoothing, start: list[int]) -> None:
    train = texts(0)
    asked = np.array([[*start, token] for token in range(3)])
    bits = ngram_bits(train, asked, order=4, num_tokens=3, smoothing=smoothing)
    before = ngram_bits(train, np.array([start]), order=4, num_tokens=3, smoothing=smoothing) if start else 0
    np.testing.assert_allclose((2.0 ** -(bits - before)).sum(axis=1), 1, rtol=1e-9)


def counted_by_hand(train: np.ndarray, asked: np.ndarray, order: int) -> float:
    """Witten and Bell's interpolation, a dictionary a context."""
    followers: dict[tuple[int, ...], Counter[int]] = {}
    for text in train.tolist():
        padded = [-9] * order + [token for token in text if token != PAD]
        for place in range(order, len(padded)):
            for length in range(order):
                followers.setdefault(tuple(padded[place - length : place]), Counter())[padded[place]] += 1
    bits, padded = 0.0, [-9] * order + [token for token in asked.tolist() if token != PAD]
    for place in range(order, len(padded)):
        share = 1 / 3
        for length in range(order):
            known = followers.get(tuple(padded[place - length : place]))
            if known:
                share = (known[padded[place]] + len(known) * share) / (known.total() + len(known))
        bits -= math.log2(share)
    return bits


def test_witten_bell_is_what_counting_gives() -> None:
    train, asked = texts(1), texts(2)
    bits = ngram_bits(train, asked, order=3, num_tokens=3, smoothing="Witten-Bell")
    wanted = [[counted_by_hand(train, text, order) for text in asked] for order in (1, 2, 3)]
    np.testing.assert_allclose(bits, wanted, rtol=1e-9)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_a_longer_context_helps_where_texts_have_it(smoothing: Smoothing) -> None:
    train, asked = texts(3, rows=60), texts(4, rows=20)
    bits = ngram_bits(train, asked, order=3, num_tokens=3, smoothing=smoothing).sum(axis=1)
    assert bits[1] < 0.9 * bits[0]
    # The texts have no more to say of a token than the one before it.
    assert bits[2] < 1.03 * bits[1]


def test_what_training_never_saw_still_has_a_probability() -> None:
    bits = ngram_bits(np.array([[0, 0, 0]]), np.array([[5, 5]]), order=3, num_tokens=8, smoothing="Kneser-Ney")
    assert np.isfinite(bits).all()
    assert (bits > 4).all()
