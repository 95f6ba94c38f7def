"""The command line: one file a command. Each command imports what it needs when it runs, so `--help` is quick."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from headway.cli.demo import demo
from headway.cli.evaluate import evaluate
from headway.cli.predict import predict
from headway.cli.runs import runs
from headway.cli.train import train
from headway.errors import HeadwayError

__all__ = ["app", "main"]

app = typer.Typer(
    name="headway",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("headway"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Deep learning for coders: train, judge and use a model of your own photos."""


for command in (demo, train, evaluate, predict, runs):
    app.command()(command)


def main() -> None:
    """Runs the command; an error made on purpose is shown without a traceback and gives exit status 2."""
    try:
        app()
    except HeadwayError as error:
        print(f"headway: {error}", file=sys.stderr)
        sys.exit(2)
