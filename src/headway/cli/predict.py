"""`headway predict`: a bundle's answer for each file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["predict"]


def predict(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The photos to answer for.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with every probability.")] = False,
) -> None:
    """Say what is in each file. Exit status 1 if any of them cannot be read."""
    from headway.bundle.predictor import load
    from headway.errors import ReadError

    failed = False
    for file, answer in zip(files, load(bundle).try_many(files), strict=True):
        if isinstance(answer, ReadError):
            failed = True
            if as_json:
                typer.echo(json.dumps({"file": str(file), "error": str(answer)}))
            else:
                typer.echo(f"{file}: {answer}", err=True)
        elif as_json:
            typer.echo(json.dumps({"file": str(file), **answer.to_json()}))
        else:
            others = [f"{label} {share:.1%}" for label, share in list(answer.probabilities.items())[1:2]]
            doubt = ", but unlike what the model was trained on" if answer.familiar is False else ""
            shown = "".join(f" ({other})" for other in others)
            typer.echo(f"{file}: {answer.label} {answer.score:.1%}{shown}{doubt}")
    if failed:
        raise typer.Exit(1)
