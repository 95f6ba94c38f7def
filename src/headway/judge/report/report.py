"""The report on a model: what is in it, as values, as JSON, as text and as a page."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.errors import ConfigError
from headway.judge.diagnosis.finding import Finding, describe
from headway.judge.intervals import Estimate
from headway.judge.tasks import TaskMetrics, task_metrics
from headway.judge.verdict import Verdict, ViewsGain
from headway.targets.category.metrics import ClassScores, LabelScores

if TYPE_CHECKING:
    from headway.inputs.table.column_report import ColumnUse
    from headway.judge.learning_curve import LearningCurve
    from headway.judge.report.sections import FarItem
    from headway.judge.slices.classes import SliceReport
    from headway.judge.slices.worst import WorstSlices
    from headway.targets.category.calibration import Calibration
    from headway.targets.category.mistakes import ConfusedPair, LabelIssues, TopLoss
    from headway.targets.number.residuals import Fit

__all__ = ["BaselineRow", "PartScores", "Picture", "Report"]


@dataclass(frozen=True)
class PartScores:
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
    per_class: Sequence[ClassScores | LabelScores] = ()
    confusion: np.ndarray | None = None

    def to_json(self) -> dict[str, Any]:
        """The scores as plain JSON values."""
        return {
            "count": self.count,
            "metrics": {name: each.to_json() for name, each in self.metrics.items()},
            "per_class": [each.to_json() for each in self.per_class],
            "confusion": None if self.confusion is None else self.confusion.tolist(),
        }


@dataclass(frozen=True)
class BaselineRow:
    """One baseline in the report.

    Attributes:
        name: Its name.
        seconds: Learning and answering.
        metrics: Those that the task measures baselines by, by part: of classes accuracy, balanced accuracy, macro F1
            and log loss.
        difference: The model's main metric less the baseline's on the verdict's part; of a share in points.
        p: That there is no difference on the verdict's part: McNemar's exact p, or a sign-flip test's for numbers.
        size: How many numbers it keeps to answer with; None where that is not known.
    """

    name: str
    seconds: float
    metrics: dict[str, dict[str, Estimate]]
    difference: Estimate
    p: float
    size: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON values."""
        metrics = {part: {name: each.to_json() for name, each in found.items()} for part, found in self.metrics.items()}
        return {
            "name": self.name,
            "seconds": self.seconds,
            "metrics": metrics,
            "difference": self.difference.to_json(),
            "p": self.p,
            "size": self.size,
        }


@dataclass(frozen=True)
class Picture:
    """One item to look at.

    Attributes:
        photo: The bytes of a JPEG.
        heat: The same with what the network looks at laid over it; None where that cannot be said.
        others: Further JPEGs of it, by what they show: of masks the truth, the answer and its errors.
    """

    photo: bytes
    heat: bytes | None = None
    others: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Is the model good, better than something simple, for everyone, and why not.

    `str()` gives the comparison and the diagnosis as text for the terminal.

    Attributes:
        task: The kind of target, such as "classification" or "regression".
        labels: The classes, in the order of the model's outputs; empty where outputs have no names.
        parts: Scores by part, such as "valid" and "test".
        verdict_part: The part that the verdict and the slices are on: "test" where there is one.
        focus_part: The part that is looked into, item by item: "valid" where there is one, so that test stays unseen.
        baselines: One row a baseline.
        verdict: Better than the best of them, or not.
        findings: What is wrong, the most severe first.
        confused_pairs: Which classes are taken for which others.
        order: The classes in an order that puts those side by side that are confused.
        top_losses: The items that the model is most wrong about, of classes.
        far_items: The items whose answers are farthest from their targets, of any other kind.
        fit: How answers lie beside the truth, of numbers; None for any other kind.
        label_issues: Items whose label looks wrong, by part: of `focus_part` by the model's own answers, of train by
            models that did not see them.
        calibration: Whether probabilities mean what they say.
        slices: Metrics by the columns that were asked for; None where none were.
        worst_slices: The groups that the model is distinguishably worse on; None without items.
        learning_curve: How much more data would help; None where that was not computed.
        views_gain: What test-time augmentation gains; None where that was not asked for.
        columns: What the model uses of a table's columns; None where items are no rows of a table.
        history: One row an epoch: stage, epoch, train_loss, valid_loss, the main metric, lr, seconds.
        settings: What it takes to repeat the run.
        data: A summary of the data.
        versions: Of Python and the libraries.
        notes: Remarks, one sentence each.
        seconds: Training, from start to finish.
        size: How many numbers the model keeps; None where that is not known.
        name: What the report is called, such as the run's name.
        pictures: Items to look at, by row; they are in the page alone.
    """

    task: str
    labels: list[str]
    parts: dict[str, PartScores]
    verdict_part: str
    focus_part: str
    baselines: list[BaselineRow]
    verdict: Verdict
    findings: list[Finding] = field(default_factory=list)
    confused_pairs: list[ConfusedPair] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    top_losses: list[TopLoss] = field(default_factory=list)
    far_items: list[FarItem] = field(default_factory=list)
    fit: Fit | None = None
    label_issues: dict[str, LabelIssues] = field(default_factory=dict)
    calibration: Calibration | None = None
    slices: SliceReport | None = None
    worst_slices: WorstSlices | None = None
    learning_curve: LearningCurve | None = None
    views_gain: ViewsGain | None = None
    columns: ColumnUse | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float
    size: int | None = None
    name: str = ""
    pictures: dict[int, Picture] = field(default_factory=dict, repr=False)

    @property
    def known(self) -> TaskMetrics:
        """The metrics of the task."""
        return task_metrics(self.task)

    @property
    def metric(self) -> str:
        """The name of the main metric, which the verdict is about."""
        return self.known.main

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values, schema version 1; every key is described in docs/report.md.

        An estimate is `{"value", "low", "high"}`; what could not be computed is null. Differences of shares, such as
        accuracy, are in points, everything else in shares or in the target's unit.
        """
        plain = {"schema_version": 1} | {name: getattr(self, name) for name in _KEYS}
        return _plain(plain)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report, whole or not at all.

        Args:
            path: Ends in `.json` for programs, in `.html` for people (one page that loads nothing else).

        Returns:
            The path.

        Raises:
            ConfigError: If the path has another ending.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending == ".json":
            text = _told(self.to_json())
        elif ending == ".html":
            from headway.judge.report.page import render

            text = render(self)
        else:
            raise ConfigError(
                "A report is saved as JSON or as HTML, by the path's ending.",
                given=str(path),
                fix="End the path in .json or .html.",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return path

    def __str__(self) -> str:
        known, part = self.known, self.parts[self.verdict_part]
        rows = [(row.name, row.metrics[self.verdict_part][known.main], row.seconds) for row in self.baselines]
        rows.append(("this model", part.metrics[known.main], self.seconds))
        table = [(f"{self.verdict_part}, {part.count:,} items", f"{known.title} (95 % interval)", "seconds")]
        table += [(name, known.told(score), f"{seconds:.1f}") for name, score, seconds in rows]
        wide, broad = (max(len(row[column]) for row in table) for column in (0, 1))
        lines = [f"{name:<{wide}}  {score:<{broad}}  {seconds:>8}" for name, score, seconds in table]
        told = [self.verdict.sentence, *self.notes]
        return "\n".join([*lines, "", *told, "", describe(self.findings)])

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame of its own."""
        from headway.judge.report.page import render

        page = escape(render(self))
        return f'<iframe srcdoc="{page}" title="Report" style="width: 100%; height: 40rem; border: 0"></iframe>'


_KEYS = (
    "task",
    "metric",
    "labels",
    "parts",
    "verdict_part",
    "baselines",
    "verdict",
    "history",
    "settings",
    "data",
    "notes",
    "seconds",
    "name",
    "size",
    "versions",
    "focus_part",
    "findings",
    "confused_pairs",
    "order",
    "top_losses",
    "far_items",
    "fit",
    "label_issues",
    "calibration",
    "slices",
    "worst_slices",
    "learning_curve",
    "views_gain",
    "columns",
)
"""Attributes that are in the JSON, in its order."""


def _told(values: Mapping[str, Any]) -> str:
    """JSON with a line a key: indented all through, the confusion of many classes would be mostly blanks."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(each, ensure_ascii=False, allow_nan=False)}" for key, each in values.items()
    ]
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def _plain(value: Any) -> Any:
    """Values as JSON knows them: numpy's become Python's, NaN and infinity null, anything else its text."""
    if hasattr(value, "to_json"):
        value = value.to_json()
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return list(value) if set(map(type, value)) <= {int, str} else [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
