"""`headway repeat`: a run done again from what its folder says, and whether the bits agree."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.data_options import AcceptChanges, MovedTo
from headway.system.terminal import echo

__all__ = ["repeat"]


def repeat(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, such as runs/photos.")],
    *,
    data: MovedTo = None,
    accept_changes: AcceptChanges = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Train a run again in a new folder, and say whether the results are bit-identical."""
    start = time.perf_counter()
    from headway.cli.train import finish
    from headway.learner.learner import Learner
    from headway.runs.repeat import compare, copy_plan
    from headway.runs.run import open_run

    first = open_run(run)
    second = copy_plan(first)
    with second.held():
        learner = Learner.resume(second.path, data=data, accept_changes=accept_changes)
        comparison = compare(first, second)
        finish(learner, start=start, as_json=as_json, extra={"repeats": comparison.to_json()})
    if not as_json:
        echo(f"\n{comparison}", lines=True)
