"""Is the model better than something simple, and what did it cost; and do more views of each item help."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from headway.errors import ConfigError
from headway.judge.baselines.run import BaselineResult
from headway.judge.intervals import Estimate, mcnemar, mean, paired_difference
from headway.judge.tasks import task_metrics
from headway.targets.category.metrics import CLASSIFICATION, check_predictions

__all__ = ["Verdict", "ViewsGain", "best_baseline", "verdict", "views_gain", "with_cost"]


@dataclass(frozen=True)
class Verdict:
    """Whether the model is better than the best baseline.

    Attributes:
        kind: "better" or "worse" when the interval of the difference leaves out 0 and p is below 0.05.
        sentence: The same in words, with its numbers.
        baseline: The best baseline by the task's main metric, such as accuracy.
        difference: The model's main metric less the baseline's: a share in points (per cent), any other number in its
            unit.
        p: That there is no difference, between 0 and 1: McNemar's exact p, or a sign-flip test's for numbers.
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


@dataclass(frozen=True, kw_only=True)
class ViewsGain:
    """What the mean over several augmented views of each item gains over its plain view alone.

    Attributes:
        part: The part that it was measured on.
        views: Augmented views of each item, the plain one not counted.
        accuracy: With all views.
        log_loss: With all views, in nats.
        accuracy_difference: Accuracy with all views less that of the plain view, in points.
        log_loss_difference: The same for the log loss, in nats; below 0 is better.
        p: McNemar's exact p of the two.
        sentence: The gain in words.
    """

    part: str
    views: int
    accuracy: Estimate
    log_loss: Estimate
    accuracy_difference: Estimate
    log_loss_difference: Estimate
    p: float
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """The gain as plain JSON values."""
        names = ("accuracy", "log_loss", "accuracy_difference", "log_loss_difference")
        values = {name: getattr(self, name).to_json() for name in names}
        return {"part": self.part, "views": self.views, **values, "p": self.p, "sentence": self.sentence}


def verdict(
    answers: np.ndarray,
    targets: np.ndarray,
    baselines: Sequence[BaselineResult],
    *,
    part: str,
    task: str = "classification",
    seed: int = 0,
) -> Verdict:
    """Compare a model with the best of its baselines by the task's main metric, on the same items.

    Args:
        answers: The model's for each item of the part, float `[items, outputs]`: probabilities or numbers.
        targets: Class indices, integers `[items]`, or what the task has for targets.
        baselines: What the baselines answered; at least one.
        part: Which of the baselines' parts the items are.
        task: The kind of target, a key of `headway.judge.tasks.TASKS`.
        seed: The run's seed, for the resampling.

    Returns:
        The verdict. The best baseline is chosen on these very items, so any luck in that is on its side.

    Raises:
        ConfigError: If there are no baselines, or the task is not known.
        ShapeError: If the arrays do not fit together.
        DataError: If they do not hold what the task needs.

    Example:
        >>> targets = np.array([0, 1] * 50)
        >>> guess = BaselineResult("majority class", {"test": np.tile([0.5, 0.5], (100, 1))}, 0.0)
        >>> print(verdict(np.eye(2)[targets], targets, [guess], part="test").sentence)
        Better than the best baseline (majority class, 0.500): +50.0 points [39.0, 59.0], McNemar p < 0.001.
    """
    if not baselines:
        raise ConfigError(
            "A verdict needs something to compare with.", given="0 baselines", fix="Run at least one baseline."
        )
    known = task_metrics(task)
    best, theirs = best_baseline(baselines, targets, part=part, task=task)
    found = known.compare(answers, best.answers[part], targets, seed=seed)
    kind = _kind(found.difference, found.p, higher_is_better=known.higher_is_better)
    opening = {"better": "Better than", "worse": "Worse than", "indistinguishable": "Not distinguishable from"}[kind]
    # A test on right and wrong answers says by itself that it is about accuracy.
    of = "" if known.is_right else f"{known.title} "
    direction = "" if known.higher_is_better else " (lower is better)"
    sentence = (
        f"{opening} the best baseline ({best.name}, {theirs:.{known.digits(Estimate(theirs, theirs, theirs))}f}): "
        f"{of}{known.told_difference(found.difference)}{direction}, {found.test} {_told(found.p)}."
    )
    return Verdict(kind, sentence, best.name, found.difference, found.p)


def best_baseline(
    baselines: Sequence[BaselineResult], targets: np.ndarray, *, part: str, task: str
) -> tuple[BaselineResult, float]:
    """The best of some baselines on a part by the task's main metric, and what that is; of equals the first."""
    known = task_metrics(task)
    scored = [(each, known.score(each.answers[part], targets)) for each in baselines]
    sign = 1 if known.higher_is_better else -1
    return max(scored, key=lambda pair: -math.inf if math.isnan(pair[1]) else sign * pair[1])


def with_cost(found: Verdict, best: BaselineResult, *, seconds: float, size: int | None) -> Verdict:
    """The same verdict, its sentence followed by what the model and the best baseline cost."""
    if seconds <= 0 or math.isnan(best.seconds):
        return found
    kept = "" if size is None else f" and keeps {_count(size)}"
    theirs = "" if best.size is None else f" and keeps {_count(best.size)}"
    theirs += ", on top of the frozen network" if best.needs == "features" else ""
    cost = f"The model took {_duration(seconds)} to train{kept}; the baseline took {_duration(best.seconds)}{theirs}."
    return replace(found, sentence=f"{found.sentence} {cost}")


def views_gain(
    plain: np.ndarray, averaged: np.ndarray, targets: np.ndarray, *, part: str, views: int, seed: int = 0
) -> ViewsGain:
    """What test-time augmentation gains, on the same items.

    Args:
        plain: Probabilities from the plain view alone, float `[items, classes]`.
        averaged: Probabilities from all views, of the same shape.
        targets: Class indices, integers `[items]`.
        part: The part's name.
        views: Augmented views of each item.
        seed: The run's seed, for the resampling.

    Raises:
        ShapeError: If the arrays do not fit together.
        DataError: If they hold no probabilities, or targets that are no class.

    Example:
        >>> targets = np.array([0, 1] * 50)
        >>> gain = views_gain(np.full((100, 2), 0.5), np.eye(2)[targets] * 0.8 + 0.1, targets, part="valid", views=4)
        >>> print(gain.sentence)
        With 4 more views of each item accuracy on valid is higher: +50.0 points [39.0, 59.0], McNemar p < 0.001.
    """
    plain, targets = check_predictions(plain, targets)
    averaged, targets = check_predictions(averaged, targets)
    before, after = plain.argmax(1) == targets, averaged.argmax(1) == targets
    difference, p = paired_difference(after, before, seed=seed).scaled(100), mcnemar(after, before)
    kind = _kind(difference, p)
    told = {"better": "is higher", "worse": "is lower", "indistinguishable": "is not distinguishable"}[kind]
    sentence = (
        f"With {views} more views of each item accuracy on {part} {told}: {difference.value:+.1f} points "
        f"[{difference.low:.1f}, {difference.high:.1f}], McNemar {_told(p)}."
    )
    return ViewsGain(
        part=part,
        views=views,
        accuracy=CLASSIFICATION["accuracy"].estimate(averaged, targets, seed=seed),
        log_loss=CLASSIFICATION["log_loss"].estimate(averaged, targets, seed=seed),
        accuracy_difference=difference,
        log_loss_difference=mean(_losses(averaged, targets) - _losses(plain, targets), seed=seed),
        p=p,
        sentence=sentence,
    )


def _kind(
    difference: Estimate, p: float, *, higher_is_better: bool = True
) -> Literal["better", "indistinguishable", "worse"]:
    if not (p < 0.05 and (difference.low > 0 or difference.high < 0)):
        return "indistinguishable"
    return "better" if (difference.value > 0) == higher_is_better else "worse"


def _told(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _duration(seconds: float) -> str:
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _count(size: int) -> str:
    return f"{size / 1e6:.1f} million numbers" if size >= 1_000_000 else f"{size:,} numbers"


def _losses(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    chosen = probabilities[np.arange(len(targets)), targets]
    return -np.log(np.clip(chosen, np.finfo(chosen.dtype).eps, 1.0).astype(np.float64))
