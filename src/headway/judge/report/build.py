"""From what a model gave to a report: any model's predictions, judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.data.sources import as_frame
from headway.judge.baselines.base import BaselineData
from headway.judge.baselines.run import BaselineResult, check_names, guesses, run_baselines
from headway.judge.diagnosis.diagnose import diagnose
from headway.judge.report.far_items import far_items
from headway.judge.report.inputs import ReportInputs, checked_predictions
from headway.judge.report.report import BaselineRow, PartScores, Report, RunFacts, Section
from headway.judge.slices.report import SliceReport, judge_slices
from headway.judge.slices.worst import WorstSlices, worst_slices
from headway.judge.verdict import Verdict, verdict, with_cost
from headway.predictions import Predictions
from headway.targets.registry import target_of_arrays

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from headway.judge.metric import Function, Metric

__all__ = ["build_report", "judge_predictions"]


def judge_predictions(
    predictions: np.ndarray,
    targets: np.ndarray,
    *,
    task: str = "classification",
    items: pl.DataFrame | pd.DataFrame | Mapping[str, Sequence[Any]] | None = None,
    labels: Sequence[str] | None = None,
    slices: Sequence[str] = (),
    baselines: Mapping[str, np.ndarray] | None = None,
    metrics: Sequence[Metric | Function | str] = (),
    main_metric: str | None = None,
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
        predictions: Of items that the model was not trained on: of classes the probability of each for each item, float
            `[items, classes]`, rows sum to one; of numbers the number, float `[items]` or `[items, outputs]`.
        targets: Class indices, integers `[items]`; of numbers the true ones, in the shape of `predictions`.
        task: What is predicted: "classification", "regression" and so on.
        items: A row an item, in the same order: what else is known of them. The worst groups are looked for among its
            columns; leave out those that are no properties, such as a file's name.
        labels: The classes, in the order of the columns. Left out: their indices.
        slices: Columns of `items` by whose values every metric is given.
        baselines: Other models' predictions for the same items, by name, each as `predictions`. Guesses that need the
            targets alone, such as by the classes' shares, always stand beside them.
        metrics: Metrics of your own, beside those of the task: functions of targets and predictions, scikit-learn
            scorers or `headway.Metric`.
        main_metric: The name of the metric that the verdict is about. Default: the task's own.
        train: Predictions and targets of items that the model was trained on, so that a gap can be seen.
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
        ConfigError: If the task, a metric or a column is not known, a column has no groups, or a baseline has the name
            of a guess.

    Example:
        >>> import headway as hw
        >>> targets = np.arange(200) % 2
        >>> probabilities = np.eye(2)[targets] * 0.8 + 0.1
        >>> report = hw.judge_predictions(probabilities, targets, labels=["cat", "dog"])
        >>> report.verdict.kind, report.parts["valid"].metrics["accuracy"].value
        ('better', 1.0)
    """
    target = target_of_arrays(task, predictions, targets, labels)
    known = target.metrics().with_metrics(metrics, main=main_metric)
    judged = checked_predictions(predictions, targets, metrics=known, items=None if items is None else as_frame(items))
    num_outputs, simple = judged.predictions.shape[1], target.baselines()
    data = BaselineData(targets=judged.targets)
    guessed = run_baselines(
        data, {part: data}, known=simple, metrics=known, num_outputs=num_outputs, names=guesses(simple), seed=seed
    )
    # How long a guess takes depends on the day; the report does not.
    results = [replace(result.in_float32(), seconds=0.0) for result in guessed]
    check_names(baselines or {}, simple)
    for own, answers in (baselines or {}).items():
        theirs = checked_predictions(answers, targets, metrics=known)
        results.append(BaselineResult(own, {part: theirs.predictions}, math.nan))
    blind = [] if baselines else ["Only baselines that ignore the inputs were compared."]
    return build_report(
        ReportInputs(
            target=target,
            metrics=known,
            parts={part: judged},
            baselines=results,
            slices=slices,
            train=None if train is None else checked_predictions(*train, metrics=known),
            history=history,
            data={"items": len(judged), "parts": {part: len(judged)}},
            notes=[*blind, *notes],
            seconds=seconds,
            name=name,
            seed=seed,
        )
    )


def build_report(inputs: ReportInputs) -> Report:
    """Judge a model's predictions for several parts.

    The verdict and the slices are on "test" where there is such a part, else on "valid", else on the first; single
    items are shown of "valid" where there is one, so that test stays unseen.

    Raises:
        ConfigError: If there are no baselines, or a slice's column is not known or has no groups.
        ShapeError: If arrays, parts, items or labels do not fit together.
        DataError: If the arrays do not hold what the metrics need.
    """
    slices, worst = _slices(inputs)
    return Report(
        task=inputs.target.task,
        known=inputs.metrics,
        labels=inputs.labels,
        parts={part: _scores(predictions, inputs) for part, predictions in inputs.parts.items()},
        verdict_part=inputs.main,
        focus_part=inputs.focus,
        baselines=[_row(baseline, inputs) for baseline in inputs.baselines],
        verdict=_verdict(inputs),
        findings=diagnose(inputs),
        sections=_sections(inputs),
        slices=slices,
        worst_slices=worst,
        **{fact.name: getattr(inputs, fact.name) for fact in fields(RunFacts)},
    )


def _slices(inputs: ReportInputs) -> tuple[SliceReport | None, WorstSlices | None]:
    judged, metrics, labels = inputs.judged, inputs.metrics, inputs.labels
    slices, worst = None, None
    if judged.items is not None:
        arrays = (judged.predictions, judged.targets, judged.items)
        if metrics.has_classes:
            worst = worst_slices(*arrays, metrics=metrics, labels=labels, columns=inputs.search)
        if inputs.slices:
            options = {"metrics": metrics, "labels": labels, "seed": inputs.seed}
            slices = judge_slices(*arrays, columns=inputs.slices, **options)
    return slices, worst


def _scores(part: Predictions, inputs: ReportInputs) -> PartScores:
    metrics = inputs.metrics
    checked = metrics.check(part.predictions, part.targets)
    return PartScores(
        len(part.targets),
        metrics.evaluate(part.predictions, part.targets, seed=inputs.seed),
        metrics.per_label(*checked, inputs.labels) if metrics.per_label else (),
        metrics.confusion(*checked) if metrics.confusion else None,
    )


def _row(result: BaselineResult, inputs: ReportInputs) -> BaselineRow:
    metrics, seed = inputs.metrics, inputs.seed
    scores = {
        part: metrics.evaluate(result.predictions[part], predictions.targets, names=metrics.of_baselines, seed=seed)
        for part, predictions in inputs.parts.items()
    }
    judged = inputs.judged
    compared = metrics.compare(judged.predictions, result.predictions[inputs.main], judged.targets, seed=seed)
    return BaselineRow(result.name, result.seconds, scores, compared.difference, compared.p, result.size)


def _sections(inputs: ReportInputs) -> dict[str, Section]:
    """Those of the kind of target; of one that has none of its own, the items farthest from the truth."""
    own = inputs.target.sections(inputs)
    return {"far_items": far_items(inputs)} if own is None else own


def _verdict(inputs: ReportInputs) -> Verdict:
    judged, options = inputs.judged, {"part": inputs.main, "metrics": inputs.metrics, "seed": inputs.seed}
    judgement = verdict(judged.predictions, judged.targets, inputs.baselines, **options)
    best = next(baseline for baseline in inputs.baselines if baseline.name == judgement.baseline)
    return with_cost(judgement, best, seconds=inputs.seconds, size=inputs.size)
