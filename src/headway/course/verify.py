"""What must hold of a lesson before a learner sees it: its questions, its exercises, and that every mutant is caught.

`headway course dev check` runs it. A lesson's exercises are checked just as a learner's are, in processes with limits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from headway.course import question_checks
from headway.course.claims import typed_numbers, unknown_claims, write_measured
from headway.course.exercise import Exercise, Mutant, exercises_of
from headway.course.guided import CellResult, run_all
from headway.course.lesson import Lesson, lesson_files, read
from headway.course.question_file import load
from headway.course.recorded import unrecorded, write_recorded
from headway.course.research import assignments_of, verify_assignment
from headway.course.run import CheckResult, Zygote, run_check
from headway.course.state import Log
from headway.course.workspace import Workspace
from headway.errors import DataError

__all__ = ["verify_exercise", "verify_exercises", "verify_lesson", "verify_questions"]

SPEED_FACTOR = 2.0
"""Half of the limits of a machine that was not measured is what the exercise says."""
TRAINS_SECONDS = 20.0
"""Exercises that may take longer train something: their solutions run once unless all is checked."""
MIN_STUB_MUTANTS = 4
NUM_ASSIGNMENTS = 3
QUICK_SLACK = 2.0
"""A lesson that runs in its quick form may miss its claims by so many times their tolerance."""
MARK = "Write it here"
"""What the learner's file says where something is to be written."""


def verify_lesson(
    lesson: int, *, quick: bool = False, full: bool = False, say: Callable[[str], object] = lambda _: None
) -> list[str]:
    """What is wrong with a lesson, a sentence each; empty if nothing is.

    Args:
        lesson: The lesson's number.
        quick: Run the lesson in its quick form too, with claims that may be twice as far away; nothing is written.
        full: Run the lesson too, and write what it measures; all solutions in three seeds and other settings; the
            references of its assignments, which must pass, and lazy answers, which must not.
        say: Called with what is about to be checked.

    Raises:
        ConfigError: If there is no such lesson.
        DataError: If a file cannot be read.
    """
    text = read(lesson)
    problems = [f"lesson {lesson}, {problem}" for problem in (*typed_numbers(text), *unknown_claims(text))]
    say(f"lesson {lesson}: questions")
    problems += verify_questions(text)
    problems += verify_exercises(lesson, full=full, say=say)
    num_assignments = len(assignments_of(lesson))
    if num_assignments != NUM_ASSIGNMENTS:
        problems.append(f"lesson {lesson} has {num_assignments} assignments, of {NUM_ASSIGNMENTS}")
    problems += [f"lesson {lesson}, {problem}" for problem in unrecorded(text)]
    if quick:
        say(f"lesson {lesson}: all cells, in their quick form")
        problems += _quickly(text)
    if full:
        say(f"lesson {lesson}: further research")
        with tempfile.TemporaryDirectory(prefix="headway-verify-") as folder, Zygote() as zygote:
            for one in assignments_of(lesson):
                wrong = verify_assignment(one, folder=Path(folder), zygote=zygote)
                problems += [f"{one.id}: {problem}" for problem in wrong]
        say(f"lesson {lesson}: all cells")
        problems += _measured(text)
    return problems


def verify_questions(lesson: Lesson) -> list[str]:
    """What is wrong with a lesson's questions."""
    questions = load(lesson.id)
    every = [question.id for number in lesson_files() for question in load(number)]
    own = tuple(problem for problem in question_checks.check_ids(every) if problem.startswith(f"{lesson.id}."))
    return [*question_checks.check(lesson, questions), *own]


def verify_exercises(
    lesson: int | str, *, full: bool = False, say: Callable[[str], object] = lambda _: None
) -> list[str]:
    """What is wrong with the exercises of a lesson, or of the primer."""
    exercises = exercises_of(lesson)
    anchors = {section.anchor for section in read(lesson).sections} if isinstance(lesson, int) else set()
    problems = [] if exercises else [f"lesson {lesson} has no exercise"]
    if isinstance(lesson, int):
        missing = {"stub", "repair", "catch"} - {one.kind for one in exercises}
        problems += [f"lesson {lesson} has no exercise of the kind {kind}" for kind in sorted(missing)]
    with Zygote() as zygote:
        for one in exercises:
            say(f"exercise {one.id} {one.title}: {len(one.mutant)} mutants")
            problems += [f"{one.id}: {problem}" for problem in verify_exercise(one, zygote=zygote, full=full)]
            if isinstance(lesson, int) and one.section not in anchors:
                problems.append(f"{one.id}: no section has the anchor {one.section}")
    return problems


def verify_exercise(exercise: Exercise, *, zygote: Zygote | None = None, full: bool = False) -> Iterator[str]:
    """What is wrong with one exercise: its texts, its start, its solution, its mutants."""
    yield from _texts(exercise)
    start = _checked(exercise, exercise.start, zygote)
    # Code to repair may crash where it is called, but not where it is read.
    crashes = start.state == "crashed" and exercise.kind == "repair" and start.failure is None
    if start.state != "not yet" and not crashes:
        reason = start.failure or (start.first_failure.failure if start.first_failure else None)
        yield f"the file as the learner gets it is {start.state}: {reason.came if reason else 'every case passes'}"
    is_short = exercise.seconds <= TRAINS_SECONDS
    for seed in range(3) if full or is_short else range(1):
        result = _checked(exercise, exercise.solution, zygote, seed=seed)
        yield from _unsolved(result, f"the solution with seed {seed}")
        if result.seconds > exercise.seconds * SPEED_FACTOR / 2:
            yield f"the solution takes {result.seconds:.1f} s, more than half of its limit"
    if full:
        if exercise.kind != "catch":
            # A learner's test catches by `assert`, which -O takes out.
            yield from _unsolved(_checked(exercise, exercise.solution, None, optimize=True), "the solution with -O")
        result = _checked(exercise, exercise.solution, zygote, dtype="float64")
        yield from _unsolved(result, "the solution with float64 as the default dtype")
    for mutant in exercise.mutant:
        yield from _uncaught(exercise, mutant, zygote)


def _texts(exercise: Exercise) -> Iterator[str]:
    if len(exercise.hints) < 2:
        yield f"{len(exercise.hints)} hints, of 2 or more"
    if exercise.kind != "repair" and MARK not in exercise.start:
        yield f'the learner\'s file does not say "{MARK}"'
    if exercise.kind == "stub" and len(exercise.mutant) < MIN_STUB_MUTANTS:
        yield f"{len(exercise.mutant)} mutants, of {MIN_STUB_MUTANTS} or more"
    shown = {line.strip() for line in exercise.start.splitlines()}
    lines = {line.strip() for line in exercise.solution.splitlines()} - shown
    for number, hint in enumerate(exercise.hints, start=1):
        # A short line, such as `else:`, gives nothing away.
        given_away = sorted(line for line in lines if len(line) > 15 and line in hint)
        yield from (f"hint {number} has a line of the solution: {line}" for line in given_away)


def _checked(
    exercise: Exercise,
    text: str,
    zygote: Zygote | None,
    *,
    seed: int = 0,
    dtype: str = "",
    optimize: bool = False,
) -> CheckResult:
    with tempfile.TemporaryDirectory(prefix="headway-verify-") as folder:
        return run_check(
            text,
            file=Path(folder) / f"{exercise.name}.py",
            check_file=exercise.check_file,
            folder=Path(folder),
            brings=exercise.brings,
            limits=exercise.limits(SPEED_FACTOR),
            zygote=zygote,
            seed=seed,
            dtype=dtype,
            optimize=optimize,
            sees_folder=exercise.kind == "make",
        )


def _unsolved(result: CheckResult, subject: str) -> Iterator[str]:
    if result.state != "solved":
        first = result.first_failure
        failure = result.failure or (first.failure if first else None)
        case = f' in the case "{first.name}"' if first else ""
        yield f"{subject} is {result.state}{case}: {failure.came if failure else 'no case ran'}"


def _uncaught(exercise: Exercise, mutant: Mutant, zygote: Zygote | None) -> Iterator[str]:
    name = f"the mutant {mutant.replace!r}"
    try:
        text = mutant.of(exercise.solution)
    except DataError as error:
        yield str(error).replace("\n", " ")
        return
    result = _checked(exercise, text, zygote)
    failed = [one.name for one in result.cases if one.failure]
    if result.state == "solved":
        yield f"{name} is caught by no case"
    elif mutant.caught_by not in failed:
        came = ", ".join(failed) or (result.failure.came if result.failure else "nothing")
        yield f'{name} is not caught by "{mutant.caught_by}", but by: {came}'


def _quickly(lesson: Lesson) -> list[str]:
    """Runs a lesson's quick form; what went wrong, its claims within a wider tolerance."""
    try:
        quick = lesson.quick()
    except DataError as error:
        return [f"lesson {lesson.id}: {error}".replace("\n", " ")]
    with tempfile.TemporaryDirectory(prefix="headway-verify-") as folder:
        return _faults(lesson, _run(quick, Path(folder)), slack=QUICK_SLACK)


def _measured(lesson: Lesson) -> list[str]:
    """Runs a lesson as a learner does, and writes what its claims came to; what went wrong."""
    with tempfile.TemporaryDirectory(prefix="headway-verify-") as folder:
        results = _run(lesson, Path(folder), figures="svg")
        claims = results[-1].claims if results else ()
        if claims and all(claim.fine for claim in claims):
            write_measured(lesson.id, claims)
        if not any(result.error for result in results):
            write_recorded(lesson, results, learner=Path(folder))
        return _faults(lesson, results)


def _run(lesson: Lesson, folder: Path, *, figures: Literal["png", "svg"] = "png") -> list[CellResult]:
    workspace = Workspace(folder)
    workspace.open_lesson(lesson.id)
    file = folder / lesson_files()[lesson.id].name
    return list(run_all(lesson, file=file, log=Log(folder), figures=figures))


def _faults(lesson: Lesson, results: Sequence[CellResult], *, slack: float = 1.0) -> list[str]:
    """What went wrong where a lesson ran: errors, figures that nothing describes, claims that are too far away."""
    faults = []
    for result in results:
        if result.error:
            faults.append(f"line {result.line}: {result.error.strip().splitlines()[-1]}")
        if result.figures and not result.alt:
            faults.append(f"line {result.line}: a figure without a sentence that says what it shows")
    claims = results[-1].claims if results else ()
    faults += [str(claim) for claim in claims if claim.problem(slack=slack)]
    return [f"lesson {lesson.id}, {fault}" for fault in faults]
