"""`headway generate`: the text that a language model writes, as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headway.system.terminal import echo

__all__ = ["generate"]


def generate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file of a language model.")],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What the text begins with.")] = "",
    *,
    max_tokens: Annotated[int, typer.Option(metavar="N", help="Tokens to write at most.")] = 200,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="Below 1: likely tokens are likelier; 0: always the likeliest.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(metavar="K", help="Draw from the K likeliest tokens alone; 0 for all.")] = 0,
    top_p: Annotated[
        float, typer.Option(metavar="P", help="Draw from the likeliest tokens of this probability alone.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed writes the same text.")] = 0,
) -> None:
    """Write the text that follows a prompt, with a model that was trained with --kind next_token."""
    from headway.bundle.predictor import load

    sampling = {"max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    pieces = load(bundle).generate(prompt, **sampling)
    echo(prompt, lines=True, end="")
    for piece in pieces:
        echo(piece, lines=True, end="")
    echo()
