"""`headway train`: from data to a trained, judged and exported model."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headway.cli.data_options import check_fields, open_data
from headway.errors import ConfigError
from headway.targets.registry import TARGETS

if TYPE_CHECKING:
    from headway.data.dataset import Data
    from headway.learner.learner import Learner
    from headway.runs.run import Run

__all__ = ["carry_out", "finish", "train"]


def _kind(text: str) -> str:
    if text not in TARGETS:
        message = f"{text!r} is not one of {', '.join(TARGETS)}."
        raise typer.BadParameter(message)
    return text


def train(
    data: Annotated[
        Path,
        typer.Argument(
            help="A folder of class folders, or of train/, valid/ and test/ folders of them; or a CSV or Parquet file. "
            "With --kind mask a folder of images/ and masks/."
        ),
    ],
    *,
    input: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="The table's column of file paths, if its rows are files. Twice, for ratings: who, and what.",
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The table's column to predict.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            parser=_kind,
            help=f"What that column holds: {', '.join(TARGETS)}. For files a category, for ratings a number.",
        ),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="N=NAME,...", help="What the numbers in masks mean; found when left out.")
    ] = None,
    ignore: Annotated[
        str | None, typer.Option(metavar="N,...", help="Numbers in masks that are not classes; 255 when left out.")
    ] = None,
    limits: Annotated[
        str | None, typer.Option("--range", metavar="LOW,HIGH", help="The least and the most that a number can be.")
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The table's column of train, valid, test.")
    ] = None,
    arch: Annotated[
        str | None, typer.Option(help="efficientnet_lite0, small_resnet, resnet18 ..., or any of timm's names.")
    ] = None,
    pretrained: Annotated[bool, typer.Option(help="Start from pretrained weights.")] = True,
    size: Annotated[
        int | None, typer.Option(help="Side of the square that the model sees, in pixels; 224 when left out.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs that train every layer; 0 for the head alone.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes of training, instead of epochs.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    mixup: Annotated[float, typer.Option(metavar="ALPHA", help="Mix photos in pairs; 0.2 is usual, 0 is off.")] = 0.0,
    ema: Annotated[float, typer.Option(metavar="DECAY", help="Average the weights over the steps; 0 is off.")] = 0.0,
    optimizer: Annotated[
        str, typer.Option(metavar="NAME", help="adamw, sgd, lamb ..., or any of timm's names.")
    ] = "adamw",
    class_weights: Annotated[
        str | None,
        typer.Option(metavar="CLASS=WEIGHT,...", help="How much items of a class count; balanced: the rarer the more."),
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(metavar="NORM", help="Limit of the gradients' norm; none when left out.")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(metavar="RATE", help="Rate of the model's dropout layers; as they are if left out.")
    ] = None,
    compile: Annotated[bool, typer.Option("--compile", help="Compile the training step with torch.compile.")] = False,
    batch_size: Annotated[
        str | None, typer.Option(metavar="ITEMS", help="Items a step; auto: in pieces when memory runs out.")
    ] = None,
    valid: Annotated[float, typer.Option(help="Share of the items to judge the model with.")] = 0.2,
    near_copies: Annotated[
        Literal["keep", "move", "drop"],
        typer.Option(help="Items nearly the same as others: move to one side of the split, or drop from train."),
    ] = "keep",
    seed: Annotated[int, typer.Option(help="Decides everything random.")] = 0,
    name: Annotated[str | None, typer.Option(help="The run's name; the data's when left out.")] = None,
    runs: Annotated[Path, typer.Option(help="The folder of all runs.")] = Path("runs"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps ...")] = "auto",
    precision: Annotated[Literal["auto", "float32", "bfloat16", "float16"], typer.Option()] = "auto",
    quantize: Annotated[
        Literal["int8"] | None, typer.Option(help="Export the graph in int8, where it costs next to no accuracy.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Train a model on your photos or your table, compare it with simple baselines, and export it."""
    # What a run keeps of the command, to begin again when it is stopped before it has begun.
    options = {key: value for key, value in locals().items() if key not in ("data", "name", "runs", "as_json")}
    start = time.perf_counter()
    options["batch_size"] = _batch_size(batch_size)
    options["class_weights"] = _class_weights(class_weights)
    check_fields(data, options)
    name = name or _default_name(data)
    _check_settings(name, options)
    from headway.runs.run import new_run

    run = new_run(runs, name)
    try:
        with run.held():
            run.plan({**options, "data": str(data.absolute())})
            carry_out(run, start=start, as_json=as_json)
    finally:
        # Data that cannot be trained on leave no folder behind.
        run.drop_unless_begun()


# What `Learner.fine_tune` is called with.
FINE_TUNING = ("epochs", "minutes", "lr", "mixup", "ema", "clip_norm", "dropout", "compile")


def carry_out(run: Run, *, start: float, as_json: bool) -> None:
    """Does what a run has planned, from the reading to the report; what was done already is not done again.

    The run must be held, its plan written; `start` is when the command began, by `time.perf_counter`.
    """
    from headway.bundle.quantize import check_quantize
    from headway.learner.learner import Learner
    from headway.train.progress import make_progress

    options, progress = run.config["options"], make_progress()
    items = open_data(options, on_progress=lambda done, total: progress.count("reading", done, total))
    # Before the training, not when there is a model to export.
    check_quantize(options["quantize"], items.input)
    names = ("arch", "pretrained", "seed", "batch_size", "optimizer", "class_weights", "device", "precision")
    learner = Learner(items, run=run, progress=progress, **{name: options[name] for name in names})
    progress.tell(_first_lines(items, learner))
    learner.fine_tune(**{name: options[name] for name in FINE_TUNING})
    finish(learner, start=start, as_json=as_json)


def finish(learner: Learner, *, start: float, as_json: bool, extra: dict[str, Any] | None = None) -> None:
    """Judges and exports what was trained, and says so; `extra` is what else the JSON object holds."""
    run = learner.run
    assert run is not None
    report = learner.report()
    print(f"\n{report}\n")
    learner.export(run.bundle, report=report, quantize=run.config.get("options", {}).get("quantize"))
    print(f"run:    {run.path}\nmodel:  {run.bundle}\nreport: {run.path / 'report.html'}")
    if not as_json:
        return
    facts = report.to_json()
    parts = {name: part["metrics"] for name, part in facts["parts"].items()}
    line: dict[str, Any] = {
        "run_dir": str(run.path),
        "bundle": str(run.bundle),
        "seconds": round(time.perf_counter() - start, 3),
        "metrics": parts["valid"],
        **{name: facts[name] for name in ("baselines", "verdict", "history", "notes")},
    }
    if "test" in parts:
        line["test_metrics"] = parts["test"]
    print(json.dumps(line | (extra or {})))


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


def _default_name(data: Path) -> str:
    path = data.resolve()
    return re.sub(r"[^\w.-]+", "-", path.stem if path.is_file() else path.name).strip(".") or "run"


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


def _first_lines(items: Data, learner: Learner) -> str:
    weights = f"weights from {learner.pretrained}" if learner.pretrained else "from scratch"
    lines = [f"{items}", *items.input.describe(), f"{learner.arch}, {weights}; {learner.setup.precision}"]
    if len(items.problems):
        run = learner.run
        assert run is not None
        lines.append(f"{len(items.problems)} items were left out; reasons in {run.path / 'problems.csv'}")
    return "\n".join(lines)
