"""`headway export`: the bundle of a finished run, made anew, with a model card that says for whom and for what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from headway.cli.data_options import AcceptChanges, MovedTo
from headway.cli.report import columns_of, progress_of
from headway.system.terminal import echo

__all__ = ["export"]


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, such as runs/photos.")],
    path: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where the bundle goes. Default: model.headway in the run.")
    ] = None,
    *,
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
    """Write the bundle of a finished run again, with its model card and data sheet."""
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
