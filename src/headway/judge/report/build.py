"""From what a model gave to a report: any model's predictions, judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.data.sources import as_frame
from headway.errors import ConfigError, ShapeError, did_you_mean
from headway.judge.baselines.base import BaselineData
from headway.judge.baselines.run import BaselineResult, check_names, guesses, run_baselines
from headway.judge.diagnosis.diagnose import diagnose
from headway.judge.fairness.report import FairnessReport, judge_fairness
from headway.judge.grouped_items import looks_grouped, number_groups
from headway.judge.metric import LabelScores
from headway.judge.report.far_items import far_items
from headway.judge.report.inputs import ReportInputs, checked_predictions
from headway.judge.report.report import BaselineRow, PartScores, Report, RunFacts, Section
from headway.judge.slices.report import SliceReport, judge_slices
from headway.judge.slices.worst import WorstSlices, worst_slices
from headway.judge.verdict import Verdict, with_cost, without_pretrained
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
    groups: Sequence[str] = (),
    clusters: str | Sequence[Any] | None = None,
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
            columns; leave out those that describe nothing, such as a file's name.
        labels: The classes, in the order of the columns. Left out: their indices.
        slices: Columns of `items` by whose values every metric is given.
        groups: Columns of `items` that say to which groups people belong, such as `["sex", "race"]`: who is selected
            and who gets the errors is compared between them, and between their intersections.
        clusters: What belongs together, such as the photos of a patient: a column of `items`, or a value an item. Then
            intervals, tests and slices count clusters, not items. Left out: items are independent.
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
    apart = {} if clusters is None else {part: _clusters(clusters, judged)}
    # To beat a guess says little, and a reader should know that it was all there was.
    blind = [] if baselines else ["Only baselines that ignore the inputs were compared."]
    return build_report(
        ReportInputs(
            target=target,
            metrics=known,
            parts={part: judged},
            baselines=results,
            slices=slices,
            groups=groups,
            clusters=apart,
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
        ConfigError: If a slice's column is not known or cannot be grouped.
        ShapeError: If arrays, parts, items or labels do not fit together.
        DataError: If the arrays do not hold what the metrics need.
    """
    slices, worst = _slices(inputs)
    plain = inputs.against_baselines(inputs.main, pretrained=False)
    facts = {fact.name: getattr(inputs, fact.name) for fact in fields(RunFacts)}
    facts["notes"] = [*inputs.notes, *_about_groups(inputs)]
    return Report(
        task=inputs.target.task,
        known=inputs.metrics,
        labels=inputs.labels,
        parts={
            part: _scores(predictions, inputs, inputs.clusters.get(part)) for part, predictions in inputs.parts.items()
        },
        verdict_part=inputs.main,
        focus_part=inputs.focus,
        baselines=[_row(baseline, inputs) for baseline in inputs.baselines],
        verdict=_verdict(inputs),
        verdict_without_pretrained=without_pretrained(plain) if plain else None,
        findings=diagnose(inputs),
        sections=_sections(inputs),
        slices=slices,
        worst_slices=worst,
        fairness=_fairness(inputs),
        **facts,
    )


def _clusters(clusters: str | Sequence[Any], judged: Predictions) -> np.ndarray:
    values = clusters
    if isinstance(clusters, str):
        if judged.items is None or clusters not in judged.items.columns:
            known = [] if judged.items is None else judged.items.columns
            what = "`clusters` must be a column of `items`, or a value for each item."
            raise ConfigError(what, given=f"clusters={clusters!r}", fix=did_you_mean(clusters, known))
        values = judged.items[clusters]
    if len(values) != len(judged):
        what, fix = "`clusters` must have a value for each item.", "Pass them in the order of the predictions."
        raise ShapeError(what, given=f"{len(values):,} values, {len(judged):,} items", fix=fix)
    return number_groups(values)


def _about_groups(inputs: ReportInputs) -> list[str]:
    """What was counted as independent; or the column that should have been."""
    judged = inputs.judged
    if inputs.main in inputs.clusters:
        count = len(np.unique(inputs.clusters[inputs.main]))
        groups = "1 group" if count == 1 else f"{count:,} groups"
        return [f"Items come in groups: intervals and tests on {inputs.main} count its {groups}, not its items."]
    if judged.items is None:
        return []
    # Nobody said that items belong together, so each column is asked whether they do.
    columns = judged.items.columns if inputs.search is None else inputs.search
    column = looks_grouped(inputs.metrics.by_item(judged.predictions, judged.targets), judged.items, columns)
    if column is None:
        return []
    return [
        f"Items with the same {column!r} are right or wrong together: intervals that count them as independent are too "
        f"narrow. Pass clusters={column!r} (--clusters {column}), and split by it."
    ]


def _slices(inputs: ReportInputs) -> tuple[SliceReport | None, WorstSlices | None]:
    judged, metrics, labels = inputs.judged, inputs.metrics, inputs.labels
    slices, worst = None, None
    if judged.items is not None:
        arrays = (judged.predictions, judged.targets, judged.items)
        if metrics.has_classes:
            apart = inputs.clusters.get(inputs.main)
            # Looked for without being asked, as nobody thinks of every column.
            worst = worst_slices(*arrays, metrics=metrics, labels=labels, columns=inputs.search, apart=apart)
        if inputs.slices:
            options = {"metrics": metrics, "labels": labels, "seed": inputs.seed}
            options["apart"] = inputs.clusters.get(inputs.main)
            slices = judge_slices(*arrays, columns=inputs.slices, **options)
    return slices, worst


def _fairness(inputs: ReportInputs) -> FairnessReport | None:
    judged = inputs.judged
    if not inputs.groups:
        return None
    assert judged.items is not None
    arrays, known = (judged.predictions, judged.targets, judged.items), {"metrics": inputs.metrics}
    options: dict[str, Any] = {"part": inputs.main, "labels": inputs.labels, "seed": inputs.seed}
    options |= {"clusters": inputs.clusters.get(inputs.main), "learned": inputs.learned}
    if inputs.focus != inputs.main:
        options["chosen_on"] = inputs.seen
    return judge_fairness(*arrays, columns=inputs.groups, **known, **options)


def _scores(part: Predictions, inputs: ReportInputs, groups: np.ndarray | None) -> PartScores:
    metrics = inputs.metrics
    checked = metrics.check(part.predictions, part.targets)
    of_labels = metrics.per_label(*checked, inputs.labels) if metrics.per_label else ()
    if groups is not None:
        # Their intervals count items, and would be too narrow.
        of_labels = [_without_intervals(label) for label in of_labels]
    return PartScores(
        len(part.targets),
        metrics.evaluate(part.predictions, part.targets, seed=inputs.seed, groups=groups),
        of_labels,
        metrics.confusion(*checked) if metrics.confusion else None,
    )


def _without_intervals(label: LabelScores) -> LabelScores:
    scores = {name: score.without_interval("items come in groups") for name, score in label.scores.items()}
    return replace(label, scores=scores)


def _row(result: BaselineResult, inputs: ReportInputs) -> BaselineRow:
    metrics, seed = inputs.metrics, inputs.seed
    scores = {}
    for part, predictions in inputs.parts.items():
        options = {"names": metrics.of_baselines, "seed": seed, "groups": inputs.clusters.get(part)}
        scores[part] = metrics.evaluate(result.predictions[part], predictions.targets, **options)
    judged, theirs = inputs.judged, result.predictions[inputs.main]
    apart = inputs.clusters.get(inputs.main)
    compared = metrics.compare(judged.predictions, theirs, judged.targets, seed=seed, groups=apart)
    return BaselineRow(result.name, result.seconds, scores, compared.difference, compared.p, result.size)


def _sections(inputs: ReportInputs) -> dict[str, Section]:
    """Those of the kind of target; of one that has none of its own, the items farthest from the truth."""
    own = inputs.target.sections(inputs)
    return {"far_items": far_items(inputs)} if own is None else own


def _verdict(inputs: ReportInputs) -> Verdict:
    judgement = inputs.against_baselines(inputs.main)
    assert judgement is not None, "guesses are always among the baselines"
    best = next(baseline for baseline in inputs.baselines if baseline.name == judgement.baseline)
    return with_cost(judgement, best, seconds=inputs.seconds, size=inputs.size)
