"""`headway course run`: a lesson in the terminal, cell by cell, its questions asked where they stand in the text."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self, cast

from headway.course.claims import Claim, fill, read_measured
from headway.course.lesson import Ask, Cell, Guess, Lesson
from headway.course.lesson_copy import read_copy
from headway.course.question_file import find, load
from headway.course.quiz import ask, remaining
from headway.course.run import kill_tree
from headway.course.state import Event, Log
from headway.course.terminal import EndOfAnswersError, Terminal
from headway.errors import DataError, RunError

__all__ = ["CellResult", "LessonProcess", "guide", "run_all"]


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """What a cell gave.

    Attributes:
        cell: Its number in the lesson, from 0.
        line: Its first line in the file.
        output: What it printed, and the value of its last expression.
        error: The traceback from its own line on; "" if it went well.
        figures: Files of its figures.
        alt: What the figures show, in a sentence; from its tag `alt:...`.
        seconds: How long it took.
        claims: All claims so far.
    """

    cell: int
    line: int
    output: str
    error: str
    figures: tuple[str, ...]
    alt: str
    seconds: float
    claims: tuple[Claim, ...]


class LessonProcess:
    """A fresh process in which a lesson's cells run, in the learner's folder and without a network.

    Use it as a context manager.

    Args:
        lesson: The lesson.
        file: Where the learner's copy is, as the lesson's code sees it in `__file__`.
        folder: The folder to run in.
        figures: The kind of file that figures are saved as.
    """

    def __init__(self, lesson: Lesson, *, file: Path, folder: Path, figures: Literal["png", "svg"] = "png") -> None:
        self.lesson, self.file, self.folder, self.figures = lesson, file, folder, figures
        self._show: Callable[[str], None] = lambda _: None
        self._printed: list[str] = []
        self._marker = threading.Event()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        # -u: what a cell prints is shown while it runs, not when a buffer is full.
        command = [sys.executable, "-P", "-u", "-X", "utf8", "-m", "headway.course.lesson_process"]
        pipe = subprocess.PIPE
        # Whatever folder this is, it is the learner's for the lesson's code.
        environment = {**os.environ, "HEADWAY_COURSE": str(self.folder)}
        # In a session of its own: Ctrl-C is for the lesson, which ends this process itself, without a traceback.
        self._process = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=self.folder,
            env=environment,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            cast(BinaryIO, self._process.stdin).close()
        if self._process.poll() is None:
            kill_tree(self._process.pid)
        self._process.wait()
        self._reader.join(timeout=5)
        for stream in (self._process.stdout, self._process.stderr):
            cast(BinaryIO, stream).close()

    def run(self, number: int, *, show: Callable[[str], None] = lambda _: None) -> CellResult:
        """Runs a cell, and shows what it prints as it comes.

        Raises:
            RunError: If the process ended, such as for want of memory.
        """
        cell = self.lesson.cells[number]
        self._printed, self._show = [], show
        # The marker tells when all that the cell printed has come through its own pipe.
        marker = f"\0{number}\0\n"
        self._marker.clear()
        job = self._job(number, marker)
        try:
            cast(BinaryIO, self._process.stdin).write(json.dumps(job).encode() + b"\n")
            cast(BinaryIO, self._process.stdin).flush()
        except OSError:
            pass
        line = cast(BinaryIO, self._process.stdout).readline()
        if not line:
            given = f"{self.lesson.name}, cell at line {cell.line}; exit status {self._process.wait()}"
            fix = f"Close other programs and run it again: headway course run {self.lesson.id}"
            raise RunError(
                "The process of the lesson ended, perhaps because it was out of memory.", given=given, fix=fix
            )
        # Output and results come by two pipes, and nothing orders one after the other.
        self._marker.wait(timeout=5)
        answer = json.loads(line)
        return CellResult(
            cell=number,
            line=cell.line,
            # The marker's own line end is not the cell's.
            output="".join(self._printed).removesuffix("\n"),
            error=answer["error"] or "",
            figures=tuple(answer["figures"]),
            alt=cell.alt,
            seconds=answer["seconds"],
            claims=tuple(Claim(**claim) for claim in answer["claims"]),
        )

    def _job(self, number: int, marker: str) -> dict[str, str]:
        """What the process is given of a cell."""
        cell = self.lesson.cells[number]
        return {
            "code": f"{cell.text}\n",
            "name": f"{self.lesson.name}, cell at line {cell.line}",
            "file": str(self.file),
            "figures": str(self.folder / "figures"),
            "stem": f"{self.lesson.id:02}-cell-{number}",
            "kind": self.figures,
            "marker": marker,
        }

    def _read_output(self) -> None:
        for raw in cast(BinaryIO, self._process.stderr):
            text = raw.decode("utf-8", errors="replace")
            if text.startswith("\0"):
                self._marker.set()
                continue
            self._printed.append(text)
            self._show(text)


def run_all(lesson: Lesson, *, file: Path, log: Log, figures: Literal["png", "svg"] = "png") -> Iterator[CellResult]:
    """Runs all cells of a lesson without asking anything, until one of them stops with an error."""
    with LessonProcess(lesson, file=file, folder=log.path.parent.parent, figures=figures) as process:
        for number, cell in enumerate(lesson.cells):
            if cell.is_code:
                result = process.run(number)
                yield result
                if result.error:
                    return
                _log_read(lesson, number, log)


def guide(lesson: Lesson, terminal: Terminal, *, file: Path, log: Log, start_again: bool = False) -> bool:
    """Leads through a lesson: text, predictions, questions, cells and their output, from where the learner left.

    Args:
        lesson: The lesson, from the learner's copy.
        terminal: Where it is shown.
        file: The learner's copy.
        log: The learner's log.
        start_again: Begin with the first cell, whatever was run before.

    Returns:
        Whether the end was reached.

    Raises:
        RunError: If the process that runs the cells ends.
    """
    with LessonProcess(lesson, file=file, folder=log.path.parent.parent) as process:
        return _Guide(lesson, terminal, log, process).go(start_again)


@dataclass
class _Guide:
    lesson: Lesson
    terminal: Terminal
    log: Log
    process: LessonProcess
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    guesses: list[tuple[Guess, str]] = field(default_factory=list)
    last: int | None = None
    """The cell that ran last, which can be run again."""

    def go(self, start_again: bool) -> bool:
        events = self.log.read()
        done = {event.id for event in events if event.kind == "read"}
        code = [number for number, cell in enumerate(self.lesson.cells) if cell.is_code]
        run = [number for number in code if f"{self.lesson.id}.cell.{number}" in done]
        # After the last cell that was run; from the start when all were.
        first = 0 if start_again or len(run) == len(code) or not run else run[-1] + 1
        self.measured = read_measured(self.lesson.id)
        self.terminal.line(
            f"Lesson {self.lesson.id}, about {self.lesson.minutes} minutes. q stops; you go on from there. "
            "r, where a cell waits, runs the one before it again, as you have saved it by then:"
        )
        # A path that is wrapped cannot be copied.
        self.terminal.output(f"{self.process.file}\n")
        if first and not self._again(code[: code.index(run[-1]) + 1]):
            return False
        try:
            for number in range(first, len(self.lesson.cells)):
                self._cell(number)
        except EndOfAnswersError:
            self._say_how_to_go_on()
            return False
        except KeyboardInterrupt:
            self._say_how_to_go_on()
            raise
        with contextlib.suppress(EndOfAnswersError):
            self._wait("This is the end")
        self.terminal.line()
        self.terminal.line(f"That was lesson {self.lesson.id}.")
        if remaining(load(self.lesson.id), self.log.read()):
            self.terminal.line(f"Now its questions: headway course quiz {self.lesson.id}")
        else:
            self.terminal.line("Now its exercises: headway course watch")
        return True

    def _say_how_to_go_on(self) -> None:
        self.terminal.line()
        self.terminal.line(f"Go on with: headway course run {self.lesson.id}")

    def _again(self, cells: Sequence[int]) -> bool:
        """Runs cells that the learner has seen, for what they define; their output is known."""
        seconds = sum(self.lesson.cells[number].seconds for number in cells)
        about = f", about {seconds:.0f} s" if seconds else ""
        what = "the cell" if len(cells) == 1 else f"the {len(cells)} cells"
        self.terminal.line(f"Running {what} from before again{about}.")
        for number in cells:
            with self.terminal.clock():
                result = self.process.run(number)
            if result.error:
                self._show_error(result)
                self._say_how_to_go_on()
                return False
            self.last = number
        return True

    def _cell(self, number: int) -> None:
        cell = self.lesson.cells[number]
        section = self.lesson.section_of(number)
        self.terminal.line()
        if section and section.cells[0] == number and section.layer != self.lesson.layer:
            self.terminal.line(f"[{section.layer}]", "dim")
        parts = self.lesson.parts(number)
        for position, part in enumerate(parts):
            if isinstance(part, Guess):
                # Text that is the last word on it answers; else a cell does, be it in the next section.
                has_text = any(isinstance(later, str) for later in parts[position + 1 :])
                self._guess(part, at_once=has_text and not self._has_code_behind(number))
            elif isinstance(part, Ask):
                self._ask(part)
            else:
                if position and isinstance(parts[position - 1], Ask):
                    self.terminal.line()
                self.terminal.text(fill(part, self.measured))
        if cell.is_code:
            self._run(number, cell)

    def _run(self, number: int, cell: Cell) -> None:
        self.terminal.code(cell.text)
        self.terminal.line()
        if cell.seconds:
            self.terminal.line(f"This cell takes about {cell.seconds:.0f} s on two cores.")
        self._wait("Run it")
        result = self._shown(number)
        while result.error:
            self.terminal.pause("Run it again, as you have saved it")
            result = self._shown(number) if self._reread() else result
        self.last = number
        for guess, answer in self.guesses:
            self.terminal.line(guess.outcome(answer), "bold")
        self.guesses.clear()
        # The text quotes what the authors measured, where they did: a learner's figures stand beside it in the cell's
        # output.
        own = {claim.name: _numbers(claim) for claim in result.claims}
        self.measured = {**own, **self.measured}
        _log_read(self.lesson, number, self.log)

    def _shown(self, number: int) -> CellResult:
        """Runs a cell, and shows what it gives."""
        with self.terminal.clock():
            result = self.process.run(number, show=self.terminal.output)
        if result.error:
            self._show_error(result)
        for figure in result.figures:
            self.terminal.output(f"Figure: {figure}\n")
        if result.figures and result.alt:
            self.terminal.line(f"It shows: {result.alt}")
        return result

    def _wait(self, prompt: str) -> None:
        """Waits until the learner goes on; until then, r runs the last cell again."""
        while self.terminal.pause(prompt) == "r":
            if self.last is None:
                self.terminal.line("No cell has run yet.")
            elif self._reread():
                self._shown(self.last)

    def _reread(self) -> bool:
        """Takes the learner's file as it is saved now; whether its cells are those of the lesson still."""
        try:
            now = read_copy(self.lesson, self.process.file.read_text(encoding="utf-8"))
        except (DataError, OSError) as error:
            self.terminal.output(f"{error}\n")
            return False
        if [cell.is_code for cell in now.cells] != [cell.is_code for cell in self.lesson.cells]:
            self.terminal.line("Your file has more or fewer cells than this lesson began with. To begin with them:")
            self.terminal.output(f"headway course run {self.lesson.id} --again\n")
            return False
        self.lesson = self.process.lesson = now
        return True

    def _has_code_behind(self, number: int) -> bool:
        """Whether a cell of code comes later in the section."""
        section = self.lesson.section_of(number)
        later = section.cells if section else ()
        return any(cell > number and self.lesson.cells[cell].is_code for cell in later)

    def _guess(self, guess: Guess, *, at_once: bool) -> None:
        self.terminal.line()
        if len(guess.options) > 1:
            self.terminal.choices(guess.options)
            numbers = {str(number): option for number, option in enumerate(guess.options, start=1)}
            typed = self.terminal.ask(f"Your guess, 1 to {len(numbers)}:")
            # A guess may be wrong, but it is never empty: what comes is compared with it.
            while typed not in numbers:
                self.terminal.line(f"Type a number from 1 to {len(numbers)}.")
                typed = self.terminal.ask(f"Your guess, 1 to {len(numbers)}:")
            answer = numbers[typed]
        else:
            answer = self.terminal.ask(f"Your guess ({', '.join(guess.options)}):")
        self.log.append(Event(kind="guess", id=guess.id, answer=answer))
        if at_once:
            self.terminal.line(guess.outcome(answer), "bold")
            self.terminal.line()
        else:
            self.guesses.append((guess, answer))

    def _ask(self, part: Ask) -> None:
        events = self.log.read()
        if any(event.id == part.id for event in events if event.kind in ("question", "recall")):
            return
        self.terminal.line()
        learner = events[0].time if events else ""
        question = find(part.id)
        ask(question, self.terminal, log=self.log, title="A question", learner=learner, attempt=1, source="lesson")

    def _show_error(self, result: CellResult) -> None:
        self.terminal.line()
        self.terminal.output(f"{result.error}\n")
        self.terminal.line()
        self.terminal.line(f"The cell at line {result.line} stopped with an error. Correct it in your file:")
        # A path that is wrapped cannot be copied.
        self.terminal.output(f"{self.process.file}\n")
        self.terminal.line("Explained: headway why")


def _numbers(claim: Claim) -> dict[str, Any]:
    numbers = {"value": claim.value, "low": claim.low, "high": claim.high}
    return {name: number for name, number in numbers.items() if number is not None}


def _log_read(lesson: Lesson, number: int, log: Log) -> None:
    log.append(Event(kind="read", id=f"{lesson.id}.cell.{number}"))
