"""What a browser must know to cut texts into a tokenizer's tokens: asked of the library about every character.

A browser's knowledge of Unicode is of another version than the library's, so that the site brings a table with the
library's answers. `web/tokens.js` reads it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import Tokenizer

from headway.errors import ConfigError

__all__ = ["browser_facts"]

# Of the planes from 4 to 13 Unicode has assigned no character; surrogates are none.
_CODES = (*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0x110000))
_HANGUL = range(0xAC00, 0xD7A4)

# Two marks that stay in a text without accents: the one whose place in Unicode's order is late, and an early one.
_LATE, _EARLY = "\U0001d165", "\u1b44"


def browser_facts(tokenizer: str, *, name: str) -> dict[str, Any]:
    """What `web/tokens.js` takes besides the tokenizer's JSON; it takes seconds.

    Args:
        tokenizer: As JSON.
        name: What the user calls it.

    Returns:
        `changed`, what becomes of characters, by character; `dropped` and `spaced`, ranges of code points that are
        left out, and that get a blank on either side; `hangul`, whether syllables come apart; `alone`, characters that
        are a word each; `order` and `starters`, how marks are ordered; `before` and `after`, the tokens around a text.

    Raises:
        ConfigError: If it is no WordPiece tokenizer as BERT has it.
    """
    parts = json.loads(tokenizer)
    kinds = [(parts[part] or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
    is_plain = not any(
        token["normalized"] or token["single_word"] or token["lstrip"] or token["rstrip"]
        for token in parts["added_tokens"]
    )
    if kinds != ["BertNormalizer", "BertPreTokenizer", "WordPiece"] or not is_plain:
        what = "`headway export-web` cannot cut texts into tokens of this kind in the browser."
        fix = "Serve the model with `headway serve`, or train one with the architecture minilm."
        raise ConfigError(what, given=f"tokenizer={name!r}", fix=fix)
    library = Tokenizer.from_str(tokenizer)
    become = {character: library.normalizer.normalize_str(character) for character in map(chr, _CODES)}
    hangul = {chr(code): unicodedata.normalize("NFD", chr(code)) for code in _HANGUL}
    comes_apart = all(become[character] == parted for character, parted in hangul.items())
    spaced = [character for character, normal in become.items() if normal == f" {character} "]
    usual = {*spaced, *(hangul if comes_apart else ())}
    return {
        "changed": {
            character: normal
            for character, normal in become.items()
            if normal not in ("", character) and character not in usual
        },
        "dropped": _ranges(character for character, normal in become.items() if not normal),
        "spaced": _ranges(spaced),
        "hangul": comes_apart,
        "alone": "".join(_alone(library, sorted(set("".join(become.values()))))),
        **_order(library, become),
        **_around(library),
    }


def _alone(library: Tokenizer, characters: Sequence[str]) -> list[str]:
    """Those of the characters that are a word each."""
    # Between letters nothing but a mark of its own is cut out alone.
    pieces = library.pre_tokenizer.pre_tokenize_str("a" + "a".join(characters) + "a")
    return sorted({piece for piece, _ in pieces if len(piece) == 1} - {"a"})


def _order(library: Tokenizer, become: dict[str, str]) -> dict[str, Any]:
    """Marks that are ordered, with their class; and characters that are left out, and end what is ordered all the same.

    Source:
        Unicode Standard Annex 15, canonical ordering.
    """

    def normal(text: str) -> str:
        return library.normalizer.normalize_str(text)

    marks = [mark for mark, one in become.items() if unicodedata.combining(mark) and one]
    order = {
        mark: unicodedata.combining(mark)
        for mark in marks
        if normal(_LATE + mark) != _LATE + mark or normal(mark + _EARLY) != mark + _EARLY
    }
    dropped = (character for character, one in become.items() if not one) if order else ()
    return {"order": order, "starters": _ranges(one for one in dropped if normal(_LATE + one + _EARLY)[0] == _LATE)}


def _around(library: Tokenizer) -> dict[str, list[int]]:
    """The tokens before and after a text's own."""
    whole, own = (library.encode("a", add_special_tokens=special).ids for special in (True, False))
    start = next(at for at in range(len(whole)) if whole[at : at + len(own)] == own)
    return {"before": whole[:start], "after": whole[start + len(own) :]}


def _ranges(characters: Iterable[str]) -> list[list[int]]:
    """Characters that rise, as the first and the last code point of each of their ranges."""
    ranges: list[list[int]] = []
    for code in map(ord, characters):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges
