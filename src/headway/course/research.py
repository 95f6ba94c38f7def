"""Further research: what a lesson leaves for a learner to find out, checked as far as a machine can, and a rubric.

`research/01.toml` has a lesson's assignments. Beside it lie, for each, a check as exercises have one, a reference that
passes it, and a lazy answer, which has the form that is asked for and does none of the work: one named case catches it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from headway.course.exercise import memory_bytes
from headway.course.run import CheckResult, Limits, Zygote, run_check
from headway.errors import ConfigError, DataError, did_you_mean

__all__ = ["Assignment", "assignments_of", "check_assignment", "find_assignment", "template", "verify_assignment"]

FOLDER = Path(__file__).parent / "research"


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One assignment.

    Attributes:
        id: The lesson, a dot and F with a number: "1.F1".
        title: What it is about.
        folder: The folder of its check, below that of its lesson.
        hours: How long it takes.
        text: What is to be done, and what the learner's file must hold.
        lazy_caught_by: The case of the check in which the lazy answer fails.
        rubric: What is worth 0 to 2 points each, by the learner's or a teacher's judgement.
        seconds: What a check may take on the authors' machine.
        memory: What a check may use beyond torch itself, such as "1.5 GiB".
    """

    id: str
    title: str
    folder: str
    hours: int
    text: str
    lazy_caught_by: str
    rubric: list[str]
    seconds: float = 60.0
    memory: str = "1.5 GiB"

    @property
    def files(self) -> Path:
        """Where its check lies."""
        return FOLDER / f"{int(self.id.partition('.')[0]):02}" / self.folder

    @property
    def file_name(self) -> str:
        """How the learner's file is called: "1_F1.py"."""
        return f"{self.id.replace('.', '_')}.py"


@cache
def assignments_of(lesson: int) -> tuple[Assignment, ...]:
    """The assignments of a lesson, in order; none where it has none yet.

    Raises:
        DataError: If the file is not as it must be.

    Example:
        >>> [one.id for one in assignments_of(1)]
        ['1.F1', '1.F2', '1.F3']
    """
    file = FOLDER / f"{lesson:02}.toml"
    if not file.exists():
        return ()
    try:
        return tuple(Assignment(**table) for table in tomllib.loads(file.read_text(encoding="utf-8"))["assignment"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise DataError(f"research/{file.name} cannot be read.", given=error, fix="Correct the file.") from None


def find_assignment(id: str) -> Assignment:
    """An assignment by its id.

    Raises:
        ConfigError: If there is none.
    """
    lesson = id.partition(".")[0]
    known = assignments_of(int(lesson)) if lesson.isdecimal() else ()
    for one in known:
        if one.id.lower() == id.lower():
            return one
    fix = did_you_mean(id, [one.id for one in known]) if known else "Ids look like 1.F1."
    raise ConfigError("There is no such assignment.", given=id, fix=fix)


def template(assignment: Assignment) -> str:
    """What a learner's file begins with: the assignment, and a line of the rubric each for the points."""
    rubric = "\n".join(f"- {line}\n  Points:" for line in assignment.rubric)
    return (
        f'"""{assignment.id}: {assignment.title}\n\n{assignment.text.strip()}\n\n'
        f'Worth 0 to 2 points each:\n{rubric}\n"""\n'
    )


def check_assignment(
    assignment: Assignment,
    file: Path,
    *,
    folder: Path,
    zygote: Zygote | None = None,
    speed_factor: float = 1.0,
    saves_failure: bool = False,
) -> CheckResult:
    """Checks a learner's file, in a process of its own.

    Args:
        assignment: What it answers.
        file: The learner's file.
        folder: The learner's course folder.
        zygote: A process to fork; default: a new process.
        speed_factor: How many times slower than the authors' this machine is.
        saves_failure: Save the first failure for `headway why`.

    Raises:
        ConfigError: If the file is missing.
    """
    if not file.is_file():
        fix = f"Write your answer into {file.name} there."
        raise ConfigError(f"There is no answer to {assignment.id} yet.", given=f"{file} is missing", fix=fix)
    memory = memory_bytes(assignment.memory)
    limits = Limits(seconds=assignment.seconds, memory_bytes=memory, speed_factor=speed_factor)
    text, check_file = file.read_text(encoding="utf-8"), assignment.files / "check.py"
    return run_check(
        text,
        file=file,
        check_file=check_file,
        folder=folder,
        limits=limits,
        zygote=zygote,
        # Its models and tables lie there: an answer may need hours of training, which no check repeats.
        sees_folder=True,
        saves_failure=saves_failure,
    )


def verify_assignment(assignment: Assignment, *, folder: Path, zygote: Zygote | None = None) -> Iterator[str]:
    """What is wrong with an assignment: a reference that fails its check, or a lazy answer that passes."""
    if len(assignment.rubric) < 2:
        yield f"{len(assignment.rubric)} lines in the rubric, of 2 or more"
    files = (assignment.files / f"{name}.py" for name in ("reference", "lazy"))
    reference, lazy = (
        check_assignment(assignment, file, folder=folder, zygote=zygote, speed_factor=2.0) for file in files
    )
    if reference.state != "solved":
        first = reference.first_failure
        failure = reference.failure or (first.failure if first else None)
        yield f"reference.py is {reference.state}: {f'{failure.asked} {failure.came}' if failure else 'no case ran'}"
    # A check that a lazy answer passes would grade nothing; one that finds a slip in its form first proves nothing.
    failed = [one.name for one in lazy.cases if one.failure]
    if lazy.state != "not yet" or assignment.lazy_caught_by not in failed:
        came = ", ".join(failed) or (lazy.failure.came if lazy.failure else "nothing")
        yield f'lazy.py is {lazy.state}, not caught by "{assignment.lazy_caught_by}" but by: {came}'
