"""From a failure to its explanation: entries that fit exactly first, then those whose words are nearest."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway.errors import RunError
from headway.system.files import read_file
from headway.why.catalogue import Cause, Entry, When, entries
from headway.why.checks import check
from headway.why.failure import Failure

__all__ = ["Explanation", "Reason", "explain", "explain_run"]

# More would be a list to read through, and no explanation.
MOST = 3
# bm25 of SQLite is negative, and the lower the nearer.
NEAR = -6.0
# The least share of a message's words that a near entry has, too.
SHARED = 0.5
# Words of most messages, which would make any two of them near.
NO_WORDS = {
    "error",
    "the",
    "and",
    "for",
    "not",
    "got",
    "but",
    "has",
    "can",
    "must",
    "expected",
    "with",
    "object",
    "self",
}


@dataclass(frozen=True)
class Reason:
    """A cause in words; `seen` where a test of the failure's variables or code confirmed it."""

    sentence: str
    seen: bool


@dataclass(frozen=True)
class Explanation:
    """An entry, in the words of one failure; `exact` where it fits, not where its words alone are near."""

    entry: Entry
    says: str
    because: tuple[Reason, ...]
    fix: str
    exact: bool = True

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "id": self.entry.id,
            "title": self.entry.title,
            "exact": self.exact,
            "says": self.says,
            "because": [{"sentence": reason.sentence, "seen": reason.seen} for reason in self.because],
            "look": list(self.entry.look),
            "fix": self.fix,
            "lesson": self.entry.lesson,
        }


def explain(failure: Failure) -> list[Explanation]:
    """What a failure may be, the likeliest first: three at most, none where nothing is like it.

    Example:
        >>> failure = Failure("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (64x784 and 512x10)")
        >>> print(explain(failure)[0].says)
        A linear layer takes 512 numbers an item, and got 784.
    """
    fits = [(entry, fit) for entry in entries() if (fit := _fit(entry.when, failure)) is not None]
    # More conditions say more; of equal ones the catalogue's order decides.
    fits.sort(key=lambda pair: -pair[1][0])
    exact = [_explanation(entry, failure, names) for entry, (_, names) in fits[:MOST]]
    # A silent failure has no message whose words could be near, and errors of Headway explain themselves.
    if exact or not failure.type or failure.what:
        return exact
    return [_explanation(entry, failure, {}, exact=False) for entry in _nearest(failure)]


def explain_run(run: Path) -> list[Explanation]:
    """What the report of a run found wrong, each with what to do; the most severe first, in the report's own words.

    Raises:
        RunError: If the folder has no report.
    """
    try:
        findings = json.loads(read_file(run / "report.json"))["findings"]
        known = [(finding["kind"], finding["sentence"], finding["remedies"]) for finding in findings]
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = f"Finish the run, or write its report again: headway report {run}"
        raise RunError("The run has no report to read.", given=str(run), fix=fix) from error
    by_kind = {kind: entry for entry in entries() for kind in entry.when.finding.split("|") if kind}
    return [_of_finding(by_kind[kind], sentence, remedies) for kind, sentence, remedies in known if kind in by_kind]


def _of_finding(entry: Entry, sentence: str, remedies: list[str]) -> Explanation:
    general = [Reason(cause.says, seen=False) for cause in entry.because if not cause.test]
    tries = f"Try: {'; '.join(remedies)}." if remedies else entry.fix
    return Explanation(entry, sentence, tuple(general), tries)


def _fit(when: When, failure: Failure) -> tuple[int, Mapping[str, Any]] | None:
    """How many conditions fit, and the names they found; None where one does not."""
    names: dict[str, Any] = {}
    count = 0
    # What is silent raises nothing; what only a report shows has no variables.
    if (failure.type and not when.type) or not (when.type or when.values):
        return None
    if when.type or when.message:
        match = _message(when, failure)
        if match is None:
            return None
        # A message says more than a type alone, so that an entry for any KeyError comes after one for this KeyError.
        count += 1 + bool(when.message)
        names |= {name: text for name, text in match.groupdict().items() if text is not None}
    if when.frame:
        if not any(re.search(when.frame, f"{frame.file} {frame.function} {frame.code}") for frame in failure.frames):
            return None
        count += 1
    if when.values:
        values = check(when.values, failure)
        if values is None:
            return None
        count += 1
        names |= values
    return count, names


def _message(when: When, failure: Failure) -> re.Match[str] | None:
    kinds = when.type.split("|") if when.type else [""]
    texts = [failure.message] if failure.type in kinds else []
    for warning in failure.warnings:
        kind, _, text = warning.partition(": ")
        if kind in kinds:
            texts.append(text)
    matches = (re.search(when.message, text, flags=re.DOTALL) for text in texts)
    return next((match for match in matches if match), None)


def _explanation(entry: Entry, failure: Failure, names: Mapping[str, Any], *, exact: bool = True) -> Explanation:
    seen: list[tuple[Reason, Cause]] = []
    general: list[tuple[Reason, Cause]] = []
    for cause in entry.because:
        bound = check(cause.test, failure) if cause.test else None
        if bound is not None:
            seen.append((Reason(_fill(cause.says, {**names, **bound}), seen=True), cause))
        elif not cause.test:
            general.append((Reason(_fill(cause.says, names), seen=False), cause))
    bound = check(seen[0][1].test, failure) if seen else None
    fix = seen[0][1].fix if seen and seen[0][1].fix else entry.fix
    # What was confirmed leaves no room for guesses.
    reasons = tuple(reason for reason, _ in seen or general)
    return Explanation(entry, _fill(entry.says, names), reasons, _fill(fix, {**names, **(bound or {})}), exact)


class _Blank(dict[str, Any]):
    """Names for sentences; one that is not known stays as three dots."""

    def __missing__(self, name: str) -> Any:
        return _Unknown()


class _Unknown:
    """Stands for a variable that is not known."""

    def __getattr__(self, name: str) -> _Unknown:
        return self

    def __format__(self, form: str) -> str:
        return "..."


def _fill(sentence: str, names: Mapping[str, Any]) -> str:
    return sentence.format_map(_Blank(names))


def _nearest(failure: Failure) -> list[Entry]:
    """The entries whose words are nearest to the message's, by bm25."""
    words = dict.fromkeys(word for word in re.findall(r"[a-z_]{3,}", failure.message.lower()) if word not in NO_WORDS)
    if not words:
        return []
    by_id = {entry.id: entry for entry in entries()}
    # SQLite ranks by bm25, and comes with Python: no library, and no index to keep.
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE entry USING fts5(id UNINDEXED, title, message, tags)")
        rows = [(entry.id, entry.title, entry.expects, " ".join(entry.tags)) for entry in by_id.values()]
        database.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", rows)
        query = " OR ".join(f'"{word}"' for word in words)
        near = database.execute("SELECT id, bm25(entry) FROM entry WHERE entry MATCH ? ORDER BY 2 LIMIT 3", (query,))
        ids = [id for id, score in near if score < NEAR]
    texts = {id: " ".join((title, message, tags)).lower() for id, title, message, tags in rows if id in ids}
    # One rare word makes a text near, and not alike: a wrong explanation is worse than none.
    return [by_id[id] for id in ids if sum(word in texts[id] for word in words) >= SHARED * len(words)]
