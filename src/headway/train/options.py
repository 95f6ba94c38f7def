"""How a stage trains: what may be chosen besides data and model, and what can be chosen with which of them.

Four classes say how a run trains. `Options` are what a user passes by name. A `Recipe` is what an architecture brings:
its options, and how epochs, batch size and learning rate follow from the number of rows. A `Plan` is one stage with its
epochs and rate, made from options or a recipe. A `Setup` is what all stages share, such as the data and the model.
"""

from __future__ import annotations

import numbers
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from headway.errors import ConfigError, did_you_mean
from headway.train.schedules import ScheduleName, check_schedule

__all__ = ["Options", "Plan", "check_run", "check_sizes", "options_of"]

# Side in pixels below which a photo shows nothing.
SMALLEST = 8


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a stage trains; each is an argument of `Learner.fit` and of `Learner.fine_tune`.

    Attributes:
        schedule: Shape of the learning rate over the steps: "one_cycle", "cosine" or "constant".
        lr_decay: Factor between the rates of neighbouring groups of layers, above 0 and at most 1.
        weight_decay: Decoupled weight decay, from 0; normalisation layers and biases have none.
        freeze_norm: Whether batch normalisation keeps the statistics it has.
        mixup: Photos are mixed in pairs, and their targets with them, in shares drawn from Beta(mixup, mixup); from 0,
            which is for not at all.
        cutmix: A rectangle of each photo is another one's, of an area drawn in the same way. With both, each photo
            goes one of the two ways, by a coin.
        label_smoothing: Share of each target that is spread evenly over the labels, from 0 and below 1.
        ema: Decay of a running average of the weights, from 0 and below 1; evaluations and the model in the end have
            the average. 0 is for none.
        clip_norm: What the norm of all gradients together is limited to in each step, from 0, which is for no limit.
        dropout: Rate of the model's dropout layers, from 0 and below 1; a model without any gets one before its last
            linear layer. None leaves the model as it is.
        accumulate: How many batches add up their gradients for one step, from 1.
        sizes: Sides of the training photos in pixels, each for an equal share of the epochs; the whole size when empty.
        compile: Whether the forward and backward passes are compiled; see `headway.train.compile`.

    Raises:
        ConfigError: If a value is out of its range; all such values are named.

    Example:
        >>> Options(mixup=0.2, sizes=(128, 224)).sizes
        (128, 224)

    Source:
        Howard and Ruder 2018, arXiv:1801.06146 (rates by depth); Loshchilov and Hutter 2019, arXiv:1711.05101 (weight
        decay); Pascanu et al. 2013, arXiv:1211.5063 (clip_norm); Howard and Gugger 2020, "Deep Learning for Coders",
        chapter 7, and Touvron et al. 2019, arXiv:1906.06423 (sizes). The others: `headway.train.mixup`,
        `headway.train.ema`, `headway.train.dropout`, `headway.train.schedules`.
    """

    schedule: ScheduleName = "one_cycle"
    lr_decay: float = 1.0
    weight_decay: float = 0.01
    freeze_norm: bool = False
    mixup: float = 0.0
    cutmix: float = 0.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    clip_norm: float = 0.0
    dropout: float | None = None
    accumulate: int = 1
    sizes: Sequence[int] = ()
    compile: bool = False

    def __post_init__(self) -> None:
        check_schedule(self.schedule)
        wrong = [name for name, (_, is_allowed) in _RANGES.items() if not is_allowed(getattr(self, name))]
        if wrong:
            given = ", ".join(f"{name}={getattr(self, name)!r}" for name in wrong)
            allowed = "; ".join(f"{name} {_RANGES[name][0]}" for name in wrong)
            raise ConfigError("A training option is out of its range.", given=given, fix=f"Allowed: {allowed}.")

    @property
    def has_soft_targets(self) -> bool:
        """Whether targets are no longer plain labels."""
        return self.mixup > 0 or self.cutmix > 0 or self.label_smoothing > 0

    @property
    def notes(self) -> list[str]:
        """What a reader of the history must know of them."""
        notes = {
            "The forward and backward passes were compiled.": self.compile,
            "Training losses are higher than usual, because targets are mixed or smoothed.": self.has_soft_targets,
        }
        return [note for note, is_so in notes.items() if is_so]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_RANGES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "lr_decay": ("above 0 and at most 1", lambda value: _is_number(value) and 0 < value <= 1),
    "weight_decay": ("from 0", lambda value: _is_number(value) and 0 <= value < float("inf")),
    "freeze_norm": ("True or False", lambda value: isinstance(value, bool)),
    "mixup": ("from 0, such as 0.2", lambda value: _is_number(value) and 0 <= value < float("inf")),
    "cutmix": ("from 0, such as 1", lambda value: _is_number(value) and 0 <= value < float("inf")),
    "label_smoothing": ("from 0 and below 1, such as 0.1", lambda value: _is_number(value) and 0 <= value < 1),
    "ema": ("from 0 and below 1, such as 0.99", lambda value: _is_number(value) and 0 <= value < 1),
    "clip_norm": ("from 0, such as 1", lambda value: _is_number(value) and 0 <= value < float("inf")),
    "dropout": (
        "None, or from 0 and below 1, such as 0.5",
        lambda value: value is None or (_is_number(value) and 0 <= value < 1),
    ),
    "accumulate": ("a whole number from 1", lambda value: type(value) is int and value >= 1),
    "compile": ("True or False", lambda value: isinstance(value, bool)),
    "sizes": (
        f"a sequence of whole numbers from {SMALLEST}, such as [128, 224]",
        lambda value: isinstance(value, Sequence) and all(type(side) is int and side >= SMALLEST for side in value),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long, how fast and how a stage trains.

    Raises:
        ConfigError: If a value is out of its range, or there are more sizes than epochs.
    """

    epochs: int
    lr: float
    options: Options = field(default_factory=Options)
    # Ends the last epoch early.
    max_steps: int = sys.maxsize
    # Fewer steps are planned, while training, when they would take longer than this with their evaluations.
    max_seconds: float = float("inf")

    def __post_init__(self) -> None:
        are_numbers = isinstance(self.epochs, numbers.Real) and isinstance(self.lr, numbers.Real)
        if (
            not are_numbers
            or self.epochs % 1
            or self.epochs < 1
            or not 0 < self.lr < float("inf")
            or self.max_steps < 1
        ):
            given = f"epochs={self.epochs!r}, lr={self.lr!r}"
            given += f", max_steps={self.max_steps}" if self.max_steps < 1 else ""
            fix = "Pass numbers such as epochs=5, or call `fine_tune()`, which chooses both."
            raise ConfigError("`epochs` must be a whole number from 1 and `lr` above 0.", given=given, fix=fix)
        check_sizes(self.options.sizes, self.epochs)

    def size(self, epoch: int) -> int | None:
        """Side of the training photos in one of its epochs, counted from 0; None for the whole size.

        Example:
            >>> plan = Plan(epochs=5, lr=0.01, options=Options(sizes=(128, 224)))
            >>> [plan.size(epoch) for epoch in range(5)]
            [128, 128, 128, 224, 224]
        """
        sizes = self.options.sizes
        return sizes[min(epoch * len(sizes) // self.epochs, len(sizes) - 1)] if sizes else None


def options_of(arguments: Mapping[str, Any], base: Options | None = None) -> Options:
    """The options of `base` with what a user passed by name and is not None; epochs, minutes and lr may be among them.

    Raises:
        ConfigError: If an option is not known, a value is out of its range, there are both epochs and minutes, or there
            are 0 epochs, so that options have no effect.
    """
    epochs, minutes, lr = (arguments.get(name) for name in ("epochs", "minutes", "lr"))
    planned = f"epochs={epochs!r}, minutes={minutes!r}, lr={lr!r}"
    if epochs is not None and minutes is not None:
        what = "`epochs` and `minutes` cannot be used together."
        raise ConfigError(what, given=planned, fix="Drop one.")
    are_numbers = all(isinstance(number, numbers.Real) for number in (epochs, minutes, lr) if number is not None)
    if not are_numbers or not all(
        (
            epochs is None or (int(epochs) == epochs and epochs >= 0),
            minutes is None or 0 < minutes < float("inf"),
            lr is None or 0 < lr < float("inf"),
        )
    ):
        what = "`epochs` must be a whole number from 0, `minutes` and `lr` above 0."
        raise ConfigError(what, given=planned, fix="Leave them out for the defaults.")
    known = [option.name for option in fields(Options)]
    unknown = sorted(arguments.keys() - {*known, "epochs", "minutes", "lr"})
    if unknown:
        what = "Unknown training option."
        # As Keras has them in `fit`.
        of_learner = unknown[0] in ("callbacks", "batch_size", "metrics", "optimizer", "loss_fn", "class_weights")
        fix = f"Pass it to hw.Learner(data, {unknown[0]}=...)." if of_learner else did_you_mean(unknown[0], known)
        raise ConfigError(what, given=f"{unknown[0]}={arguments[unknown[0]]!r}", fix=fix)
    # What is passed as it is anyway does no harm: the command line passes all of its options.
    plain = {"lr": None, **vars(Options())}
    idle = [f"{name}={arguments[name]}" for name in plain if arguments.get(name) not in (None, plain[name], [])]
    if epochs == 0 and idle:
        what = "These options have no effect without epochs, because only the head is trained."
        raise ConfigError(what, given=f"epochs=0, {', '.join(idle)}", fix="Leave them out, or pass epochs=1.")
    return replace(base or Options(), **{name: arguments[name] for name in known if arguments.get(name) is not None})


def check_sizes(sizes: Sequence[int], epochs: int | None) -> None:
    """Raises a ConfigError if there are more sizes than epochs."""
    if epochs is not None and len(sizes) > epochs:
        given = f"epochs={epochs}, sizes={list(sizes)}"
        fix = f"Pass epochs={len(sizes)} or more, or fewer sizes."
        raise ConfigError("Each size needs an epoch.", given=given, fix=fix)


def check_run(*, seed: int, batch_size: int | Literal["auto"] | None) -> None:
    """Raises a ConfigError if the seed or the batch size of a run is out of its range."""
    if not 0 <= seed < 2**63:
        given = f"seed={seed}"
        raise ConfigError("`seed` must lie between 0 and 2**63 - 1.", given=given, fix="Pass 0 or another.")
    if not (batch_size in (None, "auto") or (isinstance(batch_size, int) and batch_size >= 1)):
        given = f"batch_size={batch_size!r}"
        what = '`batch_size` must be a whole number from 1, or "auto".'
        raise ConfigError(what, given=given, fix="Leave it out for 32.")
