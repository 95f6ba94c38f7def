"""Encoders of transformers, from small folders with random weights as the library itself writes them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import headway as hw
from headway.errors import ConfigError, WeightsError
from headway.inputs.registry import check_architecture
from headway.inputs.text.encoder_files import encoder_tokenizer, max_positions
from headway.inputs.text.transformer import TransformerBody, layer_rates

SIZE = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
SMALL = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
WORDS = ("good", "bad", "film", "a", "the", "very", "##ly", "was")
TEXTS = [f"{'very ' * (row % 3)}{('good', 'bad')[row % 2]} film the film was a film" for row in range(60)]


def _folder(folder: Path, kind: str) -> Path:
    """A model with random weights, and its tokenizer."""
    # With the lowest huggingface-hub the newest transformers is not to be imported.
    pytest.importorskip("transformers", exc_type=ImportError)
    from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, RobertaConfig, RobertaModel

    # RoBERTa's padding is 1, and its positions begin after it.
    names = ("<s>", "<pad>", "</s>", "<unk>") if kind == "roberta" else ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    first, last, unknown = (0, 2, 3) if kind == "roberta" else (2, 3, 1)
    vocabulary = {token: index for index, token in enumerate((*names, *WORDS))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=names[unknown]))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(names))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{names[first]} $A {names[last]}", special_tokens=[(names[first], first), (names[last], last)]
    )
    makers: dict[str, Callable[[], Any]] = {
        "bert": lambda: BertModel(BertConfig(**SIZE, vocab_size=12, max_position_embeddings=40)),
        "distilbert": lambda: DistilBertModel(DistilBertConfig(**SMALL, vocab_size=12, max_position_embeddings=40)),
        "roberta": lambda: RobertaModel(RobertaConfig(**SIZE, vocab_size=12, max_position_embeddings=42)),
    }
    torch.manual_seed(0)
    makers[kind]().save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
def test_an_encoder_in_a_folder_is_trained_exported_and_served(tmp_path: Path, kind: str) -> None:
    logging.disable(logging.WARNING)
    folder = str(_folder(tmp_path / kind, kind))
    labels = [("good", "bad")[row % 2] for row in range(60)]
    data = hw.from_items({"text": TEXTS, "label": labels}, input=hw.Text("text"), target="label")
    learner = hw.Learner(data, arch=folder, precision="float32", progress=False)
    assert (learner.arch, learner.pretrained) == (folder, folder)
    field = learner.data.input
    assert isinstance(field, hw.Text)
    assert (field.max_tokens, field.padding) == (40, 1 if kind == "roberta" else 0)
    learner.fine_tune(epochs=1)
    path = learner.export(tmp_path / "model.headway")
    (tmp_path / kind).rename(tmp_path / "moved")
    predictor = hw.load(path)
    # Padded or not, a text's answer is the same.
    together = [answer.probabilities["good"] for answer in predictor.predict_many(["good film", TEXTS[2]])]
    alone = [predictor.predict(text).probabilities["good"] for text in ("good film", TEXTS[2])]
    assert together == pytest.approx(alone, abs=1e-5)
    assert learner.predict("good film").probabilities["good"] == pytest.approx(alone[0], abs=1e-4)


@pytest.mark.slow
def test_an_encoder_keeps_its_weights_and_earlier_layers_learn_more_slowly(tmp_path: Path) -> None:
    from transformers import AutoModel

    folder = str(_folder(tmp_path / "distilbert", "distilbert"))
    body = TransformerBody(folder, padding=0, pretrained=True).eval()
    tokens = torch.tensor([[2, 4, 6, 3], [2, 5, 3, 0]], dtype=torch.int32)
    vectors = AutoModel.from_pretrained(folder)(tokens.long(), (tokens != 0).long()).last_hidden_state
    expected = torch.stack([vectors[0].mean(dim=0), vectors[1, :3].mean(dim=0)])
    np.testing.assert_allclose(body(tokens).detach(), expected.detach(), atol=1e-5)
    layers = "body.encoder.transformer.layer"
    assert layer_rates(body, 0.5) == {"body.encoder": 0.125, f"{layers}.0": 0.25, f"{layers}.1": 0.5}
    assert max_positions(folder) == 40


def test_names_are_known_before_the_data_are_read(tmp_path: Path) -> None:
    check_architecture("distilbert-base-uncased")
    check_architecture(str(tmp_path))


def test_an_encoder_that_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        encoder_tokenizer("nobody/has-this")
    what, given, fix = str(caught.value).split("\n")
    assert what == "The text encoder is not on this machine, and cannot be downloaded."
    folders = f"nobody/has-this and {tmp_path}/weights/nobody/has-this"
    assert given.startswith(f"  Given: 'nobody/has-this'; looked for the folders {folders}, then on the hub: ")
    assert fix == "  Fix:   Put config.json, model.safetensors and tokenizer.json into one of these folders."


@pytest.mark.slow
def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "bert", "bert")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(WeightsError) as caught:
        encoder_tokenizer(str(folder))
    assert str(caught.value) == (
        f"The folder of the text encoder lacks files.\n  Given: {folder} without tokenizer.json\n"
        "  Fix:   Save model and fast tokenizer there, both with save_pretrained() of transformers."
    )


def test_a_tokenizer_without_padding(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "bert", "bert")
    Tokenizer(models.BPE()).save(str(folder / "tokenizer.json"))
    with pytest.raises(ConfigError) as caught:
        encoder_tokenizer(str(folder))
    assert str(caught.value) == (
        "This model's tokenizer has no token for padding, which an encoder of texts needs.\n"
        f"  Given: arch={str(folder)!r}\n  Fix:   Name an encoder, such as distilbert-base-uncased."
    )


def test_a_model_that_transformers_does_not_know(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "bert", "bert")
    (folder / "config.json").write_text('{"model_type": "nobody"}')
    with pytest.raises(ConfigError) as caught:
        TransformerBody(str(folder), padding=0, pretrained=True)
    what, given, fix = str(caught.value).split("\n")
    assert what == "The library transformers cannot open this model as a text encoder."
    assert given.startswith(f"  Given: arch={str(folder)!r}: ")
    assert fix == "  Fix:   Name another encoder, such as distilbert-base-uncased."
