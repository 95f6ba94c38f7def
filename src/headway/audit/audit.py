"""An audit: what is wrong with data, with evidence and remedies; as values, as text, as JSON and as a page."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from headway.as_json import AsJson
from headway.errors import ConfigError
from headway.judge.diagnosis.finding import WHY, Finding, describe
from headway.judge.report.report import Picture
from headway.system.files import writable, write_whole

if TYPE_CHECKING:
    from headway.judge.learning_curve import LearningCurve

__all__ = ["SUBJECTS", "Audit"]

# What an audit looks for, by subject: the question, and the kinds of finding that answer it.
SUBJECTS: dict[str, tuple[str, ...]] = {
    "Leaks": ("leak", "straddling_groups", "time_order"),
    "Shortcuts": ("shortcut", "parts_differ"),
    "Labels": ("no_better_than_baseline", "label_noise", "label_conflict", "one_class", "single_source", "rare_class"),
    "Items": (
        *("unreadable", "poor_items", "unlike_items", "odd_values", "mixed_units", "spellings", "useless_columns"),
        *("personal_data", "mixed_texts"),
    ),
    "Enough": ("little_validation_data", "verdict_width"),
}


@dataclass(frozen=True, kw_only=True)
class Audit(AsJson):
    """What is wrong with data, before a single step of training.

    Attributes:
        name: What the data are called.
        data: What they are: items, parts, fields.
        findings: What was found, the most severe first.
        notes: Sentences on what was judged by what, and on what could not be checked.
        seconds: How long each check took, by name.
        learning_curve: What more data would bring the head; None where that was not measured.
        pictures: The items that the findings show, by their rows.
        labels: Their labels.
        least_sure: The items whose own label models that did not see them give the least probability, by their rows.
        groups: What items belong to where no column says it, such as bursts of photos: "row", and a column for each.

    Example:
        >>> import headway as hw
        >>> items = {"size": [1.0, 1.0, 2.0, 2.0] * 25, "answer": ["no", "yes"] * 50, "code": ["n", "y"] * 50}
        >>> audit = hw.from_items(items, target="answer").audit()
        >>> [finding.evidence["columns"] for finding in audit.findings if finding.kind == "leak"]
        [['code']]
    """

    json_without: ClassVar[tuple[str, ...]] = ("findings", "pictures", "labels", "least_sure", "groups")

    name: str
    data: dict[str, Any]
    findings: list[Finding]
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    learning_curve: LearningCurve | None = None
    pictures: Mapping[int, Picture] = field(default_factory=dict)
    labels: Mapping[int, str] = field(default_factory=dict)
    least_sure: Sequence[int] = ()
    groups: pl.DataFrame = field(default_factory=pl.DataFrame)

    def to_json(self) -> dict[str, Any]:
        """The audit as plain JSON values, schema version 1, each finding with why it matters."""
        findings = [{**finding.to_json(), "why": WHY.get(finding.kind, "")} for finding in self.findings]
        return {"schema_version": 1, **super().to_json(), "findings": findings}

    def of(self, subject: str) -> list[Finding]:
        """The findings on one of `SUBJECTS`."""
        return [finding for finding in self.findings if finding.kind in SUBJECTS[subject]]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the audit, whole or not at all.

        Args:
            path: Ends in `.json` for programs, in `.html` for people (one page that loads nothing else).

        Raises:
            ConfigError: If the path has another ending, or cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        elif path.suffix.lower() == ".html":
            from headway.audit.page import render

            text = render(self)
        else:
            what = "An audit is saved as JSON or as HTML, by the path's ending."
            raise ConfigError(what, given=str(path), fix="End the path in .json or .html.")
        with writable("The audit", path):
            write_whole(path, text.encode())
        return path

    def __str__(self) -> str:
        return "\n\n".join([describe(self.findings), *(["\n".join(self.notes)] if self.notes else [])])

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame of its own."""
        from headway.audit.page import render

        page = escape(render(self))
        return f'<iframe srcdoc="{page}" title="Audit" style="width: 100%; height: 40rem; border: 0"></iframe>'
