from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from headway.inputs.text.tokenizer import (
    CHUNK,
    encode,
    learned_tokenizer,
    opened,
    packaged_tokenizer,
    separator,
)

TEXTS = ["The cat sat on the mat.", "The dog sat on the log, too."] * 3


def test_a_learned_tokenizer_gives_every_text_back() -> None:
    made = opened(learned_tokenizer(TEXTS), 100)
    for text in [*TEXTS, "naïve 日本 🙂"]:
        assert made.decode(made.encode(text).ids).strip() == text.lower()
    assert made.token_to_id("[PAD]") == 0


@pytest.mark.slow
def test_what_is_learned_is_the_same_in_another_process() -> None:
    code = f"from headway.inputs.text.tokenizer import *; print(hash_of(learned_tokenizer({TEXTS!r})))"
    code = f"import hashlib; hash_of = lambda text: hashlib.sha256(text.encode()).hexdigest(); {code}"
    one, other = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout for _ in range(2))
    assert one == other
    assert len(one) == 65


def test_the_packaged_tokenizer_cuts_words_as_bert_does() -> None:
    made = opened(packaged_tokenizer(), 6)
    assert made.encode("Unbelievable!").tokens == ["[CLS]", "unbelievable", "!", "[SEP]"]
    assert len(made.encode("word " * 50).ids) == 6
    assert separator(packaged_tokenizer()) == "[SEP]"


def test_many_texts_give_what_each_gives_alone() -> None:
    made = opened(packaged_tokenizer(), 64)
    texts = [f"{number} words of a text" for number in range(2 * CHUNK + 1)]
    arrays = encode(made, texts)
    assert len(arrays) == len(texts)
    assert all(np.array_equal(arrays[row], made.encode(texts[row]).ids) for row in (0, 999, 1000, 2000))


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^not a tokenizer: "):
        opened('{"model": 5}', 10)


@pytest.mark.parametrize(
    ("step", "value", "why"),
    [
        ("normalizer", {"type": "Replace", "pattern": {"String": ""}, "content": "a" * 99}, "it has Replace"),
        (
            "pre_tokenizer",
            {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
                ],
            },
            "it has Split",
        ),
        (
            "pre_tokenizer",
            {"type": "Split", "pattern": {"Regex": r"(a)\1"}, "behavior": "Isolated", "invert": False},
            "it has Split",
        ),
        ("normalizer", {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 99}, "it has Replace"),
        ("normalizer", {"type": "Prepend", "prepend": "a" * 99}, "it has Prepend"),
        ("decoder", {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}, "it has Replace"),
        ("model", {"type": "WordLevel", "vocab": {"a": 2**32 - 1}, "unk_token": "a"}, "it has the token 4294967295"),
    ],
)
def test_a_tokenizer_that_could_take_for_ever_is_refused(step: str, value: dict[str, Any], why: str) -> None:
    parts = {**json.loads(learned_tokenizer(TEXTS)), step: value}
    if step == "model":
        parts["added_tokens"] = []
    with pytest.raises(ValueError, match=rf"^not a tokenizer that is taken: {why}$"):
        opened(json.dumps(parts), 10)


@pytest.mark.parametrize(
    ("step", "value"),
    [
        (
            "pre_tokenizer",
            {
                "type": "Split",
                "pattern": {"Regex": r"(?i:'s|'t)|[^\r\n\p{L}()]?\p{L}+|\p{N}{1,3}|\(\)*|\s+(?!\S)|\s+"},
                "behavior": "Isolated",
                "invert": False,
            },
        ),
        ("normalizer", {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}),
    ],
)
def test_patterns_in_which_no_group_repeats_are_taken(step: str, value: dict[str, Any]) -> None:
    parts = {**json.loads(learned_tokenizer(TEXTS)), step: value}
    assert opened(json.dumps(parts), 10).encode("so good").ids
