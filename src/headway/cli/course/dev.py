"""`headway course dev check`: for authors, whether a lesson keeps its promises."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Literal

import typer

__all__ = ["dev"]


def dev(
    action: Annotated[Literal["check"], typer.Argument(metavar="check", help="What to do.")],
    lesson: Annotated[int, typer.Argument(metavar="N", help="The lesson. 0: all of them.")] = 0,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Run the lesson too and write what it measures; try solutions in more ways.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """For authors: check a lesson's questions, exercises and mutants. The exit status is 1 where something is wrong."""
    from headway.course.lesson import lesson_files
    from headway.course.verify import verify_lesson

    problems = []
    for number in [lesson] if lesson else list(lesson_files()):
        problems += verify_lesson(number, full=full, say=lambda text: print(text, file=sys.stderr, flush=True))
    if as_json:
        print(json.dumps({"action": action, "problems": problems}))
    else:
        for problem in problems:
            print(problem)
        print(f"{len(problems)} problems")
    if problems:
        raise typer.Exit(1)
