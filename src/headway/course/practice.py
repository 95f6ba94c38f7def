"""Working on an exercise: checks, hints and the solution, what is written down of them, and what is said."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from headway.course.exercise import Exercise, code_hash, state_now
from headway.course.lesson import read
from headway.course.run import CaseResult, CheckResult, Failure, Zygote, run_check
from headway.course.state import Event, ExerciseState, fold
from headway.course.workspace import Workspace
from headway.errors import ConfigError
from headway.system.files import write_whole
from headway.why.failure import forget

__all__ = ["attempt", "explain", "measure_speed", "next_hint", "solution_of", "speed_factor", "states"]

TRIES_BEFORE_SOLUTION = 2
REFERENCE_SECONDS = 0.12
"""What the work of `measure_speed` takes on the authors' machine."""
UNMEASURED = 2.0
"""Limits are generous on a machine that `headway course doctor` has not measured."""


def attempt(workspace: Workspace, exercise: Exercise, *, zygote: Zygote | None = None) -> CheckResult:
    """Checks the learner's file of an exercise, and writes down how it went.

    Raises:
        ConfigError: If the file is missing.
    """
    text = workspace.text(exercise)
    result = run_check(
        text,
        file=workspace.exercise_file(exercise),
        check_file=exercise.check_file,
        folder=workspace.folder,
        brings=exercise.brings,
        limits=exercise.limits(speed_factor(workspace.folder)),
        zygote=zygote,
        sees_folder=exercise.kind == "make",
        saves_failure=True,
    )
    if result.state == "solved":
        forget(workspace.exercise_file(exercise))
    # To look at the text of a file that nobody has touched yet is no try.
    if code_hash(text) != code_hash(workspace.start(exercise)):
        failed = result.first_failure
        answer = {"case": failed.name} if failed else None
        workspace.log.append(_event("exercise", exercise, result.state, answer=answer, hash=code_hash(text)))
    return result


def next_hint(workspace: Workspace, exercise: Exercise) -> tuple[int, str]:
    """The number of the next hint, from 1, and its text; the last one again once all were shown."""
    count = fold(workspace.log.read()).exercise(exercise.id).hints
    number = min(count, len(exercise.hints) - 1)
    if count < len(exercise.hints):
        workspace.log.append(_event("hint", exercise, str(number + 1)))
    return number + 1, exercise.hints[number]


def solution_of(workspace: Workspace, exercise: Exercise, *, give_up: bool) -> str:
    """The authors' solution, for who has solved the exercise; or who gives up after two tries, which is written down.

    Raises:
        ConfigError: If it is not solved, and `give_up` is False or there were fewer tries.
    """
    progress = fold(workspace.log.read()).exercise(exercise.id)
    if progress.state not in ("solved", "seen"):
        tries = progress.failed_checks
        if not give_up or tries < TRIES_BEFORE_SOLUTION:
            more = f"headway course solution {exercise.id} --give-up"
            change = f"Change {exercise.name}.py, then try it: headway course check {exercise.id}"
            fix = f"Run: {more}" if tries >= TRIES_BEFORE_SOLUTION else change
            what = "The solution is shown once you have solved the exercise, or after two tries if you give up."
            raise ConfigError(what, given=f"{exercise.id} after {tries} {'try' if tries == 1 else 'tries'}", fix=fix)
        workspace.log.append(_event("solution", exercise, "seen"))
    return exercise.solution


def _event(kind: str, exercise: Exercise, outcome: str, *, answer: object = None, hash: str = "") -> Event:
    return Event(kind=kind, id=exercise.id, outcome=outcome, answer=answer, hash=hash, version=version("headway"))


def states(workspace: Workspace, exercises: tuple[Exercise, ...]) -> dict[str, ExerciseState]:
    """The state of each exercise now, by its id; those whose file is missing are untouched."""
    progress = fold(workspace.log.read())
    found: dict[str, ExerciseState] = {}
    for one in exercises:
        start = workspace.start(one)
        text = workspace.text(one) if workspace.exercise_file(one).exists() else start
        found[one.id] = state_now(progress.exercise(one.id), text, start)
    return found


def explain(result: CheckResult, exercise: Exercise) -> Iterator[str]:
    """What a check says, line by line. Only the first failure is explained: it is often the cause of the others."""
    total = len(result.cases) + len(result.waiting)
    passed = sum(one.failure is None for one in result.cases)
    count = f", {passed} of {total} cases pass" if total and not result.failure else ""
    yield f"{exercise.id} {exercise.title}: {result.state}{count}"
    for one in result.cases:
        yield f"  {'passes' if one.failure is None else 'not yet':8} {one.name}"
        if one is result.first_failure:
            yield from _explained(one, exercise)
        elif one.said and one.failure is None:
            yield from (f"           {line}" for line in one.said.splitlines())
    for name in result.waiting:
        yield f"  {'waits':8} {name}"
    if result.failure:
        yield from _parts(result.failure, exercise)
    if result.output.strip() and result.state != "solved":
        lines = result.output.rstrip().splitlines()
        yield "  Your code printed:"
        yield from (f"    {line}" for line in lines[:10])
        if len(lines) > 10:
            yield f"    and {len(lines) - 10} more lines"
    if result.state == "solved":
        yield exercise.after


def _explained(one: CaseResult, exercise: Exercise) -> Iterator[str]:
    assert one.failure is not None
    yield from _parts(one.failure, exercise)
    section = _section_title(exercise, one.section or exercise.section)
    if section:
        yield f'    {"Read:":9}the section "{section}" of lesson {exercise.lesson}'


def _parts(failure: Failure, exercise: Exercise) -> Iterator[str]:
    came = failure.came
    if failure.line:
        came += f" (line {failure.line} of {exercise.name}.py)"
    parts = {
        "Wanted:": failure.asked,
        "Called:": failure.given.strip(),
        "Error:" if failure.line else "Came:": came,
        "Meaning:": failure.meaning,
    }
    yield from (f"    {name:9}{text}" for name, text in parts.items() if text)
    # One frame is the line that was named already.
    if failure.frames.count("  File ") > 1:
        yield from (f"      {line}" for line in failure.frames.rstrip().splitlines())


def _section_title(exercise: Exercise, anchor: str) -> str:
    try:
        sections = read(int(exercise.lesson)).sections
    except (ValueError, ConfigError):
        return ""
    return next((section.title for section in sections if section.anchor == anchor), "")


def speed_factor(folder: Path) -> float:
    """How many times slower than the authors' this machine is, from 1 to 6, by `headway course doctor`; else 2."""
    try:
        factor = json.loads((folder / ".headway" / "machine.json").read_text())["speed_factor"]
        return min(6.0, max(1.0, float(factor)))
    except (OSError, ValueError, KeyError, TypeError):
        return UNMEASURED


def measure_speed(folder: Path) -> float:
    """Measures the speed of this machine, keeps it in the learner's folder, and returns the factor."""
    import numpy as np

    # Half in Python, half in NumPy, as exercises are.
    matrix = np.ones((256, 256), dtype=np.float32)
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        sum(number * number for number in range(600_000))
        for _ in range(40):
            matrix.dot(matrix)
        # The best of three: whatever else the machine does can only make it slower.
        best = min(best, time.perf_counter() - start)
    factor = round(min(6.0, max(1.0, best / REFERENCE_SECONDS)), 2)
    write_whole(folder / ".headway" / "machine.json", json.dumps({"speed_factor": factor}).encode())
    return factor
