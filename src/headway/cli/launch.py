"""`--processes N`: a run's training in several processes, started and watched by torch's elastic agent."""

from __future__ import annotations

import logging
import signal
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from headway.errors import ConfigError, RunError
from headway.system.files import read_file
from headway.system.terminal import echo

__all__ = ["NumProcesses", "Shard", "at_fault", "check_processes", "launch"]

NumProcesses = Annotated[
    int | None,
    typer.Option(
        "--processes",
        metavar="N",
        help="Train in so many processes on this machine; each batch is divided among them.",
        rich_help_panel="Machine",
    ),
]

Shard = Annotated[
    bool,
    typer.Option(
        "--shard",
        help="With --processes: divide gradients and the optimizer's state among them (FSDP).",
        rich_help_panel="Machine",
    ),
]

# A process that was killed, by the system when memory ran out for instance, is not at fault; one that raises is.
MAX_RESTARTS = 3

# The signals that torch's agent handles; by name, for Windows has not all of them.
HANDLED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")

# Of what a process said that is not the first one, the end is shown.
LINES_SHOWN = 30


def launch(arguments: Sequence[str], *, processes: int) -> None:
    """Runs `headway` with these arguments in so many processes, and again where one of them was killed.

    Ends this process with the status of the one that failed, where one did.

    Raises:
        RunError: If processes have lost one another.
    """
    with tempfile.TemporaryDirectory() as folder:
        attempt, logs = 0, Path(folder)
        while statuses := _run(arguments, processes, logs / str(attempt)):
            failed = at_fault(statuses)
            if failed is None:
                given = f"{processes} processes on this machine"
                fix = f"Look at its network (localhost). What was saved stays: headway {' '.join(arguments)}"
                raise RunError("The processes of this run cannot reach one another.", given=given, fix=fix)
            status = statuses[failed]
            if status >= 0 or attempt == MAX_RESTARTS:
                _tell(failed, logs / str(attempt))
                sys.exit(status if status >= 0 else 128 - status)
            attempt += 1
            cause = f"process {failed} was killed (signal {-status})"
            echo(f"headway: {cause}; all start again ({attempt} of {MAX_RESTARTS}).", err=True)


def at_fault(statuses: Mapping[int, int]) -> int | None:
    """Which of the processes that failed is the one to blame; below zero, an exit status is the signal that killed.

    One with an error of its own comes before one that was killed, and this one before those that were stopped, by
    whoever watches them or by a user. None where all of them only say that another one has ended.
    """
    from headway.train.distributed import OTHERS_ENDED

    stops = [number for signum in (signal.SIGINT, signal.SIGTERM) for number in (-signum, 128 + signum)]
    kinds = {
        "error": [rank for rank, status in statuses.items() if status > 0 and status not in (OTHERS_ENDED, *stops)],
        "killed": [rank for rank, status in statuses.items() if status < 0 and status not in stops],
        "stopped": [rank for rank, status in statuses.items() if status in stops],
    }
    return next((min(ranks) for ranks in kinds.values() if ranks), None)


def _tell(rank: int, logs: Path) -> None:
    """Says what a process failed with, unless it is the first one, which speaks for itself."""
    log = next(logs.glob(f"*/attempt_0/{rank}/stderr.log"), None) if rank else None
    if log is not None:
        lines = read_file(log).decode(errors="replace").splitlines()[-LINES_SHOWN:]
        echo("\n".join(lines), err=True, lines=True)


def check_processes(processes: int, *, shard: bool = False) -> None:
    """Raises a ConfigError unless a machine of this kind can have so many processes, and divide a model among them."""
    if processes < 1:
        what = "`--processes` must be at least 1."
        raise ConfigError(what, given=f"--processes {processes}", fix="Pass the number of accelerators, or 2.")
    if sys.platform == "win32":
        what = "Several processes are not available on Windows."
        raise ConfigError(what, given=f"--processes {processes}", fix="Use Linux, or WSL, or leave it out.")
    if shard:
        from headway.train.distributed import check_shard

        check_shard(processes)


def _run(arguments: Sequence[str], processes: int, logs: Path) -> dict[int, int]:
    """The exit statuses of those that failed, by rank; nothing where all went well."""
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # It tells of every process that it ends; what matters is said here.
    agent = logging.getLogger("torch.distributed.elastic")
    agent.addHandler(logging.NullHandler())
    agent.propagate = False
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
    # The agent sets handlers of these signals, and leaves them set.
    before = {number: signal.getsignal(number) for number in map(signal.Signals.__getitem__, HANDLED)}
    try:
        elastic_launch(config, sys.executable)("-m", "headway", *arguments)
    except ChildFailedError as error:
        return {rank: failure.exitcode for rank, failure in error.failures.items()}
    except SignalException as error:
        # The processes have saved and said so.
        sys.exit(128 + error.sigval)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return {}
