"""The index that the pages' search reads: which words stand in which section, and how often.

`search.js` splits and stems a query by the same rules; a test runs both on the same words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Entry", "index", "stem", "words"]

TITLE_WEIGHT = 4
"""A word in a title counts as often as this."""
SNIPPET_CHARACTERS = 1200
# Longest first; what is left must be a word still.
_ENDINGS = ("ization", "ational", "ations", "ation", "ingly", "edly", "ings", "ing", "ies", "ied")
_ENDINGS += ("ers", "es", "ed", "er", "ly", "s")
_MIN_STEM = 3


@dataclass(frozen=True)
class Entry:
    """Something that a search can show.

    Attributes:
        address: The page and anchor.
        title: Its heading.
        page: What page it is on, in words.
        text: Its words.
    """

    address: str
    title: str
    page: str
    text: str


def words(text: str) -> list[str]:
    """The words of a text, names in code being one word and their parts others.

    Example:
        >>> words("Set `batch_size` = 32")
        ['set', 'batch_size', 'batch', 'size', '32']
    """
    pieces = re.findall(r"[a-z0-9_]+", text.lower())
    return [
        word for piece in pieces for word in ([piece, *filter(None, piece.split("_"))] if "_" in piece else [piece])
    ]


def stem(word: str) -> str:
    """A word without its ending.

    Example:
        >>> stem("losses"), stem("training"), stem("loss")
        ('loss', 'train', 'loss')
    """
    if word.endswith("ss") or "_" in word:
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            return word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
    return word


def index(entries: Sequence[Entry]) -> dict[str, Any]:
    """The index as the pages read it.

    Returns:
        `entries`: address, title, page and the beginning of the text; `lengths`: words each; `terms`: for each stem the
        numbers of its entries and how often it is in them, in turn.
    """
    terms: dict[str, list[int]] = {}
    lengths = []
    for number, entry in enumerate(entries):
        counts = Counter(map(stem, words(entry.text)))
        for word in set(map(stem, words(entry.title))):
            counts[word] += TITLE_WEIGHT
        lengths.append(sum(counts.values()))
        # Sorted, so that the same pages give the same index, byte for byte.
        for word in sorted(counts):
            terms.setdefault(word, []).extend((number, counts[word]))
    shown = [[entry.address, entry.title, entry.page, entry.text[:SNIPPET_CHARACTERS]] for entry in entries]
    return {"entries": shown, "lengths": lengths, "terms": dict(sorted(terms.items()))}
