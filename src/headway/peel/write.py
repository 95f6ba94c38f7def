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
from headway.peel.facts import Call, KindParts, Subject, call_facts, kind_parts, refuse, run_facts
from headway.peel.method import code_of, data_call, method_text, training_call
from headway.peel.source import Writer
from headway.peel.specialise import Known, constant
from headway.runs.checkpoint import safetensors_file
from headway.seeds import _STREAMS
from headway.system.files import write_whole
from headway.train import cross_fitting, dropout, linear_probe
from headway.train.ema import Average
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
    calls = [made.name for made in subject.calls]
    if call is not None and call not in calls:
        given = f"{call!r}; the calls: {', '.join(calls) or 'none'}"
        raise ConfigError("No such call trained the model.", given=given, fix="Name one that did, or none.")
    _check(subject, layer)
    return writers[layer](subject, only_call=call)


def _torch(subject: Subject, *, only_call: str | None) -> Peeled:
    setup = subject.setup
    input, target = kind_parts(setup.data.input, subject), kind_parts(setup.data.target, subject)
    known: dict[Any, dict[str, Known]] = {"": run_facts(subject)}
    names, methods = dict[Any, str](), dict[type, Sequence[str]](_METHODS)
    for scope, of_scope in (*_known(subject).items(), *input.known.items(), *target.known.items()):
        known[scope] = {**known.get(scope, {}), **of_scope}
    loss_fn = known[""]["facts.loss_fn"]
    known[linear_probe.__name__] |= {"objective.loss_fn": loss_fn}
    by_row = f"torch.stack([{loss_fn.text}(outputs[[row]], targets[[row]]) for row in range(len(targets))])"
    known["headway.train.objective"] = {
        "objective.temperatures": Known(value=()),
        "objective.item_losses(outputs, targets)": Known(by_row, needs=loss_fn.needs),
        **known.get("headway.train.objective", {}),
    }
    for parts in (input, target):
        names |= parts.names
        methods |= parts.methods
    writer = Writer(known=known, names=names, methods=methods, gone=_GONE)
    if only_call is None:
        _write(
            writer,
            {
                "The data: a table of items, and which of them train.": plain.begin,
                "What goes in.": input.blocks["data"],
                "What comes out.": target.blocks["targets"],
                "The model.": input.blocks["model"],
            },
        )
    _train(writer, plain, subject, only_call=only_call)
    if only_call is not None:
        return Peeled("torch", writer.text(""))
    beside = {".parquet": _items(subject, input, target), **input.beside}
    if input.has_weights:
        beside[".safetensors"] = b"".join(safetensors_file(subject.make_blank().state_dict()))
    return Peeled("torch", writer.text(_head(subject, "in plain PyTorch, without Headway")), beside)


def _known(subject: Subject) -> dict[Any, dict[str, Known]]:
    """What is known in the pieces of plain PyTorch that belong to no kind of data."""
    setup, options = subject.setup, [call.options for call in subject.calls if call.epochs]
    is_one = len(depth_groups(setup.model)) == 1
    smooths = {option.label_smoothing > 0 for option in options if option.has_soft_targets}
    separate = "one for each purpose of random numbers"
    streams = ["order", "augment", "forward", "head"]
    streams += [] if subject.settings["pretrained"] else ["init"]
    streams += ["mix"] if any(option.mixup or option.cutmix for option in options) else []
    return {
        "headway.seeds": {"_STREAMS": constant("STREAMS", {name: _STREAMS[name] for name in streams}, separate)},
        # Whether there are a body and a head whose rates may differ. A module of one's own may have neither.
        "headway.train.optimizers": {
            "not groups": Known(value=False),
            "depth_groups(model)": Known("[list(model.parameters())]") if is_one or _has_one_rate(subject) else Known(),
            "not isinstance(body, nn.Module) or not isinstance(head, nn.Module)": Known(value=is_one),
            "not last or len(parameters) + len(last) < len(list(model.parameters()))": Known(value=False),
            "to and len(groups) == 1": Known(value=False),
            "not -len(groups) <= to < len(groups)": Known(value=False),
        },
        # Checked when the run began.
        "headway.train.dropout": {
            "rate is None": Known(value=False),
            "not linear": Known(value=False),
            "any((isinstance(module, LAYERS) for module in model.modules()))": Known(
                value=any(isinstance(module, dropout.LAYERS) for module in setup.model.modules())
            ),
        },
        "headway.train.stage": {"len(depth_groups(model)) > 1": Known(value=not is_one)},
        "headway.train.mixup": {
            "label_smoothing": Known(value=smooths.pop()) if len(smooths) == 1 else Known(),
            "to_device(torch.from_numpy(values), images.device)": Known("torch.from_numpy(values)"),
            "to_device(torch.from_numpy(partner), images.device)": Known("torch.from_numpy(partner)"),
        },
        linear_probe.__name__: _of_head(subject),
        cross_fitting.__name__: {"target.is_one_class": Known(value=setup.data.target.is_one_class)},
    }


def _has_one_rate(subject: Subject) -> bool:
    """Whether depth decides nothing of how a parameter is updated: AdamW updates each by itself."""
    is_frozen = any(call.name == "freeze" for call in subject.calls)
    rates = {call.options.lr_decay for call in subject.calls if call.epochs}
    return subject.setup.optimizer == "adamw" and not is_frozen and rates == {1.0}


def _of_head(subject: Subject) -> dict[str, Known]:
    """What is known where a head is solved."""
    target, objective = subject.setup.data.target, subject.setup.objective
    held_back = getattr(getattr(subject.setup.model, "head", None), "held_back", None)
    return {
        **{
            f"objective.{name}": Known(repr(getattr(objective, name)), getattr(objective, name))
            for name in ("is_convex", "floor", "decays")
        },
        "target.num_outputs": constant("NUM_OUTPUTS", target.num_outputs),
        **({"std + objective.floor * features.std()": Known("std")} if not objective.floor else {}),
        "target.is_one_class": Known(value=target.is_one_class),
        "held_back is not None": Known(value=held_back is not None),
        "held_back": constant("HELD_BACK", held_back, "from this feature on, to this share"),
        **_of_span(subject),
    }


def _of_span(subject: Subject) -> dict[str, Known]:
    """That heads are not sought in the span of the items' features, where that holds of all of them."""
    data = subject.setup.data
    if not any(call.two_stages for call in subject.calls):
        return {}
    head = subject.setup.model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    # Where stage two follows, heads are solved without the rows set aside, too, and maybe without those of each fold.
    inside = subject.inside_and_aside[0] if subject.sets_aside else data.train
    share = (linear_probe.NUM_FOLDS - subject.setup.fine_tuning.cross_fits) / linear_probe.NUM_FOLDS
    counts = [len(data.train), int(share * len(inside))]
    answers = {2 * count > head.in_features for count in counts}
    # Else the question stays in the file, as other data may have more items.
    return {"2 * num_items > num_features": Known(value=True)} if answers == {True} else {}


_METHODS: dict[type, tuple[str, ...]] = {
    linear_probe.Head: ("put_into",),
    Average: ("__init__", "update", "put", "in_place"),
}
_GONE = frozenset(
    {
        *("facts", "device", "_check_seed(seed)", "self._elsewhere: dict[torch.device, ToUnit] = {}"),
        # Of the head: what the rows answer that it was not solved with is for the report.
        *(
            "target",
            "objective",
            "objective = objective or target.objective()",
            "held_out",
            "held_out_accuracy",
            "held_back",
            "train_loss",
        ),
        "held_out = None if outputs is None else objective.activate(outputs)",
        "train_loss = objective.loss_fn(scaled @ weights[0].T, targets).item()",
        "is_right = held_out.argmax(dim=1) == targets if held_out is not None and target.is_one_class else None",
    }
)


def _write(writer: Writer, sections: Mapping[str, FunctionType]) -> None:
    """Templates under their titles, in the order in which data flow."""
    for title, block in sections.items():
        writer.section(title)
        writer.block(block)


def _train(writer: Writer, layer: Any, subject: Subject, *, only_call: str | None) -> None:
    """What stands for each call that trained, or for those of one name; and the end, where all are written."""
    known, names = writer.known[""], dict[str, str]()
    for number, call in enumerate(subject.calls, start=1):
        facts = call_facts(subject, call, names)
        facts["facts.options"] = Known(code_of(call.options), needs="import headway as hw")
        if only_call not in (None, call.name):
            continue
        assert isinstance(known, dict)
        known |= facts
        sections = _stages(layer, call)
        if any(before.two_stages and before.epochs for before in subject.calls[: number - 1]):
            sections = {"All training rows again.": layer.restart, **sections}
        suffix = f" Call {number}, {call.name}." if len(subject.calls) > 1 else ""
        _write(writer, {title + suffix: block for title, block in sections.items()})
    if only_call is None:
        _write(writer, {"The same bits?": layer.end})


def _stages(layer: Any, call: Call) -> dict[str, FunctionType]:
    sections = {}
    if call.name in ("freeze", "load_weights"):
        sections["Which layers train." if call.name == "freeze" else "Weights from a file."] = getattr(layer, call.name)
    if call.two_stages:
        title = "Stage one: the body is frozen, and the best linear head on its features is solved."
        sections[title] = layer.stage_one
    if call.two_stages and call.epochs:
        title = "Stage two: every layer trains, from a head that has not seen the rows set aside."
        sections[title] = layer.stage_two
    if call.epochs:
        sections |= {"How weights are updated.": layer.update_rule, "Training.": layer.train_all}
    if call.two_stages and call.epochs:
        sections["The better stage is kept."] = layer.keep_better
    return sections


def _items(subject: Subject, input: KindParts, target: KindParts) -> bytes:
    data = subject.setup.data
    columns = [data.items.select("row", "split"), input.columns, target.columns]
    if subject.sets_aside:
        _, aside = subject.inside_and_aside
        columns.append(pl.DataFrame({"aside": np.isin(data.items["row"].to_numpy(), aside.rows)}))
    file = io.BytesIO()
    pl.concat(columns, how="horizontal").write_parquet(file)
    return file.getvalue()


def _head(subject: Subject, how: str) -> str:
    # A name is whatever a folder may be called, and this is text between quotes.
    name = re.sub(r"[^\w .-]", "_", subject.name)
    return f"The run {name!r} {how}: the same bits on the same processor and versions."


def _check(subject: Subject, layer: str) -> None:
    """Refuses what a layer cannot be written for."""
    setup = subject.setup
    if not subject.is_whole:
        refuse(layer, "a call that trained it was broken off", fix="Train a new learner to the end.")
    if not subject.calls:
        refuse(layer, "it was not trained yet", fix="Train it first.")
    if any(call.name == "adapt" for call in subject.calls):
        refuse(layer, "its body was pretrained further by `adapt`", fix="Train without `adapt`.")
    items = setup.data.items
    files = setup.data.input.columns if setup.data.input.source == "file" else ()
    files += setup.data.target.columns if setup.data.store.answers else ()
    # A file of code can read files; arrays that a program made are gone with it.
    if any(items[name].dtype != pl.String for name in files):
        refuse(layer, "its items lie in memory, not in files", fix="Write them to files, and train from these.")
    if subject.own:
        own = f"it was started with objects of your own: {', '.join(subject.own)}"
        refuse(layer, own, fix='Train with what has a name, such as optimizer="sgd".')
    for reason, applies in _reasons(subject).items() if layer != "method" else ():
        if applies:
            refuse(layer, reason)


def _reasons(subject: Subject) -> dict[str, bool]:
    """Why a run may have no layers below its calls, and whether that applies."""
    setup = subject.setup
    used = {
        name
        for name in ("accumulate", "compile", "sizes")
        if any(getattr(call.options, name) != getattr(Options(), name) for call in subject.calls)
    }
    own = [callback for callback in setup.callbacks if not isinstance(callback, Progress)]
    is_timed = any("minutes" in call.arguments for call in subject.calls)
    return {
        "it was planned in minutes, and how many steps these were was measured": is_timed,
        f"these options have no peeled form: {', '.join(sorted(used))}": bool(used),
        f"each batch was divided among {subject.processes} processes, whose sums round in another way": (
            subject.processes > 1
        ),
        "it has callbacks": bool(own),
        f"{len(setup.data.lost)} items were lost on the way": bool(setup.data.lost),
        f"it was trained on {setup.precision.device}": setup.precision.device.type != "cpu",
        "its precision is float16": setup.precision.dtype is torch.float16,
    }


def _loop(subject: Subject, *, only_call: str | None) -> Peeled:
    data = data_call(subject, "loop")
    view, usual = subject.setup.training_view, subject.setup.data.input.training_view(subject.setup.data.target)
    augment = f", {code_of(view.augment)}" if view.to_json() != usual.to_json() else ""  # pyright: ignore
    known = run_facts(subject) | {
        "facts.data": Known(data.text, needs=data.imports),
        "facts.view": Known(f"data.input.training_view(data.target{augment})", needs=data.imports),
    }
    writer = Writer(known={"": known}, inline="headway.peel.loop", gone=frozenset({"facts"}))
    if only_call is None:
        sections = {
            "The data, read and split, its fields fitted on training rows.": loop.begin,
            "The model, and what stays the same through all stages.": loop.make_setup,
        }
        _write(writer, sections)
    _train(writer, loop, subject, only_call=only_call)
    if only_call is not None:
        return Peeled("loop", writer.text(""))
    return Peeled("loop", writer.text(_head(subject, "with Headway's parts, the loop written out")), data.beside)


def _method(subject: Subject, *, only_call: str | None) -> Peeled:
    if only_call is not None:
        chosen = [training_call(call) for call in subject.calls if call.name == only_call]
        return Peeled("method", "".join(f"learner.{call}\n" for call in chosen))
    data = data_call(subject, "method")
    return Peeled("method", method_text(subject, _head(subject, "as the calls that made it"), data), data.beside)
