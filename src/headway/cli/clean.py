"""`headway clean`: a page to look through what an audit suspects, and to decide on it."""

from __future__ import annotations

import getpass
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.data_options import DataPath, Seed, read_data
from headway.system.terminal import echo

__all__ = ["clean"]


def clean(
    context: typer.Context,
    data: DataPath,
    *,
    author: Annotated[str | None, typer.Option(metavar="NAME", help="Who decides. Default: the user's name.")] = None,
    seed: Seed = 0,
    port: Annotated[int, typer.Option(metavar="N", help="Port; 0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and open no page.")] = False,
) -> None:
    """Look through suspected labels, copies and poor items in the browser. The first --decisions file is written to."""
    from headway.audit.build import audit_data
    from headway.clean.app import create_app
    from headway.clean.desk import Desk
    from headway.serve.server import serve_app

    # All items: the page shows what was decided of them before. The file may not be there yet.
    items, progress = read_data(replace(context.obj, decisions=None), data, seed=seed)
    audit = audit_data(items, seed=seed, tell=lambda check: progress.tell(f"checking {check}"))
    file, *others = map(Path, context.obj.decisions or ["decisions.jsonl"])
    desk = Desk(items, audit, file=file, author=author or getpass.getuser(), others=others)

    def show(address: str) -> None:
        if as_json:
            echo(json.dumps({"address": address, "decisions": str(file)}))
            return
        echo(f"page:  {address}\nDecisions go to {file}\nCtrl-C stops it.", lines=True)
        if browser:
            import webbrowser

            webbrowser.open(address)

    serve_app(lambda on_start: create_app(desk, on_start=on_start), port=port, on_ready=show)
