"""`headway course dev check`: for authors, whether a lesson keeps its promises."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Literal

import typer

__all__ = ["dev"]


def dev(
    action: Annotated[Literal["check"], typer.Argument(metavar="check", help="What to do.")],
    lesson: Annotated[str, typer.Argument(metavar="N", help="The lesson, or primer. Default: all of them.")] = "",
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Run the lesson too, with less to compute and wider tolerances.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Run the lesson too and write what it measures; try solutions in more ways.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """For authors: check a lesson's questions, exercises and mutants. The exit status is 1 where something is wrong."""
    from headway.course.exercise import lessons
    from headway.course.lesson import lesson_files
    from headway.course.verify import verify_exercises, verify_lesson

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    problems = []
    for name in (
        [lesson] if lesson else [*map(str, lesson_files()), *(name for name in lessons() if not name.isdecimal())]
    ):
        verified = (
            verify_lesson(int(name), quick=quick and not full, full=full, say=say)
            if name.isdecimal()
            else verify_exercises(name, full=full, say=say)
        )
        problems += verified
    if as_json:
        print(json.dumps({"action": action, "problems": problems}))
    else:
        for problem in problems:
            print(problem)
        print(f"{len(problems)} problems")
    if problems:
        raise typer.Exit(1)
