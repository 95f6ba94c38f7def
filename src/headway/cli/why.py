"""`headway why`: what went wrong, why, and the line to change."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from headway.why.failure import Failure

__all__ = ["why"]


def why(
    script: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCRIPT", help="Python script to run and explain, with its arguments behind it."),
    ] = None,
    *,
    run: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Folder of a run: explain what its report found wrong.")
    ] = None,
    question: Annotated[
        bool, typer.Option("--question", help="Write a question to post: error, code, shapes, versions.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Explain a failure: of a script, of a traceback on standard input, of a run, or the last one.

    Exit status 1: something is wrong.
    """
    if run is not None:
        _explain_run(run, as_json=as_json)
        return
    failure = _failure(script or [])
    if failure is None:
        print("No failure is saved. Run: headway why script.py")
        return
    from headway.why.match import explain
    from headway.why.question import question as written

    explanations = explain(failure)
    if as_json:
        values = {"failure": failure.to_json(), "explanations": [one.to_json() for one in explanations]}
        print(json.dumps(values))
    elif question:
        print(written(_readable(failure)))
    else:
        from headway.why.show import show

        readable = _readable(failure)
        print(show(readable, explain(readable), colour=_colour()))
    if failure.type or explanations:
        raise typer.Exit(1)


def _readable(failure: Failure) -> Failure:
    """The failure without what would steer the terminal: names, labels and messages can come from data."""
    from headway.system.terminal import visible
    from headway.why.failure import from_json

    def readable(value: Any) -> Any:
        if isinstance(value, dict):
            return {readable(key): readable(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [readable(item) for item in value]
        return visible(value, lines=True) if isinstance(value, str) else value

    return from_json(readable(failure.to_json()))


def _explain_run(run: Path, *, as_json: bool) -> None:
    from headway.why.match import explain_run

    explanations = explain_run(run)
    if as_json:
        print(json.dumps({"run": str(run), "explanations": [one.to_json() for one in explanations]}))
    else:
        from headway.why.show import show_run

        print(show_run(run, explanations, colour=_colour()))
    if explanations:
        raise typer.Exit(1)


def _failure(script: Sequence[str]) -> Failure | None:
    """From the script, from standard input, or the last one that was saved."""
    from headway.why.failure import load, save

    if script and script[0] != "-":
        from headway.why.script import run_script

        failure = run_script(Path(script[0]), script[1:])
        # A script that ends well must not hide the failure before it.
        if failure.type:
            save(failure)
        return failure
    text = sys.stdin.read() if script or _is_piped() else ""
    if not text.strip():
        return load()
    from headway.why.paste import parse_traceback

    return parse_traceback(text)


def _is_piped() -> bool:
    """Whether something is sent to standard input. Under a scheduler it is neither that nor a terminal."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
