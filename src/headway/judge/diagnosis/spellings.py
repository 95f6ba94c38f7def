"""Names that are written in several ways: in capitals, with blanks or marks, or with a letter too many."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["usual_spellings"]

# A rare name is a slip of a common one that is so many times as frequent, and of so many letters or more.
_TIMES, _LETTERS, _MOST = 20, 4, 2_000


def usual_spellings(counts: Iterable[tuple[str, int]], *, slips: bool = False) -> dict[str, str]:
    """The names that are another one in other capitals, blanks, hyphens or marks at the end: that one, the usual.

    Args:
        counts: Each name, and how often it comes.
        slips: Whether a rare name that a letter more, less or other makes a common one is one, too.

    Example:
        >>> usual_spellings([("cat", 40), ("Cat ", 2), ("dog", 30), ("CAT.", 1)])
        {'Cat ': 'cat', 'CAT.': 'cat'}
        >>> usual_spellings([("setosa", 90), ("versicolor", 80), ("setsa", 2)], slips=True)
        {'setsa': 'setosa'}
    """
    known = sorted(counts, key=lambda entry: (-entry[1], entry[0]))
    if len(known) > _MOST:
        return {}
    first: dict[str, str] = {}
    usual: dict[str, str] = {}
    for name, _ in known:
        form = re.sub(r"[\s_-]+", "", name.casefold()).strip(".,;:!") or name
        if first.setdefault(form, name) != name:
            usual[name] = first[form]
    for name, count in known if slips else ():
        forms = {form for form in _one_letter_less(name.casefold()) if len(form) >= _LETTERS - 1}
        for other, frequent in known:
            if name in usual or count * _TIMES > frequent or any(map(str.isdigit, name)) or len(other) < _LETTERS:
                continue
            others = {*_one_letter_less(other.casefold()), other.casefold()}
            if name.casefold() in others or other.casefold() in forms or forms & others:
                usual[name] = other
    return usual


def _one_letter_less(name: str) -> set[str]:
    return {name[:place] + name[place + 1 :] for place in range(len(name))}
