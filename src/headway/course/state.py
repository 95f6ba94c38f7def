"""What a learner did: events in an append-only log, and the progress that they add up to.

The log is the only truth, one JSON object a line. All that a page or a command shows of a learner is folded from it, so
nothing else has to be kept and nothing can contradict it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from headway.errors import ConfigError

__all__ = [
    "Event",
    "ExerciseProgress",
    "ExerciseState",
    "LessonProgress",
    "Log",
    "Progress",
    "QuestionProgress",
    "course_folder",
    "fold",
    "lesson_of",
]

ExerciseState = Literal["untouched", "not yet", "crashed", "timed out", "solved", "seen", "changed since solved"]
"""The last is known to who sees the file: what a log alone says is one of the others."""


def course_folder() -> Path:
    """The learner's folder: `$HEADWAY_COURSE`, else `~/headway-course`. It is not made here."""
    folder = os.environ.get("HEADWAY_COURSE")
    return Path(folder).expanduser() if folder else Path.home() / "headway-course"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that a learner did.

    Attributes:
        kind: `opened` (a lesson), `read` (a cell), `guess`, `question`, `recall` (a question that the learner marks),
            `hint`, `exercise` (a check), `solution` (looked at), `research`; readers pass over kinds they do not know.
        id: What it was done to; the lesson stands before the first dot: "1.09", "1.predict.2", "1.F1".
        outcome: How it went, such as "right", "partly" and "wrong" for a question, an `ExerciseState` for an exercise.
        answer: Any JSON value, such as what was answered. A key "share" holds the mark, from 0 to 1.
        hash: The content that it is about, such as an exercise's code.
        version: Headway's version, or whatever the kind's reader needs to read the event years later.
        time: UTC, in ISO format.
    """

    kind: str
    id: str
    outcome: str = ""
    answer: Any = None
    hash: str = ""
    version: str = ""
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


class Log:
    """The learner's log, `.headway/log.jsonl` in the learner's folder.

    A process killed at any byte loses no event whose `append` had returned: a line counts once its end is written.

    Args:
        folder: The learner's folder; it need not exist before the first `append`.

    Example:
        >>> log = Log(getfixture("tmp_path"))
        >>> log.append(Event(kind="question", id="1.09", outcome="right"))
        >>> [event.id for event in log.read()]
        ['1.09']
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / ".headway" / "log.jsonl"

    def append(self, *events: Event) -> None:
        """Adds events to the end, on disk when this returns.

        Raises:
            ConfigError: If the folder cannot be written.
        """
        # Imported here: it costs as much as all else that `headway course` needs.
        from filelock import FileLock

        # One write for all of them: they arrive together or not at all, but for the last line.
        text = "".join(json.dumps(asdict(event), ensure_ascii=False, allow_nan=False) + "\n" for event in events)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A page's import, a watch and a quiz may run at once.
            with FileLock(self.path.with_name("log.lock")), self.path.open("a+b") as file:
                _repair(file)
                file.write(text.encode())
                file.flush()
                # Without it a power cut can lose what the learner saw marked.
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigError(
                "What you did cannot be written to your course folder.",
                given=f"{self.path}: {error.strerror or error}",
                fix="Free some space, or choose a folder that you can write to: set HEADWAY_COURSE.",
            ) from error

    def read(self) -> list[Event]:
        """All events, oldest first. Broken lines are passed over; `num_broken` counts them."""
        return [event for event in map(_event, self._lines()) if event is not None]

    def num_broken(self) -> int:
        """Lines that hold no event, such as the end of a write that was cut off or the marks of a merge."""
        return sum(_event(line) is None for line in self._lines())

    def _lines(self) -> list[bytes]:
        try:
            return [line for line in self.path.read_bytes().split(b"\n") if line.strip()]
        except FileNotFoundError:
            return []


def _repair(file: Any) -> None:
    """Ends a last line that a killed process left without an end, or removes it where it holds no event."""
    size = file.seek(0, os.SEEK_END)
    start = size
    tail = b""
    while start and b"\n" not in tail:
        step = min(4096, start)
        start -= step
        file.seek(start)
        tail = file.read(step) + tail
    line = tail[tail.rfind(b"\n") + 1 :]
    if not line:
        return
    if _event(line) is None:
        file.truncate(size - len(line))
    else:
        file.write(b"\n")


_FIELDS = {one.name for one in fields(Event)}


def _event(line: bytes) -> Event | None:
    try:
        values = json.loads(line)
        # A newer version may write fields that this one does not know.
        event = Event(**{name: value for name, value in values.items() if name in _FIELDS})
    except (ValueError, TypeError, AttributeError):
        return None
    texts = (event.kind, event.id, event.outcome, event.hash, event.version, event.time)
    return event if all(isinstance(text, str) for text in texts) else None


@dataclass
class QuestionProgress:
    """What is known of one question.

    Attributes:
        answered: How many times.
        first: The share of the first answer, from 0 to 1.
        last: The share of the latest answer.
        self_marked: Whether the learner marked it, and not the machine.
    """

    answered: int = 0
    first: float = 0.0
    last: float = 0.0
    self_marked: bool = False


@dataclass
class ExerciseProgress:
    """What is known of one exercise from the log; `exercise.state_now` compares it with the file.

    Attributes:
        state: The best that was reached.
        failed_checks: Checks that were not passed.
        hints: Hints that were shown.
        solved_hash: The code that passed; "" if none did.
        failed_case: The first case of the latest check that failed.
    """

    state: ExerciseState = "untouched"
    failed_checks: int = 0
    hints: int = 0
    solved_hash: str = ""
    failed_case: str = ""


@dataclass
class LessonProgress:
    """What is known of one lesson, each by its id."""

    opened: bool = False
    cells: set[str] = field(default_factory=set)
    questions: dict[str, QuestionProgress] = field(default_factory=dict)
    exercises: dict[str, ExerciseProgress] = field(default_factory=dict)
    research: dict[str, str] = field(default_factory=dict)

    def share(self, *, self_marked: bool) -> float | None:
        """The mean mark of the latest answers that the machine marked, or that the learner did; None if none."""
        marks = [one.last for one in self.questions.values() if one.self_marked == self_marked]
        return sum(marks) / len(marks) if marks else None


@dataclass
class Progress:
    """All that a log adds up to.

    Attributes:
        lessons: By what stands before the first dot of their ids: "1", "primer".
        latest: The latest event; None in an empty log.
    """

    lessons: dict[str, LessonProgress] = field(default_factory=dict)
    latest: Event | None = None

    def lesson(self, name: str) -> LessonProgress:
        """One lesson's progress, empty where nothing was done."""
        return self.lessons.setdefault(name, LessonProgress())

    def exercise(self, id: str) -> ExerciseProgress:
        """One exercise's progress, empty where nothing was done."""
        return self.lesson(lesson_of(id)).exercises.setdefault(id, ExerciseProgress())


def lesson_of(id: str) -> str:
    """The lesson that something belongs to.

    Example:
        >>> lesson_of("6.09"), lesson_of("primer.3")
        ('6', 'primer')
    """
    return id.partition(".")[0]


def fold(events: Iterable[Event]) -> Progress:
    """The progress that events add up to.

    Example:
        >>> progress = fold([Event(kind="exercise", id="1.2", outcome="solved", hash="ab")])
        >>> progress.exercise("1.2").state
        'solved'
    """
    progress = Progress()
    for event in events:
        progress.latest = event
        lesson = progress.lesson(lesson_of(event.id))
        # Events come from several computers, so nothing is assumed of their order.
        lesson.opened |= event.kind == "opened"
        if event.kind == "read":
            lesson.cells.add(event.id)
        elif event.kind in ("question", "recall"):
            _fold_question(lesson.questions.setdefault(event.id, QuestionProgress()), event)
        elif event.kind in ("exercise", "hint", "solution"):
            _fold_exercise(progress.exercise(event.id), event)
        elif event.kind == "research":
            lesson.research[event.id] = event.outcome
    return progress


def _fold_question(question: QuestionProgress, event: Event) -> None:
    share = event.answer.get("share") if isinstance(event.answer, dict) else None
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        share = float(event.outcome == "right")
    # The first answer is what was known before the explanation, so it is never replaced.
    question.first = question.first if question.answered else share
    question.last = share
    question.answered += 1
    question.self_marked = event.kind == "recall"


def _fold_exercise(exercise: ExerciseProgress, event: Event) -> None:
    if event.kind == "hint":
        exercise.hints += 1
    elif event.kind == "solution":
        # Who looked at the solution first did not find it; who had solved it keeps that.
        exercise.state = "solved" if exercise.state == "solved" else "seen"
    elif event.outcome == "solved":
        exercise.state = "seen" if exercise.state == "seen" else "solved"
        exercise.solved_hash = event.hash
        exercise.failed_case = ""
    elif event.outcome in ("not yet", "crashed", "timed out"):
        exercise.failed_checks += 1
        if isinstance(event.answer, dict):
            exercise.failed_case = str(event.answer.get("case", ""))
        # A check that fails later, in a changed file, takes nothing away.
        if exercise.state not in ("solved", "seen"):
            exercise.state = cast(ExerciseState, event.outcome)
