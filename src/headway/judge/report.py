"""The report on a model: its metrics beside its baselines', and a verdict. Made from arrays, saved as JSON or HTML."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from headway.errors import ConfigError, ShapeError, explain
from headway.judge.baselines import BaselineResult
from headway.judge.intervals import Estimate, mcnemar, paired_difference
from headway.judge.metrics import ClassScores, check_predictions, confusion_matrix, evaluate, per_class

__all__ = ["BaselineRow", "PartScores", "Report", "Verdict", "build_report", "verdict"]

# What baselines are measured by, too; the model itself gets every metric.
_BASELINE_METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")


@dataclass(frozen=True)
class Verdict:
    """Whether the model is better than the best baseline.

    Attributes:
        kind: "better" or "worse" when the interval of the difference leaves out 0 and McNemar's p is below 0.05.
        sentence: The same in words, with its numbers.
        baseline: The baseline with the highest accuracy.
        difference: The model's accuracy less the baseline's, in points (per cent).
        p: McNemar's exact p, between 0 and 1.
    """

    kind: Literal["better", "indistinguishable", "worse"]
    sentence: str
    baseline: str
    difference: Estimate
    p: float

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        return {
            "kind": self.kind,
            "sentence": self.sentence,
            "baseline": self.baseline,
            "difference": self.difference.to_json(),
            "p": self.p,
        }


@dataclass(frozen=True)
class PartScores:
    """How the model does on one part.

    Attributes:
        count: Items.
        metrics: Estimates by name.
        per_class: Scores of each class, in the order of the labels.
        confusion: How often each class (row) was given each class (column), int64 `[classes, classes]`.
    """

    count: int
    metrics: dict[str, Estimate]
    per_class: list[ClassScores]
    confusion: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """The scores as plain JSON values."""
        return {
            "count": self.count,
            "metrics": {name: each.to_json() for name, each in self.metrics.items()},
            "per_class": [each.to_json() for each in self.per_class],
            "confusion": self.confusion.tolist(),
        }


@dataclass(frozen=True)
class BaselineRow:
    """One baseline in the report.

    Attributes:
        name: Its name.
        seconds: Learning and answering.
        metrics: Accuracy, balanced accuracy, macro F1 and log loss, by part.
        difference: The model's accuracy less the baseline's on the verdict's part, in points.
        p: McNemar's exact p on the verdict's part.
    """

    name: str
    seconds: float
    metrics: dict[str, dict[str, Estimate]]
    difference: Estimate
    p: float

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON values."""
        metrics = {part: {name: each.to_json() for name, each in found.items()} for part, found in self.metrics.items()}
        return {
            "name": self.name,
            "seconds": self.seconds,
            "metrics": metrics,
            "difference": self.difference.to_json(),
            "p": self.p,
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """Is the model good, and better than something simple. `str()` gives it as text for the terminal.

    Attributes:
        task: "classification".
        labels: The classes, in the order of the model's outputs.
        parts: Scores by part, such as "valid" and "test".
        verdict_part: The part that the verdict is on: "test" where there is one.
        baselines: One row a baseline.
        verdict: Better than the best of them, or not.
        history: One row an epoch: stage, epoch, train_loss, valid_loss, accuracy, lr, seconds.
        settings: What it takes to repeat the run.
        data: A summary of the data.
        notes: Remarks, one sentence each.
        seconds: Training, from start to finish.
    """

    task: str
    labels: list[str]
    parts: dict[str, PartScores]
    verdict_part: str
    baselines: list[BaselineRow]
    verdict: Verdict
    history: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values, schema version 1.

        Keys are the attributes' names, plus `schema_version`. An estimate is `{"value", "low", "high"}`; what could
        not be computed is null. Differences are in points, everything else in shares.
        """
        return _plain(
            {
                "schema_version": 1,
                "task": self.task,
                "labels": self.labels,
                "parts": {part: each.to_json() for part, each in self.parts.items()},
                "verdict_part": self.verdict_part,
                "baselines": [each.to_json() for each in self.baselines],
                "verdict": self.verdict.to_json(),
                "history": self.history,
                "settings": self.settings,
                "data": self.data,
                "notes": self.notes,
                "seconds": self.seconds,
            }
        )

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
            text = json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        elif ending == ".html":
            from headway.judge.page import render

            text = render(self)
        else:
            raise ConfigError(
                explain(
                    "A report is saved as JSON or as HTML, by the path's ending.",
                    given=str(path),
                    fix="End the path in .json or .html.",
                )
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
        part = self.parts[self.verdict_part]
        rows = [(row.name, row.metrics[self.verdict_part]["accuracy"], row.seconds) for row in self.baselines]
        rows.append(("this model", part.metrics["accuracy"], self.seconds))
        head = f"{self.verdict_part}, {part.count:,} items"
        wide = max(len(head), *(len(name) for name, _, _ in rows))
        lines = [f"{head:<{wide}}  {'accuracy (95 % interval)':<24}  {'seconds':>8}"]
        lines += [f"{name:<{wide}}  {accuracy!s:<24}  {seconds:>8.1f}" for name, accuracy, seconds in rows]
        return "\n".join([*lines, "", self.verdict.sentence, *self.notes])


def verdict(
    model_probabilities: np.ndarray,
    targets: np.ndarray,
    baselines: Sequence[BaselineResult],
    *,
    part: str,
    seed: int = 0,
) -> Verdict:
    """Compare a model with the best of its baselines by accuracy, on the same items.

    Args:
        model_probabilities: Of each class for each item of the part, float `[items, classes]`.
        targets: Class indices, integers `[items]`.
        baselines: What the baselines answered; at least one.
        part: Which of the baselines' parts the items are.
        seed: The run's seed, for the resampling.

    Returns:
        The verdict. The best baseline is chosen on these very items, so any luck in that is on its side.

    Raises:
        ConfigError: If there are no baselines.
        ShapeError: If the arrays do not fit together.
        DataError: If they hold no probabilities, or targets that are no class.

    Example:
        >>> targets = np.array([0, 1] * 50)
        >>> guess = BaselineResult("majority class", {"test": np.tile([0.5, 0.5], (100, 1))}, 0.0)
        >>> print(verdict(np.eye(2)[targets], targets, [guess], part="test").sentence)
        Better than the best baseline (majority class, 0.500): +50.0 points [39.0, 59.0], McNemar p < 0.001.
    """
    if not baselines:
        raise ConfigError(
            explain("A verdict needs something to compare with.", given="0 baselines", fix="Run at least one baseline.")
        )
    right = _right(model_probabilities, targets)
    scored = [(each, _right(each.probabilities[part], targets)) for each in baselines]
    best, theirs = max(scored, key=lambda pair: int(pair[1].sum()))
    difference, p = paired_difference(right, theirs, seed=seed).scaled(100), mcnemar(right, theirs)
    kind, opening = "indistinguishable", "Not distinguishable from"
    if p < 0.05 and difference.low > 0:
        kind, opening = "better", "Better than"
    elif p < 0.05 and difference.high < 0:
        kind, opening = "worse", "Worse than"
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    sentence = (
        f"{opening} the best baseline ({best.name}, {theirs.mean():.3f}): {difference.value:+.1f} points "
        f"[{difference.low:.1f}, {difference.high:.1f}], McNemar {shown}."
    )
    return Verdict(kind, sentence, best.name, difference, p)


def build_report(
    probabilities: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    *,
    labels: Sequence[str],
    baselines: Sequence[BaselineResult],
    history: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    seconds: float = 0.0,
    seed: int = 0,
) -> Report:
    """Judge a model's predictions.

    Args:
        probabilities: By part ("valid", "test"), of each class for each item, float `[items, classes]`.
        targets: By the same parts, class indices, integers `[items]`.
        labels: The classes, in the order of the columns.
        baselines: What `run_baselines` gave for the same parts; at least one.
        history: One row an epoch: stage, epoch, train_loss, valid_loss, accuracy, lr, seconds.
        settings: What it takes to repeat the run.
        data: A summary of the data.
        notes: Remarks, one sentence each.
        seconds: How long training took.
        seed: The run's seed, for the resampling.

    Returns:
        The report. Its verdict is on "test" where there is such a part, else on "valid", else on the first.

    Raises:
        ConfigError: If there are no parts or no baselines.
        ShapeError: If arrays, parts or labels do not fit together.
        DataError: If the arrays hold no probabilities, or targets that are no class.
    """
    _check_parts(probabilities, targets, baselines)
    main = next((part for part in ("test", "valid") if part in probabilities), next(iter(probabilities)))
    parts = {part: _scores(probabilities[part], targets[part], labels, seed) for part in probabilities}
    return Report(
        task="classification",
        labels=list(labels),
        parts=parts,
        verdict_part=main,
        baselines=[_row(each, probabilities[main], targets, main, seed) for each in baselines],
        verdict=verdict(probabilities[main], targets[main], baselines, part=main, seed=seed),
        history=[dict(row) for row in history],
        settings=dict(settings or {}),
        data=dict(data or {}),
        notes=list(notes),
        seconds=seconds,
    )


def _check_parts(
    probabilities: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray], baselines: Sequence[BaselineResult]
) -> None:
    if not probabilities:
        raise ConfigError(
            explain("There is nothing to judge.", given="0 parts", fix='Pass a part, such as {"valid": ...}.')
        )
    given = {"targets": targets} | {f"baseline {each.name!r}": each.probabilities for each in baselines}
    lacking = [f"{name} lacks {part!r}" for part in probabilities for name, held in given.items() if part not in held]
    if lacking:
        raise ShapeError(
            explain(
                "Targets and baselines must cover every part of `probabilities`.",
                given=lacking,
                fix="Pass the same parts to all of them.",
            )
        )


def _scores(probabilities: np.ndarray, targets: np.ndarray, labels: Sequence[str], seed: int) -> PartScores:
    probabilities, targets = check_predictions(probabilities, targets)
    return PartScores(
        len(targets),
        evaluate(probabilities, targets, seed=seed),
        per_class(probabilities, targets, labels=labels),
        confusion_matrix(probabilities, targets),
    )


def _row(
    result: BaselineResult, ours: np.ndarray, targets: Mapping[str, np.ndarray], main: str, seed: int
) -> BaselineRow:
    metrics = {
        part: evaluate(result.probabilities[part], targets[part], metrics=_BASELINE_METRICS, seed=seed)
        for part in targets
        if part in result.probabilities
    }
    compared = verdict(ours, targets[main], [result], part=main, seed=seed)
    return BaselineRow(result.name, result.seconds, metrics, compared.difference, compared.p)


def _right(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    probabilities, targets = check_predictions(probabilities, targets)
    return probabilities.argmax(1) == targets


def _plain(value: Any) -> Any:
    """Values as JSON knows them: numpy's become Python's, NaN and infinity null, anything else its text."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
