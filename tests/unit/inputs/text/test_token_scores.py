"""Scores that count: which class a token speaks for, how sure they are, and what they are not surer for."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.naive_bayes import ComplementNB

from headway.inputs.text import token_scores
from headway.inputs.text.token_scores import TokenScores


def drawn(count: int, *, share: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of nine tokens, of which a share tells the class; and the classes."""
    draw = np.random.default_rng(seed)
    classes = np.arange(count) % 2
    telling = 10 + 10 * classes[:, None] + draw.integers(0, 10, (count, 9))
    tokens = np.where(draw.random((count, 9)) < share, telling, draw.integers(30, 60, (count, 9)))
    return torch.from_numpy(tokens.astype(np.int32)), torch.from_numpy(classes)


def counted(texts: torch.Tensor, classes: torch.Tensor) -> TokenScores:
    scores = TokenScores(60, int(classes.max()) + 1)
    scores.put(scores.count(texts, classes, seed=0)[0])
    return scores


def test_nothing_is_said_before_texts_were_counted() -> None:
    assert (TokenScores(9, 3)(torch.tensor([[5, 3, 0], [8, 0, 0]])) == 0).all()


def test_it_is_complement_naive_bayes_of_scikit_learn() -> None:
    texts, classes = drawn(200, share=0.3)
    new, _ = drawn(50, share=0.3, seed=1)

    def counts(tokens: torch.Tensor) -> np.ndarray:
        return np.stack([np.bincount(row, minlength=60) for row in tokens.numpy()])

    weigh: Any = TfidfTransformer().fit(counts(texts))

    def weighed(tokens: torch.Tensor) -> np.ndarray:
        # Each occurrence is one number: a token twice in a text counts twice in its length.
        return counts(tokens) * weigh.idf_ / np.sqrt(counts(tokens) @ weigh.idf_**2)[:, None]

    bayes = ComplementNB(alpha=token_scores.SMOOTHING).fit(weighed(texts), classes.numpy())
    odds = bayes.predict_joint_log_proba(weighed(new))
    scores = counted(texts, classes)(new).numpy()
    # All of ours are multiplied by one number: how sure they may be.
    assert np.corrcoef(odds[:, 1] - odds[:, 0], scores[:, 1] - scores[:, 0])[0, 1] > 0.9999


def test_they_are_only_as_sure_as_texts_that_were_not_counted_allow() -> None:
    by_share = {share: counted(*drawn(400, share=share)).table[:, 0].abs().max() for share in (0.0, 0.3)}
    assert by_share[0.0] < 0.1 * by_share[0.3]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5), st.integers(1, 4))
def test_padding_and_repetition_change_little(padding: int, times: int) -> None:
    scores, (texts, _) = counted(*drawn(100, share=0.5)), drawn(20, share=0.5, seed=2)
    padded = torch.nn.functional.pad(texts, (0, padding))
    torch.testing.assert_close(scores(padded), scores(texts))
    # A text that says all of it several times over is surer, but not as many times.
    assert (scores(texts.repeat(1, times)).abs() <= times**0.5 * scores(texts).abs() + 1e-4).all()


def test_tokens_that_no_text_had_say_nothing() -> None:
    scores = counted(*drawn(100, share=1.0))
    assert (scores(torch.tensor([[5, 50]])) == 0).all()


def test_classes_without_texts_and_empty_texts_are_taken() -> None:
    texts, classes = drawn(100, share=0.5)
    texts[3] = 0
    scores = TokenScores(60, 4)
    scores.put(scores.count(texts, classes, seed=0)[0])
    assert scores(texts).isfinite().all()
    assert scores(texts)[5:].argmax(dim=1).eq(classes[5:]).float().mean() > 0.9
