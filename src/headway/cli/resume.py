"""`headway resume`: a run that was stopped or killed goes on, to the same weights as without it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.data_options import AcceptChanges, MovedTo, open_data
from headway.cli.launch import NumProcesses, Shard, check_processes, launch
from headway.cli.train import carry_out, finish, held, train_as_planned
from headway.errors import RunError

if TYPE_CHECKING:
    from headway.data.dataset import Data
    from headway.runs.run import Run
    from headway.train.distributed import Processes

__all__ = ["go_on", "resume"]


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, such as runs/photos.")],
    *,
    data: MovedTo = None,
    accept_changes: AcceptChanges = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
    processes: NumProcesses = None,
    shard: Shard = False,
) -> None:
    """Continue a run that was stopped or killed. The weights end the same as without the stop."""
    start = time.perf_counter()
    from headway.runs.run import open_run

    folder = open_run(run)
    if processes is not None:
        check_processes(processes, shard=shard)
        options = {
            "--json": as_json,
            "--shard": shard,
            "--accept-changes": accept_changes,
            f"--data={data}": data is not None,
        }
        launch(["resume", str(run), *(name for name, is_so in options.items() if is_so)], processes=processes)
        return
    from headway.train.distributed import join

    with join(shard=shard) as known, held(folder, known):
        known.barrier()
        go_on(folder, known, start=start, as_json=as_json, data=data, accept_changes=accept_changes)


def go_on(
    folder: Run,
    processes: Processes,
    *,
    start: float,
    as_json: bool,
    data: Path | None = None,
    accept_changes: bool = False,
) -> None:
    """Does what is left of a run that is held: all of what it planned, or what it had not come to."""
    from headway.data.repository import is_repository
    from headway.learner.learner import Learner
    from headway.train.progress import Silent

    options = folder.config.get("options")
    # Asked by one of several processes, as the folder changes while they go on.
    has_begun, training = processes.by_writer(lambda: (folder.has_begun, folder.config.get("training", [])))
    if not has_begun:
        # It was stopped while it read the photos.
        if data is not None and processes.is_writer:
            folder.plan({**folder.config["options"], "data": str(data.absolute())})
        processes.barrier()
        carry_out(folder, processes, start=start, as_json=as_json)
        return
    shown = True if processes.is_writer else Silent()
    again: Data | Path | None = data
    if data is None and options is not None and is_repository(options["data"]):
        # The run's own table has no pictures, as the repository's table holds the files themselves.
        again = processes.first_here(lambda: open_data(options, on_progress=lambda done, total: None))
    learner = Learner.resume(folder.path, data=again, accept_changes=accept_changes, progress=shown)
    processes.barrier()
    calls = [call["call"] for call in training]
    if options is not None:
        # It may have been stopped between two calls, or a moment before it trained.
        train_as_planned(learner, options, done=calls)
    elif not calls:
        given, fix = f"{folder.path}, from Python, without a call that trains", "Start it again."
        raise RunError("The run was stopped before it trained.", given=given, fix=fix)
    if processes.leave():
        finish(learner, start=start, as_json=as_json)
