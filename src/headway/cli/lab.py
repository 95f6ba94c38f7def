"""`headway lab`: is a picture of the data a good idea? The same rows as pictures, and by the native method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.data_options import (
    Decimal,
    Encoding,
    InputColumns,
    KindName,
    LabelSeparator,
    Limits,
    Missing,
    Separator,
    SplitColumn,
    TargetColumn,
    ValidShare,
    check_fields,
    local,
    open_data,
)
from headway.system.terminal import echo

__all__ = ["lab"]


def lab(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", callback=local, help="A folder or a table, as for `headway train`."),
    ],
    *,
    representations: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="native, recurrence plot, spectrogram ... Default: all that there are."),
    ] = None,
    input: InputColumns = None,
    target: TargetColumn = None,
    kind: KindName = None,
    limits: Limits = None,
    missing: Missing = None,
    label_separator: LabelSeparator = None,
    split_column: SplitColumn = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    valid: ValidShare = 0.2,
    arch: Annotated[str, typer.Option(metavar="NAME", help="Photo network for the pictures.")] = "efficientnet_lite0",
    side: Annotated[int, typer.Option(metavar="PIXELS", help="Side of the pictures.")] = 96,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Epochs of the photo network's fine-tuning; 0 trains only its head.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed.")] = 0,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="The page with the table and pictures for the eye.")
    ] = Path("lab.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Compare pictures of series, recordings, bytes or rows with the native method, on the same rows."""
    options = {key: value for key, value in locals().items() if key not in ("representations", "output", "as_json")}
    options |= {"data": str(data.absolute()), "near_copies": "keep", "size": None}
    check_fields(data, options)
    from headway.lab import compare
    from headway.train.progress import make_progress

    progress = make_progress()
    items = open_data(options, on_progress=lambda done, total: progress.count("reading", done, total))
    names = [name.strip() for name in representations.split(",")] if representations else None
    report = compare(items, names, arch=arch, size=side, epochs=epochs, seed=seed, tell=progress.tell)
    echo(f"\n{report}\n", lines=True)
    echo(f"page: {report.save(output)}")
    if as_json:
        echo(json.dumps(report.to_json() | {"page": str(output)}))
