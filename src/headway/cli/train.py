"""`headway train`: from data to a trained, judged and exported model."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Container, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headway.cli.data_options import absolute, check_fields, open_data, table_if_remote
from headway.cli.launch import NumProcesses, Shard, check_processes, launch
from headway.errors import ConfigError
from headway.system.remote import is_remote
from headway.system.terminal import echo

if TYPE_CHECKING:
    from headway.data.dataset import Data
    from headway.learner.learner import Learner
    from headway.runs.run import Run
    from headway.train.distributed import Processes

__all__ = ["carry_out", "default_name", "finish", "held", "train", "train_as_planned"]

# Options of the command that a run does not keep: it may go on with others.
NOT_PLANNED = ("context", "data", "name", "runs", "as_json", "processes", "shard")

# `--help` shows the options by subject; those that most people need first have none, and so stand at the top.
model_option, training_option, run_option, machine_option = (
    partial(typer.Option, rich_help_panel=subject) for subject in ("Model", "Training", "Run", "Machine")
)


def train(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            callback=table_if_remote,
            help="A folder with one folder per class, or with train/, valid/ and test/ of those; or a CSV or Parquet "
            "file, or its address (s3://..., hf://datasets/user/name). With --kind mask: a folder with images/ and "
            "masks/. With --kind next_token: a text, or a folder of texts.",
        ),
    ],
    *,
    arch: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Model: efficientnet_lite0 ..., any timm name; minilm, lstm ..., a text encoder by name or folder.",
        ),
    ] = None,
    pretrained: Annotated[bool, model_option(help="Start from pretrained weights.")] = True,
    dropout: Annotated[
        float | None, model_option(metavar="RATE", help="Dropout rate. Default: the model's own.")
    ] = None,
    adapt: Annotated[
        bool,
        model_option(
            "--adapt", help="Texts, series: first pretrain the body on these items, those without a target, too."
        ),
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Epochs of fine-tuning; 0 trains only the head.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="N", help="Time budget for fine-tuning, instead of --epochs.")
    ] = None,
    lr: Annotated[float | None, training_option(metavar="RATE", help="Peak learning rate.")] = None,
    batch_size: Annotated[
        str | None,
        training_option(metavar="ITEMS", help="Batch size; auto: smaller micro-batches when memory runs out."),
    ] = None,
    optimizer: Annotated[str, training_option(metavar="NAME", help="adamw, sgd, lamb ... or any timm name.")] = "adamw",
    class_weights: Annotated[
        str | None,
        training_option(
            metavar="CLASS=WEIGHT,...", help="Weight of each class in the loss; balanced: rare classes weigh more."
        ),
    ] = None,
    mixup: Annotated[float, training_option(metavar="ALPHA", help="Mixup; 0.2 is usual, 0 is off.")] = 0.0,
    ema: Annotated[
        float, training_option(metavar="DECAY", help="Exponential moving average of the weights; 0 is off.")
    ] = 0.0,
    clip_norm: Annotated[
        float | None, training_option(metavar="NORM", help="Gradient clipping by norm. Default: off.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the run. Default: the data's name.")] = None,
    runs: Annotated[Path, run_option(metavar="FOLDER", help="Folder of all runs.")] = Path("runs"),
    seed: Annotated[int, run_option(metavar="N", help="Random seed.")] = 0,
    quantize: Annotated[
        Literal["int8"] | None,
        run_option(metavar="int8", help="Export in int8 if that costs at most half a point of accuracy."),
    ] = None,
    as_json: Annotated[bool, run_option("--json", help="Print one JSON object as the last line.")] = False,
    device: Annotated[str, machine_option(metavar="NAME", help="auto, cpu, cuda, mps ...")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        machine_option(metavar="NAME", help="auto, float32, bfloat16 or float16."),
    ] = "auto",
    compile: Annotated[bool, machine_option("--compile", help="Compile the training step with torch.compile.")] = False,
    processes: NumProcesses = None,
    shard: Shard = False,
) -> None:
    """Train a model on photos, recordings or a table, compare it with baselines, and export it."""
    # What a run keeps of the command, to begin again when it is stopped before it has begun.
    options = asdict(context.obj) | {key: value for key, value in locals().items() if key not in NOT_PLANNED}
    start = time.perf_counter()
    options["batch_size"] = _batch_size(batch_size)
    options["class_weights"] = _class_weights(class_weights)
    options["decisions"] = [str(Path(file).absolute()) for file in options["decisions"] or ()]
    check_fields(data, options)
    name = name or default_name(data)
    _check_settings(name, options)
    from headway.runs.run import new_run

    options["data"] = absolute(data)
    if processes is not None:
        check_processes(processes, shard=shard)
        _launch(new_run(runs, name), options, processes=processes, shard=shard, as_json=as_json)
        return
    from headway.cli.resume import go_on
    from headway.train.distributed import join

    with join(shard=shard) as known:
        # Where torchrun starts a command again, because a process was killed, its run is there already.
        options.update({"launch": known.launch} if known.launch else {})
        run = known.by_writer(lambda: _run_of_launch(runs, options) or new_run(runs, name))
        try:
            # Before the data are read, so that a second command of the same name cannot take the folder meanwhile.
            with held(run, known):
                if known.is_writer and not run.config:
                    run.plan(options)
                known.barrier()
                go_on(run, known, start=start, as_json=as_json)
        finally:
            # Data that cannot be trained on leave no folder behind.
            if known.is_writer:
                run.drop_unless_begun()


def held(run: Run, processes: Processes) -> AbstractContextManager[None]:
    """A context in which these processes alone train in a run's folder."""
    return run.held() if processes.is_writer else nullcontext()


def _launch(run: Run, options: Mapping[str, Any], *, processes: int, shard: bool, as_json: bool) -> None:
    import torch

    from headway.train.distributed import ALONE, check_share, threads_of

    try:
        # What can fail before the training does so here, in one process, and is said once.
        with run.held():
            run.plan(options)
            # As many as each will have, which the run notes.
            torch.set_num_threads(threads_of(processes))
            learner = begin(run, ALONE, world=processes)
            loader = learner.setup.loader(learner.data.train, shuffle=True)
            check_share(processes, items=len(learner.data.train), batches=len(loader), batch_size=loader.batch_size)
            run.write_config({**run.config, "processes": processes})
        # The others read the data from their store.
        del learner, loader
        # Started again, they go on from what they have saved.
        more = {"--json": as_json, "--shard": shard}
        launch(["resume", str(run.path), *(name for name, is_so in more.items() if is_so)], processes=processes)
    finally:
        run.drop_unless_begun()


def _run_of_launch(runs: Path, options: Mapping[str, Any]) -> Run | None:
    """The run that the same launch of torchrun has planned and not finished; None where it was not started before."""
    from headway.runs.run import Run

    if "launch" not in options:
        return None
    planned = (Run(config.parent) for config in runs.expanduser().glob("*/config.json"))
    # A launch may have been named by hand, and the name be used again.
    same = json.loads(json.dumps(options, default=str))
    return next((run for run in planned if run.config.get("options") == same and run.report is None), None)


# What `Learner.fine_tune` is called with.
FINE_TUNING = ("epochs", "minutes", "lr", "mixup", "ema", "clip_norm", "dropout", "compile")


def carry_out(run: Run, processes: Processes, *, start: float, as_json: bool) -> None:
    """Does what a run has planned, from the reading to the report; what was done already is not done again.

    The run must be held, its plan written; `start` is when the command began, by `time.perf_counter`.
    """
    learner = begin(run, processes)
    train_as_planned(learner, processes.by_writer(lambda: run.config["options"]))
    if processes.leave():
        # Its first lines have said what there is to say of the data.
        finish(learner, start=start, as_json=as_json, said=learner.data.notes)


def begin(run: Run, processes: Processes, *, world: int | None = None) -> Learner:
    """The learner that a run has planned, not trained yet; `world` is how many processes will train it."""
    from headway.bundle.quantize import check_quantize
    from headway.learner.learner import Learner
    from headway.train.progress import Silent, make_progress

    progress = make_progress() if processes.is_writer else Silent()
    # Other machines may not see the run's folder.
    options = processes.by_writer(lambda: run.config["options"])
    items = processes.first_here(
        lambda: open_data(options, on_progress=lambda done, total: progress.count("reading", done, total))
    )
    # Before the training, not when there is a model to export.
    check_quantize(options["quantize"], items.input)
    names = ("arch", "pretrained", "seed", "batch_size", "optimizer", "class_weights", "device", "precision")
    known = {"run": run if processes.is_writer else None, "progress": progress}
    learner = Learner(items, **known, **{name: options[name] for name in names})
    progress.tell(_first_lines(items, learner, world or processes.world))
    return learner


def train_as_planned(learner: Learner, options: Mapping[str, Any], *, done: Container[str] = ()) -> None:
    """Makes the calls that train, but for those that are done, by the methods' names."""
    # A run may have been planned before there was the option.
    if options.get("adapt") and "adapt" not in done:
        learner.adapt()
    if "fine_tune" not in done:
        learner.fine_tune(**{name: options[name] for name in FINE_TUNING})


def finish(
    learner: Learner, *, start: float, as_json: bool, extra: dict[str, Any] | None = None, said: Sequence[str] = ()
) -> None:
    """Judges and exports what was trained, and says so, without the notes in `said`; `extra` goes into the JSON."""
    run = learner.run
    assert run is not None
    report = learner.report()
    shown = replace(report, notes=[note for note in report.notes if note not in said])
    echo(f"\n{shown}\n", lines=True)
    learner.export(run.bundle, report=report, quantize=run.config.get("options", {}).get("quantize"))
    for name, path in (("run:   ", run.path), ("model: ", run.bundle), ("report:", run.path / "report.html")):
        echo(f"{name} {path}")
    echo("card:   intended use and misuse are blank; `headway export` fills them in")
    if not as_json:
        return
    facts = report.to_json()
    parts = {name: part["metrics"] for name, part in facts["parts"].items()}
    line: dict[str, Any] = {
        "run_dir": str(run.path),
        "bundle": str(run.bundle),
        "seconds": round(time.perf_counter() - start, 3),
        "metrics": parts["valid"],
        **{name: facts[name] for name in ("baselines", "verdict", "suspected_leak", "history", "notes")},
    }
    if "test" in parts:
        line["test_metrics"] = parts["test"]
    echo(json.dumps(line | (extra or {})))


# typer has no type for a number or a word.
def _batch_size(text: str | None) -> int | Literal["auto"] | None:
    if text is None or text == "auto":
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    what = "The batch size must be a whole number from 1, or auto."
    raise ConfigError(what, given=f"--batch-size {text}", fix="Leave it out for 32.")


def _class_weights(text: str | None) -> dict[str, float] | str | None:
    """The weights as `Learner` takes them."""
    if text is None or text == "balanced":
        return text
    try:
        # A label may hold an equals sign, so the last one counts.
        return {label: float(weight) for label, _, weight in (pair.rpartition("=") for pair in text.split(","))}
    except ValueError as error:
        what = "The weights of classes must be pairs of a class and a number."
        fix = "Pass balanced, or pairs such as rare=5,common=1."
        raise ConfigError(what, given=f"--class-weights {text}", fix=fix) from error


def default_name(data: str) -> str:
    """What a run on these data is called.

    Example:
        >>> default_name("s3://pets/items.parquet"), default_name("hf://datasets/ada/pets.v2")
        ('items', 'pets.v2')
    """
    from headway.data.repository import is_repository

    path = Path(data.partition("?")[0]) if is_remote(data) else Path(data).resolve()
    # Elsewhere only a repository of the hub is no file.
    is_file = not is_repository(data) if is_remote(data) else path.is_file()
    return re.sub(r"[^\w.-]+", "-", path.stem if is_file else path.name).strip(".") or "run"


def _check_settings(name: str, options: dict[str, Any]) -> None:
    """Finds mistakes before the photos are read, which may take a while."""
    from headway.inputs.registry import check_architecture
    from headway.runs.run import check_name
    from headway.train.optimizers import check_optimizer
    from headway.train.options import options_of
    from headway.train.precision import choose_device, choose_precision

    check_name(name)
    options_of({key: options[key] for key in ("mixup", "ema", "clip_norm", "dropout", "epochs", "minutes", "lr")})
    choose_precision(choose_device(options["device"]), options["precision"])
    check_optimizer(options["optimizer"])
    if options["arch"] is not None:
        check_architecture(options["arch"])


def _first_lines(items: Data, learner: Learner, world: int) -> str:
    weights = f"weights from {learner.pretrained}" if learner.pretrained else "from scratch"
    sizes = ", ".join(f"{len(items.part(name)):,} in {name}" for name in items.parts)
    lines = [f"{items.input.nouns}: {sizes}; target: {items.target.column}", *items.input.describe(), *items.notes]
    lines += [f"{learner.arch}, {weights}", *learner.history.notes, str(learner.setup.precision)]
    if world > 1:
        lines[-1] += f", {world} processes"
    run = learner.run
    if len(items.problems) and run is not None:
        count = "1 item was" if len(items.problems) == 1 else f"{len(items.problems):,} items were"
        lines.append(f"{count} left out; reasons in {run.path / 'problems.csv'}")
    return "\n".join(lines)
