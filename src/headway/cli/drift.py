"""`headway drift`: do the inputs in a server's log still look like the validation data?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from headway.system.terminal import echo

__all__ = ["drift"]


def drift(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The model.headway file that was served.")],
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Folder that serve --log wrote to, or one file in it.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check for drift: do logged requests still look like the validation data?"""
    from headway.bundle.predictor import load
    from headway.serve.drift import compare
    from headway.serve.monitor import read_log

    model = load(bundle)
    reference, noun = model.manifest.get("reference"), model.input.nouns
    comparison = compare(reference, read_log(log), labels=model.labels, noun=noun)
    echo(json.dumps(comparison.to_json()) if as_json else comparison, lines=True)
