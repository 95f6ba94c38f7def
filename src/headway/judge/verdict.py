"""Is the model better than the best baseline, what did it cost, and does test-time augmentation help."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from headway.as_json import AsJson
from headway.judge.baselines.run import BaselineResult
from headway.judge.intervals import ALPHA, Estimate
from headway.judge.metric import TaskMetrics
from headway.judge.significance import Comparison, format_p

__all__ = [
    "OPENINGS",
    "Verdict",
    "ViewsGain",
    "best_baseline",
    "format_parameters",
    "verdict",
    "verdict_part",
    "views_gain",
    "with_cost",
    "without_pretrained",
]

Kind = Literal["better", "indistinguishable", "worse"]

# How a sentence about a comparison begins.
OPENINGS: dict[Kind, str] = {
    "better": "Better than",
    "worse": "Worse than",
    "indistinguishable": "Not distinguishable from",
}


@dataclass(frozen=True)
class Verdict(AsJson):
    """Whether the model is better than the best baseline.

    Attributes:
        kind: "better" or "worse" when the interval of the difference leaves out 0 and p is below 0.05.
        sentence: The same in words, with its numbers.
        baseline: The best baseline by the main metric, such as accuracy: where the model is ahead of all of them, the
            one that was the best on training items, else the best on these.
        difference: The model's main metric minus the baseline's: a share in points (per cent), any other number in its
            unit. Its interval leaves out 0 only where p is below 0.05, too.
        p: That there is no difference, between 0 and 1: McNemar's exact p, or a sign-flip test's for numbers, corrected
            for the choice of the best among several.
    """

    kind: Kind
    sentence: str
    baseline: str
    difference: Estimate
    p: float


@dataclass(frozen=True, kw_only=True)
class ViewsGain(AsJson):
    """What the mean over several augmented views of each item gains over its plain view alone.

    Attributes:
        part: The part that it was measured on.
        views: Augmented views of each item, the plain one not counted.
        metrics: With all views, by name: those that baselines are measured by, as far as they are means over items.
        differences: The same with all views minus that of the plain view; of shares in points.
        p: That the main metric does not differ.
        sentence: The gain in words.
    """

    part: str
    views: int
    metrics: dict[str, Estimate]
    differences: dict[str, Estimate]
    p: float
    sentence: str


def verdict(
    predictions: np.ndarray,
    targets: np.ndarray,
    baselines: Sequence[BaselineResult],
    *,
    part: str,
    metrics: TaskMetrics,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> Verdict:
    """Compare a model with the best of its baselines by the main metric, on the same items of a part.

    The best baseline is the one that was chosen on training items, where that is known of all; what it means to choose
    it on these very items is accounted for, see `significance.best_of`.

    Example:
        >>> from headway.targets.category.metrics import METRICS
        >>> targets = np.array([0, 1] * 50)
        >>> guess = BaselineResult("majority class", {"test": np.tile([0.5, 0.5], (100, 1))}, 0.0)
        >>> print(verdict(np.eye(2)[targets], targets, [guess], part="test", metrics=METRICS).sentence)
        Better than the best baseline (majority class, 0.500): +50.0 points [39.0, 59.0], McNemar p < 0.001.
    """
    best, theirs = best_baseline(baselines, targets, part=part, metrics=metrics)
    # The best on these items first, which is how `best_of` takes them.
    ranked = [best, *(baseline for baseline in baselines if baseline is not best)]
    among = [baseline.predictions[part] for baseline in ranked[1:]]
    reference = _chosen_before(ranked, higher_is_better=metrics.higher_is_better)
    options = {"among": among, "reference": reference, "seed": seed, "groups": groups}
    compared = _agreeing(metrics.compare(predictions, best.predictions[part], targets, **options))
    named, chosen = ranked[compared.against], ""
    if named is not best:
        theirs, chosen = metrics.score(named.predictions[part], targets), ", chosen on training items"
    kind = _kind(compared.difference, compared.p, higher_is_better=metrics.higher_is_better)
    # A test on right and wrong predictions says by itself that it is about accuracy.
    of = "" if metrics.metric.is_right else f"{metrics.title} "
    direction = "" if metrics.higher_is_better else " (lower is better)"
    digits = metrics.digits(Estimate(theirs, theirs, theirs))
    sentence = (
        f"{OPENINGS[kind]} the best baseline ({named.name}, {theirs:.{digits}f}{chosen}): "
        f"{of}{metrics.format_difference(compared.difference)}{direction}, {_tested(compared, len(baselines))}."
    )
    return Verdict(kind, sentence, named.name, compared.difference, compared.p)


def _tested(compared: Comparison, num_baselines: int) -> str:
    # The best of several is chosen on the same items: what is left of the test's p is no longer McNemar's.
    if num_baselines == 1:
        return f"{compared.test} {format_p(compared.p)}"
    return f"{format_p(compared.p)}, corrected for {num_baselines} baselines"


def _chosen_before(baselines: Sequence[BaselineResult], *, higher_is_better: bool) -> int | None:
    """The index of the baseline that was the best on training items; None where that is not known of all."""
    scores = [baseline.train_score for baseline in baselines]
    known = [score for score in scores if score is not None and not math.isnan(score)]
    if len(known) < len(scores):
        return None
    return scores.index(max(known) if higher_is_better else min(known))


def without_pretrained(verdict: Verdict) -> Verdict:
    """A verdict beside baselines that do without the pretrained network, its sentence saying so."""
    return replace(
        verdict, sentence=f"Without the pretrained network: {verdict.sentence[:1].lower()}{verdict.sentence[1:]}"
    )


def verdict_part(parts: Iterable[str]) -> str:
    """The part that a verdict is on: "test" where there is one, else "valid", else the first."""
    names = list(parts)
    return next((name for name in ("test", "valid") if name in names), names[0])


def best_baseline(
    baselines: Sequence[BaselineResult], targets: np.ndarray, *, part: str, metrics: TaskMetrics
) -> tuple[BaselineResult, float]:
    """The best of some baselines on a part by the main metric, and what that is; of equals the first."""
    scored = [(baseline, metrics.score(baseline.predictions[part], targets)) for baseline in baselines]
    sign = 1 if metrics.higher_is_better else -1
    # One without a value, such as of a class that it never names, is the worst.
    return max(scored, key=lambda pair: -math.inf if math.isnan(pair[1]) else sign * pair[1])


def with_cost(plain: Verdict, best: BaselineResult, *, seconds: float, size: int | None) -> Verdict:
    """The same verdict, its sentence followed by what the model and the best baseline cost."""
    # Predictions of the user's own, as of `judge_predictions`, cost an unknown time.
    if seconds <= 0 or math.isnan(best.seconds):
        return plain
    own = [f"{format_parameters(size)} parameters"] if size is not None else []
    # Not parameters: nearest neighbours store the training items.
    theirs = [f"it stores {format_parameters(best.size)} values"] if best.size is not None else []
    theirs += ["on top of the frozen network"] if best.needs == "features" else []
    cost = f"Training took {_cost(seconds, own)}. The baseline took {_cost(best.seconds, theirs)}."
    return replace(plain, sentence=f"{plain.sentence} {cost}")


def views_gain(
    plain: np.ndarray,
    averaged: np.ndarray,
    targets: np.ndarray,
    *,
    part: str,
    views: int,
    metrics: TaskMetrics,
    seed: int = 0,
) -> ViewsGain:
    """What test-time augmentation gains on a part: its items' predictions from the plain view, and averaged over all.

    Example:
        >>> from headway.targets.category.metrics import METRICS
        >>> targets, plain = np.array([0, 1] * 50), np.full((100, 2), 0.5)
        >>> sure = np.eye(2)[targets] * 0.8 + 0.1
        >>> print(views_gain(plain, sure, targets, part="valid", views=4, metrics=METRICS).sentence)
        With 4 more views of each item accuracy on valid is higher: +50.0 points [39.0, 59.0], McNemar p < 0.001.
    """
    names = [name for name in metrics.of_baselines if name == metrics.main or metrics.metrics[name].by_item]
    gains = {name: metrics.compare(averaged, plain, targets, name=name, seed=seed) for name in names}
    main = _agreeing(gains[metrics.main])
    kind = _kind(main.difference, main.p, higher_is_better=metrics.higher_is_better)
    words = {"better": "is better", "worse": "is worse", "indistinguishable": "is not distinguishable"}
    if metrics.higher_is_better:
        words |= {"better": "is higher", "worse": "is lower"}
    sentence = (
        f"With {views} more views of each item {metrics.title} on {part} {words[kind]}: "
        f"{metrics.format_difference(main.difference)}, {main.test} {format_p(main.p)}."
    )
    return ViewsGain(
        part=part,
        views=views,
        metrics=metrics.evaluate(averaged, targets, names=names, seed=seed),
        differences={name: gain.difference for name, gain in gains.items()} | {metrics.main: main.difference},
        p=main.p,
        sentence=sentence,
    )


def _agreeing(compared: Comparison) -> Comparison:
    """The same, its interval reaching 0 where the test finds no difference.

    Of few items the two may disagree; a reader who goes by the interval must come to the verdict's answer.
    """
    gap = compared.difference
    if compared.p < ALPHA or not (gap.low > 0 or gap.high < 0):
        return compared
    return replace(compared, difference=replace(gap, low=min(gap.low, 0.0), high=max(gap.high, 0.0)))


def _kind(difference: Estimate, p: float, *, higher_is_better: bool) -> Kind:
    # Both must agree, as near the limit an interval and a test of another kind may not.
    if not (p < ALPHA and (difference.low > 0 or difference.high < 0)):
        return "indistinguishable"
    return "better" if (difference.value > 0) == higher_is_better else "worse"


def format_parameters(count: int) -> str:
    """A number of parameters as text.

    Example:
        >>> format_parameters(7_850), format_parameters(11_300_000)
        ('7,850', '11.3 million')
    """
    return f"{count / 1e6:.1f} million" if count >= 1_000_000 else f"{count:,}"


def _cost(seconds: float, remarks: Sequence[str]) -> str:
    return f"{_duration(seconds)} ({', '.join(remarks)})" if remarks else _duration(seconds)


def _duration(seconds: float) -> str:
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
