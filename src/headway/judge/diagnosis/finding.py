"""What a diagnosis is made of: findings in words with their numbers, and how they read in a terminal."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from headway.as_json import AsJson
from headway.system.terminal import text_width

__all__ = [
    "DROP",
    "KINDS",
    "LOOK",
    "RANDOM",
    "RELABEL",
    "WHY",
    "Finding",
    "Line",
    "Severity",
    "counted",
    "describe",
    "runnable",
    "without_columns",
]

# Worth knowing; worth doing something about; the model should not be used before something is done.
Severity = Literal["note", "warning", "serious"]

# Each kind of finding in a person's words; among equally severe ones the first comes first.
KINDS: dict[str, str] = {
    "not_finite": "the loss is not finite",
    "no_better_than_baseline": "no better than a baseline",
    "leak": "a leak is suspected",
    "shortcut": "a shortcut is suspected",
    "straddling_groups": "groups are on both sides of the split",
    "time_order": "the order in time is ignored",
    "parts_differ": "the parts differ",
    "lr_too_high": "learning rate too high",
    "lr_too_low": "learning rate too low",
    "exploding_activations": "exploding activations",
    "dead_activations": "dead activations",
    "overfitting": "overfitting",
    "underfitting": "underfitting",
    "label_noise": "wrong labels are suspected",
    "label_conflict": "copies have different labels",
    "one_class": "classes look like one",
    "single_source": "a class comes from one source alone",
    "rare_class": "rare classes",
    "overconfidence": "over-confidence",
    "confused_pair": "two classes are confused",
    "unequal_groups": "groups are served unequally",
    "little_validation_data": "little validation data",
    "verdict_width": "how narrow the verdict will be",
    "unreadable": "items were left out",
    "poor_items": "items of poor quality",
    "unlike_items": "items unlike all others",
    "odd_values": "values of another form in a column",
    "spellings": "a category is written in several ways",
    "mixed_units": "a column is partly in another unit",
    "useless_columns": "columns that say nothing",
    "personal_data": "personal data",
    "mixed_texts": "texts of several kinds",
}

# Of what an audit finds in data, why it matters.
WHY: dict[str, str] = {
    "leak": "A model that can look the answer up is good in every test and useless afterwards.",
    "shortcut": "A model learns whatever goes with the label. What goes with it by accident is missing on new items.",
    "straddling_groups": "Items of a group are alike. A model judged on groups that it knows looks better than it is.",
    "time_order": "In use, a model answers for the future. Judged on rows between its training rows, it looks better.",
    "parts_differ": "A model is judged on items that are unlike those it learned from.",
    "label_noise": "Wrong labels teach errors, and make a good model look bad where it is judged.",
    "label_conflict": "At least one of two different labels of the same item is wrong.",
    "one_class": "What nothing in the items separates, no model can learn.",
    "single_source": "A model may learn the source in place of the class.",
    "rare_class": "Of a class with few items a model learns little, and what it learned is not measured.",
    "little_validation_data": "Where the interval is wide, a better model cannot be recognised.",
    "verdict_width": "A verdict is as sure as its interval is narrow.",
    "unreadable": "What is left out is neither learned nor judged.",
    "poor_items": "From items without content a model learns that the rest of the data does not matter.",
    "unlike_items": "They are often errors, and pull a model away from what it is for.",
    "odd_values": "One text among numbers, and the whole column is lost.",
    "spellings": "A model learns of each spelling alone, from fewer rows.",
    "mixed_units": "The same number means two things, and a model cannot know which.",
    "useless_columns": "They cost time, and ids let a model learn rows by heart.",
    "personal_data": "A model can repeat what it learned, and a data set that is passed on passes it on.",
    "mixed_texts": "A model of one language or format answers badly for another.",
}

_SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note")


@dataclass(frozen=True, kw_only=True)
class Line(AsJson):
    """What to run against a finding, as a whole line.

    Attributes:
        command: For a terminal; `runnable` fills in what `DATA`, `ITEMS` and `DECISIONS` stand for. Empty where no
            command does it.
        python: For Python, where `data` is the data set, `audit` its audit, and `FINDING` the finding in it.
        solves: Whether an audit of what comes of it no longer has the finding.
    """

    command: str = ""
    python: str = ""
    solves: bool = False


# Of findings that name rows: these are left out, or get the labels that are suggested.
LOOK = Line(command="headway clean DATA", python='print(data.items.filter(data.items["row"].is_in(FINDING.rows)))')
DROP = Line(command="headway train DATA --decisions DECISIONS", python="data = data.rebuild(drop=FINDING.rows)")
RANDOM = Line(
    command="headway train DATA --split-random", python="data = data.rebuild(split=hw.RandomSplit())", solves=True
)
RELABEL = replace(DROP, python="data = data.rebuild(relabel=FINDING.suggestions)")


def without_columns(names: Sequence[str]) -> Line:
    """What to run so that nothing is learned from some columns.

    Example:
        >>> without_columns(["code"]).command
        'headway train DATA --without code'
    """
    options = " ".join(f"--without {shlex.quote(name)}" for name in names)
    python = f"data = data.rebuild(without={list(names)!r})"
    return Line(command=f"headway train DATA {options}", python=python, solves=True)


@dataclass(frozen=True)
class Finding(AsJson):
    """One thing that is wrong, or worth knowing.

    Attributes:
        kind: What it is; see `KINDS`.
        severity: How much it matters.
        sentence: The finding in words, with its numbers.
        evidence: The numbers it rests on, by name: plain numbers, texts and lists of them.
        remedies: What to try, in order.
        line: What to run for it; None where no line does it.
    """

    json_also: ClassVar[tuple[str, ...]] = ("title",)

    kind: str
    severity: Severity
    sentence: str
    evidence: dict[str, Any]
    remedies: tuple[str, ...]
    line: Line | None = None

    def __post_init__(self) -> None:
        assert self.kind in KINDS

    @property
    def rank(self) -> tuple[int, int]:
        """Its place among findings: the most severe come first."""
        # Among equals the order of `KINDS`: what makes all else meaningless comes first.
        return _SEVERITIES.index(self.severity), list(KINDS).index(self.kind)

    @property
    def rows(self) -> list[int]:
        """The items that it names, by their numbers in the source; of pairs the first."""
        rows = self.evidence.get("rows", [])
        return [row[0] if isinstance(row, list | tuple) else row for row in rows]

    @property
    def suggestions(self) -> dict[int, str]:
        """The label that models or names give each of these items; empty where none is suggested."""
        return dict(zip(self.rows, self.evidence.get("suggested", []), strict=False))

    @property
    def title(self) -> str:
        """What it is, in words."""
        return KINDS[self.kind]


def runnable(finding: Finding, source: Sequence[str], names: Mapping[str, str] | None = None) -> Finding:
    """The finding with lines that can be run as they are; without a command where the data have no name for one.

    Args:
        finding: Its remedies and its line may name `DATA`.
        source: How a command names the data, as `Data.source` has it.
        names: What the other words of its line stand for.

    Example:
        >>> line = Line(command="headway train DATA --split-group patient")
        >>> finding = Finding("straddling_groups", "note", "Patients are on both sides.", {}, (), line)
        >>> runnable(finding, ["people.csv", "--target ill", "--split-column part"]).line.command
        'headway train people.csv --target ill --split-group patient'
    """
    remedies = tuple(remedy.replace("DATA", " ".join(source) or "DATA") for remedy in finding.remedies)
    if (line := finding.line) is not None:
        command, python = line.command if source else "", line.python
        # Two ways to divide the items would contradict one another.
        is_split = re.compile(r"-{2}split\b")
        others = [option for option in source if not (is_split.search(command) and is_split.match(option))]
        for name, text in {"DATA": " ".join(others), **(names or {})}.items():
            command, python = command.replace(name, text), python.replace(name, text)
        line = replace(line, command=command, python=python)
    return replace(finding, remedies=remedies, line=line)


def counted(findings: Iterable[Finding]) -> str:
    """How many findings there are of each severity, the most severe first; "" of none.

    Example:
        >>> counted([Finding("leak", "note", "No error in 300 items.", {}, ("look for duplicates",))] * 2)
        '2 notes'
    """
    counts = Counter(finding.severity for finding in findings)
    words = {"serious": "serious problem", "warning": "warning", "note": "note"}
    return ", ".join(f"{counts[s]} {words[s]}{'' if counts[s] == 1 else 's'}" for s in _SEVERITIES if counts[s])


def describe(findings: Sequence[Finding]) -> str:
    """Findings as text for a terminal, the most severe first; says so when nothing is wrong.

    Example:
        >>> print(describe([]))
        No problems found.
        >>> print(describe([Finding("leak", "note", "No error in 300 items.", {}, ("look for duplicates",))]))
        No problems found. Notes:
        <BLANKLINE>
        Note: a leak is suspected. No error in 300 items.
          Try: look for duplicates.
    """
    ordered = sorted(findings, key=lambda finding: finding.rank)
    if not ordered:
        return "No problems found."
    has_notes_alone = all(finding.severity == "note" for finding in ordered)
    head = "No problems found. Notes:" if has_notes_alone else f"Found: {counted(ordered)}."
    return "\n\n".join([head, *map(_paragraph, ordered)])


def _paragraph(finding: Finding) -> str:
    text = f"{finding.severity.capitalize()}: {KINDS[finding.kind]}. {finding.sentence}"
    width = text_width()
    lines = [textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False)]
    if finding.remedies:
        tries = f"Try: {'; '.join(finding.remedies)}."
        lines.append(textwrap.fill(tries, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))
    if finding.line is not None and (run := finding.line.command or finding.line.python):
        # Not wrapped: it is copied.
        lines.append(f"  Run: {run}")
    return "\n".join(lines)
