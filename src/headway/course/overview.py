"""What a learner has done and what comes next: for `headway course`, `headway course progress` and its export."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import Any

from headway.course.lesson import lesson_files, read
from headway.course.state import Event, Log, fold
from headway.errors import ConfigError, DataError

__all__ = ["export_progress", "ids_in", "import_progress", "lessons", "next_step", "primer_line", "table"]

FORMAT = "headway course progress 1"
COURSE = Path(__file__).parent
EXERCISES = COURSE / "exercises"


def lessons(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Each lesson's progress: what was done, out of how much; marks of the machine and of the learner apart."""
    progress = fold(events)
    rows = []
    for number in lesson_files():
        lesson, own = read(number), progress.lesson(str(number))
        cells = sum(cell.is_code for cell in lesson.cells)
        # The log may know questions that are retired.
        ids = ids_in(COURSE / "questions" / f"{number:02}.toml")
        exercises = [folder.name for folder in (EXERCISES / f"{number:02}").glob("[0-9]*_*")]
        states = [exercise.state for exercise in own.exercises.values()]
        rows.append(
            {
                "lesson": number,
                "title": lesson.title,
                "opened": own.opened,
                "cells_run": len(own.cells),
                "cells": cells,
                "questions_answered": len(ids & own.questions.keys()),
                "questions": len(ids),
                "marked": own.share(self_marked=False),
                "self_marked": own.share(self_marked=True),
                "exercises_solved": states.count("solved"),
                "exercises_seen": states.count("seen"),
                "exercises": len(exercises),
                "research": own.research,
                "research_solved": list(own.research.values()).count("solved"),
                "assignments": len(ids_in(COURSE / "research" / f"{number:02}.toml")),
            }
        )
    return rows


def ids_in(file: Path) -> set[str]:
    """The ids that a file of questions or assignments has; none where there is no such file yet.

    By their lines alone: to read and check all questions takes longer than all else that `headway course` does.
    """
    return set(re.findall(r'^id = "(.+)"$', file.read_text(encoding="utf-8"), re.MULTILINE)) if file.exists() else set()


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The lessons as lines of a terminal, 80 columns wide."""
    yield f"{'lesson':24}{'cells':>8}{'questions':>11}{'marked':>8}{'by you':>8}{'exercises':>11}{'research':>10}"
    for row in rows:
        title = shorten(f"{row['lesson']} {row['title']}", 23, placeholder=" ...")
        shares = [f"{row[name]:.2f}" if row[name] is not None else "" for name in ("marked", "self_marked")]
        cells = f"{row['cells_run']}/{row['cells']}"
        answered = f"{row['questions_answered']}/{row['questions']}"
        solved = f"{row['exercises_solved']}/{row['exercises']}"
        research = f"{row['research_solved']}/{row['assignments']}"
        yield f"{title:24}{cells:>8}{answered:>11}{shares[0]:>8}{shares[1]:>8}{solved:>11}{research:>10}"
    if any(row["marked"] is not None or row["self_marked"] is not None for row in rows):
        yield "Marks are means from 0 to 1: marked by the program; by you, of answers in your own words."
    seen = sum(row["exercises_seen"] for row in rows)
    if seen:
        yield f"Exercises whose solution was looked at first: {seen}, not counted as solved."


def primer_line(events: Sequence[Event]) -> str:
    """How far the primer is; "" where nothing of it was tried."""
    states = [exercise.state for exercise in fold(events).lesson("P").exercises.values()]
    count = len(list((EXERCISES / "primer").glob("[0-9]*_*")))
    return f"Primer: {states.count('solved')} of {count} exercises solved" if states else ""


def next_step(rows: Sequence[dict[str, Any]], num_due: int) -> tuple[str, str]:
    """The one thing to do next, as a sentence and a command."""
    for row in rows:
        number = row["lesson"]
        # A lesson's own order: what was read is asked, what was asked is practised.
        if row["cells_run"] < row["cells"]:
            begun = row["cells_run"] > 0
            return ("Go on with" if begun else "Start with") + f" lesson {number}, {row['title']}", f"run {number}"
        if row["questions_answered"] < row["questions"]:
            return f"Answer the questions of lesson {number}", f"quiz {number}"
        if row["exercises_solved"] + row["exercises_seen"] < row["exercises"]:
            return f"Solve the exercises of lesson {number}", "watch"
    if num_due:
        return "Answer the questions that are due", "review"
    return "All lessons are done; their further research is open", "progress"


def export_progress(file: Path, log: Log, *, with_answers: bool = False) -> None:
    """Writes events without answers, each with a hash of all before it: an edit by accident shows, fraud need not."""
    chain, rows = "", []
    for event in log.read():
        row = asdict(event)
        if not with_answers and isinstance(row["answer"], dict):
            # Marks stay; what a learner wrote is nobody else's without being asked for.
            row["answer"] = {key: value for key, value in row["answer"].items() if key not in ("answer", "text")}
        elif not with_answers:
            row["answer"] = None
        chain = _link(chain, row)
        rows.append(row | {"chain": chain})
    text = json.dumps({"format": FORMAT, "events": rows}, ensure_ascii=False, indent=1)
    try:
        file.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        fix = "Choose a file that can be written."
        raise ConfigError("The progress cannot be written.", given=f"{file}: {error.strerror}", fix=fix) from None


def import_progress(file: Path, log: Log) -> int:
    """Adds the events of an export, or of the course's pages, that the log does not have yet; how many.

    Raises:
        DataError: If the file is no export, or was changed after it was written.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        rows = [dict(row) for row in data["events"]]
        valid = data["format"] == FORMAT
        chain, chained = "", []
        for row in rows:
            chained.append(row.pop("chain", None))
            chain = _link(chain, row)
            # Pages write no chain.
            valid &= chained[-1] in (None, chain)
        events = [Event(**row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        events, valid = [], False
    if not valid:
        fix = "Export it again: headway course progress --export FILE, or copy the progress from the course's pages."
        raise DataError("The file holds no progress, or was changed.", given=str(file), fix=fix)
    # Events have no number of their own; two of one kind on one thing in one millisecond are the same one.
    known = {(event.time, event.kind, event.id) for event in log.read()}
    new = [event for event in events if (event.time, event.kind, event.id) not in known]
    if new:
        log.append(*new)
    return len(new)


def _link(chain: str, row: dict[str, Any]) -> str:
    import hashlib

    # Sorted, as another program may write the keys of a row in another order.
    text = json.dumps(row, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(f"{chain}\n{text}".encode()).hexdigest()[:16]
