"""`headway export`: a finished run's bundle, made anew with its model card, or its model in another format."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headway.cli.data_options import AcceptChanges, MovedTo
from headway.cli.report import columns_of, progress_of
from headway.errors import ConfigError
from headway.system.terminal import echo

if TYPE_CHECKING:
    from headway.bundle.other_formats import FormatName

__all__ = ["export"]


def export(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of the run, such as runs/photos; with --format also a bundle.")
    ],
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Where it goes. Default: model.headway in the run; for --format the folder named after it there.",
        ),
    ] = None,
    *,
    format: Annotated[
        Literal["onnx", "torch", "safetensors"] | None,
        typer.Option(
            metavar="NAME",
            help="For use without Headway, a folder with the model as onnx, safetensors (weights alone), or torch (a "
            "program of torch.export, to be opened only where it is trusted), and how to use it.",
        ),
    ] = None,
    intended_use: Annotated[
        str, typer.Option(metavar="TEXT", help="Model card: what the model is for, and who uses it.")
    ] = "",
    misuse: Annotated[str, typer.Option(metavar="TEXT", help="Model card: what it must not be used for.")] = "",
    groups: Annotated[
        str | None, typer.Option(metavar="A,B", help="Columns of groups of people, such as sex,race: who is harmed.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Data sheet that you have filled in. Default: made anew.")
    ] = None,
    quantize: Annotated[
        Literal["int8"] | None,
        typer.Option(metavar="int8", help="Export in int8 if that costs at most half a point of accuracy."),
    ] = None,
    data: MovedTo = None,
    accept_changes: AcceptChanges = False,
) -> None:
    """Write the bundle of a finished run again, with its model card and data sheet, or its model in another format."""
    if format is not None:
        unused = {"--intended-use": intended_use, "--misuse": misuse, "--groups": groups, "--sheet": sheet}
        _check_unused({**unused, "--quantize": quantize})
        _other_format(run, path, format=format, resumed={"data": data, "accept_changes": accept_changes})
        return
    from headway.learner.learner import Learner

    learner = Learner.resume(run, data=data, accept_changes=accept_changes, progress=progress_of(run))
    report = learner.report(groups=columns_of(groups))
    assert learner.run is not None
    if not (intended_use and misuse):
        echo(
            "The model card has blanks: say what the model is for and what not, by --intended-use and --misuse.",
            lines=True,
        )
    said = {"intended_use": intended_use, "misuse": misuse, "sheet": sheet}
    echo(f"model: {learner.export(path or learner.run.bundle, report=report, quantize=quantize, **said)}")


def _check_unused(options: dict[str, Any]) -> None:
    if named := [name for name, value in options.items() if value]:
        what, fix = (
            "With --format nothing is judged again, and no card is written.",
            "Export the bundle with them first.",
        )
        raise ConfigError(what, given=", ".join(named), fix=fix)


def _other_format(source: Path, folder: Path | None, *, format: FormatName, resumed: dict[str, Any]) -> None:
    from headway.bundle.format import bundle_name, read_bundle
    from headway.bundle.other_formats import write_other_format

    is_run = source.is_dir()
    file = source / "model.headway" if is_run else source
    bundle, program = read_bundle(file), None
    if format == "torch":
        if not is_run:
            what = "A bundle holds no code, and a program of torch.export is code."
            raise ConfigError(what, given=str(source), fix="Name the run's folder, or take --format onnx.")
        from headway.learner.export import program_of
        from headway.learner.learner import Learner

        program = partial(program_of, Learner.resume(source, progress=progress_of(source), **resumed).setup)
    folder = folder or file.parent / format
    model, *_ = write_other_format(bundle, folder, format=format, name=bundle_name(file), program=program)
    echo(f"{model}: how to use it is in {folder / 'README.md'}")
    if format == "torch":
        echo("It is a program: open it, and let others open it, only where whoever made it is trusted.")
