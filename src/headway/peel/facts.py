"""What a run decided, as the names and values that its peeled file has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import FunctionType
from typing import Any, ClassVar, NoReturn

import polars as pl
import torch
from torch import nn

from headway.errors import ConfigError
from headway.peel.specialise import Known, constant
from headway.runs.run import Run
from headway.train.history import History
from headway.train.optimizers import depth_groups
from headway.train.options import Options
from headway.train.stage import Setup

__all__ = ["Facts", "KindParts", "Subject", "kind_parts", "refuse", "sha256_of"]


def sha256_of(model: nn.Module) -> str:
    """The SHA-256 of a model's weights and buffers, with their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        # The names as well as the numbers: two layers that changed places are another model.
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A learner, and what is known of how it was trained.

    Attributes:
        calls: Its calls that train, as a run keeps them: a method's name as "call", and its arguments.
        own: The names of arguments that are no plain values, such as a loss of the user's own.
        two_stages: Whether `fine_tune` solves the head before it trains every layer.
        settings: What decides the run, as plain values.
        options: What trained every layer; of the only call.
        make_blank: Makes the model once more, as it was before training.
    """

    setup: Setup
    history: History
    calls: Sequence[Mapping[str, Any]]
    own: Sequence[str]
    arch: str
    pretrained: str
    two_stages: bool
    settings: Mapping[str, Any]
    options: Options
    lr: float
    run: Run | None
    make_blank: Callable[[], nn.Module]

    @property
    def epochs(self) -> int:
        """Epochs in which every layer was trained."""
        return sum(entry.stage == "all" for entry in self.history)

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.run.path.name if self.run else "run"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the templates of `headway.peel.loop` and `headway.peel.plain` call the run's constants.

    In the file each is a constant of the same name in capitals, where a section uses it; one that only decides which
    branch is written is not there at all.
    """

    seed: int
    threads: int
    batch_size: int
    valid_batch_size: int
    epochs: int
    lr: float
    lr_decay: float
    weight_decay: float
    clip_norm: float
    optimizer: str
    arch: str
    num_outputs: int
    field: Any
    num_groups: int
    run_sha256: str
    precision: str
    two_stages: bool
    has_stage_two: bool
    is_short: bool
    freeze_norm: bool
    merges: bool
    has_own_rates: bool
    augments: bool
    moves: bool
    schedule: Callable[..., float]
    loss_fn: Callable[..., torch.Tensor]

    COMMENTS: ClassVar[dict[str, str]] = {
        "batch_size": "items a step",
        "valid_batch_size": "items at once where nothing is learned",
        "lr": "the peak; of the last layers, where earlier ones have less",
        "lr_decay": "the rate of a group of layers is this share of the next group's",
        "threads": "sums over several threads round in another order",
    }

    @staticmethod
    def threads_of(subject: Subject) -> int:
        """How many threads torch had."""
        return subject.run.config["threads"] if subject.run else torch.get_num_threads()

    @staticmethod
    def hash_of(subject: Subject) -> str:
        """The hash of the weights that the run came to."""
        return sha256_of(subject.setup.model)

    @classmethod
    def of(cls, subject: Subject, schedule: Callable[..., float]) -> dict[str, Known]:
        """What is known of each expression `facts.name`."""
        setup, options = subject.setup, subject.options
        precision = str(setup.precision.dtype).removeprefix("torch.")
        values: dict[str, Any] = {
            "seed": setup.seed,
            "threads": cls.threads_of(subject),
            "batch_size": setup.batch_size,
            # As the library does. Sums in batches of another size round in another order, and a bit in a checked hash
            # differs.
            "valid_batch_size": max(setup.batch_size, 32),
            "epochs": subject.epochs,
            "lr": subject.lr,
            "optimizer": setup.optimizer,
            "arch": subject.arch,
            "pretrained": bool(subject.pretrained),
            "class_weights": subject.settings["class_weights"],
            "num_outputs": setup.data.target.num_outputs,
            "run_sha256": cls.hash_of(subject),
            "precision": precision,
            "two_stages": subject.two_stages,
            "has_stage_two": subject.two_stages and subject.epochs > 0,
            "is_short": precision != "float32",
            # Folded in a shorter format, batch norm would round once more than the run did.
            "merges": precision == "float32",
            "has_own_rates": hasattr(setup.model, "lr_factors") or len(depth_groups(setup.model)) == 1,
            "augments": setup.training_view.augments,
        }
        values |= {name: getattr(options, name) for name in ("lr_decay", "weight_decay", "clip_norm", "freeze_norm")}
        known = {
            f"facts.{name}": constant(name.upper(), value, cls.COMMENTS.get(name, "")) for name, value in values.items()
        }
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
        has_weights: Whether the model starts from weights in a file beside it.
    """

    blocks: Mapping[str, FunctionType]
    known: Mapping[Any, Mapping[str, Known]]
    names: Mapping[Any, str] = field(default_factory=dict)
    methods: Mapping[type, Sequence[str]] = field(default_factory=dict)
    columns: pl.DataFrame = field(default_factory=pl.DataFrame)
    has_weights: bool = False


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
