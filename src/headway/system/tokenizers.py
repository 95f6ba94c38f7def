"""Tokenizers that stand in a file of others: taken where their time and memory stay in proportion to a text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["checked_tokenizer"]

# What a tokenizer may be made of. Others take patterns, or write more than they read: whoever made a bundle could let a
# text take hours, or all memory. `_is_safe` lets those of them through that do neither.
PARTS = {
    *("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Strip", "StripAccents"),
    *("BertPreTokenizer", "ByteLevel", "Digits", "Metaspace", "Punctuation", "Whitespace", "WhitespaceSplit"),
    *("BPE", "Unigram", "WordLevel", "WordPiece"),
    *("BertProcessing", "RobertaProcessing", "TemplateProcessing", "Sequence"),
    *("BPEDecoder", "ByteFallback", "Fuse"),
}
# A pattern in which a group repeats, or that goes back to one, may take time that doubles with each letter.
_ESCAPED_OR_CLASS = re.compile(r"(\\[1-9k])|\\.|\[(?:\\.|[^\]\\])*\]")
_REPEATED = re.compile(r"\)[*+{]")
_MOST_WRITTEN, _LONGEST_PATTERN = 4, 500


def checked_tokenizer(tokenizer: str) -> Tokenizer:
    """The tokenizer that JSON describes, made of parts whose time and memory do not get out of hand.

    Raises:
        ValueError: If it is not a tokenizer, or not one that is taken.
    """
    from tokenizers import Tokenizer

    try:
        parts = json.loads(tokenizer)
        steps = [step for kind in _STEPS for step in _steps_of(parts.get(kind))]
        other = {str(step.get("type")) for step in steps if not _is_safe(step)}
        made = Tokenizer.from_str(tokenizer)
        largest = max(made.get_vocab().values(), default=0)
    # The library raises plain exceptions.
    except Exception as error:
        message = f"not a tokenizer: {str(error)[:100]}"
        raise ValueError(message) from error
    if other or largest > np.iinfo(np.int32).max:
        message = f"not a tokenizer that is taken: it has {', '.join(sorted(other)) or f'the token {largest}'}"
        raise ValueError(message)
    return made


_STEPS = ("normalizer", "pre_tokenizer", "model", "post_processor", "decoder")


def _steps_of(step: Any) -> Iterator[dict[str, Any]]:
    """A tokenizer's step and the steps that it is a sequence of."""
    if isinstance(step, dict):
        yield step
        for value in step.values():
            for inner in value if isinstance(value, list) and step.get("type") == "Sequence" else ():
                yield from _steps_of(inner)


def _is_safe(step: dict[str, Any]) -> bool:
    """Whether a step takes time in proportion to the text, and writes little more than it reads."""
    kind, pattern = step.get("type"), step.get("pattern") or {}
    written = str(step.get("prepend" if kind == "Prepend" else "content", ""))
    if kind in ("Split", "Replace"):
        is_plain = bool(pattern.get("String")) or (kind == "Split" and _is_linear(str(pattern.get("Regex") or "(")))
        return is_plain and len(written) <= _MOST_WRITTEN
    return len(written) <= _MOST_WRITTEN if kind == "Prepend" else kind in PARTS


def _is_linear(pattern: str) -> bool:
    """Whether no group of a pattern repeats."""
    if len(pattern) > _LONGEST_PATTERN or any(match[1] for match in _ESCAPED_OR_CLASS.finditer(pattern)):
        return False
    return pattern != "(" and not _REPEATED.search(_ESCAPED_OR_CLASS.sub("x", pattern))
