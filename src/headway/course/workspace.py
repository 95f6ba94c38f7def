"""The learner's folder: lessons and exercises are copied there, kept up to date, and never overwritten.

headway-course/
01_first_model.py               the lesson
01_exercises/1_share_right.py   its exercises
.headway/base/                  each file as it came: what the learner changed is the difference
.headway/before/                what was there before a reset
.headway/log.jsonl              what the learner did
"""

from __future__ import annotations

import ast
import difflib
import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from headway.course.exercise import Exercise, exercises_of, lesson_name, lessons
from headway.course.lesson import lesson_files, read
from headway.course.lesson_copy import write_copy
from headway.course.state import Log, course_folder
from headway.errors import ConfigError
from headway.system.files import write_whole

__all__ = ["Change", "Workspace", "merge"]


@dataclass(frozen=True)
class Change:
    """What `update` did to a file: `merged` has both sides' changes; after a `conflict` the new file is beside it."""

    file: Path
    kind: Literal["new", "replaced", "merged", "conflict"]


class Workspace:
    """A learner's folder.

    Args:
        folder: Default: `$HEADWAY_COURSE`, else `~/headway-course`. It is made when something is written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or course_folder()
        self.log = Log(self.folder)

    def exercise_file(self, exercise: Exercise) -> Path:
        """Where the learner's copy of an exercise is."""
        return self.folder / f"{lesson_name(exercise.lesson)}_exercises" / f"{exercise.name}.py"

    def text(self, exercise: Exercise) -> str:
        """What the learner's file of an exercise holds.

        Raises:
            ConfigError: If it is missing or is no text.
        """
        file = self.exercise_file(exercise)
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            fix = f"Run: headway course open {exercise.lesson}"
            raise ConfigError("The exercise's file is missing.", given=file, fix=fix) from None
        except (OSError, UnicodeDecodeError) as error:
            fix = "Save it as text in UTF-8."
            raise ConfigError("The exercise's file cannot be read.", given=f"{file}: {error}", fix=fix) from None

    def start(self, exercise: Exercise) -> str:
        """What that file held when it came."""
        base = self._base(self.exercise_file(exercise))
        return base.read_text(encoding="utf-8") if base.exists() else exercise.start

    def open_lesson(self, lesson: int | str) -> list[Path]:
        """Copies a lesson and its exercises; files that are there stay as they are.

        Returns:
            The files that were written.

        Raises:
            ConfigError: If there is no such lesson, or the folder cannot be written.
        """
        new = {file: text for file, text in self._files(lesson).items() if not file.exists()}
        for file, text in new.items():
            # The base first: a file without one would count as changed by the learner.
            self._write(self._base(file), text)
            self._write(file, text)
        return list(new)

    def update(self) -> list[Change]:
        """Brings opened lessons to the installed version, with all that the learner changed.

        A file that both sides changed in the same cells stays as it is, and the new one is put beside it.
        """
        changes = []
        for lesson in self.opened():
            for file, new in self._files(lesson).items():
                change = self._updated(file, new)
                if change:
                    self._write(self._base(file), new)
                    changes.append(Change(file, change))
        return changes

    def opened(self) -> list[str]:
        """Lessons of which there are files."""
        return [lesson for lesson in _lessons() if any(file.exists() for file in self._files(lesson))]

    def reset(self, exercise: Exercise) -> Path:
        """Brings an exercise's file back to how it came; returns where the learner's is kept."""
        file = self.exercise_file(exercise)
        now = datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S")
        before = self.folder / ".headway" / "before" / f"{file.stem}.{now}.py"
        if file.exists():
            self._write(before, self.text(exercise))
        self._write(file, exercise.start)
        self._write(self._base(file), exercise.start)
        return before

    def _updated(self, file: Path, new: str) -> Literal["new", "replaced", "merged", "conflict"] | None:
        base = self._base(file)
        old = base.read_text(encoding="utf-8") if base.exists() else ""
        if old == new:
            return None
        if not file.exists():
            # A file that was there once was deleted by the learner.
            if not base.exists():
                self._write(file, new)
            return None if base.exists() else "new"
        own = file.read_text(encoding="utf-8")
        # Untouched, or brought to the new version by hand: nothing can be lost.
        if own in (old, new):
            self._write(file, new)
            return "replaced"
        merged = merge(old, own, new)
        if merged is None:
            self._write(file.with_suffix(".new.py"), new)
            return "conflict"
        self._write(file, merged)
        return "merged"

    def _files(self, lesson: int | str) -> dict[Path, str]:
        """The files of a lesson as they come, by where they are in the learner's folder."""
        files = {self.exercise_file(one): one.start for one in exercises_of(lesson)}
        source = _lesson_source(lesson)
        return files | ({self.folder / source.name: write_copy(read(source))} if source else {})

    def _base(self, file: Path) -> Path:
        return self.folder / ".headway" / "base" / file.relative_to(self.folder)

    def _write(self, file: Path, text: str) -> None:
        try:
            write_whole(file, text.encode())
        except OSError as error:
            given = f"{file}: {error.strerror or error}"
            fix = "Free some space, or choose a folder that you can write to: set HEADWAY_COURSE."
            raise ConfigError("Your course folder cannot be written.", given=given, fix=fix) from error


def _lessons() -> list[str]:
    known = {str(number) for number in lesson_files()} | set(lessons())
    return sorted(known, key=lambda name: (not name.isdecimal(), name.zfill(2)))


def _lesson_source(lesson: int | str) -> Path | None:
    """The lesson's file; None for exercises that belong to no lesson.

    Raises:
        ConfigError: If there is no such lesson.
    """
    if str(lesson) not in _lessons():
        # A number means a lesson, and the primer is none.
        known = [name for name in _lessons() if name.isdecimal() or not str(lesson).isdecimal()]
        raise ConfigError("There is no such lesson.", given=lesson, fix=f"Choose one of: {', '.join(known)}.")
    return lesson_files().get(int(lesson)) if str(lesson).isdecimal() else None


def merge(base: str, own: str, new: str) -> str | None:
    r"""The text with both sides' changes; None where both changed the same cell, or where the sum is no Python.

    Args:
        base: What both started from.
        own: The learner's.
        new: The new version.

    Example:
        >>> print(merge("a = 1\n\nb = 2\n", "a = 3\n\nb = 2\n", "a = 1\n\nb = 2\n\nc = 4\n"), end="")
        a = 3
        <BLANKLINE>
        b = 2
        <BLANKLINE>
        c = 4
    """
    cells = _cells(base)
    edits = sorted({*_edits(cells, _cells(own)), *_edits(cells, _cells(new))})
    pieces: list[str] = []
    position = 0
    for start, end, instead in edits:
        # Both sides touched one cell, or cells that overlap. Both may have made the same change, which is one edit in a
        # set.
        if start < position or (start, end) in [one[:2] for one in edits if one[2] != instead]:
            return None
        pieces += [*cells[position:start], *instead]
        position = end
    text = "".join([*pieces, *cells[position:]])
    # A learner's half-written file stays mergeable: it was no Python before.
    return text if _is_python(text) or not _is_python(own) else None


def _cells(text: str) -> list[str]:
    """The text in pieces: at `# %%`, or where a line at the margin follows empty ones, which go with it."""
    lines = text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.startswith("# %%")]
    if not starts:
        follows = [number for number in range(1, len(lines)) if not lines[number - 1].strip()]
        starts = [number for number in follows if re.match(r"\S", lines[number])]
    for index, start in enumerate(starts):
        # Empty lines go with the cell below them, so that adding a cell changes no other.
        while start and not lines[start - 1].strip():
            start -= 1
        starts[index] = start
    edges = sorted({0, *starts, len(lines)})
    return ["".join(lines[start:end]) for start, end in itertools.pairwise(edges)]


def _edits(base: list[str], side: list[str]) -> list[tuple[int, int, tuple[str, ...]]]:
    """What makes `side` of `base`: which cells are taken out, and what is put there."""
    # autojunk would take a cell for noise that occurs often in long files.
    matcher = difflib.SequenceMatcher(None, base, side, autojunk=False)
    return [(a, b, tuple(side[c:d])) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"]


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
