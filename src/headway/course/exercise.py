"""Exercises: what their files say, which one is meant, and the state of the learner's file.

An exercise is a folder: `exercise.py`, which the learner gets, `solution.py`, `check.py` and `exercise.toml`. Other
files beside them are there when it is checked.
"""

from __future__ import annotations

import ast
import hashlib
import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from headway.course.run import Limits
from headway.course.state import ExerciseProgress, ExerciseState
from headway.errors import ConfigError, DataError, did_you_mean

__all__ = [
    "Exercise",
    "Mutant",
    "code_hash",
    "exercises_of",
    "find_exercise",
    "lesson_name",
    "lessons",
    "load",
    "state_now",
]

FOLDER = Path(__file__).parent / "exercises"
_OWN_FILES = ("exercise.py", "solution.py", "check.py", "exercise.toml", "__pycache__")

ExerciseKind = Literal["stub", "repair", "catch", "make"]
"""A stub is completed; code that is subtly broken is repaired; a test is written that catches broken code; something of
one's own is made."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A solution with one fault, and the case of the check that must catch it.

    Attributes:
        find: Text that the solution has once.
        replace: What stands there instead.
        caught_by: Name of the case that fails.
    """

    find: str
    replace: str
    caught_by: str

    def of(self, solution: str) -> str:
        """The solution with the fault.

        Raises:
            DataError: If the text to replace is not there once.
        """
        count = solution.count(self.find)
        # Twice is as wrong as never: which of the two is the fault would be chance.
        if count != 1 or self.find == self.replace:
            given = f"find={self.find!r}, which solution.py has {count} times"
            raise DataError(
                "A mutant must replace a text that the solution has once.", given=given, fix="Change `find`."
            )
        return solution.replace(self.find, self.replace)


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise.

    Attributes:
        id: The lesson, a dot and a number: "1.2".
        title: What the learner reads first.
        kind: What there is to do.
        lesson: The lesson's number, or "primer".
        section: Anchor of the lesson's section that it belongs to.
        minutes: How long it takes.
        hints: From a question to nearly the solution.
        after: What to notice once it is solved.
        folder: Where its files are.
        seconds: What a check may take on the authors' machine.
        memory: What a check may use beyond torch itself, such as "1.5 GiB".
        mutant: Faults that the check must catch.
    """

    id: str
    title: str
    kind: ExerciseKind
    lesson: int | str
    section: str
    minutes: int
    hints: list[str]
    after: str
    folder: Path
    seconds: float = 20.0
    memory: str = "1.5 GiB"
    mutant: tuple[Mutant, ...] = ()

    @property
    def name(self) -> str:
        """The name of its folder and of the learner's file: "1_share_right"."""
        return self.folder.name

    @property
    def start(self) -> str:
        """What the learner's file holds at first."""
        return (self.folder / "exercise.py").read_text(encoding="utf-8")

    @property
    def solution(self) -> str:
        """The authors' solution."""
        return (self.folder / "solution.py").read_text(encoding="utf-8")

    @property
    def check_file(self) -> Path:
        """Its `check.py`."""
        return self.folder / "check.py"

    @property
    def brings(self) -> list[Path]:
        """Files that are beside the learner's when it is checked."""
        return sorted(path for path in self.folder.iterdir() if path.name not in _OWN_FILES)

    def limits(self, speed_factor: float = 1.0) -> Limits:
        """What a check may use on a machine of this speed."""
        return Limits(seconds=self.seconds, memory_bytes=memory_bytes(self.memory), speed_factor=speed_factor)


def load(folder: Path) -> Exercise:
    """Reads the exercise in a folder.

    Raises:
        DataError: If a field of `exercise.toml` is missing, unknown or not of its type; the text names file and field.
    """
    file = folder / "exercise.toml"
    where = f"{folder.parent.name}/{folder.name}/exercise.toml"
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{where} cannot be read.", given=error, fix="Write it as TOML.") from None
    mutants = tuple(
        _built(Mutant, one, f"{where}, mutant {n}") for n, one in enumerate(table.pop("mutant", []), start=1)
    )
    exercise = _built(Exercise, table | {"folder": folder, "mutant": mutants}, where)
    if exercise.kind not in get_args(ExerciseKind):
        fix = did_you_mean(exercise.kind, get_args(ExerciseKind))
        raise DataError(f"{where}: `kind` is unknown.", given=f'kind="{exercise.kind}"', fix=fix)
    memory_bytes(exercise.memory)
    return exercise


def _built(kind: type, table: dict[str, Any], where: str) -> Any:
    known = {one.name: one for one in fields(kind)}
    for name in table:
        if name not in known:
            raise DataError(f"{where}: unknown field.", given=name, fix=did_you_mean(name, known.keys() - {"folder"}))
    for name, one in known.items():
        if name not in table and one.default is MISSING:
            raise DataError(f"{where}: `{name}` is missing.", given=", ".join(table), fix=f"Add `{name}`: {one.type}.")
        expected = _TYPES.get(str(one.type))
        if name in table and expected and not isinstance(table[name], expected):
            given = f"{name} = {table[name]!r}"
            raise DataError(f"{where}: `{name}` has the wrong type.", given=given, fix=f"Write it as {one.type}.")
    return kind(**table)


_TYPES: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "int | str": (int, str), "list[str]": list}


def memory_bytes(text: str) -> int:
    """Bytes from a text such as "1.5 GiB" or "300 MiB".

    Raises:
        DataError: If it is no such text.

    Example:
        >>> memory_bytes("1.5 GiB")
        1610612736
    """
    match = re.fullmatch(r"([\d.]+) ([MG])iB", text)
    if not match:
        raise DataError("`memory` must be a number of MiB or GiB.", given=text, fix='Write it as "1.5 GiB".')
    return int(float(match[1]) * {"M": 2**20, "G": 2**30}[match[2]])


def lesson_name(lesson: int | str) -> str:
    """How the files of a lesson begin: "01" for lesson 1, "primer" for the primer."""
    return f"{int(lesson):02}" if str(lesson).isdecimal() else str(lesson)


def lessons() -> list[str]:
    """Lessons that have exercises, as ids begin: "1", "2", "primer"."""
    names = (
        sorted(path.name for path in FOLDER.iterdir() if any(path.glob("*/exercise.toml"))) if FOLDER.is_dir() else []
    )
    return [str(int(name)) if name.isdecimal() else name for name in names]


@cache
def exercises_of(lesson: int | str) -> tuple[Exercise, ...]:
    """The exercises of a lesson, in order; none where it has none."""
    folder = FOLDER / lesson_name(lesson)
    exercises = [load(file.parent) for file in folder.glob("*/exercise.toml")]
    return tuple(sorted(exercises, key=lambda one: int(one.id.rpartition(".")[2])))


def find_exercise(text: str) -> Exercise:
    """The exercise that a learner means: by its id, by its name, or by a path of the file.

    Raises:
        ConfigError: If there is none.
    """
    every = [one for lesson in lessons() for one in exercises_of(lesson)]
    name, parent = Path(text).stem, Path(text).parent.name
    for one in every:
        if text == one.id or (name == one.name and parent in ("", f"{lesson_name(one.lesson)}_exercises")):
            return one
    fix = did_you_mean(text, [one.id for one in every])
    raise ConfigError("There is no such exercise.", given=text, fix=fix)


def code_hash(text: str) -> str:
    """A hash that stays the same while only comments and layout change; of the text itself where it is not Python.

    Example:
        >>> code_hash("x = 1  # one") == code_hash("x=1")
        True
    """
    try:
        text = ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        text = f"not Python: {text}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def state_now(progress: ExerciseProgress, text: str, start: str) -> ExerciseState:
    """The state of an exercise, from what was done and what the file holds now.

    Args:
        progress: What the log says.
        text: The learner's file.
        start: What the file held at first.
    """
    if progress.state == "solved":
        return "solved" if code_hash(text) == progress.solved_hash else "changed since solved"
    if progress.state == "seen":
        return "seen"
    if code_hash(text) == code_hash(start):
        return "untouched"
    return progress.state if progress.state != "untouched" else "not yet"
