"""`headway report`: the report of a finished run, made anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.data_options import AcceptChanges, MovedTo
from headway.system.terminal import echo

if TYPE_CHECKING:
    from headway.train.progress import Progress

__all__ = ["columns_of", "progress_of", "report"]


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, such as runs/photos.")],
    *,
    slices: Annotated[
        str | None, typer.Option(metavar="A,B", help="Columns to slice by: every metric for each of their values.")
    ] = None,
    groups: Annotated[
        str | None, typer.Option(metavar="A,B", help="Columns of groups of people, such as sex,race: who is harmed.")
    ] = None,
    clusters: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of what belongs together: intervals count patients.")
    ] = None,
    tta: Annotated[int, typer.Option(metavar="N", help="Test-time augmentation: number of views per item.")] = 0,
    data: MovedTo = None,
    accept_changes: AcceptChanges = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Write report.html and report.json of a finished run again."""
    from headway.learner.learner import Learner

    learner = Learner.resume(run, data=data, accept_changes=accept_changes, progress=progress_of(run))
    judged = learner.report(slices=columns_of(slices), groups=columns_of(groups), clusters=clusters, tta=tta)
    page = run / "report.html"
    if as_json:
        echo(json.dumps(judged.to_json()))
    else:
        echo(f"{judged}\n", lines=True)
        echo(f"report: {page}")
    if open_page:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def progress_of(run: Path) -> Progress:
    """What is shown while a run is taken up again: of one that has ended, nothing that looks like training."""
    from headway.train.progress import make_progress

    return make_progress(epochs=not (run / "model.headway").exists())


def columns_of(names: str | None) -> list[str]:
    """The columns that an option names, with commas between them."""
    return [name.strip() for name in names.split(",")] if names else []
