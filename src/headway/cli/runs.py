"""`headway runs`: what was trained so far, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["runs"]


def runs(
    folder: Annotated[Path, typer.Argument(help="The folder of all runs.")] = Path("runs"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line a run.")] = False,
) -> None:
    """List the runs of a folder, the best first."""
    from headway.train.run import list_runs

    found = [_row(run.path.name, run.config, run.report) for run in list_runs(folder)]
    found.sort(key=lambda row: -(row["accuracy"] or 0))
    if as_json:
        for row in found:
            print(json.dumps(row))
        return
    if not found:
        print(f"There are no runs in {folder}. Make one with: headway train DATA")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("run", "model", "data", "accuracy on valid", "verdict")
    for row in found:
        accuracy = (
            "unfinished" if row["accuracy"] is None else f"{row['accuracy']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"
        )
        table.add_row(row["run"], row["arch"], f"{row['items']} items", accuracy, row["verdict"])
    Console().print(table)


def _row(name: str, config: dict[str, Any], report: dict[str, Any] | None) -> dict[str, Any]:
    row = {"run": name, "arch": config["settings"]["arch"], "items": config["data"]["items"]}
    if report is None:
        return row | {"accuracy": None, "low": None, "high": None, "verdict": ""}
    accuracy = report["parts"]["valid"]["metrics"]["accuracy"]
    estimate = {"accuracy": accuracy["value"], "low": accuracy["low"], "high": accuracy["high"]}
    return row | estimate | {"verdict": report["verdict"]["kind"]}
