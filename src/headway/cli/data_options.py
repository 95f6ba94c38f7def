"""What a command says of its data: columns, or folders, as fields."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand
from typer.main import get_command

from headway.errors import ConfigError
from headway.system.remote import is_remote
from headway.targets.registry import TARGETS, target_class

if TYPE_CHECKING:
    from headway.data.dataset import Data
    from headway.data.splits import Split
    from headway.data.tables import Dialect
    from headway.targets.base import Target
    from headway.train.progress import Progress

__all__ = [
    "DIALECT_OPTIONS",
    "LEFT_OUT",
    "TARGET_OPTIONS",
    "AcceptChanges",
    "DataCommand",
    "DataOptions",
    "DataPath",
    "Decimal",
    "Encoding",
    "MovedTo",
    "Providers",
    "Seed",
    "Separator",
    "absolute",
    "check_fields",
    "dialect_of",
    "open_data",
    "read_data",
    "table_if_remote",
]


def table_if_remote(data: str) -> str:
    """The data of an argument; a ConfigError if it is an address, and of no table."""
    if is_remote(data):
        from headway.data.tables import names_table

        if not names_table(data):
            what = "Data elsewhere must be a table, or a data set's repository on the Hugging Face hub."
            fix = "Name a table of it, such as s3://pets/items.parquet, or hf://datasets/user/name."
            raise ConfigError(what, given=data, fix=fix)
    return data


def absolute(data: str) -> str:
    """Where data are, whatever folder one is in."""
    return data if is_remote(data) else str(Path(data).absolute())


# What commands take that open a run's data again.
MovedTo = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Folder where the data files are now, if they have moved."),
]
AcceptChanges = Annotated[bool, typer.Option("--accept-changes", help="Continue although data files have changed.")]


def _kind(text: str) -> str:
    if text not in TARGETS:
        message = f"{text!r} is not one of {', '.join(TARGETS)}."
        raise typer.BadParameter(message)
    return text


_data_option, _model_option = (partial(typer.Option, rich_help_panel=subject) for subject in ("Data", "Model"))

# What runs a bundle's graph.
Providers = Annotated[
    list[str] | None,
    typer.Option(
        "--provider", metavar="NAME", help="Of onnxruntime, such as openvino or cuda; repeatable. Default: the CPU."
    ),
]

# How a table of text is written; also of commands that only read one.
Separator = Annotated[
    str | None, _data_option(metavar="CHARACTER", help="Table: separator, or tab. Default: detected.")
]
Encoding = Annotated[
    str | None, _data_option(metavar="NAME", help="Table: text encoding, such as latin-1. Default: detected.")
]
Decimal = Annotated[
    str | None, _data_option(metavar="CHARACTER", help="Table: decimal mark, a point or a comma. Default: detected.")
]

# Of the commands that look at data and train nothing that is kept.
DataPath = Annotated[
    str, typer.Argument(metavar="DATA", callback=table_if_remote, help="A folder or a table, as for `headway train`.")
]
Seed = Annotated[int, typer.Option(metavar="N", help="Random seed.")]


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """What a command line says of its data: which columns are what, how they are written, how items are divided."""

    input: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Table: column of file paths or of texts; several of texts. For ratings: user column, item column. "
            "Default: learn from all columns.",
        ),
    ] = None
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Table: column to predict.")] = None
    kind: Annotated[
        str | None,
        _data_option(
            metavar="KIND",
            parser=_kind,
            help=f"What the target holds: {', '.join(TARGETS)}. Default: category for files, number for ratings; "
            "guessed for rows of a table.",
        ),
    ] = None
    classes: Annotated[
        str | None,
        _data_option(metavar="N=NAME,...", help="Masks: class of each number. Default: the numbers in the masks."),
    ] = None
    ignore: Annotated[
        str | None, _data_option(metavar="N,...", help="Masks: numbers that are not classes, or none. Default: 255.")
    ] = None
    limits: Annotated[
        str | None, _data_option("--range", metavar="LOW,HIGH", help="Lowest and highest value of a number.")
    ] = None
    missing: Annotated[
        str | None,
        _data_option(metavar="TEXT,...", help='Texts that mean a missing class, or "". Default: NA, NaN, null, N/A.'),
    ] = None
    label_separator: Annotated[
        str | None, _data_option(metavar="CHARACTER", help="Separator between several labels. Default: detected.")
    ] = None
    tokenizer: Annotated[
        str | None,
        _data_option(
            metavar="NAME",
            help="Language models: byte_pair, characters, or a folder of a causal model of transformers.",
        ),
    ] = None
    horizon: Annotated[
        str | None, _data_option(metavar="N", help="Forecasts: how many values to forecast. Default: 12.")
    ] = None
    season: Annotated[
        str | None,
        _data_option(metavar="N", help="Forecasts: rows of a season, such as 12 for months. Default: detected."),
    ] = None
    known: Annotated[
        str | None,
        _data_option(metavar="COLUMN,...", help="Forecasts: columns that are known ahead, such as prices."),
    ] = None
    time_column: Annotated[
        str | None, _data_option(metavar="COLUMN", help="Forecasts: column of times. Default: detected.")
    ] = None
    series_column: Annotated[
        str | None,
        _data_option(metavar="COLUMN", help="Forecasts: column that says which series a row is of. Default: detected."),
    ] = None
    split_column: Annotated[
        str | None, _data_option(metavar="COLUMN", help="Table: column that says train, valid or test.")
    ] = None
    split_group: Annotated[
        str | None,
        _data_option(metavar="COLUMN", help="Table: column of what stays on one side, such as a patient."),
    ] = None
    split_time: Annotated[
        str | None, _data_option(metavar="COLUMN", help="Table: column of times; the latest rows judge the model.")
    ] = None
    split_random: Annotated[
        bool, _data_option("--split-random", help="Draw the parts at random, although folders say them.")
    ] = False
    without: Annotated[
        list[str] | None,
        _data_option(metavar="COLUMN", help="Table: column that nothing is learned from; may be repeated."),
    ] = None
    separator: Separator = None
    encoding: Encoding = None
    decimal: Decimal = None
    valid: Annotated[float, _data_option(metavar="SHARE", help="Share of the items held out for validation.")] = 0.2
    near_copies: Annotated[
        Literal["keep", "move", "drop"],
        _data_option(
            metavar="CHOICE",
            help="Near-duplicates across the split: keep, move to one side, or drop from train.",
        ),
    ] = "keep"
    decisions: Annotated[
        list[str] | None,
        _data_option(metavar="FILE", help="Decisions on items, as `headway clean` writes them; may be repeated."),
    ] = None
    size: Annotated[
        int | None, _model_option(metavar="PIXELS", help="Side of the square image that the model sees. Default: 224.")
    ] = None


_OF_TRAINING = ("tokenizer", "horizon", "season", "known", "time_column", "series_column")
# The options that a command does not take.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "train": (),
    "audit": _OF_TRAINING,
    "clean": (*_OF_TRAINING, "near_copies", "classes", "ignore", "limits"),
    "lab": (*_OF_TRAINING, "near_copies", "classes", "ignore", "size", "decisions"),
}


class DataCommand(TyperCommand):
    """A command that takes the options of `DataOptions` behind its argument, and has them as its context's `obj`."""

    def __init__(self, name: str, *, params: list[Any], **settings: Any) -> None:
        taken = [option for option in _declared().params if option.name not in LEFT_OUT[name]]
        super().__init__(name, params=[params[0], *taken, *params[1:]], **settings)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command, its options of data apart from its own."""
        declared = _declared()
        # All of them, as typer keeps what an earlier call said of one that is missing.
        ctx.obj = declared.callback(**{one.name: ctx.params.pop(one.name, one.default) for one in declared.params})
        return super().invoke(ctx)


@cache
def _declared() -> Any:
    """The options as a command of their own, which makes a `DataOptions` of what a command line says."""
    app = typer.Typer(add_completion=False)
    app.command()(DataOptions)
    return get_command(app)


# Options that only some kinds of targets take, by `Target.options`.
TARGET_OPTIONS = (
    "classes",
    "horizon",
    "ignore",
    "known",
    "label_separator",
    "limits",
    "missing",
    "season",
    "series_column",
    "time_column",
    "tokenizer",
)
DIALECT_OPTIONS = ("separator", "encoding", "decimal")
# Options that name the column by which items are divided.
_OF_SPLITS = ("split_column", "split_group", "split_time")

_NAMES = {"limits": "--range"}


def check_fields(data: str, options: Mapping[str, Any]) -> None:
    """Finds mistakes in what is said of the columns, before the items are read.

    Raises:
        ConfigError: If columns are named for a folder, too many or too few of them, or what only another kind takes.
        DataError: If no target is named, and the table's columns cannot be read to list them.
    """
    from headway.data.tables import names_table, read_values
    from headway.inputs.registry import format_target

    names = ("input", "target", *_OF_SPLITS, "without", "kind", *TARGET_OPTIONS, *DIALECT_OPTIONS)
    given = {name: _option(name) for name in names if options.get(name) not in (None, [], ())}
    splits = [given[name] for name in _OF_SPLITS if name in given]
    splits += ["--split-random"] if options.get("split_random") else []
    if len(splits) > 1:
        what = "Only one option can say how the items are divided."
        raise ConfigError(what, given=", ".join(splits), fix="Leave the others out.")
    inputs, target = options.get("input") or [], _target_class(options)
    is_read = target is not None and target.reads_path(data)
    is_table, needs_column = names_table(data) and not is_read, target is None or target.needs_column
    if is_table and needs_column and "target" not in given and format_target(data) is None:
        what = "`--target` must name the column of the table to predict."
        fix = "Add --target COLUMN, and --input COLUMN where a column names files."
        shown = " ".join(f"--input {name}" for name in inputs) or "no --input"
        columns = ", ".join(read_values(data, dialect_of(options)).columns[:20])
        raise ConfigError(what, given=f"{data}, {shown}, no --target; columns: {columns}", fix=fix)
    of_tables = {*_OF_SPLITS, "without", *DIALECT_OPTIONS, *(("input", "target") if is_read else ())}
    has_folders = is_read or (target is not None and target.folders is not None)
    if not is_table and given and (not has_folders or of_tables & {*given}):
        what = "Columns can be named only for a table; the labels of a folder are the names of its folders."
        fix = "Leave them out, or give a CSV or Parquet file."
        raise ConfigError(what, given=f"{data}, {', '.join(given.values())}", fix=fix)
    dialect_of(options)
    if target is None:
        return
    special = [name for name in TARGET_OPTIONS if name in given]
    for name in sorted({*special} - {*target.options}):
        kind = next(kind for kind in TARGETS if name in target_class(kind).options)
        fix = "Leave it out, or name that kind."
        raise ConfigError(f"{_option(name)} goes with --kind {kind}.", given=[*map(_option, special)], fix=fix)
    target.parse_options(_of(target, options))


def open_data(options: Mapping[str, Any], *, on_progress: Callable[[int, int], None]) -> Data:
    """The data set that options name: "data" and what `headway train` is called with, as a run keeps them."""
    return replace(_opened(options, on_progress), source=_source(options))


def _source(options: Mapping[str, Any]) -> tuple[str, ...]:
    """How a command names the same data: the path, as seen from here, and each option that is not its default."""
    path, here = Path(options["data"]), Path.cwd()
    local = str(path.relative_to(here) if path.is_relative_to(here) else path)
    said = [options["data"] if is_remote(options["data"]) else local]
    for parameter in _declared().params:
        value, flag = options.get(parameter.name), parameter.opts[0]
        if value in (None, [], (), parameter.default):
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        said += [flag] if parameter.is_flag else [f"{flag} {shlex.quote(str(one))}" for one in values]
    return (shlex.quote(said[0]), *said[1:])


def _opened(options: Mapping[str, Any], on_progress: Callable[[int, int], None]) -> Data:
    from headway.data.build import default_split, from_csv, from_folder, from_items
    from headway.data.splits import ColumnSplit, RandomSplit
    from headway.data.tables import names_table, read_table
    from headway.inputs.registry import format_target, recognise_input

    path, size, target = options["data"], options["size"], _target_class(options)
    valid = {"valid": options["valid"], "seed": options["seed"]}
    # A run that was planned by an older version has no decisions.
    decisions = options.get("decisions") or None
    opened: dict[str, Any] = {"near_copies": options["near_copies"], "decisions": decisions, "on_progress": on_progress}
    drawn = RandomSplit(**valid) if options.get("split_random") else default_split(target, **valid)
    inputs: list[str] = options["input"] or []
    column: Any = options["target"] or format_target(path)
    if target is not None and target.reads_path(path):
        items = target.read_path(path)
        field = target(**target.parse_options(_of(target, options)))  # pyright: ignore[reportCallIssue]
        return from_items(items, target=field, split=drawn, **opened)
    if not names_table(path):
        # A kind whose targets lie in a folder of their own, as masks do, takes folders for columns.
        if target is None or target.folders is None:
            split = drawn if options.get("split_random") else None
            return from_folder(path, size=size or 224, split=split, **opened, **valid)
        names = (*inputs, *target.folders[len(inputs) :])[0], column or target.folders[1]
        items = target.list_folder(path, *names)
        items = items.drop("split", strict=False) if options.get("split_random") else items
        split = ColumnSplit("split", **valid) if "split" in items.columns else drawn
        field = target.from_options(names[1], _of(target, options), lambda: items[names[1]].to_list())
        photos = recognise_input(names[0], lambda: items, size=size or 224)
        return from_items(items, input=photos, target=field, split=split, **opened)

    def values() -> list[Any]:
        options_of_read = {"target_is_file": True, "dialect": dialect_of(options)}
        return read_table(path, input=(inputs or ["file"])[0], target=column, **options_of_read)[column].to_list()

    field = target.from_options(column, _of(target, options), values) if target else column
    more: dict[str, Any] = {name: options.get(name) for name in DIALECT_OPTIONS} | valid | opened
    more |= {"split": _split(options), "without": options.get("without") or ()}
    return from_csv(path, input=inputs, target=field, size=size, **more)


def _split(options: Mapping[str, Any]) -> Split | None:
    """The split that an option names; None where none does. A run of before may lack some of them."""
    from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, TimeSplit

    if column := options["split_column"]:
        return ColumnSplit(column, options["valid"], seed=options["seed"])
    if column := options.get("split_group"):
        return GroupSplit(column, options["valid"], seed=options["seed"])
    if column := options.get("split_time"):
        return TimeSplit(column, options["valid"])
    return RandomSplit(options["valid"], seed=options["seed"]) if options.get("split_random") else None


def read_data(said: DataOptions, data: str, *, seed: int) -> tuple[Data, Progress]:
    """The data set that the options name, checked before it is read, and what shows how far things are."""
    options = {**asdict(said), "data": absolute(data), "seed": seed}
    check_fields(data, options)
    from headway.train.progress import make_progress

    progress = make_progress()
    return open_data(options, on_progress=lambda done, total: progress.count("reading", done, total)), progress


def dialect_of(options: Mapping[str, Any]) -> Dialect:
    """How the options say that a table of text is written; a ConfigError if one of them cannot be."""
    from headway.data.tables import Dialect

    return Dialect(**{name: options.get(name) for name in DIALECT_OPTIONS})


def _option(name: str) -> str:
    return _NAMES.get(name, f"--{name.replace('_', '-')}")


def _target_class(options: Mapping[str, Any]) -> type[Target] | None:
    """The kind of target that is named, or that the options are of; None where neither is said."""
    if options.get("kind"):
        return target_class(options["kind"])
    special = {name for name in TARGET_OPTIONS if options.get(name) is not None}
    # By its options alone: `--range` says that it is a number.
    return next((kind for kind in map(target_class, TARGETS) if special & {*kind.options}), None)


def _of(target: type[Target], options: Mapping[str, Any]) -> dict[str, str]:
    return {name: options[name] for name in target.options if options.get(name) is not None}
