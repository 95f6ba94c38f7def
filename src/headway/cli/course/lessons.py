"""`headway course open` and `run`: a lesson as files to work with, and as a tour in the terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headway.system.files import read_file
from headway.system.terminal import echo

if TYPE_CHECKING:
    from pathlib import Path

    from headway.course.lesson import Lesson
    from headway.course.state import Log

__all__ = ["lesson_number", "open_lesson", "run"]


def lesson_number(text: str | int) -> int:
    """The number that an argument means.

    Raises:
        typer.BadParameter: If it is not a number.
    """
    if str(text).isdecimal():
        return int(text)
    from headway.course.lesson import lesson_files

    numbers = ", ".join(map(str, lesson_files()))
    more = " The primer has exercises alone: headway course open primer" if text == "primer" else ""
    raise typer.BadParameter(f"'{text}' is no lesson's number. Choose one of: {numbers}.{more}")


LESSON = typer.Argument(metavar="N", help="Number of the lesson.", parser=lesson_number)


def open_lesson(
    lesson: Annotated[str, typer.Argument(metavar="N", help="Number of the lesson, or primer.")],
    *,
    with_: Annotated[
        Literal["vscode", "jupyter", "nothing"], typer.Option("--with", help="The program to open it in.")
    ] = "nothing",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Copy a lesson and its exercises to your course folder; files that are there stay as they are.

    The primer is twelve short exercises in Python, for a start before lesson 1.
    """
    from headway.course.exercise import exercises_of
    from headway.course.lesson import lesson_files
    from headway.course.state import Event
    from headway.course.workspace import Workspace

    workspace = Workspace()
    new = workspace.open_lesson(lesson)
    is_lesson = lesson.isdecimal()
    file = workspace.folder / (lesson_files()[int(lesson)].name if is_lesson else f"{lesson}_exercises")
    if new and is_lesson:
        workspace.log.append(Event(kind="opened", id=f"{lesson}.lesson"))
    if with_ != "nothing":
        _start(with_, file, int(lesson) if is_lesson else None)
    if as_json:
        print(json.dumps({"lesson": str(file), "new": [str(path) for path in new]}))
        return
    for path in new:
        echo(f"Copied: {path}")
    if not is_lesson:
        echo(f"The exercises of the {lesson}: {file}")
        print(f"Solve one, and check it: headway course check {exercises_of(lesson)[0].id}")
        return
    echo(f"Lesson {lesson}: {file}")
    print(f"Read and run it here: headway course run {lesson}")


def _start(program: str, file: Path, lesson: int | None) -> None:
    """Opens a file in an editor, or says that there is none."""
    import subprocess

    from headway.course.doctor import editor
    from headway.course.lesson import read
    from headway.course.lesson_copy import read_copy
    from headway.course.notebook import write_notebook
    from headway.errors import ConfigError

    command = editor(program)
    if not command:
        fix = f"Install it, or open the file in any editor: {file}"
        raise ConfigError(f"The program `{program}` is not installed.", given=f"--with {program}", fix=fix)
    # Jupyter shows a Python file as text, without cells to run.
    shown = file
    if program == "jupyter" and lesson is not None:
        shown = write_notebook(read_copy(read(lesson), read_file(file).decode()), file)
    subprocess.Popen([command, str(shown)], stdin=subprocess.DEVNULL, start_new_session=True)


def run(
    lesson: Annotated[int, LESSON],
    *,
    all_cells: Annotated[bool, typer.Option("--all", help="Run every cell at once, and ask nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Begin with the first cell.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="No colours, no single keys: for screen readers and pipes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --all: print one JSON line per cell.")] = False,
) -> None:
    """Read and run a lesson in the terminal, from where you left. Exit status 1: a cell or a claim failed."""
    from headway.course import lesson as lessons
    from headway.course.lesson_copy import read_copy
    from headway.course.state import Event
    from headway.course.workspace import Workspace

    workspace = Workspace()
    if workspace.open_lesson(lesson):
        workspace.log.append(Event(kind="opened", id=f"{lesson}.lesson"))
    file = workspace.folder / lessons.lesson_files()[lesson].name
    own = read_copy(lessons.read(lesson), read_file(file).decode())
    if all_cells or as_json:
        raise typer.Exit(0 if _run_all(own, file, workspace.log, as_json) else 1)
    from headway.course.guided import guide
    from headway.course.terminal import Terminal

    guide(own, Terminal(plain=plain), file=file, log=workspace.log, start_again=again)


def _run_all(lesson: Lesson, file: Path, log: Log, as_json: bool) -> bool:
    from headway.course.guided import run_all

    results: list[Any] = []
    for result in run_all(lesson, file=file, log=log):
        results.append(result)
        if as_json:
            claims = [asdict(claim) | {"problem": claim.problem(), "fine": claim.fine} for claim in result.claims]
            print(json.dumps(asdict(result) | {"claims": claims}), flush=True)
        else:
            print(f"Cell at line {result.line}, {result.seconds:.1f} s")
            print(result.output + result.error, flush=True)
            if result.error:
                print("Explained: headway why", flush=True)
    return all(not result.error and all(claim.fine for claim in result.claims) for result in results)
