"""What is wrong with a model, in words, and what to try next.

Every finding needs more than noise: an interval that leaves out what would be fine. Each threshold is a named constant
with its reason. Where a cause is found, its symptoms are not told as well: a learning rate that is too low also leaves
the model underfitted, but only the first says what to do.

Here is what can be wrong whatever is predicted; a kind of target adds its own (`Target.findings`).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from headway.judge.diagnosis.copies import check_copies
from headway.judge.diagnosis.finding import Finding
from headway.judge.diagnosis.unequal_groups import check_groups
from headway.judge.intervals import Z_SCORE
from headway.judge.metric import TaskMetrics
from headway.judge.report.inputs import ReportInputs
from headway.judge.verdict import Verdict, best_baseline
from headway.predictions import WHOLE, LayerActivity, Predictions

__all__ = ["check_activity", "check_errors", "diagnose", "without_symptoms"]

# Error on valid over that on train. Every model that learns is a little better on what it learned from.
OVERFITTED = 1.5
# Channels of a layer that are zero for every item. Some always are where a pretrained body meets other images.
DEAD, ALL_DEAD = 0.5, 0.95
# Sizes of outputs. Normalised layers stay below 100; above the second, float16 is infinite.
LARGE, HALF_LARGEST = 1e4, 65504.0
# Findings that are left out when one of these has been found that is more than a note.
_CAUSES = {
    "not_finite": {"lr_too_high"},
    "underfitting": {"lr_too_high", "lr_too_low", "dead_activations", "exploding_activations"},
    # A model that has not learned says nothing of labels.
    "label_noise": {"lr_too_high", "lr_too_low", "dead_activations", "exploding_activations", "underfitting"},
    "overconfidence": {"lr_too_high", "overfitting"},
    "confused_pair": {"lr_too_high", "lr_too_low", "dead_activations", "exploding_activations", "underfitting"},
}


def diagnose(inputs: ReportInputs) -> list[Finding]:
    """The findings, the most severe first; none when nothing is wrong."""
    own = inputs.target.findings(inputs)
    # A body that stayed frozen was not switched off by this training, nor would another learning rate revive it.
    is_frozen = bool(inputs.history) and all(row.get("stage") == "head" for row in inputs.history)
    findings = [
        *_check_finite(inputs.history),
        *(_check_exploding(inputs.activity) if is_frozen else check_activity(inputs.activity)),
        *_check_baseline(inputs),
        *map(check_copies, inputs.copies),
        *check_groups(inputs),
        *(check_errors(inputs) if own is None else own),
    ]
    return without_symptoms(findings)


def without_symptoms(findings: Iterable[Finding]) -> list[Finding]:
    """Findings, the most severe first, without those whose cause is among them."""
    findings = list(findings)
    causes = {finding.kind for finding in findings if finding.severity != "note"}
    shown = [finding for finding in findings if not causes & _CAUSES.get(finding.kind, set())]
    return sorted(shown, key=lambda finding: finding.rank)


def _check_finite(history: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """A loss that is NaN or infinite."""
    losses = [(row.get("train_loss"), row.get("valid_loss")) for row in history]
    # JSON has no NaN: in a run that was read again such a loss is null.
    broken = [epoch for epoch, row in enumerate(losses) if any(loss is None or not math.isfinite(loss) for loss in row)]
    if not broken:
        return []
    sentence = f"The loss is NaN or infinite in {len(broken)} of {len(losses)} epochs, first in entry {broken[0]}."
    remedies = (
        "a lower learning rate",
        "look for targets or inputs far larger than the others",
        "float32 in place of float16",
    )
    return [Finding("not_finite", "serious", sentence, {"epochs": broken[:20]}, remedies)]


def _check_baseline(inputs: ReportInputs) -> list[Finding]:
    seen, metrics, part = inputs.seen, inputs.metrics, inputs.focus
    against = inputs.against_baselines(part)
    if against is None or against.kind == "better":
        return []
    plain = inputs.against_baselines(part, pretrained=False)
    if against.kind == "indistinguishable" and plain is not None and plain.kind == "better":
        return [_as_good_as_the_network(inputs, plain)]
    best = next(baseline for baseline in inputs.baselines if baseline.name == against.baseline)
    own, theirs = (
        metrics.score(predictions, seen.targets) for predictions in (seen.predictions, best.predictions[part])
    )
    if metrics.metric.is_right and metrics.higher_is_better and own == 1:
        return [_too_few_to_tell(against, theirs, part=part, count=len(seen.targets))]
    is_worse = against.kind == "worse"
    relation = "worse than" if is_worse else "not distinguishable from"
    sentence = (
        f"On {part} the model's {metrics.title}, {own:.4g}, is {relation} that of {against.baseline}, {theirs:.4g}."
    )
    evidence = {"model": own, "baseline": theirs, "difference": against.difference.to_json(), "p": against.p}
    # A model that was trained elsewhere, such as boosted trees, may know neither.
    longer = ("train for longer, or with another learning rate (find_lr)",) if inputs.history else ()
    remedies = (
        *longer,
        "check whether the inputs contain the information that the target depends on",
        f"use {against.baseline} instead, which costs less",
    )
    return [Finding("no_better_than_baseline", "serious" if is_worse else "warning", sentence, evidence, remedies)]


def _too_few_to_tell(against: Verdict, theirs: float, *, part: str, count: int) -> Finding:
    """No fault of the model, which makes no error: only more items can show that it is better."""
    sentence = (
        f"The model is right on all {count:,} items of {part}, and {against.baseline} on {theirs:.1%}: too few items "
        "to call the difference more than chance."
        if theirs < 1
        else f"The model and {against.baseline} are right on all {count:,} items of {part}, which show no difference."
    )
    evidence = {"model": 1.0, "baseline": theirs, "difference": against.difference.to_json(), "p": against.p}
    remedy = f"more items, or a larger share for {part}" if theirs < 1 else f"use {against.baseline}, which costs less"
    return Finding("no_better_than_baseline", "note", sentence, evidence, (remedy,))


def _as_good_as_the_network(inputs: ReportInputs, plain: Verdict) -> Finding:
    """No fault of the model: what it is level with uses its pretrained network; `plain` is the verdict without that."""
    seen, metrics, part = inputs.seen, inputs.metrics, inputs.focus
    on_features = [baseline for baseline in inputs.baselines if baseline.needs == "features"]
    best, theirs = best_baseline(on_features, seen.targets, part=part, metrics=metrics)
    own = metrics.score(seen.predictions, seen.targets)
    direction = "" if metrics.higher_is_better else " (lower is better)"
    sentence = (
        f"On {part} the model's {metrics.title}, {own:.4g}, is not distinguishable from that of {best.name}, "
        f"{theirs:.4g}, which uses the same pretrained network. Over the best baseline without it ({plain.baseline}) "
        f"the network brings {metrics.format_difference(plain.difference)}{direction}."
    )
    evidence = {"model": own, "baseline": theirs, "without_pretrained": plain.difference.to_json(), "p": plain.p}
    epochs = sum(row.get("stage") == "all" for row in inputs.history)
    more = f"train every layer for longer: epochs={2 * epochs} (--epochs {2 * epochs})"
    remedy = more if epochs else "give it more time: minutes=5 (--minutes 5)"
    return Finding("no_better_than_baseline", "note", sentence, evidence, (remedy,))


def check_errors(inputs: ReportInputs) -> list[Finding]:
    """Overfitting, by each item's part of the main metric: what a kind of target has that knows nothing better.

    Train and valid hold other items, so their means are compared as those of two samples.
    """
    if inputs.train is None:
        return []
    metrics, train, seen = inputs.metrics, inputs.train, inputs.seen
    theirs, ours = _errors(metrics, train), _errors(metrics, seen)
    value, reference = float(ours.mean()), float(theirs.mean())
    # The error of a difference of which one side counts one and a half times.
    spread = math.hypot(_error_of_mean(ours), OVERFITTED * _error_of_mean(theirs))
    if not value - OVERFITTED * reference > Z_SCORE * spread:
        return []
    ratio = value / reference if reference > 0 else math.inf
    shown = [metrics.score(part.predictions, part.targets) for part in (seen, train)]
    times = f"{ratio:.1f} times" if math.isfinite(ratio) else "infinitely many times"
    sentence = (
        f"The {metrics.title} is {shown[0]:.4g} on {inputs.focus} and {shown[1]:.4g} on {len(theirs):,} training "
        f"items: the model is {times} as far off on items that it has not seen."
    )
    evidence = {inputs.focus: shown[0], "train": shown[1], "ratio": ratio if math.isfinite(ratio) else None}
    regularised = "fewer epochs, or more weight decay" if inputs.history else "more regularisation"
    remedies = ("more data", *inputs.tries.get("overfitting", ()), regularised, "a smaller model, last")
    return [Finding("overfitting", "warning", sentence, evidence, remedies)]


def _errors(metrics: TaskMetrics, part: Predictions) -> np.ndarray:
    """How far each item is from what would be perfect: 0, or 1 for a metric of which more is better."""
    parts = metrics.by_item(part.predictions, part.targets)
    return 1 - parts if metrics.higher_is_better else parts


def _error_of_mean(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf


def check_activity(activity: Sequence[LayerActivity]) -> list[Finding]:
    """Layers whose outputs are far too large, or always zero."""
    return [*_check_exploding(activity), *_check_dead(activity)]


def _check_dead(activity: Sequence[LayerActivity]) -> list[Finding]:
    dead = sorted((layer for layer in activity if layer.share_dead > DEAD), key=lambda layer: -layer.share_dead)
    if not dead:
        return []
    sentence = (
        f"In {_layers(len(dead), len(activity))} more than half of the channels are zero for every item; most in "
        f'"{dead[0].name}" ({dead[0].share_dead:.0%}).'
    )
    evidence = {"share_dead": {layer.name: layer.share_dead for layer in dead}, "num_layers": len(activity)}
    remedies = (
        "a lower learning rate: one large step can switch a channel off for good",
        "normalisation before the activation, or one that is never flat (GELU, leaky ReLU)",
        "check how weights and biases are initialised, and that inputs are normalised",
    )
    severity = "serious" if dead[0].share_dead >= ALL_DEAD else "warning"
    return [Finding("dead_activations", severity, sentence, evidence, remedies)]


def _check_exploding(activity: Sequence[LayerActivity]) -> list[Finding]:
    # Answers that the model as a whole makes are in the target's unit, such as dollars.
    limits = {WHOLE: sys.float_info.max}
    large = [layer for layer in activity if not layer.largest <= limits.get(layer.name, LARGE)]
    if not large:
        return []
    # The first layer to do so, in the model's order, is where it begins.
    first, worst = large[0], max(large, key=lambda layer: layer.largest if math.isfinite(layer.largest) else math.inf)
    size = f"{worst.largest:,.0f}" if math.isfinite(worst.largest) else "NaN or infinite"
    sentence = (
        f"In {_layers(len(large), len(activity))} outputs are larger than {LARGE:,.0f}; the largest is {size}, in "
        f'"{worst.name}", and it begins in "{first.name}".'
    )
    sizes = {layer.name: layer.largest if math.isfinite(layer.largest) else None for layer in large}
    evidence = {"largest": sizes, "first": first.name, "num_layers": len(activity)}
    remedies = (
        "normalise the inputs",
        "normalisation between the layers",
        "a lower learning rate",
        "float32 in place of float16",
    )
    severity = "serious" if not worst.largest <= HALF_LARGEST else "warning"
    return [Finding("exploding_activations", severity, sentence, evidence, remedies)]


def _layers(count: int, total: int) -> str:
    return f"{count} of {total} layers"
