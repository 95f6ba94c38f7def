"""Texts as an exported graph takes them, without Headway: numpy and tokenizers. `headway export` copies it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

__all__ = ["read"]

MAX_CHARACTERS = 100_000


def read(texts: Sequence[str | Mapping[str, str]], field: dict[str, Any]) -> np.ndarray:
    """The tokens of each text, or of a dict with a text a column, int32 `[texts, tokens]`, filled up with padding."""
    tokenizer = Tokenizer.from_str(field["fitted"])
    tokenizer.enable_truncation(field["max_tokens"])
    tokenizer.no_padding()
    names = {token["content"]: token["id"] for token in json.loads(field["fitted"])["added_tokens"]}
    between = next((name for name in names if name in ("[SEP]", "</s>", "<|endoftext|>")), "\n")
    separator = f" {between} " if len(field["text"]) > 1 else " "
    parts = [[text] if isinstance(text, str) else [text[name] or "" for name in field["text"]] for text in texts]
    tokens = [tokenizer.encode(separator.join(part[:MAX_CHARACTERS] for part in row)).ids for row in parts]
    padding = names.get("[PAD]", names.get("<pad>", 0))
    filled = np.full((len(tokens), max(map(len, tokens))), padding, dtype=np.int32)
    for row, ids in zip(filled, tokens, strict=True):
        row[: len(ids)] = ids
    return filled
