"""The public calls that made a run, their options spelt out: the layer "method"."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headway.data.dataset import Data
from headway.data.splits import ColumnSplit, assign_parts
from headway.peel.facts import Call, Subject, refuse, sha256_of, whole_path
from headway.peel.specialise import WIDTH
from headway.train.options import Options

__all__ = ["DataCall", "call_of", "code_of", "data_call", "method_text", "training_call"]

# What reads the table that lies beside a file.
_BESIDE = 'Path(__file__).with_suffix(".parquet")'


@dataclass(frozen=True)
class DataCall:
    """The call that gives a run's data set.

    Attributes:
        text: The call.
        imports: Lines that it needs.
        beside: Files that it reads, by the endings of their names.
    """

    text: str
    imports: str
    beside: Mapping[str, bytes] = field(default_factory=dict)


def method_text(subject: Subject, head: str, data: DataCall) -> str:
    """The file."""
    imports = sorted({*data.imports.splitlines(), "import headway as hw", "import torch"}, key=_rank)
    standard = [line for line in imports if "pathlib" in line]
    lines = [
        f'"""{head}"""\n',
        *([*standard, ""] if standard else []),
        *(line for line in imports if line not in standard),
        "from headway.peel.facts import sha256_of\n",
        f"torch.set_num_threads({subject.threads})\n",
        f"data = {data.text}",
        f"learner = {_learner(subject)}",
        *(f"learner.{training_call(call)}" for call in subject.calls),
        "print(learner.report())\n",
        f'print("run  ", "{sha256_of(subject.setup.model)}")',
        'print("here ", sha256_of(learner.model))',
    ]
    return "\n".join(lines) + "\n"


def call_of(name: str, *positional: str, **named: Any) -> str:
    """A call, in as few lines as it needs."""
    arguments = [*positional, *(f"{key}={code_of(value)}" for key, value in named.items())]
    inside = ", ".join(arguments)
    # What stands before it on its line is short.
    if len(name) + len(inside) + 12 <= WIDTH and "\n" not in inside:
        return f"{name}({inside})"
    if len(inside) + 4 <= WIDTH and "\n" not in inside:
        return f"{name}(\n    {inside}\n)"
    return f"{name}(\n" + "".join(f"    {one},\n".replace("\n    ", "\n        ") for one in arguments) + ")"


def code_of(value: Any) -> str:
    """A value as code: of a field, or of options, the call that makes it, without what is as usual."""
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value).replace("'", '"') if '"' not in repr(value) else repr(value)
    chosen = {}
    for one in fields(value):
        usual = one.default_factory() if callable(one.default_factory) else one.default  # pyright: ignore
        if one.init and getattr(value, one.name) != usual:
            chosen[one.name] = getattr(value, one.name)
    # As a person would write it: what a field reads is said without its parameter's name.
    first = [name for name in ("column", "text", "user", "item") if name in chosen]
    positional = [code_of(chosen.pop(name)) for name in first]
    return call_of(f"hw.{type(value).__name__}", *positional, **chosen)


def data_call(subject: Subject, layer: str) -> DataCall:
    """The call that reads the run's data: the command's where a folder was named, else of a table beside it.

    Raises:
        ConfigError: If rows are set aside by their hashes, and the split that these go with cannot be drawn again.
    """
    # Only the command keeps how it was called; of a learner made in Python the folder is not known.
    options = subject.run.config.get("options") if subject.run else None
    if options and Path(options["data"]).is_dir() and not (options["kind"] or options["target"]):
        usual = {"size": 224, "valid": 0.2, "near_copies": "keep"}
        named = {name: options[name] for name in usual if options[name] not in (None, usual[name])}
        text = call_of("hw.from_folder", code_of(str(options["data"])), **named, seed=options["seed"])
        return DataCall(text, "import headway as hw")
    data = subject.setup.data
    if data.target.own_input(data.input) is not None:
        reason = f"its target made the input, {type(data.input).__name__}, of a whole text or table"
        refuse(layer, reason, fix="Keep the call that made the data, and the table that it read.")
    file, table, split = io.BytesIO(), _table(data), ColumnSplit()
    if subject.sets_aside and data.input.source == "values":
        # A row is set aside by the hash of all its columns, and "split" would be one more.
        table, split = table.drop("split"), data.split
        if assign_parts(data.split, data.items, data.target) != data.items["split"].to_list():
            reason = "its split cannot be drawn again, as near copies were moved or left out"
            refuse(layer, reason, fix='Pass layer="torch".')
    table.write_parquet(file)
    arguments = {"input": data.input, "target": _unfitted(data), "split": split}
    text = call_of("hw.from_items", f"pl.read_parquet({_BESIDE})", **arguments)
    imports = "import headway as hw\nimport polars as pl\nfrom pathlib import Path"
    return DataCall(text, imports, {".parquet": file.getvalue()})


def _table(data: Data) -> pl.DataFrame:
    """The items as they were read, those that were left out too, so that each has its row."""
    items = data.items.drop("content")
    for column in {*data.input.columns, *data.target.columns} if data.input.source == "file" else ():
        if column in data.input.columns or data.store.answers:
            items = items.with_columns(pl.Series(column, [whole_path(file) for file in items[column]]))
    if len(data.problems):
        # Of files their paths, too: what could not be read is left out once more.
        files = data.input.columns if data.input.source == "file" else ()
        items = pl.concat([items, data.problems.select("row", *files)], how="diagonal_relaxed").sort("row")
    return items.with_columns(pl.col("split").fill_null("train")).drop("row")


def _unfitted(data: Data) -> Any:
    """The target as it was before it learned its labels, where it learns the same ones again."""
    target = data.target
    arguments = {one.name: getattr(target, one.name) for one in fields(target) if one.init}  # pyright: ignore
    blank = type(target)(**arguments | {name: () for name in ("labels", "thresholds") if name in arguments})
    # Labels in the file only where training rows alone would not give them back, such as a class without any.
    again = blank.bind(data.items).fit(data.train.items)
    return blank if again.labels == target.labels else type(target)(**arguments)


def _learner(subject: Subject) -> str:
    setup, settings = subject.setup, subject.settings
    named: dict[str, Any] = {"pretrained": bool(settings["pretrained"])}
    for name in ("two_stages", "seed", "batch_size", "optimizer", "class_weights", "device", "precision"):
        if settings[name] is not None and not (name == "optimizer" and settings[name] == "adamw"):
            named[name] = settings[name]
    view = setup.training_view
    if view.to_json() != setup.data.input.training_view(setup.data.target).to_json():
        named["augment"] = getattr(view, "augment", view.to_json())
    return call_of("hw.Learner", "data", code_of(settings["arch"]), **named, progress=False)


def training_call(call: Call) -> str:
    """A call that trains, with all that it chose, unless it was planned in minutes."""
    arguments = dict(call.arguments)
    # What the run chose by itself, such as the learning rate, is measured; written out, it is the same on another
    # machine. A plan that ended with the head alone is made once more: `epochs=0` would leave out mirror images.
    if call.name in ("fit", "fine_tune") and "minutes" not in arguments and (call.epochs or "epochs" in arguments):
        arguments = {"epochs": call.epochs}
        if call.epochs:
            usual, named = vars(Options()), ("schedule", "lr_decay", "weight_decay", "freeze_norm")
            chosen = {
                name: value for name, value in vars(call.options).items() if name in named or value != usual[name]
            }
            arguments |= {"lr": call.lr, **chosen}
    return call_of(call.name, **arguments)


def _rank(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line.split()[1]
