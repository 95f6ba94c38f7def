"""`--processes N`: a run's training in several processes, started and watched by torch's elastic agent."""

from __future__ import annotations

import logging
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from headway.errors import ConfigError
from headway.system.terminal import echo

__all__ = ["NumProcesses", "launch"]

NumProcesses = Annotated[
    int | None,
    typer.Option(
        "--processes",
        metavar="N",
        help="Train in so many processes on this machine; each batch is divided among them.",
        rich_help_panel="Machine",
    ),
]

# A process that was killed, by the system when memory ran out for instance, is not at fault; one that raises is.
MAX_RESTARTS = 3

# Of what a process said that is not the first one, the end is shown.
LINES_SHOWN = 30


def launch(arguments: Sequence[str], *, processes: int) -> None:
    """Runs `headway` with these arguments in so many processes, and again where one of them was killed.

    Ends this process with the status of the one that failed, where one did.

    Raises:
        ConfigError: If there is no such number of processes.
    """
    check_processes(processes)
    with tempfile.TemporaryDirectory() as folder:
        attempt, logs = 0, Path(folder)
        while failures := _run(arguments, processes, logs / str(attempt)):
            killed = [failure for failure in failures.values() if failure.exitcode < 0]
            if not killed or attempt == MAX_RESTARTS:
                sys.exit(_told(failures, logs / str(attempt)))
            attempt += 1
            killed_by = f"process {killed[0].local_rank} was killed (signal {-killed[0].exitcode})"
            echo(f"headway: {killed_by}; all start again ({attempt} of {MAX_RESTARTS}).", err=True)


def _told(failures: Mapping[int, Any], logs: Path) -> int:
    """Says what a process failed with, but the first one, which speaks for itself; gives its exit status."""
    failure = min(failures.values(), key=lambda failure: failure.timestamp)
    log = next(logs.glob(f"*/attempt_0/{failure.local_rank}/stderr.log"), None) if failure.local_rank else None
    if log is not None:
        lines = log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        echo("\n".join([f"headway: process {failure.local_rank} failed:", *lines]), err=True, lines=True)
    return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode


def check_processes(processes: int) -> None:
    """Raises a ConfigError unless a machine of this kind can have so many processes."""
    if processes < 1:
        what = "`--processes` must be at least 1."
        raise ConfigError(what, given=f"--processes {processes}", fix="Pass the number of accelerators, or 2.")
    if sys.platform == "win32":
        what = "Several processes are not available on Windows."
        raise ConfigError(what, given=f"--processes {processes}", fix="Use Linux, or WSL, or leave it out.")


def _run(arguments: Sequence[str], processes: int, logs: Path) -> dict[int, Any]:
    """What failed, by rank; nothing where all went well."""
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # It tells of every process that it ends; what matters is said here.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        # A free port of this machine.
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(str(logs), redirects=dict.fromkeys(range(1, processes), Std.ALL)),
    )
    try:
        elastic_launch(config, sys.executable)("-m", "headway", *arguments)
    except ChildFailedError as error:
        return error.failures
    except SignalException as error:
        # The processes have saved and said so.
        sys.exit(128 + error.sigval)
    return {}
