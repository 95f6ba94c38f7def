"""Tokenizers of language models: trained on texts, or a pretrained model's own. Every text comes back as it was."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from headway.errors import WeightsError, in_a_line
from headway.system.tokenizers import checked_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["END", "LEARNED", "START", "is_pretrained", "open_tokenizer", "read_pretrained", "train_tokenizer"]

# What a text begins with, and what it ends with.
START, END = "<|start|>", "<|end|>"

# The kinds that are learned from texts.
LEARNED = ("byte_pair", "characters")

# Of a vocabulary of characters, which has as many as the texts have, or fewer.
_MOST_CHARACTERS = 10_000


def train_tokenizer(texts: Sequence[str], kind: str, *, vocabulary: int) -> str:
    """A tokenizer as JSON, learned from texts.

    Both kinds fall back to the bytes of UTF-8 for what the texts did not have, so no character is unknown.

    Args:
        texts: To learn from; what stands for their end is left out.
        kind: "characters", a token each; or "byte_pair", pieces of words that are frequent.
        vocabulary: Byte-pair tokens, the 256 bytes and two for start and end among them.

    Example:
        >>> tokenizer = open_tokenizer(train_tokenizer(["to be or not to be"] * 9, "byte_pair", vocabulary=270))
        >>> tokenizer.encode("to be").tokens
        ['to', 'Ġbe']

    Source:
        Sennrich, Haddow and Birch 2016, arXiv:1508.07909; on bytes as in Radford et al. 2019, "Language models are
        unsupervised multitask learners".
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    one_by_one = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    is_byte_pair = kind == "byte_pair"
    bytes_of = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=is_byte_pair)
    tokenizer.pre_tokenizer = bytes_of if is_byte_pair else pre_tokenizers.Sequence([one_by_one, bytes_of])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary if is_byte_pair else _MOST_CHARACTERS,
        special_tokens=[START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.replace(END, "") for text in texts), trainer)
    return tokenizer.to_str()


@cache
def open_tokenizer(text: str) -> Tokenizer:
    """The tokenizer of a JSON; threads may share it.

    Raises:
        ValueError: If it is not a tokenizer, or not one that is taken.
    """
    return checked_tokenizer(text)


def is_pretrained(name: str) -> bool:
    """Whether a name is that of a model of transformers: a folder that holds one, or its owner and name on the hub."""
    return Path(name).joinpath("config.json").is_file() or (
        name.count("/") == 1 and not name.startswith((".", "/", "~"))
    )


def read_pretrained(name: str) -> tuple[str, int, str]:
    """A pretrained model's own tokenizer: its JSON, the index of what a text begins with, and how its end is written.

    Raises:
        WeightsError: If there is none of that name, or it cannot be used without transformers.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
    # transformers raises what the hub, the file system and its own readers do.
    except Exception as error:
        what = f"The tokenizer of {name!r} cannot be read."
        fix = 'Pass the folder of a causal model of transformers with its tokenizer, or "byte_pair".'
        raise WeightsError(what, given=in_a_line(error), fix=fix) from error
    end, start = tokenizer.eos_token, tokenizer.bos_token_id
    start = tokenizer.eos_token_id if start is None else start
    if not (isinstance(tokenizer, PreTrainedTokenizerFast) and isinstance(end, str) and isinstance(start, int)):
        what = f"The tokenizer of {name!r} cannot be used without transformers."
        given = f"{type(tokenizer).__name__}, end of a text: {end!r}"
        raise WeightsError(what, given=given, fix='Use a model that has a tokenizer.json, or "byte_pair".')
    text = tokenizer.backend_tokenizer.to_str()
    try:
        open_tokenizer(text)
    except ValueError as error:
        what = f"The tokenizer of {name!r} is not one that a bundle may hold."
        raise WeightsError(what, given=str(error), fix='Use another model, or "byte_pair".') from error
    return text, start, end
