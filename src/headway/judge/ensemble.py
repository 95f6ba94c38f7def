"""A model and a baseline together: their predictions averaged, and whether that gains anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from headway.as_json import AsJson
from headway.errors import ConfigError
from headway.judge.baselines.run import BaselineResult
from headway.judge.intervals import Estimate
from headway.judge.metric import TaskMetrics
from headway.judge.significance import format_p
from headway.judge.verdict import OPENINGS, Verdict, verdict, verdict_part

__all__ = ["Ensemble", "check_averaged", "choose_weight", "judge_ensemble"]

# Twentieths: finer shares cannot be told apart on the few rows that choose.
_WEIGHTS = np.linspace(0, 1, 21)


@dataclass(frozen=True, kw_only=True)
class Ensemble(AsJson):
    """A model and a baseline, averaged; `str()` says whether it gains anything.

    Attributes:
        weight: What the model's predictions count, from 0 (the baseline alone) to 1 (the model alone).
        predictions: The averages by part, float `[items, outputs]`.
        metrics: Estimates by part and name.
        part: The part that the verdicts are on: "test" where there is one.
        against_model: Whether the ensemble is better than the model alone.
        against_baseline: Whether it is better than the baseline alone.
        chosen_on: Training rows that the weight was chosen on, which neither had seen then.
    """

    json_also: ClassVar[tuple[str, ...]] = ("sentence",)
    json_without: ClassVar[tuple[str, ...]] = ("predictions",)

    baseline: str
    weight: float
    predictions: Mapping[str, np.ndarray]
    metrics: Mapping[str, Mapping[str, Estimate]]
    part: str
    against_model: Verdict
    against_baseline: Verdict
    chosen_on: int

    @property
    def gains(self) -> bool:
        """Whether it is better than either alone."""
        return self.against_model.kind == "better" and self.against_baseline.kind == "better"

    @property
    def sentence(self) -> str:
        """What the ensemble is worth."""
        # The average is then one of the two, which no test should call a gain.
        if self.weight in (0.0, 1.0):
            alone = "the model" if self.weight else self.baseline
            return f"No gain: on the training rows set aside, {alone} alone was best."
        if self.gains:
            return "Better than either alone."
        kinds = {"the model": self.against_model.kind, self.baseline: self.against_baseline.kind}
        worse = [name for name, kind in kinds.items() if kind == "worse"]
        if worse:
            return f"No gain: worse than {' and '.join(worse)} alone."
        alike = [name for name, kind in kinds.items() if kind == "indistinguishable"]
        return f"No measurable gain: not distinguishable from {' or '.join(alike)} alone."

    def __str__(self) -> str:
        share = f"{self.weight:.0%} the model, {1 - self.weight:.0%} {self.baseline}"
        scores = ", ".join(f"{name} {score}" for name, score in self.metrics[self.part].items())
        lines = [
            f"{share}; chosen on {self.chosen_on:,} held-out training rows",
            f"On {self.part}: {scores}.",
            self.against_model.sentence,
            self.against_baseline.sentence,
            self.sentence,
        ]
        return "\n".join(lines)


def check_averaged(metrics: TaskMetrics, kind: str) -> None:
    """Raises a ConfigError if the predictions for a kind of target are not averaged."""
    if metrics.ensemble_loss is None:
        what = "The predictions for this kind of target are not averaged."
        raise ConfigError(what, given=kind, fix="Use a target of classes or of numbers.")


def choose_weight(model: np.ndarray, baseline: np.ndarray, targets: np.ndarray, *, metrics: TaskMetrics) -> float:
    """The model's share in the average with the least loss: of classes the log loss, of numbers the squared error.

    The predictions, float `[items, outputs]`, are for items that neither has seen. The share is a twentieth, from 0 to
    1; of equals the one nearest to one half.

    Example:
        >>> from headway.targets.number.metrics import METRICS
        >>> targets = np.array([[1.0], [2.0], [3.0]])
        >>> choose_weight(targets + 1, targets - 1, targets, metrics=METRICS)
        0.5

    Source:
        Wolpert 1992, "Stacked generalization"; with weights from 0 to 1: Breiman 1996, "Stacked regressions".
    """
    assert metrics.ensemble_loss is not None
    averages = (weight * model + (1 - weight) * baseline for weight in _WEIGHTS)
    losses = [float(metrics.ensemble_loss(average, targets).mean()) for average in averages]
    # Equal up to rounding: which of two equal weights wins must not depend on the processor.
    best = np.flatnonzero(np.isclose(losses, min(losses), rtol=1e-9, atol=1e-12))
    return round(float(_WEIGHTS[best[np.abs(_WEIGHTS[best] - 0.5).argmin()]]), 2)


def judge_ensemble(
    model: Mapping[str, np.ndarray],
    baseline: BaselineResult,
    targets: Mapping[str, np.ndarray],
    *,
    weight: float,
    metrics: TaskMetrics,
    chosen_on: int,
    seed: int = 0,
) -> Ensemble:
    """The average of a model and a baseline, predictions and targets by part, judged like a model."""
    averages = {part: weight * model[part] + (1 - weight) * baseline.predictions[part] for part in model}
    main = verdict_part(model)
    # The model as one more baseline, since the average must beat both.
    alone = BaselineResult("the model", dict(model), 0.0)

    def against(other: BaselineResult) -> Verdict:
        compared = verdict(averages[main], targets[main], [other], part=main, metrics=metrics, seed=seed)
        gap = f"{metrics.title} {metrics.format_difference(compared.difference)}, {format_p(compared.p)}"
        return replace(compared, sentence=f"{OPENINGS[compared.kind]} {other.name} alone: {gap}.")

    return Ensemble(
        baseline=baseline.name,
        weight=weight,
        predictions=averages,
        metrics={
            part: metrics.evaluate(averages[part], targets[part], names=metrics.of_baselines, seed=seed)
            for part in model
        },
        part=main,
        against_model=against(alone),
        against_baseline=against(baseline),
        chosen_on=chosen_on,
    )
