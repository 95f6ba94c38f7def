"""What a run decided, as the names and values that its peeled file has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, NoReturn

import polars as pl
import torch
from torch import nn

from headway.data.dataset import Part
from headway.errors import ConfigError
from headway.peel.specialise import Known, constant
from headway.runs.run import Run
from headway.system.remote import is_remote
from headway.train import schedules
from headway.train.aside import set_aside
from headway.train.counts import MOST_COUNTED
from headway.train.cross_fitting import is_cross_fitting
from headway.train.model import is_fixed
from headway.train.optimizers import depth_groups
from headway.train.options import Options
from headway.train.stage import Setup

__all__ = ["Call", "KindParts", "Subject", "call_facts", "kind_parts", "refuse", "run_facts", "sha256_of", "whole_path"]


def sha256_of(model: nn.Module) -> str:
    """The SHA-256 of a model's weights and buffers, with their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        # The names as well as the numbers: two layers that changed places are another model.
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that changed the model, and what it came to.

    Attributes:
        name: "adapt", "fine_tune", "fit", "freeze" or "load_weights".
        arguments: Those that were passed, by name.
        options: What trained every layer.
        lr: Peak learning rate.
        two_stages: Whether it solved the head before it trained every layer.
        epochs: In which it trained every layer.
        first_epoch: How many epochs the calls before it had.
    """

    name: str
    arguments: Mapping[str, Any]
    options: Options
    lr: float
    two_stages: bool
    epochs: int
    first_epoch: int


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A learner, and what is known of how it was trained.

    Attributes:
        calls: Its calls that trained, in order.
        is_whole: Whether they all came to their ends.
        own: The names of arguments that are no plain values, such as a loss of the user's own.
        settings: What decides the run, as plain values.
        make_blank: Makes the model once more, as it was before training.
    """

    setup: Setup
    calls: Sequence[Call]
    is_whole: bool
    own: Sequence[str]
    settings: Mapping[str, Any]
    run: Run | None
    make_blank: Callable[[], nn.Module]

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.run.path.name if self.run else "run"

    @property
    def threads(self) -> int:
        """How many threads torch had."""
        return self.run.config["threads"] if self.run else torch.get_num_threads()

    @property
    def processes(self) -> int:
        """Among how many processes each batch was divided."""
        return self.run.config.get("processes", 1) if self.run else self.setup.processes.world

    @property
    def sets_aside(self) -> bool:
        """Whether rows are set aside to decide between two stages."""
        return any(call.two_stages and call.epochs for call in self.calls)

    @property
    def inside_and_aside(self) -> tuple[Part, Part]:
        """What the second stage trains on, and what decides."""
        setup = self.setup
        return set_aside(setup.data.train, setup.seed, most=setup.fine_tuning.most_aside)


# What the templates of `headway.peel.loop` and `headway.peel.plain` call `facts.name` becomes a constant of the same
# name in capitals, where a section uses it; one that only decides which branch is written is not in the file at all.
_COMMENTS = {
    "batch_size": "items a step",
    "valid_batch_size": "items at once where nothing is learned",
    "lr": "the peak; of the head, where the body's layers have less",
    "lr_decay": "the rate of a group of layers is this share of the next group's",
    "threads": "sums over several threads round in another order",
    "first_epoch": "counted on through all calls, so that no order and no augmentation comes twice",
    "most_aside": "training rows at most that decide between the stages",
    "dropout_rate": "the share of activations that a step leaves out",
    "ema": "how much of the average of the weights stays in a step",
    "label_smoothing": "share of each target that is spread evenly over the labels",
}


def run_facts(subject: Subject) -> dict[str, Known]:
    """What is known of each expression `facts.name` in the whole file."""
    setup = subject.setup
    precision = str(setup.precision.dtype).removeprefix("torch.")
    counter = getattr(getattr(setup.model, "body", None), "counter", None)
    optimizer = setup.optimizer if isinstance(setup.optimizer, str) else ""
    values = {
        "seed": setup.seed,
        "most_aside": setup.fine_tuning.most_aside,
        "cross_fits": is_cross_fitting(setup.model, setup.fine_tuning),
        "threads": subject.threads,
        "batch_size": setup.batch_size,
        # As the library does. Sums in batches of another size round in another order, and a bit in a checked hash
        # differs.
        "valid_batch_size": max(setup.batch_size, 32),
        "optimizer": optimizer,
        "is_adamw": optimizer == "adamw",
        "arch": subject.settings["arch"],
        "pretrained": bool(subject.settings["pretrained"]),
        "class_weights": subject.settings["class_weights"],
        "num_outputs": setup.data.target.num_outputs,
        "run_sha256": sha256_of(setup.model),
        "precision": setup.precision.name_for(setup.model),
        "measures": is_fixed(setup.model),
        "counts": counter is not None and len(setup.data.train) <= MOST_COUNTED,
        "scores_head": getattr(counter, "scores_head", False),
        "is_mirrored": getattr(getattr(setup.model, "body", None), "is_mirrored", False),
        "is_held_back": getattr(getattr(setup.model, "head", None), "held_back", None) is not None,
        "held_back": getattr(getattr(setup.model, "head", None), "held_back", None),
        "is_ragged": setup.data.train.lengths is not None,
        "is_short": precision != "float32",
        "trains_short": setup.precision.for_training(setup.model).dtype is not torch.float32,
        # Folded in a shorter format, batch norm would round once more than the run did.
        "merges": precision == "float32" and any(isinstance(part, nn.BatchNorm2d) for part in setup.model.modules()),
        "may_mix": any(call.options.mixup or call.options.cutmix for call in subject.calls),
        "may_freeze": any(call.name == "freeze" for call in subject.calls),
    }
    known = {f"facts.{name}": constant(name.upper(), value, _COMMENTS.get(name, "")) for name, value in values.items()}
    # A section of the input defines it: how long each item is.
    return known | {"facts.lengths": Known("lengths")}


def _has_norm(model: nn.Module) -> bool:
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())  # noqa: SLF001


def call_facts(subject: Subject, call: Call, names: dict[str, str]) -> dict[str, Known]:
    """The same of what one call decided; `names` are the constants so far, which keep their values."""
    options, setup, model = call.options, subject.setup, subject.setup.model
    # Written out where rates go by depth alone; else the library's own function is put in.
    has_groups = len(depth_groups(model)) > 1 and not hasattr(model, "lr_factors")
    # Of a call that did not train every layer there is nothing else to know.
    values = (
        dict(call.arguments)
        if not call.epochs
        else {
            **vars(options),
            "epochs": call.epochs,
            "first_epoch": call.first_epoch,
            "lr": call.lr,
            "two_stages": call.two_stages,
            "crosses": call.two_stages and is_cross_fitting(model, setup.fine_tuning),
            "freeze_norm": options.freeze_norm and _has_norm(model),
            "is_soft": options.has_soft_targets,
            "drops": options.dropout is not None,
            # Of another name than the models' own rates have.
            "dropout_rate": options.dropout,
            "mixes": bool(options.mixup or options.cutmix),
            "has_plain_groups": has_groups and not any(other.name == "freeze" for other in subject.calls),
        }
    )
    known = {}
    for name, value in values.items():
        fact, number = constant(name.upper(), value, _COMMENTS.get(name, "")), 1
        # A later call that chose another value must not change what an earlier one reads.
        while names.setdefault(fact.text or "", fact.needs) != fact.needs:
            number += 1
            fact = constant(f"{name.upper()}_{number}", value, _COMMENTS.get(name, ""))
        known[f"facts.{name}"] = fact
    if call.epochs:
        epochs = known["facts.epochs"]
        plain = Known() if call.first_epoch else Known(f"range({epochs.text})", needs=epochs.needs)
        known["range(facts.first_epoch, facts.first_epoch + facts.epochs)"] = plain
    schedule = getattr(schedules, options.schedule)
    return known | {"facts.schedule": Known(schedule.__name__, needs=schedule)}


@dataclass(frozen=True, kw_only=True)
class KindParts:
    """What a kind of input, or of target, brings to a file of plain PyTorch; in the module `peel` of its folder.

    Attributes:
        blocks: Functions whose statements are written, by section: "data" and "model" of an input, "targets" of a
            target. What they leave behind under which names stands in `headway.peel.plain`.
        known: What is known in pieces of source, for `Writer.known`.
        names: For `Writer.names`.
        methods: For `Writer.methods`.
        columns: The columns of the item table that the file reads, in their plain form.
        beside: Files that lie beside the file, by the endings of their names.
        has_weights: Whether the model starts from weights in a file beside it.
    """

    blocks: Mapping[str, FunctionType]
    known: Mapping[Any, Mapping[str, Known]]
    names: Mapping[Any, str] = field(default_factory=dict)
    methods: Mapping[type, Sequence[str]] = field(default_factory=dict)
    columns: pl.DataFrame = field(default_factory=pl.DataFrame)
    beside: Mapping[str, bytes] = field(default_factory=dict)
    has_weights: bool = False


def whole_path(file: str) -> str:
    """Where a file is from any folder that the peeled file may run in; an address as it is."""
    return file if is_remote(file) else str(Path(file).absolute())


def kind_parts(kind: Any, subject: Subject) -> KindParts:
    """What a field's folder brings.

    Raises:
        ConfigError: If it brings nothing.
    """
    name = f"{type(kind).__module__.rpartition('.')[0]}.peel"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        # An import inside that module which fails is a fault to see, and no kind without a peeled form.
        if error.name != name:
            raise
        refuse("torch", f"{type(kind).__name__} has no peeled form yet")
    return module.parts(kind, subject)


def refuse(layer: str, reason: str, fix: str = 'Pass layer="method", or "loop" where that can be written.') -> NoReturn:
    """Raises the ConfigError of a run that cannot be written a layer down."""
    raise ConfigError(f"This run cannot be written as the layer {layer!r}.", given=reason, fix=fix)
