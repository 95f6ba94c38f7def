"""Texts in plain PyTorch: how they become tokens, and the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import safetensors.torch
import torch
from tokenizers import Tokenizer
from torch import nn

from headway.inputs.text.encoder import Encoder, EncoderSize
from headway.inputs.text.field import Text
from headway.inputs.text.networks import ConvolutionalBody, LSTMBody, PooledEncoder
from headway.peel.facts import KindParts, Subject
from headway.peel.specialise import Known, constant
from headway.seeds import torch_seed
from headway.train.model import BodyAndHead

__all__ = ["parts"]

_COMMENTS = {
    "max_tokens": "of a text; those beyond are cut off",
    "depths": "the layers after which a text's vectors are averaged, 0 for those that are looked up",
    "rates": "what the learning rate of a part is multiplied by: the earlier, the less",
}


def parts(field: Text, subject: Subject) -> KindParts:
    """What texts bring to the file."""
    model = subject.setup.model
    assert isinstance(model, BodyAndHead)
    is_encoder = isinstance(model.body, PooledEncoder)
    counter = model.body.counter if isinstance(model.body, PooledEncoder) else None
    values = {
        "max_tokens": field.max_tokens,
        "vocabulary": field.vocabulary,
        "num_features": model.body.num_features,
        "depths": model.body.depths if isinstance(model.body, PooledEncoder) else (),
        "rates": getattr(model, "lr_factors", {}),
        "num_scored": model.head.out_features if counter else 0,
        "is_encoder": is_encoder,
        "is_lstm": isinstance(model.body, LSTMBody),
        "is_pretrained": bool(subject.settings["pretrained"]),
    }
    facts = {f"facts.{name}": constant(name.upper(), value, _COMMENTS.get(name, "")) for name, value in values.items()}
    return KindParts(
        blocks={"data": read_texts, "model": make_model},
        known={
            "": facts,
            PooledEncoder: dict.fromkeys(("num_classes", "self.counter is not None"), Known(value=counter is not None)),
        },
        methods={PooledEncoder: ("__init__", "forward")},
        # Several columns are one text, with the tokenizer's own mark between them.
        columns=pl.DataFrame({"text": field._texts(subject.setup.data.items)}),  # noqa: SLF001
        beside={".json": field.fitted.encode()},
        has_weights=bool(subject.settings["pretrained"]),
    )


def read_texts(facts: Any, items: pl.DataFrame) -> None:
    # The tokenizer lies beside this file, as its library writes it. It cuts texts into words and parts of words.
    tokenizer = Tokenizer.from_file(str(Path(__file__).with_suffix(".json")))
    tokenizer.enable_truncation(facts.max_tokens)
    tokenizer.no_padding()
    tokens = [encoding.ids for encoding in tokenizer.encode_batch_fast(items["text"].to_list())]
    lengths = np.array([len(ids) for ids in tokens])

    def inputs_of(positions: np.ndarray, epoch: int | None = None) -> torch.Tensor:
        """Texts as the model takes them, the same in each epoch: int32 `[batch, tokens]`, filled up with zeros."""
        texts = [torch.tensor(tokens[position], dtype=torch.int32) for position in positions]
        return nn.utils.rnn.pad_sequence(texts, batch_first=True)


def make_model(facts: Any) -> None:
    if not facts.is_pretrained:
        torch.manual_seed(torch_seed(facts.seed, "init"))
    if facts.is_encoder:
        body = PooledEncoder(Encoder(EncoderSize()), facts.depths, facts.num_scored)
    elif facts.is_lstm:
        body = LSTMBody(facts.vocabulary)
    else:
        body = ConvolutionalBody(facts.vocabulary)
    model = BodyAndHead(body, facts.num_features, facts.num_outputs)
    if facts.rates:
        model.lr_factors = facts.rates
    if facts.is_pretrained:
        # The encoder's pretrained weights, and a head that is still random.
        model.load_state_dict(safetensors.torch.load_file(Path(__file__).with_suffix(".safetensors")))
