"""`headway course`: the course on this computer, marked here and without a network.

One file a subject. Each command imports what it needs when it runs, so `--help` and `headway course` are quick.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["course"]

course = typer.Typer(help="Take the course: lessons, questions and exercises, marked on this computer.")


@course.callback(invoke_without_command=True)
def _overview(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take the course: lessons, questions and exercises, marked on this computer."""
    if context.invoked_subcommand is not None:
        return
    folder = Path(os.environ.get("HEADWAY_COURSE") or Path.home() / "headway-course")
    if as_json:
        print(json.dumps({"folder": str(folder), "started": folder.is_dir()}))
        return
    print(f"Your course: {folder}" if folder.is_dir() else f"Your course will be kept in {folder}.")
