"""How the next token is drawn, and what a model is given to read."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import polars as pl
import pytest

from headway.errors import ConfigError
from headway.inputs.protocols import Step
from headway.inputs.text_blocks.field import TextBlocks
from headway.inputs.text_blocks.writing import Sampling, write

LOGITS = np.log(np.array([0.5, 0.25, 0.15, 0.1]))


@cache
def field() -> TextBlocks:
    rows = pl.DataFrame({"text": ["abcdabcdabcd<|end|>"] * 9})
    return TextBlocks("text", tokenizer="characters", block=16).fit(rows)


def shares(**options: float) -> dict[int, float]:
    drawn = Counter(
        Sampling(seed=seed, **options).draw(LOGITS, position=position)  # pyright: ignore[reportArgumentType]
        for seed in range(20)
        for position in range(200)
    )
    return {token: count / 4000 for token, count in sorted(drawn.items())}


@pytest.mark.slow
def test_tokens_are_drawn_by_their_probabilities() -> None:
    assert shares() == pytest.approx({0: 0.5, 1: 0.25, 2: 0.15, 3: 0.1}, abs=0.03)
    # At a half of the temperature probabilities are squared.
    assert shares(temperature=0.5)[0] == pytest.approx(0.25 / (0.25 + 0.0625 + 0.0225 + 0.01), abs=0.03)
    assert shares(temperature=0) == {0: 1.0}


@pytest.mark.slow
def test_only_likely_tokens_are_drawn() -> None:
    assert shares(top_k=2) == pytest.approx({0: 2 / 3, 1: 1 / 3}, abs=0.03)
    assert shares(top_p=0.75) == pytest.approx({0: 2 / 3, 1: 1 / 3}, abs=0.03)
    assert list(shares(top_p=0.76)) == [0, 1, 2]
    assert shares(top_p=1e-9) == {0: 1.0}


class Parrot:
    """A model that says the letters of a text one after another, and remembers what it was given."""

    def __init__(self, says: str) -> None:
        self.says = field().token_indices(says)
        self.read: list[tuple[int, int]] = []

    def step(self) -> Step:
        return Step(run=self.run, empty=np.zeros((1, 0, 1), np.float32), grows=True)

    def run(self, tokens: np.ndarray, past: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.read.append((past.shape[1], tokens.shape[1]))
        logits = np.zeros((1, field().num_tokens), np.float32)
        logits[0, self.says.pop(0)] = 9
        return logits, tokens[..., None].astype(np.float32)


def test_each_token_is_read_once_until_the_context_is_full() -> None:
    parrot = Parrot("abcdabcdabcdabcd")
    assert field().context == 13
    assert "".join(write(field(), parrot.step(), "abc", max_tokens=16, temperature=0)) == "abcdabcdabcdabcd"
    # The beginning and the prompt, then one by one; full, the second half is read anew.
    assert parrot.read[:3] == [(0, 4), (4, 1), (5, 1)]
    assert parrot.read[9:12] == [(12, 1), (0, 6), (6, 1)]


def test_a_text_ends_where_the_model_ends_it() -> None:
    assert "".join(write(field(), Parrot("ab<|end|>cd").step(), "", temperature=0)) == "ab"


def test_a_character_comes_once_all_its_bytes_are_there() -> None:
    assert list(write(field(), Parrot("a🦉b").step(), "", max_tokens=6, temperature=0)) == ["a", "🦉", "b"]


def test_options_that_cannot_be_are_named_before_anything_is_written() -> None:
    with pytest.raises(ConfigError) as caught:
        write(field(), Parrot("a").step(), "", temperature=float("nan"), top_p=0, max_tokens=True)
    assert str(caught.value) == (
        "An option of writing is out of its range.\n"
        "  Given: max_tokens=True, temperature=nan, top_p=0\n"
        "  Fix:   Allowed: max_tokens from 1 to 100,000; temperature from 0 to 100; top_p above 0 and at most 1."
    )
    with pytest.raises(ConfigError) as refused:
        write(field(), Parrot("a").step(), "\ud800")
    assert str(refused.value) == (
        "The prompt must be text.\n  Given: '\\ud800'\n  Fix:   Pass a text such as \"Once\"."
    )
