"""`headway course quiz`, `review` and `progress`: questions asked and marked, and what a learner has done so far."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headway.cli.course.lessons import LESSON
from headway.system.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headway.course.questions import Question
    from headway.course.state import Log

__all__ = ["progress", "quiz", "review"]

PLAIN = typer.Option("--plain", help="No colours, no single keys: for screen readers and pipes.")


def quiz(
    lesson: Annotated[int, LESSON],
    *,
    key: Annotated[bool, typer.Option("--key", help="Ask only the few key questions.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Ask all of them again.")] = False,
    plain: Annotated[bool, PLAIN] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Questions, keys included, and marks as JSON lines; answers are read from the input."
        ),
    ] = False,
) -> None:
    """Answer a lesson's questions. Each is marked and explained at once; q stops, and you go on from there later."""
    from headway.course.lesson import read
    from headway.course.question_file import load
    from headway.course.quiz import ask_as_json, key_questions, remaining, start_again
    from headway.course.state import Log, course_folder

    title = read(lesson).title
    log = Log(course_folder())
    questions = key_questions(load(lesson)) if key else list(load(lesson))
    if again:
        start_again(lesson, log)
    left = remaining(questions, log.read())
    if as_json:
        ask_as_json(left, log=log, source="quiz")
        return
    from headway.course.terminal import Terminal

    terminal = Terminal(plain=plain)
    if not left:
        terminal.line(f"All {len(questions)} questions of lesson {lesson} are answered.")
        terminal.line("They come back in: headway course review")
        terminal.line(f"All of them now: headway course quiz {lesson} --again")
        return
    terminal.line(f"Lesson {lesson}: {title}", "bold")
    done = len(questions) - len(left)
    titles = [f"Question {done + number} of {len(questions)}" for number in range(1, len(left) + 1)]
    if _ask(left, titles, log, terminal, "quiz") < len(left):
        terminal.line(f"Go on with: headway course quiz {lesson}{' --key' if key else ''}")
    else:
        terminal.line("That was the last one. They come back in: headway course review")


def review(
    *,
    minutes: Annotated[float, typer.Option(help="Stop after so many minutes; the question begun is finished.")] = 10,
    plan: Annotated[
        Literal["fsrs", "fixed"], typer.Option(help="When questions come back: FSRS, or after 1, 3, 7, 21, 60 days.")
    ] = "fsrs",
    plain: Annotated[bool, PLAIN] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Questions, keys included, and marks as JSON lines; answers are read from the input."
        ),
    ] = False,
) -> None:
    """Answer the questions that are due, of all sections that you have reached, at most 20 a day."""
    from headway.course.quiz import ask_as_json
    from headway.course.review import due, next_due
    from headway.course.state import Log, course_folder

    log = Log(course_folder())
    events = log.read()
    questions = [card.question for card in due(events, plan=plan)]
    if as_json:
        ask_as_json(questions, log=log, source="review")
        return
    from headway.course.terminal import Terminal

    terminal = Terminal(plain=plain)
    if questions:
        titles = [f"Review {number} of {len(questions)}" for number in range(1, len(questions) + 1)]
        _ask(questions, titles, log, terminal, "review", minutes=minutes)
    left = len(due(log.read(), plan=plan)) if questions else 0
    coming = next_due(log.read(), plan=plan)
    if left:
        terminal.line("There is more for today, whenever you like: headway course review")
    elif coming is not None:
        more = "more " if questions else ""
        terminal.line(f"Nothing {more}is due today. The next question comes on {coming.astimezone():%A %d %B}.")
    else:
        terminal.line("Nothing is due. Questions come here once you have read their sections.")
        terminal.line("Start with: headway course run 1")


def _ask(
    questions: Sequence[Question],
    titles: Sequence[str],
    log: Log,
    terminal: Any,
    source: str,
    *,
    minutes: float = float("inf"),
) -> int:
    """Asks until the questions, the learner or the time come to an end; how many were answered."""
    from collections import Counter

    from headway.course.quiz import ask
    from headway.course.terminal import EndOfAnswersError

    events = log.read()
    learner = events[0].time if events else ""
    counts = Counter(event.id for event in events if event.kind in ("question", "recall"))
    start, marks = time.monotonic(), []
    for question, title in zip(questions, titles, strict=True):
        if time.monotonic() - start > 60 * minutes:
            break
        terminal.line()
        try:
            attempt = counts[question.id] + 1
            mark = ask(question, terminal, log=log, title=title, learner=learner, attempt=attempt, source=source)
        except EndOfAnswersError:
            terminal.line()
            break
        marks.append(mark)
    right = sum(mark.right for mark in marks)
    terminal.line()
    terminal.line(f"Answered now: {len(marks)}. All right: {right}.")
    return len(marks)


def progress(
    *,
    export: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it to a file, for a teacher.")] = None,
    with_answers: Annotated[bool, typer.Option("--with-answers", help="Export what you answered, too.")] = False,
    import_: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Add what the course's pages saved, or an export.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what you have done: cells, questions, exercises and research of each lesson."""
    from headway.course import overview
    from headway.course.state import Log, course_folder

    log = Log(course_folder())
    if import_ is not None:
        count = overview.import_progress(import_, log)
        echo(f"Added {count} answers.", err=as_json)
    if export is not None:
        overview.export_progress(export, log, with_answers=with_answers)
        echo(f"Wrote {export}.", err=as_json)
    lessons = overview.lessons(log.read())
    if as_json:
        print(json.dumps({"lessons": lessons}))
    elif export is None and import_ is None:
        for line in overview.table(lessons):
            echo(line)
        if primer := overview.primer_line(log.read()):
            echo(primer)
