"""`headway compare`: two runs on the items that both may be judged by, such as before and after cleaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from headway.cli.data_options import AcceptChanges
from headway.system.terminal import echo

__all__ = ["compare"]


def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a run, such as runs/before.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="Folder of the run beside it, such as runs/cleaned.")],
    *,
    part: Annotated[Literal["valid", "test"], typer.Option(metavar="PART", help="valid or test.")] = "valid",
    accept_changes: AcceptChanges = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare two runs on the items that both have, with a paired interval; what decisions changed is left out."""
    from headway.learner.comparison import compare_runs
    from headway.learner.learner import Learner

    learners = [Learner.resume(run, accept_changes=accept_changes, progress=False) for run in (first, second)]
    compared = compare_runs(learners[0], learners[1], part=part)
    echo(json.dumps(compared.to_json()) if as_json else compared.sentence)
