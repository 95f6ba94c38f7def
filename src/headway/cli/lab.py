"""`headway lab`: is a picture of the data a good idea? The same rows as pictures, and by the native method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.data_options import DataPath, Seed, read_data
from headway.system.terminal import echo

__all__ = ["lab"]


def lab(
    context: typer.Context,
    data: DataPath,
    *,
    representations: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="native, recurrence plot, spectrogram ... Default: all that there are."),
    ] = None,
    arch: Annotated[str, typer.Option(metavar="NAME", help="Photo network for the pictures.")] = "efficientnet_lite0",
    side: Annotated[int, typer.Option(metavar="PIXELS", help="Side of the pictures.")] = 96,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Epochs of the photo network's fine-tuning; 0 trains only its head.")
    ] = None,
    seed: Seed = 0,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="The page with the table and pictures for the eye.")
    ] = Path("lab.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Compare pictures of series, recordings, bytes or rows with the native method, on the same rows."""
    from headway.lab import compare

    items, progress = read_data(context.obj, data, seed=seed)
    names = [name.strip() for name in representations.split(",")] if representations else None
    report = compare(items, names, arch=arch, size=side, epochs=epochs, seed=seed, tell=progress.tell)
    echo(f"\n{report}\n", lines=True)
    echo(f"page: {report.save(output)}")
    if as_json:
        echo(json.dumps(report.to_json() | {"page": str(output)}))
