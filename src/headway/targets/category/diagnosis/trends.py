"""What a history shows: a learning rate that is too high or too low, and a validation loss that has turned.

The head and the epochs after it are never read as one curve: the head is solved on plain features, while later
training losses are measured on augmented images in training mode. Of a single epoch no trend is read. Losses of mixed
or smoothed targets (mixup, label smoothing) are compared with one another, and with no other loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from headway.as_json import AsJson
from headway.judge.diagnosis.finding import Finding, Severity
from headway.judge.intervals import Z_SCORE
from headway.targets.category.diagnosis.case import Case, Row

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
# A loss above this share of chance: the model knows hardly more than the classes' shares.
NOTHING = 0.9
# A training loss rising to so many times its lowest is no noise of batches, which average out over an epoch ...
JUMP = 1.3
# ... if it is also this share of chance: near 0 a factor means nothing.
JUMP_CHANCE = 0.1
# A validation loss has turned when it rises by this share of its lowest, and beyond noise.
RISE = 0.1


@dataclass(frozen=True)
class Turn(AsJson):
    """A validation loss that rises while the training loss falls.

    Attributes:
        best_epoch: Where it was lowest, from 1.
        best_valid_loss: How low.
        last_valid_loss: Where it ended.
        train_loss_at_best: The training loss at the best epoch.
        last_train_loss: The training loss at the end.
        accuracy_lost: From the best epoch by loss or by accuracy, whichever is more, to the end; between -1 and 1.
        is_harmful: Whether the accuracy fell beyond noise.
    """

    json_without: ClassVar[tuple[str, ...]] = ("is_harmful",)

    best_epoch: int
    best_valid_loss: float
    last_valid_loss: float
    train_loss_at_best: float
    last_train_loss: float
    accuracy_lost: float
    is_harmful: bool

    @property
    def sentence(self) -> str:
        """The turn in words."""
        return (
            f"The validation loss was lowest after epoch {self.best_epoch} ({self.best_valid_loss:.3g}) and rose to "
            f"{self.last_valid_loss:.3g}, while the training loss fell from {self.train_loss_at_best:.3g} to "
            f"{self.last_train_loss:.3g}."
        )


def find_turn(case: Case) -> Turn | None:
    """The turn of the validation loss in the epochs that made the model, if it is there beyond noise."""
    epochs = case.epochs
    if case.kept_head or len(epochs) < MIN_EPOCHS or not _all_finite(epochs):
        return None
    best = min(range(len(epochs)), key=lambda place: epochs[place].valid_loss)
    low, last = epochs[best].valid_loss, epochs[-1].valid_loss
    # The same items are judged in each epoch, so the noise of a difference is at most about that of one mean.
    noise = Z_SCORE * float(case.valid.losses.std()) / math.sqrt(len(case.valid))
    lasting = best <= len(epochs) - 3 and epochs[-2].valid_loss > low + noise / 2
    if not lasting or last - low <= max(noise, RISE * low) or epochs[-1].train_loss >= epochs[best].train_loss:
        return None
    most = max(row.accuracy for row in epochs)
    lost = most - epochs[-1].accuracy
    return Turn(
        best_epoch=best + 1,
        best_valid_loss=low,
        last_valid_loss=last,
        train_loss_at_best=epochs[best].train_loss,
        last_train_loss=epochs[-1].train_loss,
        accuracy_lost=0.0 if math.isnan(lost) else lost,
        is_harmful=_is_drop(most, epochs[-1].accuracy, len(case.valid)),
    )


def check_lr(case: Case) -> list[Finding]:
    """Whether the learning rate was too high or too low for the epochs that trained every layer."""
    finding = _too_high(case) or _too_low(case)
    return [finding] if finding else []


def _too_high(case: Case) -> Finding | None:
    """The first of its signs that is there, from the plainest."""
    epochs = case.epochs
    found = _not_finite(case) or _diverged(case) or _jumped(case) or _torn(case) or _forgot(case)
    if not found:
        return None
    severity, sentence = found
    peak = _peak_lr(epochs)
    if case.kept_head:
        severity = "note"
        sentence += " The head alone was kept, so the model is not the worse for it."
    evidence = {
        "train_loss": [_plain(row.train_loss) for row in epochs],
        "valid_loss": [_plain(row.valid_loss) for row in epochs],
        "largest_lr": _plain(peak),
        "chance_loss": case.chance,
    }
    tries = "a tenth of the learning rate" if math.isnan(peak) else f"a tenth of the learning rate ({peak / 10:.1g})"
    return Finding("lr_too_high", severity, sentence, evidence, (tries, "`find_lr()`, which suggests one"))


def _not_finite(case: Case) -> tuple[Severity, str] | None:
    if _all_finite(case.epochs):
        return None
    first = next(place for place, row in enumerate(case.epochs) if not _all_finite((row,)))
    return "serious", f"After epoch {first + 1} the loss is NaN or infinite."


def _diverged(case: Case) -> tuple[Severity, str] | None:
    epochs = case.epochs
    if len(epochs) < 2 or not case.can_compare or epochs[-1].train_loss <= NOTHING * case.chance:
        return None
    # A model that hardly moves from where it began knows as little; it neither jumps nor has such a rate.
    if not (_jump(case) or _peak_lr(epochs) >= HIGH_LR):
        return None
    highest = max(row.train_loss for row in epochs)
    return "serious", (
        f"After {len(epochs)} epochs the training loss is {epochs[-1].train_loss:.3g}, and it was {highest:.3g} on the "
        f"way; answering with the classes' shares alone gives {case.chance:.3g}. Training diverged."
    )


def _jumped(case: Case) -> tuple[Severity, str] | None:
    place = _jump(case)
    if not place:
        return None
    epochs = case.epochs
    low = min(row.train_loss for row in epochs[:place])
    recovered = epochs[-1].train_loss <= low
    far = epochs[-1].train_loss > LEARNED * case.chance
    return "note" if recovered else "serious" if far else "warning", (
        f"The training loss jumped from {low:.3g} to {epochs[place].train_loss:.3g} in epoch {place + 1} and "
        f"{'came down again to' if recovered else 'ended at'} {epochs[-1].train_loss:.3g}."
    )


def _torn(case: Case) -> tuple[Severity, str] | None:
    """Every layer was trained from a good head and ended worse, in training too: the features were torn apart."""
    if case.head is None or not case.epochs:
        return None
    first, last = case.head, case.epochs[-1]
    fits_less = last.train_loss > max(first.valid_loss, first.train_loss) and not last.is_mixed
    if not fits_less or not _is_drop(first.accuracy, last.accuracy, len(case.valid)):
        return None
    return "warning", (
        f"Training every layer brought the accuracy on valid from the head's {first.accuracy:.1%} down to "
        f"{last.accuracy:.1%}, and the training loss ended at {last.train_loss:.3g}, above where it began."
    )


def _forgot(case: Case) -> tuple[Severity, str] | None:
    """Training began from a good head, knew nothing for an epoch, and found back."""
    if case.head is None or not case.epochs or not case.can_compare:
        return None
    highest = max(row.train_loss for row in case.epochs)
    if case.head.valid_loss > LEARNED * case.chance or highest <= case.chance:
        return None
    return "note", (
        f"Training every layer began from a head with a loss of {case.head.valid_loss:.3g} on valid, and its own loss "
        f"was {highest:.3g} for an epoch, where answering with the classes' shares gives {case.chance:.3g}."
    )


def _too_low(case: Case) -> Finding | None:
    """Little was learned, and the loss was still falling as evenly as at the start."""
    epochs = case.epochs
    if case.kept_head or len(epochs) < MIN_EPOCHS or not case.can_compare or not _all_finite(epochs):
        return None
    losses = [row.train_loss for row in epochs]
    learned = 1 - losses[-1] / case.chance if case.chance else 1.0
    fall, late = losses[0] - losses[-1], losses[(len(losses) - 1) // 2] - losses[-1]
    peak = _peak_lr(epochs)
    on_its_way = fall > 0 and late >= LATE_HALF * fall and all(b <= a * 1.01 for a, b in pairwise(losses))
    moved = fall > 0.01 * losses[0]
    if learned >= LEARNED or not (peak < LOW_LR or (on_its_way and moved)):
        return None
    evidence = {"train_loss": losses, "chance_loss": case.chance, "late_share": late / fall if fall > 0 else 0.0}
    evidence |= {"largest_lr": _plain(peak), "valid_accuracy": case.valid.accuracy.value}
    sentence = (
        f"In {len(epochs)} epochs the training loss went only from {losses[0]:.3g} to {losses[-1]:.3g}, where "
        f"answering with the classes' shares gives {case.chance:.3g}"
        + (", and it was still falling as evenly as at the start." if on_its_way and moved else ": it hardly moved.")
    )
    tries = "ten times the learning rate" if math.isnan(peak) else f"ten times the learning rate ({10 * peak:.1g})"
    remedies = (tries, "`find_lr()`, which suggests one", "more epochs")
    return Finding("lr_too_low", "serious" if learned < LEARNED / 2 else "warning", sentence, evidence, remedies)


def _jump(case: Case) -> int:
    """The first epoch whose training loss is far above the lowest before it, from 1; 0 where there is none."""
    losses = [row.train_loss for row in case.epochs]
    for place in range(1, len(losses)):
        low = min(losses[:place])
        if losses[place] > JUMP * low and losses[place] - low > JUMP_CHANCE * case.chance:
            return place
    return 0


def _is_drop(before: float, after: float, count: int) -> bool:
    """Whether an accuracy fell beyond noise.

    Which items changed is not known. At most all that were wrong before or after did, which gives the largest
    standard error that the difference can have.
    """
    if math.isnan(before) or math.isnan(after):
        return False
    return before - after > Z_SCORE * math.sqrt((2 - before - after) / count)


def _peak_lr(epochs: tuple[Row, ...]) -> float:
    """The highest rate that the history holds: that of the last steps of epochs, so the peak may have been higher."""
    known = [row.lr for row in epochs if not math.isnan(row.lr)]
    return max(known, default=math.nan)


def _all_finite(epochs: tuple[Row, ...]) -> bool:
    return all(math.isfinite(row.train_loss) and math.isfinite(row.valid_loss) for row in epochs)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
