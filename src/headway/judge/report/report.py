"""The report on a model: what is in it, as values, as JSON, as text and as a page."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.as_json import AsJson, as_json
from headway.errors import ConfigError, did_you_mean
from headway.judge.diagnosis.finding import Finding, describe
from headway.judge.fairness.report import FairnessReport
from headway.judge.intervals import INTERVAL, Estimate
from headway.judge.metric import LabelScores, TaskMetrics
from headway.judge.slices.report import SliceReport
from headway.judge.slices.worst import WorstSlices
from headway.judge.verdict import Verdict, ViewsGain
from headway.system.files import writable, write_whole
from headway.system.terminal import visible

if TYPE_CHECKING:
    from headway.judge.learning_curve import LearningCurve

__all__ = ["BaselineRow", "PartScores", "Picture", "Report", "RunFacts", "Section"]


@dataclass(frozen=True)
class PartScores(AsJson):
    """How the model does on one part.

    Attributes:
        count: Items.
        metrics: Estimates by name.
        per_class: Scores of each class, in the order of the labels; empty where there are none.
        confusion: How often each class (row) was given each class (column), int64 `[classes, classes]`; None where an
            item has not one class.
    """

    count: int
    metrics: dict[str, Estimate]
    per_class: Sequence[LabelScores] = ()
    confusion: np.ndarray | None = None


@dataclass(frozen=True)
class BaselineRow(AsJson):
    """One baseline in the report.

    Attributes:
        seconds: Learning and answering.
        metrics: Those that the task measures baselines by, by part.
        difference: The model's main metric minus the baseline's on the verdict's part; of a share in points.
        p: That there is no difference there: McNemar's exact p, or a sign-flip test's for numbers.
        size: Its parameters, of nearest neighbours the stored values; None where that is not known.
    """

    name: str
    seconds: float
    metrics: dict[str, dict[str, Estimate]]
    difference: Estimate
    p: float
    size: int | None = None


@dataclass(frozen=True)
class Section:
    """A part of the report that a kind of input or target brings.

    Attributes:
        title: Its heading on the page.
        value: What it says; in the JSON, under the section's name.
        html: From the report and the value to the section on the page; no section when empty.
        rows: The items that it shows, by their rows, of which pictures are made where items can be pictured.
        is_small: Whether those pictures are small.
        explained: Items of whose picture it is shown what speaks for an output: the output's index, by row.
        card: What the model card says of it, one sentence; left out when empty.
        note: What the report's notes say of it, one sentence; left out when empty.
    """

    title: str
    value: Any
    html: Callable[[Report, Any], str]
    rows: Sequence[int] = ()
    is_small: bool = False
    explained: Mapping[int, int] = field(default_factory=dict)
    card: str = ""
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """One item to look at.

    Attributes:
        photo: The bytes of a JPEG; empty where the item is no photo.
        heat: The same with what the network looks at laid over it; None where that cannot be said.
        others: Further JPEGs of it, by what they show: of masks the truth, the answer and its errors.
        legend: What their colours mean, as HTML.
        sound: The bytes of a WAV file to hear; None where there is nothing to hear.
        html: The item itself, such as a text, where it is no photo.
    """

    photo: bytes = b""
    heat: bytes | None = None
    others: Mapping[str, bytes] = field(default_factory=dict)
    legend: str = ""
    sound: bytes | None = None
    html: str = ""


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What is known of how a model was made, which a report passes on as it is.

    Attributes:
        learning_curve: How much more data have helped; None where that was not computed.
        views_gain: What test-time augmentation gains; None where that was not asked for.
        history: A row an epoch: stage, epoch, train_loss, valid_loss, the metrics shown, lr, seconds.
        settings: What it takes to repeat the run.
        data: A summary of the data.
        versions: Of Python and the libraries.
        notes: Remarks, one sentence each.
        seconds: Training, from start to finish.
        size: Parameters and buffers of the model; None where that is not known.
        name: What the report is called, such as the run's name.
    """

    learning_curve: LearningCurve | None = None
    views_gain: ViewsGain | None = None
    history: Sequence[Mapping[str, Any]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    seconds: float = 0.0
    size: int | None = None
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Report(RunFacts):
    """Is the model good: better than baselines, for everyone, and why not.

    `str()` gives the comparison and the diagnosis as text for the terminal.

    Attributes:
        task: The kind of target, such as "classification" or "regression".
        known: How predictions are judged.
        labels: The classes, in the order of the model's outputs; empty where outputs have no names.
        parts: Scores by part, such as "valid" and "test".
        verdict_part: The part that the verdict and the slices are on: "test" where there is one.
        focus_part: The part whose single items are shown: "valid" where there is one, so that test stays unseen.
        baselines: One row a baseline.
        verdict: Better than the best of them, or not.
        verdict_without_pretrained: Better than the best of those that do not look at a pretrained network's features,
            or not. None where there is no such network.
        findings: What is wrong, the most severe first.
        sections: What the kinds of input and target have to say besides, by name: `report["calibration"]` gives the
            value of one. The page shows them in this order.
        slices: Metrics by the columns that were asked for; None where none were.
        worst_slices: The groups that the model is distinguishably worse on; None without items.
        fairness: What groups of people are given; None where no groups were named.
        pictures: Items to look at, by row; they are in the page alone.

    What is known of the run besides stands in the attributes of `RunFacts`.
    """

    task: str
    known: TaskMetrics = field(repr=False)
    labels: list[str]
    parts: dict[str, PartScores]
    verdict_part: str
    focus_part: str
    baselines: list[BaselineRow]
    verdict: Verdict
    verdict_without_pretrained: Verdict | None = None
    findings: list[Finding] = field(default_factory=list)
    sections: dict[str, Section] = field(default_factory=dict)
    slices: SliceReport | None = None
    worst_slices: WorstSlices | None = None
    fairness: FairnessReport | None = None
    pictures: dict[int, Picture] = field(default_factory=dict, repr=False)

    @property
    def metric(self) -> str:
        """The name of the main metric, which the verdict is about."""
        return self.known.main

    @property
    def suspected_leak(self) -> str:
        """What may explain the figures in place of what the model learned; empty where no leak is seriously suspected.

        It stands beside the verdict wherever that is shown.
        """
        leaks = [leak.sentence for leak in self.findings if leak.kind == "leak" and leak.severity == "serious"]
        return " ".join(["A leak may explain this result.", *leaks]) if leaks else ""

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values, schema version 1; every key is described in docs/report.md.

        An estimate is `{"value", "low", "high"}`; what could not be computed is null. Differences of shares, such as
        accuracy, are in points, everything else in shares or in the target's unit.
        """
        facts = [attribute.name for attribute in fields(RunFacts)]
        names = [attribute.name for attribute in fields(self) if attribute.name not in (*_NOT_IN_JSON, *facts)]
        own = {name: getattr(self, name) for name in (*names, *facts)}
        sections = {name: section.value for name, section in self.sections.items()}
        known = self.known
        metric = {"metric": known.main, "higher_is_better": known.higher_is_better, "is_share": known.is_share}
        leak = {"suspected_leak": self.suspected_leak or None}
        return as_json({"schema_version": 1, "task": self.task, **metric, **own, **leak, **sections})

    def __getitem__(self, name: str) -> Any:
        """What a section says, by its name in `sections`."""
        if name not in self.sections:
            fix = did_you_mean(name, self.sections)
            raise ConfigError("The report has no such section.", given=repr(name), fix=fix)
        return self.sections[name].value

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report, whole or not at all.

        Args:
            path: Ends in `.json` for programs, in `.html` for people (one page that loads nothing else).

        Raises:
            ConfigError: If the path has another ending, or cannot be written.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending == ".json":
            # A line a key: indented all through, the confusion of many classes would be mostly blanks.
            lines = [
                f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
                for key, value in self.to_json().items()
            ]
            text = "{\n  " + ",\n  ".join(lines) + "\n}\n"
        elif ending == ".html":
            from headway.judge.report.page import render

            text = render(self)
        else:
            raise ConfigError(
                "A report is saved as JSON or as HTML, by the path's ending.",
                given=str(path),
                fix="End the path in .json or .html.",
            )
        with writable("The report", path):
            write_whole(path, text.encode())
        return path

    def __str__(self) -> str:
        known, part = self.known, self.parts[self.verdict_part]
        rows = [(row.name, row.metrics[self.verdict_part][known.main], row.seconds) for row in self.baselines]
        rows.append(("this model", part.metrics[known.main], self.seconds))
        table = [(f"{self.verdict_part}, {part.count:,} items", f"{known.title} ({INTERVAL})", "seconds")]
        table += [(name, known.format(score), f"{seconds:.1f}") for name, score, seconds in rows]
        wide, broad = (max(len(row[column]) for row in table) for column in (0, 1))
        lines = [f"{name:<{wide}}  {score:<{broad}}  {seconds:>8}" for name, score, seconds in table]
        plain = self.verdict_without_pretrained
        verdicts = [self.verdict.sentence, *([plain.sentence] if plain else [])]
        verdicts += [self.suspected_leak] if self.suspected_leak else []
        # A label in a note cannot forge a line.
        notes = [visible(note) for note in self.notes]
        groups = [visible(line) for line in self.fairness.sentences[:_MOST_SENTENCES]] if self.fairness else []
        lines += ["", *verdicts, *notes, *(["", *groups] if groups else []), "", describe(self.findings)]
        return visible("\n".join(lines), lines=True)

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame of its own."""
        from headway.judge.report.page import render

        page = escape(render(self))
        return f'<iframe srcdoc="{page}" title="Report" style="width: 100%; height: 40rem; border: 0"></iframe>'


# Attributes that the JSON lacks, or has in another form: sections stand there under their own names.
_NOT_IN_JSON = ("task", "known", "sections", "pictures")
# On groups of people, in a terminal; the page has all of them.
_MOST_SENTENCES = 8
