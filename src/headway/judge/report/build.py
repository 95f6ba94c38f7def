"""From arrays to a report: any model's predictions, judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.errors import ConfigError, ShapeError
from headway.judge.baselines.run import BaselineResult, Rows, check_names, guesses, run_baselines
from headway.judge.diagnosis.finding import LayerActivity
from headway.judge.report.inputs import Given, PartAnswers, part_answers
from headway.judge.report.report import BaselineRow, PartScores, Report
from headway.judge.report.sections import details
from headway.judge.tasks import evaluate, task_metrics
from headway.judge.verdict import Verdict, ViewsGain, best_baseline, verdict, with_cost
from headway.targets.category.metrics import confusion_matrix

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from headway.judge.learning_curve import LearningCurve

__all__ = ["build_report", "judge_predictions"]


def judge_predictions(
    answers: np.ndarray,
    targets: np.ndarray,
    *,
    task: str = "classification",
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
    """Judge any model's predictions; the public name is `headway.judge_predictions`.

    Args:
        answers: From items that the model was not trained on: of classes the probability of each for each item, float
            `[items, classes]`, rows sum to one; of numbers the number, float `[items]` or `[items, outputs]`.
        targets: Class indices, integers `[items]`; of numbers the true ones, in the shape of `answers`.
        task: What kind of answers they are: "classification", "regression" and so on.
        items: A row an item, in the same order: what else is known of them. The worst groups are looked for among its
            columns; leave out those that are no properties, such as a file's name.
        labels: The classes, in the order of the columns. Left out: their indices.
        slices: Columns of `items` by whose values every metric is given.
        baselines: Other models' answers for the same items, by name, each as `answers`. Guesses that need the targets
            alone, such as by the classes' shares, always stand beside them.
        train: Answers and targets of items that the model was trained on, so that a gap can be seen.
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
        DataError: If the arrays do not hold what the task needs: of classes probabilities, and targets below their
            number.
        ConfigError: If the task or a column is not known, a column has no groups, or a baseline has the name of a
            guess.

    Example:
        >>> import headway as hw
        >>> targets = np.arange(200) % 2
        >>> probabilities = np.eye(2)[targets] * 0.8 + 0.1
        >>> report = hw.judge_predictions(probabilities, targets, labels=["cat", "dog"])
        >>> report.verdict.kind, report.parts["valid"].metrics["accuracy"].value
        ('better', 1.0)
    """
    found = part_answers(answers, targets, task=task, items=None if items is None else _frame(items))
    num_outputs = found.answers.shape[1]
    guessed = Rows(targets=found.targets)
    results = run_baselines(
        guessed, {part: guessed}, num_outputs=num_outputs, task=task, names=guesses(task), seed=seed
    )
    # How long a guess takes depends on the day; the report does not.
    results = [replace(each.in_float32(), seconds=0.0) for each in results]
    check_names(baselines or {}, task=task)
    for own, each in (baselines or {}).items():
        results.append(BaselineResult(own, {part: part_answers(each, targets, task=task).answers}, math.nan))
    # Classes and labels without names are called by their places; numbers have none.
    has_names = labels is None and task_metrics(task).per_label is not None
    named = range(num_outputs) if has_names else labels or ()
    blind = [] if baselines else ["Only guesses that see the targets alone were compared, nothing that learns."]
    return build_report(
        {part: found},
        task=task,
        labels=[str(each) for each in named],
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
    task: str = "classification",
    labels: Sequence[str] = (),
    baselines: Sequence[BaselineResult],
    slices: Sequence[str] = (),
    search: Sequence[str] | None = None,
    train: tuple[np.ndarray, np.ndarray] | None = None,
    held_out: PartAnswers | None = None,
    activity: Sequence[LayerActivity] = (),
    learning_curve: LearningCurve | None = None,
    views_gain: ViewsGain | None = None,
    thresholds: Sequence[float] = (),
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
        task: The kind of target, a key of `headway.judge.tasks.TASKS`.
        labels: The classes, in the order of the columns; none where outputs have no names.
        baselines: What `run_baselines` gave for the same parts; at least one.
        slices: Columns of the parts' items by whose values every metric is given.
        search: Columns among which the worst groups are looked for; all of them when left out.
        train: Answers and targets of some training items, answered without augmentation.
        held_out: Answers for training items by models that were trained without them: label errors among these can be
            told, which the model itself has learned by heart.
        activity: What the model's layers give.
        learning_curve: How much more data would help.
        views_gain: What test-time augmentation gains.
        thresholds: The probability from which each label is given, where an item can have several; 0.5 when left out.
        history: One row an epoch: stage, epoch, train_loss, valid_loss, the main metric, lr, seconds.
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
        ConfigError: If there are no parts or no baselines, the task is not known, or a slice's column is not known or
            has no groups.
        ShapeError: If arrays, parts, items or labels do not fit together.
        DataError: If the arrays do not hold what the task needs.
    """
    _check(parts, baselines, slices)
    main, focus = _main_and_focus(parts)
    best = best_baseline(baselines, parts[focus].targets, part=focus, task=task)[0]
    given = Given(
        task=task,
        labels=labels,
        seen=parts[focus],
        part=focus,
        judged=parts[main],
        best=best,
        train=train,
        held_out=held_out,
        activity=activity,
        history=history,
        slices=slices,
        search=search,
        thresholds=thresholds,
        is_photos=(data or {}).get("input", {}).get("kind", "image") == "image",
        seed=seed,
    )
    return Report(
        task=task,
        labels=list(labels),
        parts={part: _scores(each, given) for part, each in parts.items()},
        verdict_part=main,
        focus_part=focus,
        baselines=[_row(each, parts, main, task, seed) for each in baselines],
        verdict=_verdict(parts[main], baselines, main, task=task, seconds=seconds, size=size, seed=seed),
        **details(given),
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


def _check(parts: Mapping[str, PartAnswers], baselines: Sequence[BaselineResult], slices: Sequence[str]) -> None:
    if not parts:
        raise ConfigError("There is nothing to judge.", given="0 parts", fix='Pass a part, such as {"valid": ...}.')
    lacking = [
        f"baseline {each.name!r} lacks {part!r}" for part in parts for each in baselines if part not in each.answers
    ]
    if lacking:
        raise ShapeError(
            "Baselines must cover every part that is judged.",
            given=lacking,
            fix="Pass the same parts to all of them.",
        )
    if slices and any(each.items is None for each in parts.values()):
        raise ConfigError(
            "Slices are made of the items' columns.", given=f"slices={slices!r}, no items", fix="Pass `items`."
        )


def _scores(answers: PartAnswers, given: Given) -> PartScores:
    known = given.known
    metrics = evaluate(answers.answers, answers.targets, task=given.task, thresholds=given.thresholds, seed=given.seed)
    checked = known.check(answers.answers, answers.targets)
    return PartScores(
        len(answers.targets),
        metrics,
        known.per_label(*checked, given.labels) if known.per_label else (),
        confusion_matrix(*checked) if known.is_right else None,
    )


def _row(result: BaselineResult, parts: Mapping[str, PartAnswers], main: str, task: str, seed: int) -> BaselineRow:
    known = task_metrics(task)
    metrics = {
        part: evaluate(result.answers[part], each.targets, task=task, metrics=known.of_baselines, seed=seed)
        for part, each in parts.items()
    }
    compared = known.compare(parts[main].answers, result.answers[main], parts[main].targets, seed=seed)
    return BaselineRow(result.name, result.seconds, metrics, compared.difference, compared.p, result.size)


def _verdict(
    answers: PartAnswers,
    baselines: Sequence[BaselineResult],
    part: str,
    *,
    task: str,
    seconds: float,
    size: int | None,
    seed: int,
) -> Verdict:
    found = verdict(answers.answers, answers.targets, baselines, part=part, task=task, seed=seed)
    best = next(each for each in baselines if each.name == found.baseline)
    return with_cost(found, best, seconds=seconds, size=size)


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
