"""What tests of the judge share: metrics and baselines by the name of a task, and arrays as baselines see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headway.inputs.image.baselines import small_pixels
from headway.inputs.ratings import baselines as of_ratings
from headway.inputs.table import baselines as of_tables
from headway.judge.baselines import run
from headway.judge.baselines.base import Baseline, BaselineData
from headway.judge.baselines.linear import logistic_regression
from headway.judge.baselines.run import BaselineResult
from headway.judge.diagnosis.diagnose import check_activity, without_symptoms
from headway.judge.diagnosis.finding import Finding
from headway.judge.intervals import Estimate
from headway.judge.metric import TaskMetrics
from headway.judge.report.build import build_report
from headway.judge.report.inputs import ReportInputs
from headway.judge.report.report import Report
from headway.predictions import LayerActivity, Predictions
from headway.targets.base import Target
from headway.targets.categories.metrics import multilabel_metrics
from headway.targets.category.diagnosis.classifier_run import ClassifierRun, Judged
from headway.targets.category.diagnosis.diagnose import find_in_run
from headway.targets.category.learning_curve import Solve
from headway.targets.registry import target_of_arrays

__all__ = [
    "baseline_data",
    "baselines_of",
    "diagnose",
    "evaluate",
    "judged",
    "logistic",
    "metrics_of",
    "report_of",
    "run_baselines",
    "target_of",
]


def target_of(task: str = "classification", labels: Sequence[str] | None = None) -> Target:
    """A target by its task's name."""
    return target_of_arrays(task, np.zeros((1, len(labels or "ab"))), np.zeros(1, dtype=int), labels)


def metrics_of(task: str = "classification", thresholds: Sequence[float] = ()) -> TaskMetrics:
    """How predictions for a task are judged."""
    return multilabel_metrics(thresholds) if task == "multilabel" else target_of(task).metrics()


def evaluate(
    predictions: Any,
    targets: Any,
    *,
    task: str = "classification",
    metrics: Sequence[str] | None = None,
    thresholds: Sequence[float] = (),
    seed: int = 0,
) -> dict[str, Estimate]:
    """Metrics of a task, by name."""
    return metrics_of(task, thresholds).evaluate(predictions, targets, names=metrics, seed=seed)


def baselines_of(task: str = "classification") -> dict[str, Baseline]:
    """The baselines of a task, for photos, tables and ratings."""
    estimator = target_of(task).estimator
    known = target_of(task).baselines() | (of_tables.BASELINES[estimator] if estimator else {})
    return known | (of_ratings.BASELINES if task == "regression" else {})


def baseline_data(
    targets: np.ndarray, *, categorical: tuple[int, ...] = (), **arrays: np.ndarray | None
) -> BaselineData:
    """Arrays as baselines see them; pixels may be images."""
    given = {name: small_pixels(each) if each.ndim == 4 else each for name, each in arrays.items() if each is not None}
    return BaselineData(targets=targets, arrays=given, about={"categorical": categorical})


def run_baselines(
    train: BaselineData,
    parts: Mapping[str, BaselineData],
    *,
    num_outputs: int,
    task: str = "classification",
    **options: Any,
) -> list[BaselineResult]:
    """Every baseline of a task."""
    known, metrics = baselines_of(task), metrics_of(task)
    return run.run_baselines(train, parts, known=known, metrics=metrics, num_outputs=num_outputs, **options)


def judged(predictions: np.ndarray, targets: np.ndarray, **columns: Any) -> Predictions:
    """A model's predictions for one part."""
    return Predictions(rows=np.arange(len(targets)), predictions=predictions, targets=targets, **columns)


def report_of(
    parts: Mapping[str, Predictions], *, labels: Sequence[str], task: str = "classification", **known: Any
) -> Report:
    """A report on predictions for some parts."""
    target = target_of(task, labels)
    return build_report(ReportInputs(target=target, metrics=metrics_of(task), parts=parts, **known))


def logistic(num_classes: int) -> Solve:
    """Solves as the baseline on frozen features does."""

    def solve(features: np.ndarray, targets: np.ndarray, new: np.ndarray) -> np.ndarray:
        parts = {"new": new}
        return logistic_regression(features, targets, parts, num_outputs=num_classes, penalty=10.0)["new"]

    return solve


def diagnose(
    history: Sequence[Mapping[str, Any]],
    *,
    valid: tuple[np.ndarray, np.ndarray],
    train: tuple[np.ndarray, np.ndarray] | None = None,
    activity: Sequence[LayerActivity] = (),
    **known: Any,
) -> list[Finding]:
    """The findings on a model of classes, and on its layers."""
    parts = {"valid": Judged(*valid), "train": None if train is None else Judged(*train)}
    run = ClassifierRun(history=history, **parts, **known)
    return without_symptoms([*check_activity(activity), *find_in_run(run)])
