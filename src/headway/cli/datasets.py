"""`headway datasets`: the data sets that have a name, and fetching one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headway.system.terminal import echo, echo_table

if TYPE_CHECKING:
    from headway.datasets.catalogue import NamedData

__all__ = ["datasets"]

datasets = typer.Typer(help="List the named data sets; `fetch NAME` downloads one.", add_completion=False)


@datasets.callback(invoke_without_command=True)
def _list(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line per data set.")] = False,
) -> None:
    """List the named data sets; `fetch NAME` downloads one."""
    if context.invoked_subcommand is not None:
        return
    from headway.datasets.named import CATALOGUE

    rows = [_row(data) for data in CATALOGUE.values()]
    if as_json:
        for row in rows:
            echo(json.dumps(row))
        return
    table = []
    for row in rows:
        size = f"{row['download_bytes'] / 1e6:,.0f} MB" if row["files"] else "none"
        facts = row["name"], row["what"], f"{row['items']:,}", str(row["classes"]), size, row["licence"]
        table.append([*facts, "yes" if row["folder"] else ""])
    echo_table(["name", "what", "items", "classes", "download", "licence", "here"], table)
    echo("Fetch one with: headway datasets fetch NAME")


@datasets.command(epilog="Example:\nheadway datasets fetch mnist")
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name in the list.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Download, verify and unpack a data set; print its folder, for `headway train`."""
    from headway.datasets.catalogue import entry
    from headway.datasets.named import fetch as fetch_data

    data = entry(name)
    with _progress() as tell:
        folder = fetch_data(name, on_progress=tell)
    echo(json.dumps(_row(data)) if as_json else str(folder))


def _row(data: NamedData) -> dict[str, Any]:
    from headway.datasets.named import find

    folder = find(data.name)
    facts = ("name", "what", "items", "classes", "download_bytes", "licence", "page", "source")
    row = {fact: getattr(data, fact) for fact in facts}
    return row | {"files": [asdict(file) for file in data.files], "folder": str(folder) if folder else None}


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on the standard error, so that the standard output is the folder and nothing else."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def tell(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step)
            bars.update(tasks[step], completed=done, total=total)

        yield tell
