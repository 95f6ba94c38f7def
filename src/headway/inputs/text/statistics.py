"""What can be said of a text without understanding it: its length, its script, and what its characters are."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

__all__ = ["NO_LETTERS", "reference_of", "script_of", "scripts_of", "text_bins", "text_statistics"]

NO_LETTERS = "no letters"

# A script that fewer texts have is none of theirs: a few stray texts are in most data sets.
_MIN_SHARE = 0.002

# Shares of characters lie in bins, by the largest of each: between these any change is small.
_BINS = {"none": 0.0, "to 2%": 0.02, "to 5%": 0.05, "to 10%": 0.1, "to 20%": 0.2, "to 50%": 0.5, "above 50%": 1.0}
_OTHER = "other"


def text_statistics(text: str) -> dict[str, float | str]:
    """What can be said of a text without understanding it, by name.

    Returns:
        `digits` and `non_ascii`, shares of the characters, and `capitals`, a share of the letters, all three between 0
        and 1; and `script`, what `script_of` gives.

    Example:
        >>> text_statistics("Win £50 NOW")
        {'digits': 0.1818, 'capitals': 0.6667, 'non_ascii': 0.0909, 'script': 'Latin'}
    """
    # Of each different character once: there are few, however long the text.
    counts = Counter(text)
    total = max(len(text), 1)
    digits = sum(count for character, count in counts.items() if character.isdigit())
    letters = sum(count for character, count in counts.items() if character.isalpha())
    capitals = sum(count for character, count in counts.items() if character.isupper())
    foreign = sum(count for character, count in counts.items() if not character.isascii())
    return {
        "digits": round(digits / total, 4),
        "capitals": round(capitals / max(letters, 1), 4),
        "non_ascii": round(foreign / total, 4),
        "script": _script_of(counts),
    }


def script_of(text: str) -> str:
    """The script of most letters of a text, such as "Latin", "Cyrillic" or "Han"; "no letters" where it has none.

    Example:
        >>> script_of("привет, world"), script_of("12:30")
        ('Cyrillic', 'no letters')
    """
    return _script_of(Counter(text))


def scripts_of(texts: Sequence[str]) -> tuple[str, ...]:
    """The scripts that at least two in a thousand of the texts have, the most frequent first."""
    counts = Counter(map(script_of, texts))
    return tuple(script for script, count in counts.most_common() if count >= _MIN_SHARE * len(texts))


def _script_of(counts: Counter[str]) -> str:
    scripts: Counter[str] = Counter()
    for character, count in counts.items():
        if character.isalpha():
            scripts[_script_of_letter(character)] += count
    return max(scripts, key=scripts.__getitem__) if scripts else NO_LETTERS


@lru_cache(maxsize=20_000)
def _script_of_letter(letter: str) -> str:
    # A letter's name begins with its script; letters of full width and the like are brought to their usual form.
    name = unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "other")
    script = name.partition(" ")[0].partition("-")[0].capitalize()
    return {"Cjk": "Han", "Hiragana": "Kana", "Katakana": "Kana"}.get(script, script)


def reference_of(texts: Sequence[str]) -> dict[str, Any]:
    """In which bins what `text_statistics` gives of texts lies: by name `bins`, the share of the texts in each.

    Example:
        >>> reference = reference_of(["2 pm", "two", "zwei"])
        >>> {name: share for name, share in reference["digits"]["bins"].items() if share}
        {'none': 0.66667, 'to 50%': 0.33333}
        >>> text_bins("Два", reference)
        {'digits': 'none', 'capitals': 'to 50%', 'non_ascii': 'above 50%', 'script': 'other'}
    """
    measured = list(map(text_statistics, texts))
    reference: dict[str, Any] = {}
    for name in measured[0] if measured else ():
        counts = Counter(_bin(one[name]) for one in measured)
        # New scripts, which any text may have, share one bin.
        bins = [*counts, _OTHER] if name == "script" else list(_BINS)
        reference[name] = {"bins": {one: round(counts[one] / len(measured), 5) for one in bins}}
    return reference


def text_bins(text: str, reference: dict[str, Any]) -> dict[str, str]:
    """The bin that each of a text's statistics lies in, by name, as far as a reference has it."""
    bins = {name: _bin(value) for name, value in text_statistics(text).items() if name in reference}
    return {name: one if one in reference[name]["bins"] else _OTHER for name, one in bins.items()}


def _bin(value: float | str) -> str:
    return value if isinstance(value, str) else next(name for name, most in _BINS.items() if value <= most)
