"""Personal data in texts, by their patterns: counted, never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from headway.judge.diagnosis.finding import Finding, Line, Severity, without_columns
from headway.judge.intervals import wilson

__all__ = ["check_personal_data", "masked"]

_PATTERNS = {
    "email addresses": re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]*[A-Za-z]{2,}\b"),
    "telephone numbers": re.compile(
        r"(?<![\w.])(?:\+\d{1,3}[ .-]?|\(?0\d{1,4}\)?[ .-])\d{2,4}[ .-]?\d{3,4}(?:[ .-]?\d{2,4})?\b"
    ),
    "card numbers": re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)"),
    "bank accounts (IBAN)": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "social security numbers": re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"),
    "network addresses": re.compile(
        r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])"
    ),
}
# One character of each must be in a text that the pattern fits: most texts are done with that.
_HINTS = {"email addresses": "@"}
_MANY = 0.01
_SHOWN = 200


def check_personal_data(
    columns: Mapping[str, Sequence[str | None]], rows: np.ndarray, line: Line | None = None
) -> list[Finding]:
    """What in columns of text looks like personal data, a finding a column; of the values themselves nothing is said.

    `line` is what to run against it; default: to train without the column.

    Example:
        >>> [finding] = check_personal_data({"note": ["call me", "write to ada@example.org"]}, np.array([0, 1]))
        >>> finding.sentence
        "Column 'note' has what looks like personal data: email addresses in 1 of 2 rows."
    """
    findings = []
    for column, texts in columns.items():
        fits = {name: [row for row, text in enumerate(texts) if text and _fits(name, text)] for name in _PATTERNS}
        fits = {name: positions for name, positions in fits.items() if positions}
        if not fits:
            continue
        positions = sorted(set().union(*fits.values()))
        share = wilson(len(positions), len(texts))
        kinds = ", ".join(f"{name} in {len(found):,}" for name, found in fits.items())
        sentence = f"Column {column!r} has what looks like personal data: {kinds} of {len(texts):,} rows."
        severity: Severity = "warning" if share.low > _MANY else "note"
        evidence = {"column": column, "share": share.to_json(), "rows": rows[positions].tolist()[:_SHOWN]}
        remedies = (
            "ask whether you may use them, and whether the model needs them",
            "replace them by a word before training: [email]",
        )
        # A table does without the column; of texts, which are all that there is, some are left out.
        findings.append(
            Finding("personal_data", severity, sentence, evidence, remedies, line or without_columns([column]))
        )
    return findings


def masked(text: str) -> str:
    """A text with the name of its kind in place of all that looks like personal data.

    Example:
        >>> masked("write to ada@example.org")
        'write to [email addresses]'
    """
    for name, pattern in _PATTERNS.items():
        if _HINTS.get(name, "") in text:
            text = pattern.sub(lambda match, name=name: f"[{name}]" if _fits(name, match[0]) else match[0], text)
    return text


def _fits(name: str, text: str) -> bool:
    if _HINTS.get(name, "") not in text:
        return False
    match = _PATTERNS[name].search(text)
    return match is not None and (name != "card numbers" or _is_card(match[0]))


def _is_card(text: str) -> bool:
    """Whether the last digit fits the others, as Luhn's rule has it."""
    digits = [int(character) for character in text if character.isdigit()][::-1]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
