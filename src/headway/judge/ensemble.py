"""A model and a baseline together: their answers averaged, and whether that gains anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headway.errors import ConfigError
from headway.judge.baselines.run import BaselineResult
from headway.judge.intervals import Estimate
from headway.judge.tasks import evaluate, task_metrics
from headway.judge.verdict import Verdict, verdict

__all__ = ["Ensemble", "check_averaged", "choose_weight", "judge_ensemble"]

_OPENINGS = {"better": "Better than", "worse": "Worse than", "indistinguishable": "Not distinguishable from"}
_WEIGHTS = np.linspace(0, 1, 21)


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """A model and a baseline, averaged; `str()` says whether it gains anything.

    Attributes:
        baseline: The baseline's name.
        weight: What the model's answers count, from 0 (the baseline alone) to 1 (the model alone).
        answers: The averages by part, float `[items, outputs]`.
        metrics: Estimates by part and name.
        part: The part that the verdicts are on: "test" where there is one.
        against_model: Whether the ensemble is better than the model alone.
        against_baseline: Whether it is better than the baseline alone.
        chosen_on: Training rows that the weight was chosen on, which neither had seen then.
    """

    baseline: str
    weight: float
    answers: Mapping[str, np.ndarray]
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
        return f"No gain that these data can tell: not distinguishable from {' or '.join(alike)} alone."

    def to_json(self) -> dict[str, Any]:
        """The ensemble as plain JSON values, without its answers."""
        return {
            "baseline": self.baseline,
            "weight": self.weight,
            "part": self.part,
            "metrics": {part: {k: v.to_json() for k, v in found.items()} for part, found in self.metrics.items()},
            "against_model": self.against_model.to_json(),
            "against_baseline": self.against_baseline.to_json(),
            "chosen_on": self.chosen_on,
            "sentence": self.sentence,
        }

    def __str__(self) -> str:
        share = f"{self.weight:.0%} the model, {1 - self.weight:.0%} {self.baseline}"
        scores = ", ".join(f"{name} {score}" for name, score in self.metrics[self.part].items())
        lines = [
            f"{share}; chosen on {self.chosen_on:,} training rows that neither had seen",
            f"On {self.part}: {scores}.",
            self.against_model.sentence,
            self.against_baseline.sentence,
            self.sentence,
        ]
        return "\n".join(lines)


def check_averaged(task: str) -> None:
    """Raises a ConfigError if answers of this task are not averaged."""
    if task not in _LOSSES:
        what = "Answers of this kind are not averaged."
        raise ConfigError(what, given=task, fix=f"Use a target of {' or '.join(_LOSSES)}.")


def choose_weight(model: np.ndarray, baseline: np.ndarray, targets: np.ndarray, *, task: str) -> float:
    """The model's share in the average with the least loss: of classes the log loss, of numbers the squared error.

    Args:
        model: The model's answers, float `[items, outputs]`, for items that it has not seen.
        baseline: The baseline's answers for the same items, which it has not seen either.
        targets: Class indices `[items]`, or numbers `[items, outputs]`.
        task: The kind of target: "classification" or "regression".

    Returns:
        A twentieth, from 0 to 1; of equals the one nearest to one half.

    Raises:
        ConfigError: If the task is another.

    Example:
        >>> targets = np.array([[1.0], [2.0], [3.0]])
        >>> choose_weight(targets + 1, targets - 1, targets, task="regression")
        0.5

    Source:
        Wolpert 1992, "Stacked generalization"; with weights from 0 to 1: Breiman 1996, "Stacked regressions".
    """
    check_averaged(task)
    losses = [_LOSSES[task](weight * model + (1 - weight) * baseline, targets) for weight in _WEIGHTS]
    best = np.flatnonzero(np.isclose(losses, min(losses), rtol=1e-9, atol=1e-12))
    return round(float(_WEIGHTS[best[np.abs(_WEIGHTS[best] - 0.5).argmin()]]), 2)


def judge_ensemble(
    model: Mapping[str, np.ndarray],
    baseline: BaselineResult,
    targets: Mapping[str, np.ndarray],
    *,
    weight: float,
    task: str,
    chosen_on: int,
    seed: int = 0,
) -> Ensemble:
    """The average of a model and a baseline, judged like a model.

    Args:
        model: The model's answers by part, float `[items, outputs]`.
        baseline: The baseline's.
        targets: The parts' targets.
        weight: What the model's answers count, from 0 to 1; see `choose_weight`.
        task: The kind of target.
        chosen_on: Training rows that the weight was chosen on.
        seed: The run's seed, for the resampling.
    """
    answers = {part: weight * model[part] + (1 - weight) * baseline.answers[part] for part in model}
    main = next((part for part in ("test", "valid") if part in model), next(iter(model)))
    alone, known = BaselineResult("the model", dict(model), 0.0), task_metrics(task)

    def against(other: BaselineResult) -> Verdict:
        found = verdict(answers[main], targets[main], [other], part=main, task=task, seed=seed)
        told = f"{known.title} {known.told_difference(found.difference)}, p = {found.p:.2g}"
        return replace(found, sentence=f"{_OPENINGS[found.kind]} {other.name} alone: {told}.")

    return Ensemble(
        baseline=baseline.name,
        weight=weight,
        answers=answers,
        metrics={
            part: evaluate(answers[part], targets[part], task=task, metrics=known.of_baselines, seed=seed)
            for part in model
        },
        part=main,
        against_model=against(alone),
        against_baseline=against(baseline),
        chosen_on=chosen_on,
    )


def _log_loss(answers: np.ndarray, targets: np.ndarray) -> float:
    chosen = answers[np.arange(len(targets)), targets].astype(np.float64)
    return float(-np.log(np.clip(chosen, 1e-15, 1)).mean())


def _squared_error(answers: np.ndarray, targets: np.ndarray) -> float:
    return float(((answers - targets) ** 2).mean())


_LOSSES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "classification": _log_loss,
    "regression": _squared_error,
}
