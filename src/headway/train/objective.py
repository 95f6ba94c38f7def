"""What training makes small, and how a model's outputs become answers. Each kind of target has its own objective."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.errors import ConfigError, did_you_mean
from headway.targets.base import Target
from headway.train.precision import Precision

__all__ = [
    "SQUARED_DECAYS",
    "TEMPERATURES",
    "WEIGHT_DECAYS",
    "ClassWeights",
    "Loss",
    "Objective",
    "ToUnit",
    "calibrated_losses",
    "make_objective",
    "with_class_weights",
    "with_loss",
]

# Outputs and targets to a loss.
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# A weight for each class by its label, 1 for those not named; or "balanced": the rarer the class, the greater.
ClassWeights = Mapping[str, float] | Literal["balanced"]

# Candidates for the weight decay of a linear head, from the strongest, on the mean log loss of standardised features.
WEIGHT_DECAYS = (1e-1, 3e-2, 1e-2, 3e-3)

# The same for squared errors. They do not fade where an answer is nearly right, so weights must be held back more.
SQUARED_DECAYS = (1e2, 3e1, 1e1, 3e0, 1e0, 1e-1, 1e-2)

# What logits may be divided by: finer steps change a loss by less than a thousandth. None makes an answer surer: few
# rows, all of them right, would ask for more of that without end.
TEMPERATURES = (1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.4, 4.0, 4.8, 5.7, 6.7, 8.0)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """How a model's outputs are compared with targets, and what they mean.

    Attributes:
        loss_fn: `(outputs, targets)` to the mean loss.
        item_losses: The same to a loss an item, `[items]`.
        activate: Outputs to answers: probabilities, or numbers in their unit. It goes into the exported graph.
        soften: Targets as numbers of which a mixture is a target too, `[batch, outputs]`, for `loss_fn`; None where a
            mixture means nothing.
        even: What label smoothing draws each of those numbers towards; None where they are not probabilities.
        keep: What is kept of the answers for a whole part: all of them, or of maps the most probable class alone.
        decays: Weight decays that a linear head on standardised features may need, the strongest first.
        is_convex: Whether a linear head has one best solution; else it is approached from stronger weight decays.
        is_exact: Whether answers are judged in float32, as a bundle gives them. Shorter numbers change a probability
            little, and a number in its unit by half a per cent.
        compared: Outputs and targets as a loss of the user's own is given them.
        weighted: A weight for each class, `[classes]`, to the loss in which items count by the weight of their class;
            None where an item has no class.
        floor: What is added to each feature's spread when they are standardised, as a share of that of all features:
            the more, the less a feature counts that hardly ever differs from its mean.
        temperatures: What all outputs may be divided by, where that changes no answer but how sure it is: of logits
            `TEMPERATURES`. Two models are then compared at the best one of each.
    """

    loss_fn: Loss
    item_losses: Loss
    activate: nn.Module
    soften: Callable[[torch.Tensor], torch.Tensor] | None = None
    even: float | None = None
    keep: Callable[[torch.Tensor], torch.Tensor] = lambda answers: answers
    decays: Sequence[float] = WEIGHT_DECAYS
    is_convex: bool = True
    is_exact: bool = False
    floor: float = 0.0
    compared: Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]] = lambda *pair: pair
    weighted: Callable[[torch.Tensor], Loss] | None = None
    temperatures: Sequence[float] = ()

    def with_decays(self, decays: Sequence[float]) -> Objective:
        """The same with those of these weight decays, the strongest first, that are stronger than its own."""
        stronger = tuple(decay for decay in decays if decay > max(self.decays))
        return replace(self, decays=(*stronger, *self.decays)) if stronger else self

    def judged_in(self, precision: Precision) -> Precision:
        """The precision in which answers are computed, of a model that is trained in this one."""
        return replace(precision, dtype=torch.float32) if self.is_exact else precision


def make_objective(
    target: Target, targets: np.ndarray, *, loss_fn: Loss | None = None, class_weights: ClassWeights | None = None
) -> Objective:
    """The target's objective, or with a loss or weights of the user's own; `targets` are those of the training rows.

    Raises:
        ConfigError: If both are given, or one of them cannot be used.
    """
    objective = target.objective()
    if loss_fn is not None and class_weights is not None:
        what, given = "`loss_fn` and `class_weights` cannot both be given.", f"class_weights={class_weights!r}"
        raise ConfigError(what, given=given, fix="Give the weights to your own loss, such as nn.CrossEntropyLoss(w).")
    if class_weights is not None:
        return with_class_weights(objective, class_weights, labels=target.labels, targets=targets)
    return objective if loss_fn is None else with_loss(objective, loss_fn)


def calibrated_losses(outputs: torch.Tensor, targets: torch.Tensor, *, objective: Objective) -> torch.Tensor:
    """A loss an item, `[items]`; where outputs are logits, at the temperature that is best for these items.

    Source:
        Guo et al. 2017, arXiv:1706.04599 (temperature scaling).
    """
    if not objective.temperatures:
        return objective.item_losses(outputs, targets)
    losses = (objective.item_losses(outputs / temperature, targets) for temperature in objective.temperatures)
    return min(losses, key=torch.mean)


def with_loss(objective: Objective, loss_fn: Loss) -> Objective:
    """The objective with a loss of the user's own, such as a module of torch's.

    It is given outputs and targets on one device; for numbers both in standard deviations of the training rows, so that
    `nn.HuberLoss()` means the same whatever their unit. A loss for each item is averaged.

    Raises:
        ConfigError: If `loss_fn` cannot be called; when it is called, if it gives no tensor.
    """
    if isinstance(loss_fn, type) or not callable(loss_fn):
        given = f"the class {loss_fn.__name__}" if isinstance(loss_fn, type) else type(loss_fn).__name__
        fix = "Pass a function, or an instance of a loss such as nn.CrossEntropyLoss()."
        raise ConfigError("`loss_fn` must be a function of outputs and targets.", given=given, fix=fix)
    copies: dict[torch.device, Loss] = {}

    def compute(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if isinstance(loss_fn, nn.Module) and outputs.device not in copies:
            # Its weights are needed where the outputs are: training is on an accelerator, judging on the processor.
            # What is made in inference mode could not be trained with later.
            with torch.inference_mode(False):
                copies[outputs.device] = copy.deepcopy(loss_fn).to(outputs.device)
        loss = copies.get(outputs.device, loss_fn)(*objective.compared(outputs, targets))
        if not isinstance(loss, torch.Tensor):
            fix = "Compute it with torch's functions, or its gradient cannot be found."
            raise ConfigError("`loss_fn` must give a tensor.", given=type(loss).__name__, fix=fix)
        # A loss made with reduction="none" gives one for each item.
        return loss.mean()

    return replace(objective, loss_fn=compute)


def with_class_weights(
    objective: Objective, weights: ClassWeights, *, labels: Sequence[str], targets: np.ndarray
) -> Objective:
    """The objective with a loss in which the items of each class have a weight.

    `labels` are the classes in the order of the outputs, `targets` the class indices of the training rows, int64
    `[items]`.

    Raises:
        ConfigError: If an item has no single class, a label is not known, or a weight is not above 0.

    Source:
        "balanced": King and Zeng 2001, "Logistic regression in rare events data", as in scikit-learn.
    """
    if objective.weighted is None:
        what = "`class_weights` need a target of one class an item."
        fix = "Leave them out, or pass a loss with weights as `loss_fn`."
        raise ConfigError(what, given=f"class_weights={weights!r}", fix=fix)
    # A class without training rows has no rows to weigh, but its weight must be a number.
    counts = np.bincount(targets, minlength=len(labels))
    values = 1 / np.maximum(counts, 1) if weights == "balanced" else _by_label(weights, labels)
    return replace(objective, loss_fn=objective.weighted(_scaled(values, counts)))


def _scaled(values: np.ndarray, counts: np.ndarray) -> torch.Tensor:
    """Weights of classes, float32 `[classes]`, from their ratios and how many training rows each class has."""
    # Their mean over the training rows is 1: the loss stays as large as without them.
    return torch.from_numpy((values * counts.sum() / (values @ counts)).astype(np.float32))


def _by_label(weights: ClassWeights, labels: Sequence[str]) -> np.ndarray:
    """Each class's weight, checked; 1 for the classes that are not named."""
    if not isinstance(weights, Mapping):
        fix = 'Pass "balanced", or a dict such as {"rare": 5.0}.'
        raise ConfigError('`class_weights` must be "balanced" or a dict.', given=repr(weights), fix=fix)
    # Labels are text, whatever the table has, such as 0 and 1.
    weights = {str(label): weight for label, weight in weights.items()}
    for label, weight in weights.items():
        if label not in labels:
            fix = did_you_mean(label, labels)
            raise ConfigError("`class_weights` must name classes of the data.", given=repr(label), fix=fix)
        if not 0 < weight < float("inf"):
            given = f"{label}: {weight}"
            raise ConfigError("The weight of a class must be above 0.", given=given, fix="Pass a number such as 2.")
    return np.array([weights.get(label, 1.0) for label in labels])


class ToUnit(nn.Module):
    """Outputs around zero to numbers in the target's unit, and back for a loss that does not depend on the unit.

    Args:
        mean: Of the training rows, in the unit; a number for all outputs, or one for each.
        std: Their standard deviation, above 0.
        low: The least that an answer can be. With both ends answers follow a sigmoid between them; with one end a
            softplus, which is nearly straight from one standard deviation off that end on. Near the mean either is as
            steep as without a range.
        high: The most.
    """

    mean: torch.Tensor
    std: torch.Tensor
    offset: torch.Tensor
    slope: torch.Tensor

    def __init__(
        self, mean: float | Sequence[float], std: float, low: float | None = None, high: float | None = None
    ) -> None:
        super().__init__()
        # Not a submodule: a copy on another device is no part of the weights, nor of the exported graph.
        self._elsewhere: dict[torch.device, ToUnit] = {}
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.low, self.high = low, high
        if low is not None and high is not None:
            # A mean at an end would put the offset at infinity.
            share = ((self.mean - low) / (high - low)).clamp(0.01, 0.99)
            self.register_buffer("offset", torch.logit(share))
            # The sigmoid's slope at the mean, so that one unit of output is one standard deviation there.
            self.register_buffer("slope", self.std / ((high - low) * share * (1 - share)))
        elif low is not None:
            self._start_at(self.mean - low)
        elif high is not None:
            self._start_at(high - self.mean)

    def _start_at(self, distance: torch.Tensor) -> None:
        """Where the softplus begins: outputs of zero give the mean, which lies so far from the one end."""
        # At a mean that touches the end the softplus would have to begin at minus infinity.
        room = (distance / self.std).clamp_min(0.1)
        self.register_buffer("offset", room + torch.log(-torch.expm1(-room)))
        self.register_buffer("slope", 1 / torch.sigmoid(self.offset))

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Answers of the same shape."""
        if self.low is not None and self.high is not None:
            return self.low + (self.high - self.low) * torch.sigmoid(outputs * self.slope + self.offset)
        if self.low is not None:
            return self.low + self.std * F.softplus(outputs * self.slope + self.offset)
        if self.high is not None:
            return self.high - self.std * F.softplus(self.offset - outputs * self.slope)
        return outputs * self.std + self.mean

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Squared errors in standard deviations, of the same shape as the outputs, and on their device."""
        here = self._on(outputs.device)
        return ((here(outputs) - targets) / here.std).square()

    def standardised(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Answers and targets in standard deviations from the mean, of the same shapes."""
        here = self._on(outputs.device)
        return (here(outputs) - here.mean) / here.std, (targets - here.mean) / here.std

    def _on(self, device: torch.device) -> ToUnit:
        # A stage trains on an accelerator, and its answers are judged on the processor.
        if device == self.mean.device:
            return self
        if device not in self._elsewhere:
            self._elsewhere[device] = copy.deepcopy(self).to(device)
        return self._elsewhere[device]
