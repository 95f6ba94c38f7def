"""Masked words: which tokens are hidden, what stands in their place, and what the model answers for."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch

import headway as hw
from headway.inputs.text.encoder import Encoder, EncoderSize
from headway.inputs.text.masked_words import MaskedWordModel, Words
from headway.inputs.text.networks import PooledEncoder
from headway.train.model import BodyAndHead

# Padding, a text's beginning and end, what is masked; then words, the last two of which go on with the word before.
VOCABULARY = 40
IS_WORD = np.arange(VOCABULARY) > 3
BEGINS = np.arange(VOCABULARY) < VOCABULARY - 2
WORDS = Words(3, BEGINS, IS_WORD)
TEXT = [1, *range(4, 24), 38, 39, 2, 0, 0]


def hidden(text: list[int], *, rows: range = range(400), epoch: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inputs = torch.tensor([text] * len(rows), dtype=torch.int32)
    given, targets = WORDS.hide(inputs, rows=np.array(rows), seed=0, epoch=epoch)
    masked, is_hidden = given.numpy()[:, 0], given.numpy()[:, 1].astype(bool)
    assert targets.tolist() == inputs.numpy()[is_hidden].tolist()
    return masked, is_hidden, np.array(text)


def test_a_seventh_of_the_words_is_hidden() -> None:
    masked, is_hidden, text = hidden(TEXT)
    # Of 20 words three; the word of three tokens is hidden whole.
    assert not is_hidden[:, ~IS_WORD[text]].any()
    assert (is_hidden[:, 20] == is_hidden[:, 21]).all()
    assert (is_hidden[:, 20] == is_hidden[:, 22]).all()
    assert set(is_hidden[:, 1:21].sum(axis=1).tolist()) == {3}
    assert (masked[~is_hidden] == np.broadcast_to(text, masked.shape)[~is_hidden]).all()
    shares = [(masked == 3)[is_hidden].mean(), (masked == text)[is_hidden].mean()]
    # One of the other tokens drawn may be the word itself, or the mask.
    assert np.allclose(shares, [0.8, 0.1], atol=0.03)


def test_the_draws_are_counted() -> None:
    once, again, other = (hidden(TEXT, epoch=epoch)[1] for epoch in (1, 1, 2))
    assert (once == again).all()
    assert (once != other).any()
    # Whatever else is in the batch.
    assert (hidden(TEXT, rows=range(7, 9))[1] == once[7:9]).all()


def test_a_text_of_one_word_and_one_of_none() -> None:
    assert hidden([1, 5, 2, 0])[1].sum(axis=1).tolist() == [1] * 400
    assert not hidden([1, 2, 0, 0])[1].any()


def test_the_model_answers_for_hidden_tokens_alone_by_the_vectors_it_reads_with() -> None:
    body = PooledEncoder(Encoder(EncoderSize(vocabulary=VOCABULARY, dim=8, heads=2, layers=1, width=8)), (1,))
    model = MaskedWordModel(body)
    given, targets = WORDS.hide(torch.tensor([TEXT], dtype=torch.int32), rows=np.array([0]), seed=0, epoch=1)
    assert model(given).shape == (len(targets), VOCABULARY)
    assert [name for name in model.state_dict() if VOCABULARY in model.state_dict()[name].shape] == [
        "body.encoder.words.weight",
        "head.bias",
    ]
    # A batch of nothing but empty texts has no hidden tokens, and a loss of 0.
    field = hw.Text("text").fit(pl.DataFrame({"text": ["a day"]}))
    pretraining = field.pretraining(BodyAndHead(body, 8, 2))
    assert pretraining is not None
    assert pretraining.loss_fn(torch.zeros(0, VOCABULARY), torch.zeros(0, dtype=torch.int64)).item() == 0
