"""A run as one file a layer lower: sections put together, and what the file reads written beside it."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.metadata import packages_distributions
from pathlib import Path
from types import FunctionType
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from torch import nn

from headway.errors import ConfigError, did_you_mean
from headway.peel import loop, plain
from headway.peel.facts import Facts, KindParts, Subject, kind_parts, refuse
from headway.peel.method import code_of, data_call, method_text, training_call
from headway.peel.source import Writer
from headway.peel.specialise import Known, constant
from headway.runs.checkpoint import safetensors_file
from headway.seeds import _STREAMS
from headway.system.files import write_whole
from headway.train import linear_probe, schedules
from headway.train.fine_tune import set_aside
from headway.train.optimizers import depth_groups
from headway.train.options import Options
from headway.train.progress import Progress

__all__ = ["LAYERS", "LayerName", "Peeled", "peel"]

LayerName = Literal["method", "loop", "torch"]
LAYERS: tuple[LayerName, ...] = ("method", "loop", "torch")


@dataclass(frozen=True)
class Peeled:
    """A run as code.

    Attributes:
        layer: How far down.
        text: A runnable Python file.
        beside: What it reads, by the ending of its name: the file's own, with that ending.
    """

    layer: str
    text: str
    beside: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the file, and what it reads beside it.

        Raises:
            ConfigError: If a file cannot be written, or would be imported in a package's stead.
        """
        file = Path(path).expanduser()
        # Python looks for imports in the folder of the file that it runs first, before its own modules and packages.
        if file.suffix == ".py" and file.stem in {*sys.stdlib_module_names, *packages_distributions(), "headway"}:
            what = "The peeled file may not have the name of a module: Python would import it in the module's stead."
            raise ConfigError(what, given=str(file), fix=f"Name another, such as {file.stem}_run.py.")
        try:
            write_whole(file, self.text.encode())
            for ending, content in self.beside.items():
                write_whole(file.with_suffix(ending), content)
        except OSError as error:
            given = f"{file} ({error.strerror or error})"
            raise ConfigError("The peeled file cannot be written.", given=given, fix="Name another.") from error
        return file

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        """What a notebook shows: the code."""
        return f"<pre>{escape(self.text)}</pre>"


def peel(subject: Subject, layer: str, *, call: str | None = None) -> Peeled:
    """A run as the layer of that name; with the name of a call that trained, only what stands for it.

    Raises:
        ConfigError: If there is no such layer or call, or the run cannot be written so.
    """
    writers: dict[str, Callable[..., Peeled]] = {"method": _method, "loop": _loop, "torch": _torch}
    if layer not in writers:
        raise ConfigError("Unknown layer.", given=f"layer={layer!r}", fix=did_you_mean(str(layer), LAYERS))
    calls = [made["call"] for made in subject.calls]
    if call is not None and call not in calls:
        given = f"{call!r}; the calls: {', '.join(calls) or 'none'}"
        raise ConfigError("No such call trained the model.", given=given, fix="Name one that did, or none.")
    _check(subject, layer)
    return writers[layer](subject, only_call=call)


def _torch(subject: Subject, *, only_call: str | None) -> Peeled:
    setup = subject.setup
    input, target = kind_parts(setup.data.input, subject), kind_parts(setup.data.target, subject)
    schedule = getattr(schedules, subject.options.schedule)
    known: dict[Any, dict[str, Known]] = {"": Facts.of(subject, schedule)}
    names, methods = dict(_NAMES), dict[type, Sequence[str]](_METHODS)
    for scope, of_scope in (*_KNOWN.items(), *input.known.items(), *target.known.items()):
        known[scope] = {**known.get(scope, {}), **of_scope}
    known[linear_probe.__name__] = {**known.get(linear_probe.__name__, {}), **_of_head(subject, known[""])}
    # Whether there are a body and a head whose rates may differ.
    # A module of one's own may have neither, and then all weights learn at one rate.
    is_one = len(depth_groups(setup.model)) == 1
    known["headway.train.optimizers"] |= {
        "depth_groups(model)": Known("[list(model.parameters())]") if is_one else Known(),
        "not isinstance(body, nn.Module) or not isinstance(head, nn.Module)": Known(value=is_one),
        "not last or len(parameters) + len(last) < len(list(model.parameters()))": Known(value=False),
    }
    for parts in (input, target):
        names |= parts.names
        methods |= parts.methods
    writer = Writer(known=known, names=names, methods=methods, gone=_GONE)
    if only_call is not None:
        return Peeled("torch", _fragment(writer, plain, subject))
    for title, block in _sections(plain, subject, input, target):
        writer.section(title)
        writer.block(block)
    beside = {".parquet": _items(subject, input, target)}
    if input.has_weights:
        beside[".safetensors"] = b"".join(safetensors_file(subject.make_blank().state_dict()))
    return Peeled("torch", writer.text(_head(subject, "in plain PyTorch, without Headway")), beside)


def _of_head(subject: Subject, facts: Mapping[str, Known]) -> dict[str, Known]:
    """What is known where the head is solved."""
    setup = subject.setup
    objective = {name: Known(value=getattr(setup.objective, name)) for name in ("is_convex",)}
    objective |= {
        f"objective.{name}": Known(repr(getattr(setup.objective, name)), getattr(setup.objective, name))
        for name in ("is_convex", "floor", "decays")
    }
    objective |= {
        "objective.loss_fn": facts["facts.loss_fn"],
        "target.num_outputs": facts["facts.num_outputs"],
        "objective.activate(outputs[best])": Known("outputs[best]"),
        **({"std + objective.floor * features.std()": Known("std")} if not setup.objective.floor else {}),
        "target.is_one_class": Known(value=setup.data.target.is_one_class),
    }
    return objective | (_of_span(subject) if subject.two_stages else {})


def _of_span(subject: Subject) -> dict[str, Known]:
    """Whether heads are sought in the span of the items' features, where that is the same for all of them."""
    data, head = subject.setup.data, subject.setup.model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    # The head is solved twice where stage two follows, the second time without the rows set aside.
    counts = [len(data.train)]
    if subject.epochs:
        counts.append(len(set_aside(data.train, subject.setup.seed)[0]))
    answers = {2 * count > head.in_features for count in counts}
    return {"2 * num_items > num_features": Known(value=answers.pop())} if len(answers) == 1 else {}


# What is true of every run.
_KNOWN: dict[Any, dict[str, Known]] = {
    "headway.seeds": {
        "_STREAMS": constant(
            "STREAMS", {name: _STREAMS[name] for name in ("init", "order", "augment", "forward", "head")}
        ),
    },
    "headway.train.optimizers": {
        "not groups": Known(value=False),
    },
}
_NAMES: dict[Any, str] = {linear_probe._outputs: "linear_outputs"}  # noqa: SLF001
_METHODS: dict[type, tuple[str, ...]] = {linear_probe.Head: ("put_into",)}
_GONE = frozenset(
    {
        *("facts", "device", "_check_seed(seed)", "self._elsewhere: dict[torch.device, ToUnit] = {}"),
        # Of the head: what the rows answer that it was not solved with is for the report.
        *("target", "objective", "objective = objective or target.objective()", "held_out", "held_out_accuracy"),
        "is_right = held_out.argmax(dim=1) == targets if held_out is not None and target.is_one_class else None",
    }
)


def _sections(layer: Any, subject: Subject, input: KindParts, target: KindParts) -> list[tuple[str, FunctionType]]:
    """Titles and templates, in the order in which data flow."""
    sections = [
        ("The data: a table of items, and which of them train.", layer.begin),
        ("What goes in.", input.blocks["data"]),
        ("What comes out.", target.blocks["targets"]),
        ("The model.", input.blocks["model"]),
    ]
    return sections + _training(layer, subject)


def _training(layer: Any, subject: Subject) -> list[tuple[str, FunctionType]]:
    sections = []
    if subject.two_stages:
        sections.append(
            ("Stage one: the body is frozen, and the best linear head on its features is solved.", layer.stage_one)
        )
    if subject.two_stages and subject.epochs:
        sections.append(
            ("Stage two: every layer trains, from a head that has not seen the rows set aside.", layer.stage_two)
        )
    if subject.epochs:
        sections += [("How weights are updated.", layer.update_rule), ("Training.", layer.train_all)]
    if subject.two_stages and subject.epochs:
        sections.append(("The better stage is kept.", layer.keep_better))
    return [*sections, ("The same bits?", layer.end)]


def _fragment(writer: Writer, layer: Any, subject: Subject) -> str:
    """What stands for the call that trained, without what comes before it and after it."""
    for title, block in _training(layer, subject)[:-1]:
        writer.section(title)
        writer.block(block)
    return writer.text("")


def _items(subject: Subject, input: KindParts, target: KindParts) -> bytes:
    data = subject.setup.data
    columns = [data.items.select("row", "split"), input.columns, target.columns]
    if subject.two_stages and subject.epochs:
        _, aside = set_aside(data.train, subject.setup.seed)
        columns.append(pl.DataFrame({"aside": np.isin(data.items["row"].to_numpy(), aside.rows)}))
    file = io.BytesIO()
    pl.concat(columns, how="horizontal").write_parquet(file)
    return file.getvalue()


def _head(subject: Subject, how: str) -> str:
    # A name is whatever a folder may be called, and this is text between quotes.
    name = re.sub(r"[^\w .-]", "_", subject.name)
    return f"The run {name!r} {how}: it trains to the same bits."


def _check(subject: Subject, layer: str) -> None:
    """Refuses what a layer cannot be written for."""
    setup, options = subject.setup, subject.options
    if not subject.calls:
        refuse(layer, "it was not trained yet", fix="Train it first.")
    items = setup.data.items
    files = setup.data.input.columns if setup.data.input.source == "file" else ()
    files += setup.data.target.columns if setup.data.store.answers else ()
    # A file of code can read files; arrays that a program made are gone with it.
    if any(items[name].dtype != pl.String for name in files):
        refuse(layer, "its items lie in memory, not in files", fix="Write them to files, and train from these.")
    reasons = {
        f"it was started with objects of your own: {', '.join(subject.own)}": bool(subject.own),
    }
    if layer != "method":
        names = ("accumulate", "compile", "dropout", "ema", "sizes")
        names += ("mixup", "cutmix", "label_smoothing") if layer == "torch" else ()
        used = [name for name in names if getattr(options, name) != getattr(Options(), name)]
        own = [callback for callback in setup.callbacks if not isinstance(callback, Progress)]
        reasons |= {
            "more than one call trained it": len(subject.calls) > 1,
            "it was planned in minutes, and how many steps these were was measured": "minutes" in _passed(subject),
            f"these options have no peeled form: {', '.join(used)}": bool(used),
            "it has callbacks": bool(own),
            f"{len(setup.data.lost)} items were lost on the way": bool(setup.data.lost),
            f"it was trained on {setup.precision.device}": setup.precision.device.type != "cpu",
            "its precision is float16": setup.precision.dtype is torch.float16,
        }
    if layer == "torch":
        reasons |= {
            f"optimizer={setup.optimizer!r}": setup.optimizer != "adamw",
            "its classes have weights": bool(subject.settings["class_weights"]),
        }
    for reason, applies in reasons.items():
        if applies:
            refuse(layer, reason)


def _passed(subject: Subject) -> set[str]:
    return {name for name, value in subject.calls[0].items() if value is not None} if subject.calls else set()


def _loop(subject: Subject, *, only_call: str | None) -> Peeled:
    schedule = getattr(schedules, subject.options.schedule)
    known = Facts.of(subject, schedule)
    data = data_call(subject)
    view, usual = subject.setup.training_view, subject.setup.data.input.training_view(subject.setup.data.target)
    augment = f", {code_of(view.augment)}" if view.to_json() != usual.to_json() else ""  # pyright: ignore
    known |= {
        "facts.data": Known(data.text, needs=data.imports),
        "facts.view": Known(f"data.input.training_view(data.target{augment})", needs=data.imports),
        "facts.options": Known(code_of(subject.options), needs="import headway as hw"),
    }
    writer = Writer(known={"": known}, inline="headway.peel.loop", gone=frozenset({"facts"}))
    if only_call is not None:
        return Peeled("loop", _fragment(writer, loop, subject))
    sections = [
        ("The data, read and split, its fields fitted on training rows.", loop.begin),
        ("The model.", loop.make_setup),
    ]
    for title, block in (*sections, *_training(loop, subject)):
        writer.section(title)
        writer.block(block)
    return Peeled("loop", writer.text(_head(subject, "with Headway's parts, the loop written out")), data.beside)


def _method(subject: Subject, *, only_call: str | None) -> Peeled:
    if only_call is not None:
        chosen = [training_call(subject, call) for call in subject.calls if call["call"] == only_call]
        return Peeled("method", "".join(f"learner.{call}\n" for call in chosen))
    data = data_call(subject)
    return Peeled("method", method_text(subject, _head(subject, "as the calls that made it"), data), data.beside)
