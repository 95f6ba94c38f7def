"""`headway course dev check`: for authors, whether a lesson keeps its promises."""

from __future__ import annotations

import functools
import json
import sys
from typing import Annotated, Literal

import typer

__all__ = ["dev"]

NUM_PROCESSES = 2
"""Lessons that are checked at the same time: each one checks its exercises one after the other."""


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

    names = [lesson] if lesson else [*map(str, lesson_files()), *(name for name in lessons() if not name.isdecimal())]
    verify = functools.partial(_problems, quick=quick and not full, full=full)
    if full or len(names) == 1:
        # What --full writes has the seconds of each cell: they are those of a machine that does nothing else.
        problems_by_lesson = [verify(name) for name in names]
    else:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        # Processes and not threads: questions run their code with an output of their own, which threads would share.
        with ProcessPoolExecutor(NUM_PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
            problems_by_lesson = list(pool.map(verify, names))
    problems = [problem for lesson_problems in problems_by_lesson for problem in lesson_problems]
    if as_json:
        print(json.dumps({"action": action, "problems": problems}))
    else:
        for problem in problems:
            print(problem)
        print(f"{len(problems)} problems")
    if problems:
        raise typer.Exit(1)


def _problems(name: str, *, quick: bool, full: bool) -> list[str]:
    """What is wrong with a lesson or the primer, in this process."""
    from headway.course.verify import verify_exercises, verify_lesson

    if name.isdecimal():
        return verify_lesson(int(name), quick=quick, full=full, say=_say)
    return verify_exercises(name, full=full, say=_say)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
