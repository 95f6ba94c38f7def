"""How a model does on valid beside its own training items: underfitting, overfitting, over-confidence, leaks.

Source:
    Bias and variance from the errors on train and valid: Ng 2018, "Machine learning yearning". The order of remedies
    for overfitting: Howard and Gugger 2020, "Deep learning for coders", chapters 1 and 5.
"""

from __future__ import annotations

import math
from typing import Any

from headway.judge.diagnosis.finding import Finding, Severity
from headway.judge.intervals import Estimate, mean, newcombe, wilson
from headway.targets.category.diagnosis.classifier_run import ClassifierRun
from headway.targets.category.diagnosis.trends import Turn, find_turn

__all__ = ["SERIOUS_GAP", "check_leak", "check_overfitting", "check_underfitting"]

# Accuracy on train less that on valid. Any model that fits its training rows well has a small gap.
GAP, SERIOUS_GAP = 0.05, 0.15
# Share of its own training rows that a model gets wrong. A large network can learn them all.
BIAS, LARGE_BIAS = 0.1, 0.25
# A training loss below so many times that of the epoch before would go on falling in another epoch.
STILL_FALLING = 0.95
# Mean probability of the answers less the share of right ones.
SURE, TOO_SURE = 0.05, 0.1
# Without an error in fewer items than this, an error rate of 3 % is not excluded: nothing to wonder about.
MANY_PERFECT = 100
# So many times fewer errors than a simple model's, surely, is more than an architecture alone gains.
PERFECT_MARGIN = 10
# One run in 2,000 without a leak is accused of doing better on valid than on train.
LEAK_CONFIDENCE = 0.999
# Where a simple baseline's error rate may be this low, the task is so easy that no error is no wonder.
EASY = 0.02


def check_underfitting(run: ClassifierRun) -> list[Finding]:
    """Errors on the model's own training rows, beyond those that wrong labels explain."""
    if run.train is None:
        return []
    accuracy = run.train.accuracy
    wrong = Estimate(1 - accuracy.value, 1 - accuracy.high, 1 - accuracy.low)
    # Its upper end: errors that wrong labels may explain are not held against the model.
    noise = 0.0 if math.isnan(run.noise.value) else run.noise.high
    majority = float(run.train.shares.max())
    blind = accuracy.value <= majority + 0.1 * (1 - majority)
    if wrong.low - noise <= BIAS and not (blind and wrong.low > noise):
        return []
    simpler = run.baseline_accuracy is not None and run.baseline_accuracy > accuracy.high
    falling = (
        not run.kept_head
        and len(run.epochs) >= 2
        and run.epochs[-1].train_loss < STILL_FALLING * run.epochs[-2].train_loss
    )
    severity: Severity = "serious" if blind else "warning" if simpler or wrong.low - noise > LARGE_BIAS else "note"
    sentence = f"The model gets {wrong.value:.1%} of its own training items wrong"
    if blind:
        sentence += f", hardly fewer than always answering the commonest class would ({1 - majority:.1%})"
    if simpler:
        sentence += f", while a simple baseline is right on {run.baseline_accuracy:.1%} of items that it never saw"
    sentence += ". " + (
        "The training loss was still falling in the last epoch."
        if falling
        else "Either the model is too small, or the inputs do not contain enough information."
    )
    evidence = {
        "train_error": wrong.to_json(),
        "valid_accuracy": run.valid.accuracy.to_json(),
        "majority_share": majority,
        "baseline_accuracy": run.baseline_accuracy,
        "still_falling": falling,
    }
    remedies = _against_underfitting(run, falling=falling, blind=blind)
    return [Finding("underfitting", severity, sentence, evidence, remedies)]


def _against_underfitting(run: ClassifierRun, *, falling: bool, blind: bool) -> tuple[str, ...]:
    more = run.tries.get("underfitting", ())
    # Answers of a model that was trained elsewhere: boosted trees have neither epochs nor a learning rate of ours.
    if not run.history:
        return ("a larger model", "less regularisation", *more)
    remedies = ["a larger architecture", "less weight decay", *more]
    # Where the loss still falls the cheapest remedy comes first.
    remedies.insert(0 if falling else 1, "more epochs")
    if blind:
        remedies.insert(0, "`find_lr()`: the learning rate may be far off")
    return tuple(remedies)


def _against_overfitting(run: ClassifierRun) -> tuple[str, ...]:
    more = run.tries.get("overfitting", ())
    if not run.history:
        return ("more data", *more, "more regularisation", "a smaller model, last")
    return (
        "more data (`learning_curve()` says how much it would help)",
        *more,
        "an architecture that generalises better",
        "regularisation: weight decay, dropout, fewer epochs",
        "a smaller model, last",
    )


def check_overfitting(run: ClassifierRun) -> list[Finding]:
    """A gap between train and valid, or a turn that cost accuracy; else, being too sure."""
    turn, accuracy = find_turn(run), run.valid.accuracy
    sentences: list[str] = []
    evidence: dict[str, Any] = {}
    severity: Severity | None = None
    if run.train is not None:
        gap = newcombe(run.train.accuracy, accuracy)
        if gap.low > GAP:
            severity = "serious" if gap.low > SERIOUS_GAP else "warning"
            evidence = {"gap": gap.to_json(), "train_accuracy": run.train.accuracy.value}
            sentences.append(
                f"The model is right on {run.train.accuracy.value:.1%} of its training items and on "
                f"{accuracy.value:.1%} of valid: {_points(gap)} fewer."
            )
    if turn is not None and (severity or turn.is_harmful):
        lost = turn.evidence["accuracy_lost"]
        severity = "serious" if severity == "serious" or lost > GAP else "warning"
        evidence |= turn.evidence
        sentences.append(turn.sentence)
        if turn.is_harmful:
            sentences.append(f"The accuracy on valid fell by {100 * lost:.1f} points from its best epoch.")
    if severity:
        evidence |= {"valid_accuracy": accuracy.to_json(), "num_valid": len(run.valid)}
        return [Finding("overfitting", severity, " ".join(sentences), evidence, _against_overfitting(run))]
    return _check_overconfidence(run, turn)


def _check_overconfidence(run: ClassifierRun, turn: Turn | None) -> list[Finding]:
    valid = run.valid
    too_sure, confidence = mean(valid.confidence - valid.correct), float(valid.confidence.mean())
    sentences: list[str] = []
    evidence: dict[str, Any] = {}
    if turn is not None:
        evidence |= turn.evidence
        sentences.append(f"{turn.sentence} The accuracy did not fall: the model is only overconfident in its errors.")
    if too_sure.low > SURE:
        evidence |= {"overconfidence": too_sure.to_json(), "mean_confidence": confidence}
        sentences.append(
            f"Its answers on valid have a mean probability of {confidence:.1%}, but "
            f"{valid.accuracy.value:.1%} of them are right: overconfident by {_points(too_sure)}."
        )
    if not sentences:
        return []
    evidence["valid_accuracy"] = valid.accuracy.to_json()
    training = ("label smoothing", "fewer epochs") if run.history else ()
    remedies = ("temperature scaling", *run.tries.get("overconfidence", ()), *training)
    severity = "warning" if too_sure.low > TOO_SURE else "note"
    return [Finding("overconfidence", severity, " ".join(sentences), evidence, remedies)]


def check_leak(run: ClassifierRun) -> list[Finding]:
    """Valid better than train, or without an error where a simple model makes many."""
    valid = run.valid
    evidence: dict[str, Any] = {"valid_accuracy": valid.accuracy.to_json(), "num_valid": len(valid)}
    remedies = (
        "look for items of valid that are, or nearly are, in train",
        "split by what belongs together (camera, patient, day)",
        "look at what the model looks at: a stamp, a border, a file's size may give the class away",
    )
    if run.train is not None:
        lead = newcombe(*(wilson(int(part.correct.sum()), len(part), LEAK_CONFIDENCE) for part in (valid, run.train)))
        if lead.low > 0:
            sentence = (
                f"The model does better on valid ({valid.accuracy.value:.1%}) than on its own training items "
                f"({run.train.accuracy.value:.1%}), seen without augmentation: {_points(lead)} more. Valid is easier "
                "than train, or has something in it that gives the answer away."
            )
            evidence |= {"lead": lead.to_json(), "train_accuracy": run.train.accuracy.to_json()}
            return [Finding("leak", "warning", sentence, evidence, remedies)]
    if not valid.correct.all() or len(valid) < MANY_PERFECT:
        return []
    sentence = f"There is no error in {len(valid):,} items of valid"
    if run.baseline_accuracy is None:
        return [Finding("leak", "note", f"{sentence}, which is rare in real data.", evidence, remedies)]
    baseline = wilson(round(run.baseline_accuracy * len(valid)), len(valid))
    if 1 - baseline.high <= EASY:
        return []
    evidence["baseline_accuracy"] = run.baseline_accuracy
    sentence += f", of which the best simple baseline gets {1 - baseline.value:.1%} wrong."
    much = PERFECT_MARGIN * (1 - valid.accuracy.low) < 1 - baseline.high
    return [Finding("leak", "warning" if much else "note", sentence, evidence, remedies)]


def _points(estimate: Estimate) -> str:
    scaled = estimate.scaled(100)
    return f"{scaled.value:.1f} points [{scaled.low:.1f}, {scaled.high:.1f}]"
