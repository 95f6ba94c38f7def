"""`headway drift`: has the world moved since the model was judged?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["drift"]


def drift(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The model.headway file that was served.")],
    log: Annotated[Path, typer.Argument(metavar="LOG", help="The folder that serve --log wrote to, or a file of it.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Compare what a server was asked with what its model was judged on, and say whether the world has moved."""
    from headway.bundle.format import read_bundle
    from headway.serve.drift import compare
    from headway.serve.monitor import read_log

    manifest = read_bundle(bundle).manifest
    found = compare(manifest.get("reference"), read_log(log), labels=manifest["target"].get("labels", ()))
    typer.echo(json.dumps(found.to_json()) if as_json else str(found))
