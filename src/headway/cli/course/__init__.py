"""`headway course`: the course on this computer, marked here and without a network.

One file a subject. Each command imports what it needs when it runs, so `--help` and `headway course` are quick.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.course.collect import collect
from headway.cli.course.dev import dev
from headway.cli.course.doctor import doctor
from headway.cli.course.exercises import check, hint, reset, solution, update, watch
from headway.cli.course.lessons import open_lesson, run
from headway.cli.course.questions import progress, quiz, review
from headway.cli.course.research import research
from headway.cli.course.site import site
from headway.system.terminal import echo

if TYPE_CHECKING:
    from headway.course.review import Due
    from headway.course.state import Event

__all__ = ["course", "show_overview"]

course = typer.Typer(help="Take the course: lessons, questions and exercises, marked on this computer.")


@course.callback(invoke_without_command=True)
def _overview(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take the course: lessons, questions and exercises, marked on this computer."""
    if context.invoked_subcommand is None:
        show_overview(as_json=as_json)


def show_overview(*, as_json: bool = False) -> None:
    """Shows where the learner is, what is due, and the one thing to do next."""
    from headway.course.overview import lessons, next_step, primer_line
    from headway.course.state import Log, course_folder

    folder = course_folder()
    events = Log(folder).read()
    rows = lessons(events)
    # New questions wait for a review; nothing of them is forgotten yet.
    num_due = sum(card.since is not None for card in _due(events))
    sentence, command = next_step(rows, num_due)
    if as_json:
        print(json.dumps({"folder": str(folder), "due": num_due, "next": f"headway course {command}", "lessons": rows}))
        return
    opened = [row for row in rows if row["cells_run"] or row["questions_answered"] or row["opened"]]
    verb = "is" if folder.is_dir() else "will be"
    echo(f"Your course {verb} in {folder}.")
    for row in opened:
        print(
            f"  Lesson {row['lesson']}: {row['cells_run']} of {row['cells']} cells run, {row['questions_answered']} of "
            f"{row['questions']} questions answered, {row['exercises_solved']} of {row['exercises']} exercises solved"
        )
    if num_due and command != "review":
        print(f"Questions to review today: {num_due}, with headway course review")
    if not opened:
        print("New to Python? Twelve short exercises first: headway course open primer")
    elif primer := primer_line(events):
        print(primer)
    print(f"{sentence}: headway course {command}")


def _due(events: list[Event]) -> list[Due]:
    # Who has answered nothing has nothing to review, and what finds it takes a third of the time.
    if not any(event.kind in ("question", "recall") for event in events):
        return []
    from headway.course.review import due

    return due(events)


# The commands by subject, each with examples that end its `--help`.
COMMANDS = {
    "Read": {
        run: ("headway course run 1", "headway course run 1 --all"),
        open_lesson: ("headway course open 1", "headway course open primer", "headway course open 1 --with vscode"),
        site: ("headway course site --open", "headway course site --output pages --serve"),
    },
    "Practise": {
        check: ("headway course check 1.1", "headway course check --all"),
        watch: ("headway course watch",),
        hint: ("headway course hint 1.1",),
        solution: ("headway course solution 1.1",),
        reset: ("headway course reset 1.1",),
        research: ("headway course research 1.F1", "headway course research 1.F1 --check"),
    },
    "Your folder": {
        collect: ("headway course collect 1",),
        update: ("headway course update",),
        doctor: ("headway course doctor",),
        dev: ("headway course dev check 1", "headway course dev check --full"),
    },
    "Answer": {
        quiz: ("headway course quiz 1", "headway course quiz 1 --key"),
        review: ("headway course review --minutes 10",),
        progress: ("headway course progress", "headway course progress --export ada.json"),
    },
}

for subject, commands in COMMANDS.items():
    for command, examples in commands.items():
        name = command.__name__.removesuffix("_lesson")
        course.command(name, rich_help_panel=subject, epilog="\n".join(("Example:", *examples)))(command)
