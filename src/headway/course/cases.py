"""A check's cases, run one after the other: what passes, what fails and how, what crashes and where.

`checking.py` has the tools that a case is written with.
"""

from __future__ import annotations

import contextlib
import random
import reprlib
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Number
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["Case", "CaseError", "Check", "crash_of", "current_check", "cut", "save_failure", "show"]


class CaseError(Exception):
    """What a case found: each part is a sentence or a value as it is shown, "" where there is nothing to say.

    Args:
        asked: What the exercise wants.
        given: What the learner's code was called with; the latest call where this is "".
        came: What it gave.
        meaning: What that says about the code, or how the right value comes about.
    """

    def __init__(self, asked: str, *, given: str = "", came: str = "", meaning: str = "") -> None:
        super().__init__(asked)
        self.asked = asked
        self.given = given
        self.came = came
        self.meaning = meaning


@dataclass(frozen=True)
class Case:
    """One case: its name, what it does, the section to read where it fails, and whether it waits for all others."""

    name: str
    run: Callable[[], object]
    section: str
    last: bool


@dataclass
class Check:
    """One check of one file, as the tools of this module see it: they work inside `run` alone.

    Attributes:
        module: The learner's file as a module; None while it could not be imported.
        file: The learner's file.
        text: What was saved in it; the file itself may have changed since.
        folder: The learner's course folder.
        seed: Added to the seeds of all draws.
        speed_factor: How many times slower than the authors' this machine is; limits of time are multiplied by it.
        saves_failure: Save the first failure for `headway why`; False again once that is done.
    """

    module: ModuleType
    file: Path
    text: str
    folder: Path
    seed: int = 0
    speed_factor: float = 1.0
    saves_failure: bool = False
    cases: list[Case] = field(default_factory=list)
    call: str = ""
    came: str = ""
    said: str = ""

    def run(self, check_file: Path, report: Callable[[dict[str, Any]], object]) -> None:
        """Runs all cases of a `check.py`, in its order; `report` gets a dict before each one and one after it.

        Those marked `last` are run where all others have passed.
        """
        _current.append(self)
        try:
            # Read as a case itself: a name that is missing in the learner's file already fails while the check is read.
            code = compile(check_file.read_text(encoding="utf-8"), str(check_file), "exec")
            namespace = {"__name__": "check", "__file__": str(check_file)}
            if not self._passes(
                Case("is complete", lambda: exec(code, namespace), "", last=False), report, silent=True
            ):
                return
            passed = [self._passes(one, report) for one in self.cases if not one.last]
            for one in self.cases:
                if one.last and all(passed):
                    passed.append(self._passes(one, report))
                elif one.last:
                    report({"event": "waits", "case": one.name})
        finally:
            _current.pop()

    def _passes(self, one: Case, report: Callable[[dict[str, Any]], object], *, silent: bool = False) -> bool:
        if not silent:
            report({"event": "begins", "case": one.name})
        # What the case before called is no explanation of this one.
        self.call = self.came = self.said = ""
        _seed(self.seed)
        start = time.perf_counter()
        failure = self._failure(one)
        if failure is None and silent:
            return True
        seconds = time.perf_counter() - start
        result = {"event": "case", "case": one.name, "section": one.section, "seconds": seconds, "failure": failure}
        report({**result, "said": self.said})
        return failure is None

    def _failure(self, one: Case) -> dict[str, Any] | None:
        try:
            one.run()
        except CaseError as failed:
            self._save(None)
            given = failed.given or self.call
            return {"asked": failed.asked, "given": given, "came": failed.came, "meaning": failed.meaning}
        except KeyboardInterrupt:
            raise
        # SystemExit too: a learner's `sys.exit` is no end of the check.
        except BaseException as error:
            self._save(error)
            return self._crash(error)
        return None

    def _save(self, error: BaseException | None) -> None:
        # The first failure is the one that is explained.
        if self.saves_failure:
            self.saves_failure = False
            save_failure(error, self.file, vars(self.module))

    def _crash(self, error: BaseException) -> dict[str, Any]:
        crash = crash_of(error, self.file)
        if isinstance(error, NotImplementedError) and crash["line"]:
            asked = "Your code, in place of `raise NotImplementedError`."
            return {"asked": asked, "given": self.call, "came": "NotImplementedError", "meaning": ""}
        if crash["line"]:
            return {"asked": "", "given": self.call, "came": crash["error"], "meaning": "", "crash": crash}
        came = f"{self.came}, with which the check met {crash['error']}" if self.came else crash["error"]
        meaning = "The check could not use what your code gave: is there a `return`, and does it return what is wanted?"
        return {"asked": "", "given": self.call, "came": came, "meaning": meaning}


_current: list[Check] = []


def current_check() -> Check:
    """The check that is running."""
    assert _current, "these tools work in a check.py alone"
    return _current[-1]


def save_failure(error: BaseException | None, file: Path, variables: dict[str, Any]) -> None:
    """Saves a failure for `headway why`, here where its variables are.

    Args:
        error: What was raised; None where the code gave something wrong.
        file: The learner's file.
        variables: Of the learner's module.
    """
    if isinstance(error, NotImplementedError) or not isinstance(error, Exception | None):
        return
    from headway.why.capture import capture, capture_end
    from headway.why.failure import save

    # Describing a learner's objects runs their code, which can fail; the check goes on.
    with contextlib.suppress(Exception):
        save(capture(error) if error is not None else capture_end(file, variables))


def crash_of(error: BaseException, file: Path) -> dict[str, Any]:
    """An error as a learner reads it: its own line, and the frames of the learner's file alone."""
    # Frames of checks and libraries are not the learner's to change.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
    line = frames[-1].lineno if frames else 0
    # Such an error has no frame in the file, which never ran.
    if isinstance(error, SyntaxError) and error.filename == str(file):
        line = error.lineno or 0
    text = traceback.format_exception_only(error)[-1].strip()
    # A recursion's frames are all the same.
    shown = "".join(traceback.format_list(frames[:3] + frames[3:][-3:]))
    return {"type": type(error).__name__, "error": cut(text, 500), "line": line, "frames": shown}


def _seed(seed: int) -> None:
    random.seed(seed)
    # What was not imported needs no seed, and importing it here would take its time from the exercise.
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


class _Short(reprlib.Repr):
    """Values in one line: arrays by their numbers where there are few, else by their shape."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 8
        self.maxstring = self.maxother = self.maxlong = 80

    def repr1(self, x: Any, level: int) -> str:
        # A number of NumPy's reads as Python's does.
        item = getattr(x, "item", None) if issubclass(type(x), Number) else None
        if item is not None:
            return super().repr1(item(), level)
        if not hasattr(x, "shape"):
            return super().repr1(x, level)
        # A table has a shape, and no dtype.
        if not hasattr(x, "dtype"):
            return f"{type(x).__name__} of shape {list(x.shape)}"
        if hasattr(x, "detach"):
            x = x.detach()
        # Not by `numel` or `size`, which are methods in one library and numbers in the other.
        count = 1
        for length in x.shape:
            count *= length
        return " ".join(repr(x).split()) if count <= 8 else f"{type(x).__name__} of shape {list(x.shape)}"


_short = _Short()


def show(shown: object) -> str:
    """A value in one short line.

    Example:
        >>> show(list(range(20)))
        '[0, 1, 2, 3, 4, 5, 6, 7, ...]'
    """
    return cut(_short.repr(shown), 300)


def cut(text: str, length: int) -> str:
    """The text, or its beginning where it is longer than `length` characters."""
    return text if len(text) <= length else f"{text[: length - 4]} ..."
