"""From arrays to a report: any model's predictions, judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.errors import ConfigError, ShapeError, explain
from headway.judge.baselines import BaselineResult, Rows, check_names, run_baselines
from headway.judge.calibration import calibrate
from headway.judge.diagnosis import diagnose
from headway.judge.findings import Finding, LayerActivity
from headway.judge.metrics import check_predictions, confusion_matrix, evaluate, per_class
from headway.judge.mistakes import LabelIssues, confused_pairs, label_issues, sort_by_confusion, top_losses
from headway.judge.report import BaselineRow, PartScores, Report
from headway.judge.slices import SliceReport, judge_slices
from headway.judge.verdict import Verdict, ViewsGain, verdict, with_cost
from headway.judge.worst import WorstSlices, worst_slices

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from headway.judge.learning_curve import LearningCurve

__all__ = ["PartAnswers", "build_report", "find_issues", "find_problems", "judge", "part_answers"]

GUESSES = ("majority class", "stratified")
"""Baselines that need no items: the classes' shares are enough."""

NUM_SHOWN = 12
"""Items in the gallery, and pairs of classes."""

# What baselines are measured by, too; the model itself gets every metric.
_BASELINE_METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
_MAX_ISSUES = 200


@dataclass(frozen=True, kw_only=True)
class PartAnswers:
    """A model's answers for one part: aligned arrays, an entry an item. Made by `part_answers`, which checks them.

    Attributes:
        answers: Probabilities of each class, float `[items, classes]`, rows sum to one; or numbers in their unit.
        targets: Class indices, int64 `[items]`, or float `[items, outputs]`.
        rows: The items' numbers in their source, int64 `[items]`.
        items: What else is known of the items; None where nothing is.
    """

    answers: np.ndarray
    targets: np.ndarray
    rows: np.ndarray
    items: pl.DataFrame | None = None


def part_answers(
    probabilities: np.ndarray,
    targets: np.ndarray,
    *,
    rows: np.ndarray | None = None,
    items: pl.DataFrame | None = None,
) -> PartAnswers:
    """A model's answers for one part, checked; without `rows` the items are numbered as they come.

    Raises:
        ShapeError: If the arrays do not fit together.
        DataError: If they hold no probabilities, or targets that are no class.
    """
    probabilities, targets = check_predictions(probabilities, targets)
    rows = np.arange(len(targets)) if rows is None else rows
    return PartAnswers(answers=probabilities, targets=targets, rows=rows, items=items)


def judge(
    probabilities: np.ndarray,
    targets: np.ndarray,
    *,
    items: pl.DataFrame | pd.DataFrame | Mapping[str, Sequence[Any]] | None = None,
    labels: Sequence[str] | None = None,
    slices: Sequence[str] = (),
    baselines: Mapping[str, np.ndarray] | None = None,
    train: tuple[np.ndarray, np.ndarray] | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    notes: Sequence[str] = (),
    part: str = "valid",
    name: str = "",
    seconds: float = 0.0,
    seed: int = 0,
) -> Report:
    """Judge any model's predictions; also called as `headway.judge(...)`.

    Args:
        probabilities: Of each class for each item, float `[items, classes]`; rows sum to one. From items that the
            model was not trained on.
        targets: Class indices, integers `[items]`.
        items: A row an item, in the same order: what else is known of them. The worst groups are looked for among its
            columns; leave out those that are no properties, such as a file's name.
        labels: The classes, in the order of the columns. Left out: their indices.
        slices: Columns of `items` by whose values every metric is given.
        baselines: Other models' probabilities for the same items, by name, each float `[items, classes]`. Two guesses
            by the classes' shares always stand beside them.
        train: Probabilities and targets of items that the model was trained on, so that a gap can be seen.
        history: An entry an epoch, as `History.to_json()` gives them.
        notes: Remarks for the report, one sentence each.
        part: What the items are called in the report.
        name: What the report is called.
        seconds: How long training took.
        seed: Decides everything that is resampled.

    Returns:
        The report: `print` it, or `save` it as HTML or JSON.

    Raises:
        ShapeError: If arrays, items or labels do not fit together.
        DataError: If the arrays hold no probabilities, or targets that are no class.
        ConfigError: If a column is not known or has no groups, or a baseline has the name of a guess.

    Example:
        >>> import headway as hw
        >>> targets = np.arange(200) % 2
        >>> probabilities = np.eye(2)[targets] * 0.8 + 0.1
        >>> report = hw.judge(probabilities, targets, labels=["cat", "dog"])
        >>> report.verdict.kind, report.parts["valid"].metrics["accuracy"].value
        ('better', 1.0)
    """
    found = part_answers(probabilities, targets, items=None if items is None else _frame(items))
    num_classes = found.answers.shape[1]
    guessed = Rows(targets=found.targets)
    results = run_baselines(guessed, {part: guessed}, num_classes=num_classes, names=GUESSES, seed=seed)
    # How long a guess takes depends on the day; the report does not.
    results = [replace(each.in_float32(), seconds=0.0) for each in results]
    check_names(baselines or {})
    results += [BaselineResult(own, {part: np.asarray(each)}, math.nan) for own, each in (baselines or {}).items()]
    blind = [] if baselines else ["Only guesses by the classes' shares were compared, nothing that learns."]
    return build_report(
        {part: found},
        labels=[str(each) for each in (range(num_classes) if labels is None else labels)],
        baselines=results,
        slices=slices,
        train=train,
        history=history,
        data={"items": len(found.targets), "parts": {part: len(found.targets)}},
        notes=[*blind, *notes],
        seconds=seconds,
        name=name,
        seed=seed,
    )


def build_report(
    parts: Mapping[str, PartAnswers],
    *,
    labels: Sequence[str],
    baselines: Sequence[BaselineResult],
    slices: Sequence[str] = (),
    search: Sequence[str] | None = None,
    train: tuple[np.ndarray, np.ndarray] | None = None,
    held_out: PartAnswers | None = None,
    activity: Sequence[LayerActivity] = (),
    learning_curve: LearningCurve | None = None,
    views_gain: ViewsGain | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    seconds: float = 0.0,
    size: int | None = None,
    name: str = "",
    seed: int = 0,
) -> Report:
    """Judge a model's predictions for several parts.

    Args:
        parts: What the model answered, by part ("valid", "test").
        labels: The classes, in the order of the columns.
        baselines: What `run_baselines` gave for the same parts; at least one.
        slices: Columns of the parts' items by whose values every metric is given.
        search: Columns among which the worst groups are looked for; all of them when left out.
        train: Probabilities and targets of some training items, answered without augmentation.
        held_out: Probabilities for training items by models that were trained without them: label errors among these
            can be told, which the model itself has learned by heart.
        activity: What the model's layers give.
        learning_curve: How much more data would help.
        views_gain: What test-time augmentation gains.
        history: One row an epoch: stage, epoch, train_loss, valid_loss, accuracy, lr, seconds.
        settings: What it takes to repeat the run.
        data: A summary of the data.
        versions: Of Python and the libraries.
        notes: Remarks, one sentence each.
        seconds: How long training took.
        size: How many numbers the model keeps.
        name: What the report is called.
        seed: The run's seed, for the resampling.

    Returns:
        The report. Its verdict and its slices are on "test" where there is such a part, else on "valid", else on the
        first; what is looked into item by item is on "valid" where there is one, so that test stays unseen.

    Raises:
        ConfigError: If there are no parts or no baselines, or a slice's column is not known or has no groups.
        ShapeError: If arrays, parts, items or labels do not fit together.
        DataError: If the arrays hold no probabilities, or targets that are no class.
    """
    _check(parts, baselines, slices)
    main, focus = _main_and_focus(parts)
    seen, counts = parts[focus], confusion_matrix(parts[focus].answers, parts[focus].targets)
    rows = [_row(each, parts, main, seed) for each in baselines]
    issues = find_issues({focus: seen, "train": held_out}, labels)
    return Report(
        task="classification",
        labels=list(labels),
        parts={part: _scores(each, labels, seed) for part, each in parts.items()},
        verdict_part=main,
        focus_part=focus,
        baselines=rows,
        verdict=_verdict(parts[main], baselines, main, seconds=seconds, size=size, seed=seed),
        findings=find_problems(
            seen,
            labels=labels,
            issues=issues,
            history=history,
            train=train,
            activity=activity,
            baseline_accuracy=max(row.metrics[focus]["accuracy"].value for row in rows),
        ),
        confused_pairs=confused_pairs(counts, labels, n=NUM_SHOWN),
        order=sort_by_confusion(counts),
        top_losses=top_losses(seen.answers, seen.targets, seen.rows, labels=labels, n=NUM_SHOWN),
        label_issues=issues,
        calibration=calibrate(seen.answers, seen.targets, seed=seed),
        slices=_slices(parts[main], labels, slices, seed) if slices else None,
        worst_slices=_worst(parts[main], labels, search),
        learning_curve=learning_curve,
        views_gain=views_gain,
        history=[dict(row) for row in history],
        settings=dict(settings or {}),
        data=dict(data or {}),
        versions=dict(versions or {}),
        notes=list(notes),
        seconds=seconds,
        size=size,
        name=name,
    )


def _main_and_focus(parts: Mapping[str, PartAnswers]) -> tuple[str, str]:
    """The part that the verdict is on, and the part that is looked into item by item."""
    main = next((each for each in ("test", "valid") if each in parts), next(iter(parts)))
    return main, "valid" if "valid" in parts else main


def find_issues(parts: Mapping[str, PartAnswers | None], labels: Sequence[str]) -> dict[str, LabelIssues]:
    """Labels that look wrong, by part; all of them are counted, the first 200 named."""
    found = {
        part: label_issues(each.answers, each.targets, each.rows, labels=labels)
        for part, each in parts.items()
        if each is not None
    }
    return {part: replace(each, issues=each.issues[:_MAX_ISSUES]) for part, each in found.items()}


def find_problems(
    seen: PartAnswers,
    *,
    labels: Sequence[str],
    issues: Mapping[str, LabelIssues],
    history: Sequence[Mapping[str, Any]],
    train: tuple[np.ndarray, np.ndarray] | None,
    activity: Sequence[LayerActivity],
    baseline_accuracy: float | None,
) -> list[Finding]:
    """The diagnosis, with what is known of the labels."""
    return diagnose(
        history,
        valid=(seen.answers, seen.targets),
        train=train,
        labels=labels,
        num_label_issues=sum(each.count for each in issues.values()),
        num_checked=sum(each.checked for each in issues.values()),
        baseline_accuracy=baseline_accuracy,
        activity=activity,
    )


def _check(parts: Mapping[str, PartAnswers], baselines: Sequence[BaselineResult], slices: Sequence[str]) -> None:
    if not parts:
        raise ConfigError(
            explain("There is nothing to judge.", given="0 parts", fix='Pass a part, such as {"valid": ...}.')
        )
    lacking = [
        f"baseline {each.name!r} lacks {part!r}" for part in parts for each in baselines if part not in each.answers
    ]
    if lacking:
        raise ShapeError(
            explain(
                "Baselines must cover every part that is judged.",
                given=lacking,
                fix="Pass the same parts to all of them.",
            )
        )
    if slices and any(each.items is None for each in parts.values()):
        raise ConfigError(
            explain("Slices are made of the items' columns.", given=f"slices={slices!r}, no items", fix="Pass `items`.")
        )


def _scores(answers: PartAnswers, labels: Sequence[str], seed: int) -> PartScores:
    probabilities, targets = answers.answers, answers.targets
    return PartScores(
        len(targets),
        evaluate(probabilities, targets, seed=seed),
        per_class(probabilities, targets, labels=labels),
        confusion_matrix(probabilities, targets),
    )


def _row(result: BaselineResult, parts: Mapping[str, PartAnswers], main: str, seed: int) -> BaselineRow:
    metrics = {
        part: evaluate(result.answers[part], each.targets, metrics=_BASELINE_METRICS, seed=seed)
        for part, each in parts.items()
    }
    compared = verdict(parts[main].answers, parts[main].targets, [result], part=main, seed=seed)
    return BaselineRow(result.name, result.seconds, metrics, compared.difference, compared.p, result.size)


def _verdict(
    answers: PartAnswers,
    baselines: Sequence[BaselineResult],
    part: str,
    *,
    seconds: float,
    size: int | None,
    seed: int,
) -> Verdict:
    found = verdict(answers.answers, answers.targets, baselines, part=part, seed=seed)
    best = next(each for each in baselines if each.name == found.baseline)
    return with_cost(found, best, seconds=seconds, size=size)


def _slices(answers: PartAnswers, labels: Sequence[str], columns: Sequence[str], seed: int) -> SliceReport:
    assert answers.items is not None
    return judge_slices(answers.answers, answers.targets, answers.items, columns=columns, labels=labels, seed=seed)


def _worst(answers: PartAnswers, labels: Sequence[str], search: Sequence[str] | None) -> WorstSlices | None:
    if answers.items is None:
        return None
    return worst_slices(answers.answers, answers.targets, answers.items, labels=labels, columns=search)


def _frame(items: Any) -> pl.DataFrame:
    """A polars frame of a polars or pandas frame, or of a dict of columns."""
    import polars as pl

    if isinstance(items, pl.DataFrame):
        return items
    # What pandas calls missing (NaN, NaT, NA) is null here.
    columns = (
        items
        if isinstance(items, Mapping)
        else {str(name): items[name].astype(object).where(items[name].notna(), None).tolist() for name in items}
    )
    return pl.DataFrame(
        {str(name): pl.Series(str(name), list(values), strict=False) for name, values in columns.items()}
    )
