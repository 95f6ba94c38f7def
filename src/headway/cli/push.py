"""`headway push`: a bundle onto the Hugging Face hub, its card as the repository's page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from headway.system.terminal import echo

__all__ = ["push"]


def push(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    repo: Annotated[str, typer.Argument(metavar="USER/NAME", help="Repository; made where it is missing.")],
    *,
    public: Annotated[bool, typer.Option("--public", help="A new repository is for everybody to see.")] = False,
    license: Annotated[
        str | None, typer.Option(metavar="NAME", help="License of the model, such as apache-2.0.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Put a bundle on the Hugging Face hub. A repository that is made is private unless --public says otherwise."""
    from headway.bundle.push import push as push_bundle

    address = push_bundle(bundle, repo, is_public=public, license=license)
    if as_json:
        echo(json.dumps({"address": address}))
    else:
        echo(f'{address}: open it with hw.load("{address}"), or headway predict {address} FILE')
