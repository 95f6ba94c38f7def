"""`headway drift`: do the inputs in a server's log still look like the validation data?"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from headway.system.terminal import echo

__all__ = ["drift"]


def drift(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The model.headway file that was served.")],
    logs: Annotated[
        list[Path],
        typer.Argument(metavar="LOG", help="Folders that serve --log wrote to, one a replica, or files in them."),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check for drift: do logged requests still look like the validation data?"""
    from headway.bundle.predictor import load
    from headway.serve.drift import compare
    from headway.serve.monitor import read_log

    model = load(bundle)
    reference, noun = model.manifest.get("reference"), model.input.nouns
    # Once, however often a folder is named.
    entries = chain.from_iterable(read_log(log) for log in dict.fromkeys(path.resolve() for path in logs))
    comparison = compare(reference, entries, labels=model.labels, noun=noun)
    echo(json.dumps(comparison.to_json()) if as_json else comparison, lines=True)
