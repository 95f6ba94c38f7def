"""`headway resume`: a run that was stopped or killed goes on, to the same weights as without it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.data_options import AcceptChanges, MovedTo
from headway.errors import RunError

__all__ = ["resume"]


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, such as runs/photos.")],
    *,
    data: MovedTo = None,
    accept_changes: AcceptChanges = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Continue a run that was stopped or killed. The weights end the same as without the stop."""
    start = time.perf_counter()
    from headway.cli.train import carry_out, finish, train_as_planned
    from headway.learner.learner import Learner
    from headway.runs.run import open_run

    folder = open_run(run)
    with folder.held():
        options = folder.config.get("options")
        if not folder.has_begun:
            # It was stopped while it read the photos.
            if data is not None:
                folder.plan({**folder.config["options"], "data": str(data.absolute())})
            carry_out(folder, start=start, as_json=as_json)
            return
        learner = Learner.resume(run, data=data, accept_changes=accept_changes)
        calls = [call["call"] for call in folder.config.get("training", [])]
        if options is not None:
            # It may have been stopped between two calls, or a moment before it trained.
            train_as_planned(learner, options, done=calls)
        elif not calls:
            given, fix = f"{run}, from Python, without a call that trains", "Start it again."
            raise RunError("The run was stopped before it trained.", given=given, fix=fix)
        finish(learner, start=start, as_json=as_json)
