"""What a history shows: a learning rate that is too high or too low, and a validation loss that has turned.

The head and the epochs after it are never read as one curve: the head is solved on plain features, while later
training losses are measured on augmented images in training mode. Of a single epoch no trend is read. Losses of mixed
or smoothed targets (mixup, label smoothing) are compared with one another, and with no other loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from headway.as_json import as_json
from headway.judge.diagnosis.finding import Finding, Severity
from headway.judge.intervals import Z_SCORE
from headway.targets.category.diagnosis.classifier_run import ClassifierRun, Epoch

__all__ = ["Turn", "check_lr", "find_turn"]

# Two points make a line through any noise.
MIN_EPOCHS = 3
# A run that has not brought the loss halfway from chance to 0 has not learned much.
LEARNED = 0.5
# Share of the progress that a run makes in its second half while it is on its way; one that settles makes less.
LATE_HALF = 0.3
# AdamW moves a weight by about the rate at each step: at this one, by 0.01 in a thousand steps.
LOW_LR = 1e-5
# Three times the highest rate at which AdamW is commonly used.
HIGH_LR = 3e-2
# At such a rate a training loss of so many times chance diverged, whatever loss it is, if the log loss of the model's
# own probabilities is so many times chance.
FAR, SURELY_WRONG = 10, 2
# A loss above this share of chance: the model knows hardly more than the classes' shares.
NOTHING = 0.9
# A training loss rising to so many times its lowest is no noise of batches, which average out over an epoch ...
JUMP = 1.3
# ... if it is also this share of chance: near 0 a factor means nothing.
JUMP_CHANCE = 0.1
# A validation loss has turned when it rises by this share of its lowest, and beyond noise.
RISE = 0.1


@dataclass(frozen=True)
class Turn:
    """A validation loss that rises while the training loss falls: in words, its numbers, and whether accuracy fell."""

    sentence: str
    evidence: dict[str, float]
    is_harmful: bool


def find_turn(run: ClassifierRun) -> Turn | None:
    """The turn of the validation loss in the epochs that made the model, if it is there beyond noise."""
    epochs = run.epochs
    if run.kept_head or len(epochs) < MIN_EPOCHS or not all(epoch.is_finite for epoch in epochs):
        return None
    lowest, last = min(range(len(epochs)), key=lambda index: epochs[index].valid_loss), epochs[-1]
    best = epochs[lowest]
    # The same items are judged in each epoch, so the noise of a difference is at most about that of one mean.
    noise = Z_SCORE * float(run.valid.losses.std()) / math.sqrt(len(run.valid))
    # Two epochs above the lowest: one bad epoch is no turn.
    lasting = lowest <= len(epochs) - 3 and epochs[-2].valid_loss > best.valid_loss + noise / 2
    rise = last.valid_loss - best.valid_loss
    if not lasting or rise <= max(noise, RISE * best.valid_loss) or last.train_loss >= best.train_loss:
        return None
    most = max(epoch.accuracy for epoch in epochs)
    lost = 0.0 if math.isnan(most - last.accuracy) else most - last.accuracy
    evidence = {
        "best_epoch": lowest + 1,
        "best_valid_loss": best.valid_loss,
        "last_valid_loss": last.valid_loss,
        "train_loss_at_best": best.train_loss,
        "last_train_loss": last.train_loss,
        "accuracy_lost": lost,
    }
    sentence = (
        f"The validation loss was lowest after epoch {lowest + 1} ({best.valid_loss:.3g}) and rose to "
        f"{last.valid_loss:.3g}, while the training loss fell from {best.train_loss:.3g} to {last.train_loss:.3g}."
    )
    return Turn(sentence, evidence, _is_drop(most, last.accuracy, len(run.valid)))


def check_lr(run: ClassifierRun) -> list[Finding]:
    """Whether the learning rate was too high or too low for the epochs that trained every layer."""
    return _too_high(run) or _too_low(run)


def _too_high(run: ClassifierRun) -> list[Finding]:
    """The first of its signs that is there, from the plainest."""
    sign = _not_finite(run) or _diverged(run) or _jumped(run) or _torn(run) or _forgot(run)
    if not sign:
        return []
    severity, sentence = sign
    peak = _peak_lr(run.epochs)
    if run.kept_head:
        severity = "note"
        sentence += " Only the head was kept, so the model is not affected."
    evidence = {
        "train_loss": [epoch.train_loss for epoch in run.epochs],
        "valid_loss": [epoch.valid_loss for epoch in run.epochs],
        "largest_lr": peak,
        "chance_loss": run.chance,
    }
    tries = "a tenth of the learning rate" if math.isnan(peak) else f"a tenth of the learning rate ({peak / 10:.1g})"
    return [Finding("lr_too_high", severity, sentence, as_json(evidence), (tries, "`find_lr()`, which suggests one"))]


def _not_finite(run: ClassifierRun) -> tuple[Severity, str] | None:
    number = next((number for number, epoch in enumerate(run.epochs, 1) if not epoch.is_finite), None)
    return None if number is None else ("serious", f"After epoch {number} the loss is NaN or infinite.")


def _diverged(run: ClassifierRun) -> tuple[Severity, str] | None:
    epochs = run.epochs
    if len(epochs) < 2 or min(epochs[-1].train_loss, run.log_loss) <= NOTHING * run.chance:
        return None
    highest, is_high = max(epoch.train_loss for epoch in epochs), _peak_lr(epochs) >= HIGH_LR
    # The log loss of probabilities has an upper limit, which a loss that diverged may be far above.
    is_far = is_high and highest > FAR * run.chance and run.log_loss > SURELY_WRONG * run.chance
    if not run.can_compare and not is_far:
        return None
    # A model that hardly moves from where it began knows as little; it neither jumps nor was thrown far off.
    if not (_jump(run) or (is_high and highest > JUMP * run.chance)):
        return None
    return "serious", (
        f"After {len(epochs)} epochs the training loss is {epochs[-1].train_loss:.3g}, and it was {highest:.3g} on the "
        f"way; answering with the classes' shares alone gives {run.chance:.3g}. Training diverged."
    )


def _jumped(run: ClassifierRun) -> tuple[Severity, str] | None:
    index = _jump(run)
    if not index:
        return None
    low, last = min(epoch.train_loss for epoch in run.epochs[:index]), run.epochs[-1].train_loss
    recovered, far = last <= low, last > LEARNED * run.chance
    return "note" if recovered else "serious" if far else "warning", (
        f"The training loss jumped from {low:.3g} to {run.epochs[index].train_loss:.3g} in epoch {index + 1} and "
        f"{'came down again to' if recovered else 'ended at'} {last:.3g}."
    )


def _torn(run: ClassifierRun) -> tuple[Severity, str] | None:
    """Every layer was trained from a good head and ended worse, in training too: the features were torn apart."""
    if run.head is None or not run.epochs:
        return None
    first, last = run.head, run.epochs[-1]
    fits_less = last.train_loss > max(first.valid_loss, first.train_loss) and not last.is_mixed
    if not fits_less or not _is_drop(first.accuracy, last.accuracy, len(run.valid)):
        return None
    return "warning", (
        f"Fine-tuning lowered the accuracy on valid from {first.accuracy:.1%} (head) to {last.accuracy:.1%}. "
        f"The training loss ended at {last.train_loss:.3g}, above its start."
    )


def _forgot(run: ClassifierRun) -> tuple[Severity, str] | None:
    """Training began from a good head, knew nothing for an epoch, and found back."""
    if run.head is None or not run.epochs or not run.can_compare:
        return None
    highest = max(epoch.train_loss for epoch in run.epochs)
    if run.head.valid_loss > LEARNED * run.chance or highest <= run.chance:
        return None
    return "note", (
        f"The head's loss on valid was {run.head.valid_loss:.3g}. In fine-tuning the training loss rose to "
        f"{highest:.3g} for an epoch; predicting the class shares gives {run.chance:.3g}."
    )


def _too_low(run: ClassifierRun) -> list[Finding]:
    """Little was learned, and the loss was still falling as evenly as at the start."""
    epochs = run.epochs
    # Losses that are not finite have been found to be a rate that is too high.
    if run.kept_head or len(epochs) < MIN_EPOCHS or not run.can_compare:
        return []
    losses = [epoch.train_loss for epoch in epochs]
    learned = 1 - losses[-1] / run.chance if run.chance else 1.0
    fall, late = losses[0] - losses[-1], losses[(len(losses) - 1) // 2] - losses[-1]
    peak = _peak_lr(epochs)
    # A loss that is noisy but falls is on its way, too: a rise of 1 % is let pass.
    on_its_way = fall > 0 and late >= LATE_HALF * fall and all(b <= a * 1.01 for a, b in pairwise(losses))
    moved = fall > 0.01 * losses[0]
    if learned >= LEARNED or not (peak < LOW_LR or (on_its_way and moved)):
        return []
    evidence = {"train_loss": losses, "chance_loss": run.chance, "late_share": late / fall if fall > 0 else 0.0}
    evidence |= {"largest_lr": as_json(peak), "valid_accuracy": run.valid.accuracy.value}
    sentence = (
        f"In {len(epochs)} epochs the training loss went only from {losses[0]:.3g} to {losses[-1]:.3g}, where "
        f"answering with the classes' shares gives {run.chance:.3g}"
        + (", and it was still falling as evenly as at the start." if on_its_way and moved else ": it hardly moved.")
    )
    tries = "ten times the learning rate" if math.isnan(peak) else f"ten times the learning rate ({10 * peak:.1g})"
    remedies = (tries, "`find_lr()`, which suggests one", "more epochs")
    return [Finding("lr_too_low", "serious" if learned < LEARNED / 2 else "warning", sentence, evidence, remedies)]


def _jump(run: ClassifierRun) -> int:
    """The first epoch whose training loss is far above the lowest before it, from 1; 0 where there is none."""
    losses = [epoch.train_loss for epoch in run.epochs]
    for index in range(1, len(losses)):
        low = min(losses[:index])
        if losses[index] > JUMP * low and losses[index] - low > JUMP_CHANCE * run.chance:
            return index
    return 0


def _is_drop(before: float, after: float, count: int) -> bool:
    """Whether an accuracy fell beyond noise; not where one of them is NaN."""
    # Which items changed is not known. At most all that were wrong before or after did, which gives the largest
    # standard error that the difference can have.
    return before - after > Z_SCORE * math.sqrt((2 - before - after) / count)


def _peak_lr(epochs: Sequence[Epoch]) -> float:
    """The highest rate that the history holds: that of the last steps of epochs, so the peak may have been higher."""
    return max((epoch.lr for epoch in epochs if not math.isnan(epoch.lr)), default=math.nan)
