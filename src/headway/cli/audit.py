"""`headway audit`: what is wrong with data, before a single step of training."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.data_options import DataPath, Seed, read_data
from headway.system.terminal import echo

__all__ = ["audit"]


def audit(
    context: typer.Context,
    data: DataPath,
    *,
    seed: Seed = 0,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where audit.html and audit.json go. Default: audits/NAME.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Look for leaks, shortcuts, wrong labels and poor items in data, before training."""
    from headway.audit.build import audit_data, write_files

    items, progress = read_data(context.obj, data, seed=seed)
    name = re.sub(r"[^\w.-]+", "-", Path(data).resolve().stem).strip(".") or "data"
    folder = output or Path("audits") / name
    judged = audit_data(
        items, name=name, folder=str(folder), seed=seed, tell=lambda check: progress.tell(f"checking {check}")
    )
    folder.mkdir(parents=True, exist_ok=True)
    judged.save(folder / "audit.json")
    write_files(judged, items, folder)
    page = judged.save(folder / "audit.html")
    sheet = folder / "sheet.md"
    # Somebody may have filled it in.
    if not sheet.exists():
        sheet.write_text(items.sheet(), encoding="utf-8")
    if as_json:
        echo(json.dumps(judged.to_json()))
    else:
        echo(f"{judged}\n", lines=True)
        echo(f"audit: {page}")
        echo(f"data sheet, with blanks to fill: {sheet}")
    if open_page:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
