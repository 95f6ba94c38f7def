"""One check of one file, in a fresh process with limits: what came of it, whatever the learner's code does.

The process gets the text that was saved, a temporary folder to run in and another as its home. It reports by a pipe of
its own, so nothing that the learner's code prints is taken for a result. When it has answered, or its time is over, it
is ended together with all that it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Self, cast

from headway.course.check_process import OUT_OF_MEMORY, Job
from headway.system.cache import cache_folder

__all__ = ["CaseResult", "CheckResult", "Failure", "Limits", "Zygote", "kill_tree", "run_check"]

MAX_SHOWN_BYTES = 64 * 2**10
MAX_PRINTED_BYTES = 64 * 2**20
START_SECONDS = 120.0
"""For importing torch on a slow disk, before the time of the exercise begins."""

# An allowed list, as tokens and passwords have names that nobody can foresee.
_KEPT = re.compile(r"PATH|PYTHONPATH|LANG|LC_.*|TMP|TEMP|TMPDIR|SYSTEMROOT|COURSE|LD_LIBRARY_PATH")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a check may use.

    Attributes:
        seconds: On the authors' machine.
        memory_bytes: Beyond what Python and torch use themselves.
        speed_factor: How many times slower this machine is; multiplies `seconds`.
    """

    seconds: float = 20.0
    memory_bytes: int = 3 * 2**29
    speed_factor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a case failed, each part as it is shown; "" where there is nothing to say.

    Attributes:
        asked: What the exercise wants.
        given: What the learner's code was called with.
        came: What it gave.
        meaning: What that says.
        line: Line of the learner's file where it crashed; 0 where it did not.
        frames: The calls that led there, in the learner's file.
    """

    asked: str = ""
    given: str = ""
    came: str = ""
    meaning: str = ""
    line: int = 0
    frames: str = ""


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """How one case went: `failure` is None where it passed; `said` is what the check says about the result."""

    name: str
    seconds: float
    section: str = ""
    failure: Failure | None = None
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """How a check went.

    Attributes:
        state: `solved` when every case passed.
        cases: Those that ran, in their order.
        waiting: Names of cases that run once all others pass.
        failure: What ended the check before its cases did: an error in the file, or a limit.
        output: What the learner's code printed, at most its first 64 KB.
        seconds: How long the cases took.
    """

    state: Literal["solved", "not yet", "crashed", "timed out"]
    cases: tuple[CaseResult, ...] = ()
    waiting: tuple[str, ...] = ()
    failure: Failure | None = None
    output: str = ""
    seconds: float = 0.0

    @property
    def first_failure(self) -> CaseResult | None:
        """The first case that failed."""
        return next((one for one in self.cases if one.failure), None)


def run_check(
    text: str,
    *,
    file: Path,
    check_file: Path,
    folder: Path,
    brings: Sequence[Path] = (),
    limits: Limits | None = None,
    zygote: Zygote | None = None,
    seed: int = 0,
    dtype: str = "",
    optimize: bool = False,
    sees_folder: bool = False,
    saves_failure: bool = False,
) -> CheckResult:
    """Checks a text as the learner's file.

    Args:
        text: What the file holds.
        file: Where it is, for messages; it is not read.
        check_file: The exercise's `check.py`.
        folder: The learner's course folder.
        brings: Files that the exercise needs, copied into the folder that the check runs in.
        limits: Default: 20 seconds, 1.5 GiB.
        zygote: A process to fork; default: a new process.
        seed: Added to the seeds of all draws.
        dtype: torch's default dtype, where it is another, such as "float64".
        optimize: As with `python -O`, in a new process.
        sees_folder: Let `~/headway-course` be the learner's folder itself, for exercises that make something there.
        saves_failure: Save the first failure for `headway why`.
    """
    limits = limits or Limits()
    with _folders(file.name, text, brings) as (work, home):
        if sees_folder and folder.is_dir():
            # Where whoever empties this home takes away the link alone.
            (home / "headway-course").symlink_to(folder.resolve(), target_is_directory=True)
        job = Job(
            file=str(file),
            text=text,
            check_file=str(check_file),
            work=str(work),
            home=str(home),
            folder=str(folder),
            seconds=limits.seconds * limits.speed_factor,
            memory_bytes=limits.memory_bytes,
            imports_torch=bool(dtype) or _needs_torch(text, check_file),
            trains=_uses_headway(text),
            seed=seed,
            dtype=dtype,
            speed_factor=limits.speed_factor,
            saves_failure=saves_failure,
        )
        # -O is decided when Python starts: a copy of a running process cannot have it.
        forks = zygote is not None and not optimize
        start = zygote.fork(job) if zygote and forks else _spawn(job, optimize=optimize)
        return _Watch(start, job).result()


def _needs_torch(text: str, check_file: Path) -> bool:
    """Whether torch is imported before the limits are set; whatever of Headway trains imports it later on."""
    # Every check imports its tools, which import torch only where they need it.
    texts = text + check_file.read_text(encoding="utf-8").replace("headway.course.checking", "")
    return bool(re.search(r"\b(torch|headway|timm|draw|grad)\b", texts))


def _uses_headway(text: str) -> bool:
    """Whether a text imports Headway as a whole, to train with it as a rule, and not one module of it."""
    return bool(re.search(r"\b(import headway\b(?!\.)|from headway import\b)", text))


@contextlib.contextmanager
def _folders(name: str, text: str, brings: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    root = Path(tempfile.mkdtemp(prefix="headway-check-"))
    try:
        work, home = root / "work", root / "home"
        work.mkdir()
        home.mkdir()
        (work / name).write_text(text, encoding="utf-8")
        for one in brings:
            (shutil.copytree if one.is_dir() else shutil.copy)(one, work / one.name)
        yield work, home
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name.upper())}
    return kept | {
        "HEADWAY_CACHE": str(cache_folder("x").parent),
        "MPLBACKEND": "Agg",
        # In the learner's home matplotlib would list the system's fonts anew at each check.
        "MPLCONFIGDIR": str(cache_folder("matplotlib")),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # The order of sets of texts is the same in every check.
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUTF8": "1",
    }


class _Start(NamedTuple):
    """A process that has its job: the read ends of its pipes, how to wait for it, and the id of it and its group."""

    results: BinaryIO
    output: BinaryIO
    wait: Any
    pid: int


def _spawn(job: Job, *, optimize: bool = False) -> _Start:
    # -P: the current folder's files are not to be taken for libraries.
    command = [sys.executable, "-P", *(["-O"] if optimize else []), "-m", "headway.course.check_process"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
    )
    with contextlib.suppress(BrokenPipeError), cast(BinaryIO, process.stdin) as jobs:
        jobs.write(job.to_json())
    return _Start(cast(BinaryIO, process.stdout), cast(BinaryIO, process.stderr), process.wait, process.pid)


class Zygote:
    """A process that has imported torch, scikit-learn and nothing of the learner's; each check runs in a copy of it.

    Use it as a context manager. `is_usable` is False on systems where a copy is no safe start: there, as with no
    zygote, each check starts a new process.
    """

    def __init__(self) -> None:
        self.is_usable = sys.platform == "linux"
        if not self.is_usable:
            return
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "headway.course.check_process", "zygote", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=_environment()
        )
        theirs.close()
        self._lines = self._socket.makefile("rb")
        # Known from its first line; until then the constructor need not wait for torch.
        self._threads: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        if self.is_usable:
            self.is_usable = False
            self._lines.close()
            self._socket.close()
            self._process.kill()
            self._process.wait()

    def fork(self, job: Job) -> _Start:
        """A copy that runs the job; a new process where no copy can be made."""
        try:
            if self.is_usable and self._threads is None:
                self._threads = self._line()["threads"]
            if self.is_usable and self._threads == 1:
                return self._fork(job)
        except (OSError, ValueError, KeyError):
            # It was ended from outside, or torch could not be imported: a new process says why.
            self.close()
        return _spawn(job)

    def _fork(self, job: Job) -> _Start:
        # Pipes of its own for each check: what one leaves behind cannot come up in the next.
        results, their_results = os.pipe()
        output, their_output = os.pipe()
        try:
            text = job.to_json()
            # A long job does not fit into one message; the descriptors go with its first bytes.
            sent = socket.send_fds(self._socket, [text], [their_output, their_results])
            self._socket.sendall(text[sent:])
        finally:
            # The copy has its own: a pipe ends only when every writing end is closed.
            os.close(their_output)
            os.close(their_results)
        pid = self._line()["pid"]
        return _Start(os.fdopen(results, "rb"), os.fdopen(output, "rb"), lambda: self._line()["status"], pid)

    def _line(self) -> dict[str, Any]:
        return json.loads(self._lines.readline())


@dataclass
class _Watch:
    """A running check: its messages are gathered until it ends or has used up a limit."""

    start: _Start
    job: Job
    cases: list[CaseResult] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    running: str = ""
    failure: Failure | None = None
    has_ended: bool = False
    base_memory: int | None = None
    printed: bytearray = field(default_factory=bytearray)
    num_printed: int = 0

    def result(self) -> CheckResult:
        messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        readers = [
            threading.Thread(target=self._read_results, args=(messages,), daemon=True),
            threading.Thread(target=self._read_output, daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            limit = self._follow(messages)
        finally:
            # By Ctrl-C too: the process is in a group of its own, which the terminal does not interrupt.
            kill_tree(self.start.pid)
            status = self.start.wait()
        for reader in readers:
            # A process that left the group can hold a pipe open: it is not waited for.
            reader.join(timeout=1)
        seconds = sum(one.seconds for one in self.cases)
        state, failure = self._verdict(limit, status)
        return CheckResult(
            state=state,
            cases=tuple(self.cases),
            waiting=tuple(self.waiting),
            failure=failure,
            output=self.printed.decode(errors="replace"),
            seconds=seconds,
        )

    def _read_results(self, messages: queue.SimpleQueue[bytes | None]) -> None:
        with self.start.results as pipe:
            for line in pipe:
                messages.put(line)
        messages.put(None)

    def _read_output(self) -> None:
        with self.start.output as pipe:
            while piece := os.read(pipe.fileno(), 2**16):
                # All that was printed is read, so that the process never waits for a full pipe; only its beginning is
                # kept.
                self.num_printed += len(piece)
                self.printed += piece[: max(0, MAX_SHOWN_BYTES - len(self.printed))]

    def _follow(self, messages: queue.SimpleQueue[bytes | None]) -> str:
        """Until the end; returns the limit that was reached, or ""."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                # Short, so that the other limits are looked at fifty times a second even where nothing comes.
                line = messages.get(timeout=0.02)
                if line is None:
                    return ""
                message = json.loads(line)
                self._take(message)
                if self.has_ended:
                    return ""
                # Importing torch is the machine's time, not the learner's.
                if message["event"] == "ready":
                    deadline = time.monotonic() + self.job.seconds
            except queue.Empty:
                pass
            if time.monotonic() > deadline:
                return "time"
            if self.num_printed > MAX_PRINTED_BYTES:
                return "print"
            if self.base_memory and _memory_of(self.start.pid) > self.base_memory + self.job.memory_bytes:
                return "memory"

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["event"]
        if kind == "ready":
            self.base_memory = message["memory"]
        elif kind == "begins":
            self.running = message["case"]
        elif kind == "waits":
            self.waiting.append(message["case"])
        elif kind == "crash":
            self.failure = _crash_failure(message["crash"])
        elif kind == "case":
            self.running = ""
            failure = _case_failure(message["failure"])
            self.cases.append(
                CaseResult(
                    name=message["case"],
                    seconds=message["seconds"],
                    section=message["section"],
                    failure=failure,
                    said=message["said"],
                )
            )
        self.has_ended = kind == "end"

    def _verdict(
        self, limit: str, status: int
    ) -> tuple[Literal["solved", "not yet", "crashed", "timed out"], Failure | None]:
        where = f'in the case "{self.running}"' if self.running else "while your file was read"
        memory = f"{self.job.memory_bytes / 2**30:.3g} GiB"
        if limit == "time":
            asked = f"The check ends within {self.job.seconds:.3g} seconds."
            return "timed out", Failure(asked=asked, came=f"it was still running {where}", meaning=_ENDLESS)
        if limit == "print":
            asked = f"At most {MAX_PRINTED_BYTES >> 20} MiB are printed."
            return "crashed", Failure(asked=asked, came=f"more was printed {where}", meaning=_ENDLESS)
        if limit == "memory" or status == OUT_OF_MEMORY:
            asked = f"The check needs less than {memory} of memory."
            return "crashed", Failure(asked=asked, came=f"it used more {where}", meaning=_MEMORY)
        # Neither a limit nor an end was reported: the process is gone, by `os._exit` or a crash in a library.
        if not self.has_ended:
            came = f"the process ended {where}, with {_status(status)}"
            return "crashed", Failure(asked="The check runs to its end.", came=came, meaning=_ENDED)
        if self.failure:
            return "crashed", self.failure
        failures = [one.failure for one in self.cases if one.failure]
        # A check without a case proves nothing, so it is not solved.
        if not failures:
            return "solved" if self.cases else "not yet", None
        return "crashed" if failures[0].line else "not yet", None


_ENDLESS = "Is there a loop that never ends?"
_MEMORY = "Does something grow in a loop, or is an array larger than it was meant to be?"
_ENDED = "Does your code call `os._exit`, or go too deep into a library?"


def _crash_failure(crash: dict[str, Any]) -> Failure:
    return Failure(
        came=crash["error"], line=crash["line"], frames=crash["frames"], meaning=_HINTS.get(crash["type"], "")
    )


def _case_failure(parts: dict[str, Any] | None) -> Failure | None:
    if parts is None:
        return None
    # A case's failure comes as JSON; one that crashed has where it did, too.
    crash = parts.pop("crash", None)
    if crash is None:
        return Failure(**parts)
    return Failure(**parts | {"meaning": _HINTS.get(crash["type"], "")}, line=crash["line"], frames=crash["frames"])


_HINTS = {
    "EOFError": "Nobody types during a check: `input()` has nothing to read.",
    "MemoryError": _MEMORY,
    "RecursionError": "The function calls itself without an end: which call must not call itself again?",
    "SystemExit": "Your code ends the program (`sys.exit`, `exit`, `quit`). A check needs it to go on: return instead.",
}


def _status(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-status).name}"
    return f"signal {-status}"


def kill_tree(pid: int) -> None:
    """Ends a process and all that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # The group first: once its leader is gone, what it started has no name that we know.
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        return
    subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], capture_output=True, check=False)


def _memory_of(pid: int) -> int:
    """Bytes that a process holds in memory; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
