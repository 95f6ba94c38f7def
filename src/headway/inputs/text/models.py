"""Architectures for texts by name, and the packaged encoder's weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import safetensors.torch

from headway.errors import ConfigError, did_you_mean
from headway.inputs.text.encoder import Encoder, EncoderSize, from_bert
from headway.inputs.text.encoder_files import is_encoder
from headway.inputs.text.networks import ConvolutionalBody, LSTMBody, PooledEncoder
from headway.inputs.text.tokenizer import PACKAGE, TokenizerName, encoder_file
from headway.inputs.text.transformer import TransformerBody, layer_rates
from headway.targets.base import Target
from headway.train.model import BodyAndHead, Model
from headway.train.options import Options
from headway.train.recipe import Recipe

if TYPE_CHECKING:
    from headway.inputs.text.field import Text

__all__ = ["ARCHITECTURES", "build", "tokenizer_of"]

# The layers after which a text's vectors are averaged, 0 for those that are looked up. Chosen on folds of half of the
# training rows of rt_polarity: log loss 0.473, all seven depths 0.473, the last alone 0.518, the best one alone 0.488.
DEPTHS = (0, 4, 6)

# Features are many and each says little; chosen with `DEPTHS`.
DECAYS = (1.0, 0.3)

# What the rate of each layer is multiplied by, compared with the next.
LAYER_DECAY = 0.8

# Of more classes there are few texts each to count, and the scores would make the model much larger.
MOST_CLASSES = 50


# As BERT is fine-tuned (Devlin et al. 2019, arXiv:1810.04805), and one-cycle besides. Two hundred rows are enough to
# judge whether it is better than the head; to train on the others gained on folds of rt_polarity, and so did heads that
# do not know what they answer (docs/text.md).
FINE_TUNING = Recipe(
    lr=1e-4, options=Options(), samples_seen=16_000, min_epochs=1, max_epochs=5, most_aside=200, cross_fits=True
)
# Of the networks that learn from scratch.
SMALL = Recipe(lr=2e-3, options=Options(clip_norm=1.0, weight_decay=0.05), samples_seen=40_000, min_epochs=2)
SCRATCH = Recipe(lr=5e-4, options=Options(clip_norm=1.0), min_batch_size=32, max_batch_size=32)


def _minilm(field: Text, target: Target, *, pretrained: bool) -> Model:
    size = EncoderSize()
    encoder = from_bert(safetensors.torch.load_file(encoder_file("model.safetensors")), size) if pretrained else None
    body = PooledEncoder(encoder or Encoder(size), DEPTHS, _num_scored(target) if pretrained else 0)
    rates = {f"body.encoder.layers.{layer}": LAYER_DECAY ** (size.layers - layer) for layer in range(size.layers)}
    rates["body.encoder"] = LAYER_DECAY ** (size.layers + 1)
    model = BodyAndHead(body, body.num_features, target.num_outputs)
    if pretrained:
        model.lr_factors = rates
    source = PACKAGE if pretrained else ""
    return Model(model, recipe=SCRATCH, fine_tuning=FINE_TUNING, decays=DECAYS, pretrained=source, arch="minilm")


def _text_cnn(field: Text, target: Target, *, pretrained: bool) -> Model:
    body = ConvolutionalBody(field.vocabulary)
    return Model(BodyAndHead(body, body.num_features, target.num_outputs), recipe=SMALL, arch="text_cnn")


def _lstm(field: Text, target: Target, *, pretrained: bool) -> Model:
    body = LSTMBody(field.vocabulary)
    return Model(BodyAndHead(body, body.num_features, target.num_outputs), recipe=SMALL, arch="lstm")


def _transformer(name: str, field: Text, target: Target, *, pretrained: bool) -> Model:
    num_classes = _num_scored(target) if pretrained else 0
    body = TransformerBody(name, padding=int(field.padding), pretrained=pretrained, num_classes=num_classes)
    model = BodyAndHead(body, body.num_features, target.num_outputs)
    if pretrained:
        model.lr_factors = layer_rates(body, LAYER_DECAY)
    return Model(
        model, recipe=SCRATCH, fine_tuning=FINE_TUNING, decays=DECAYS, pretrained=name if pretrained else "", arch=name
    )


def _num_scored(target: Target) -> int:
    """How many classes get scores that are counted; two stages train only what came pretrained."""
    return target.num_outputs if target.is_one_class and target.num_outputs <= MOST_CLASSES else 0


@dataclass(frozen=True)
class _Architecture:
    """How a model is made, and the tokenizer that it needs."""

    build: Callable[..., Model]
    tokenizer: TokenizerName


# By name, the default first.
ARCHITECTURES: dict[str, _Architecture] = {
    "minilm": _Architecture(_minilm, "minilm"),
    "text_cnn": _Architecture(_text_cnn, "byte_pair"),
    "lstm": _Architecture(_lstm, "byte_pair"),
}


def tokenizer_of(arch: str) -> str | None:
    """The tokenizer that an architecture needs; None where there is no such architecture."""
    return ARCHITECTURES[arch].tokenizer if arch in ARCHITECTURES else arch if is_encoder(arch) else None


def build(arch: str | None, field: Text, target: Target, *, pretrained: bool) -> Model:
    """A model for texts, by a key of `ARCHITECTURES`; the first that takes the field's tokens when left out.

    Or by the name or folder of an encoder of the library transformers.

    Raises:
        ConfigError: If the name is not known, or the architecture needs another tokenizer.
        WeightsError: If the weights are missing.
    """
    names = (name for name, made in ARCHITECTURES.items() if made.tokenizer == field.tokenizer)
    name = arch or next(names, field.tokenizer)
    if name not in ARCHITECTURES and is_encoder(name):
        return _transformer(name, field, target, pretrained=pretrained)
    if name not in ARCHITECTURES:
        what = "Unknown architecture for texts."
        fix = f"{did_you_mean(name, ARCHITECTURES)} Or pass a module of your own."
        raise ConfigError(what, given=repr(name), fix=fix)
    return ARCHITECTURES[name].build(field, target, pretrained=pretrained)
