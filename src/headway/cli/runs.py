"""`headway runs`: what was trained so far, side by side."""

from __future__ import annotations

import json
import math
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import typer

from headway.system.terminal import echo, echo_table

__all__ = ["runs"]


def runs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of all runs.")] = Path("runs"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line per run.")] = False,
) -> None:
    """List the runs in a folder: grouped by metric, best first."""
    from headway.runs.run import list_runs

    rows = []
    for run in list_runs(folder):
        # A folder that somebody else has filled need not hold what a run writes.
        try:
            row = _row(run.path.name, run.config, run.report)
            rows.append((_rank(row), row))
        except (KeyError, TypeError, ValueError, AttributeError):
            echo(f"{run.path}: passed over, as its files are not a run's", err=True)
    rows = [row for _, row in sorted(rows, key=itemgetter(0))]
    if as_json:
        for row in rows:
            echo(json.dumps(row))
        return
    if not rows:
        echo(f"No runs in {folder}. Start one: headway train DATA")
        return
    metrics = {row["metric"] for row in rows if row["metric"]}
    title = f"{metrics.pop()} on valid" if len(metrics) == 1 else "on valid"
    table = [(row["run"], row["arch"], f"{row['items']} items", _shown(row, title), row["verdict"]) for row in rows]
    echo_table(["run", "model", "data", title, "verdict"], table)


def _row(name: str, config: dict[str, Any], report: dict[str, Any] | None) -> dict[str, Any]:
    row = {"run": name, "arch": config["settings"]["arch"], "items": config["data"]["items"]}
    if report is None:
        return row | {"metric": None, "value": None, "low": None, "high": None, "verdict": ""}
    metric = report["metric"]
    row |= {"metric": metric, **report["parts"]["valid"]["metrics"][metric], "verdict": report["verdict"]["kind"]}
    return row | {name: report[name] for name in ("higher_is_better", "is_share")}


def _rank(row: dict[str, Any]) -> tuple[str, float]:
    if row["value"] is None:
        # Behind every metric's name.
        return ("~", math.inf)
    # Grouped by metric, since an accuracy and an error in years have no common order.
    return (str(row["metric"]), float(-row["value"] if row["higher_is_better"] else row["value"]))


def _shown(row: dict[str, Any], title: str) -> str:
    if row["value"] is None:
        return "unfinished" if row["metric"] is None else "not known"
    from headway.judge.intervals import Estimate

    value, low, high = (math.nan if row[end] is None else row[end] for end in ("value", "low", "high"))
    name = "" if title.startswith(row["metric"]) else f"{row['metric']} "
    score = Estimate(value, low, high)
    return name + score.format(3 if row["is_share"] else score.digits)
