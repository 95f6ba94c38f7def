"""`headway course research`: an assignment, its rubric, and a check of the answer."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from headway.system.terminal import echo

__all__ = ["research"]


def research(
    id: Annotated[str, typer.Argument(metavar="ID", help="The assignment, such as 1.F1.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Check your file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show an assignment for further research with its rubric, and begin a file for it; or check your answer."""
    from dataclasses import asdict

    from headway.course.research import check_assignment, find_assignment, template
    from headway.course.state import Event, Log, course_folder
    from headway.system.files import write_whole

    assignment = find_assignment(id)
    folder = course_folder()
    file = folder / "research" / assignment.file_name
    if not check:
        if not file.exists():
            write_whole(file, template(assignment).encode())
        if as_json:
            print(json.dumps(asdict(assignment) | {"file": str(file)}))
            return
        rubric = "\n".join(f"- {line}" for line in assignment.rubric)
        print(f"{assignment.id}: {assignment.title} (about {assignment.hours} hours)\n\n{assignment.text}")
        echo(
            f"Worth 0 to 2 points each, by your own judgement or a teacher's:\n{rubric}\n\nYour file: {file}",
            lines=True,
        )
        print(f"Check it: headway course research {assignment.id} --check")
        return
    result = check_assignment(assignment, file, folder=folder, saves_failure=True)
    Log(folder).append(Event(kind="research", id=assignment.id, outcome=result.state))
    if as_json:
        print(json.dumps({"id": assignment.id, **asdict(result)}))
    for one in () if as_json else result.cases:
        print(f"{'passes' if one.failure is None else 'not yet'}: {one.name}")
        if one.failure:
            parts = {"Wanted: ": one.failure.asked, "Came:   ": one.failure.came, "": one.failure.meaning}
            echo("\n".join(f"  {name}{text}" for name, text in parts.items() if text), lines=True)
    if result.failure and not as_json:
        echo(f"{result.state}: {result.failure.asked} {result.failure.came}")
    if result.state != "solved":
        raise typer.Exit(1)
    if not as_json:
        print(f"The check passes. The rubric is yours: headway course research {assignment.id}")
