"""The process that a check runs in: its limits, the learner's file, the cases. What it says goes out as JSON lines.

`python -m headway.course.check_process` reads one job from its input and runs it. With `zygote` it imports torch once,
and timm before the first job that trains with Headway, and forks a copy of itself for each job: a copy starts in a few
milliseconds, and knows nothing of the job before.

The limits are against accidents of the learner's own code, not against attackers.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headway.course.cases import Check, crash_of, save_failure

__all__ = ["OUT_OF_MEMORY", "Job", "main", "refuse_network"]

OUT_OF_MEMORY = 86
"""Exit status of a process that used more memory than it may, where the system itself sets no limit."""

MAX_FILE_BYTES = 256 * 2**20
# Enough for every DataLoader of an exercise, far fewer than a loop makes before it is noticed.
MAX_FORKS = 32
_ADDRESS_SPACE_SLACK = 4 * 2**30
"""Threads and libraries reserve address space without using it: the limit on used memory is the tighter one."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to check, and within which limits.

    Attributes:
        file: The learner's file, as errors name it.
        text: What was saved in it.
        check_file: The exercise's `check.py`.
        work: A temporary folder to run in, with whatever files the exercise brings.
        home: Another, which stands for the home folder.
        folder: The learner's course folder.
        seconds: Time limit, from when torch is imported.
        memory_bytes: Limit of memory, beyond what was used when torch was imported.
        imports_torch: Import torch before the limits are set.
        trains: It may train with Headway, which imports timm.
        seed: Added to the seeds of all draws.
        dtype: torch's default dtype, where it is another.
        speed_factor: How many times slower than the authors' this machine is.
        saves_failure: Save the first failure, with the variables of its last line, for `headway why`.
    """

    file: str
    text: str
    check_file: str
    work: str
    home: str
    folder: str
    seconds: float
    memory_bytes: int
    imports_torch: bool = True
    trains: bool = False
    seed: int = 0
    dtype: str = ""
    speed_factor: float = 1.0
    saves_failure: bool = False

    def to_json(self) -> bytes:
        """One line."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Runs the job that stands in the standard input; or with `zygote`, those that come by its socket."""
    if "zygote" in sys.argv[1:]:
        _serve(socket.socket(fileno=int(sys.argv[-1])))
        return
    job = Job(**json.loads(sys.stdin.buffer.readline()))
    # What the learner prints goes to the pipe of errors: the other one is for results, under a number of its own.
    results = os.dup(1)
    os.dup2(2, 1)
    _run(job, results)


def _serve(jobs: socket.socket) -> None:
    _import_torch()
    # Most checks of lessons on metrics and baselines compare with it, and it takes a second to import.
    import sklearn.metrics  # noqa: F401

    # The parent forks this process only where it has one thread, so it is told.
    jobs.sendall(json.dumps({"threads": _num_threads()}).encode() + b"\n")
    while True:
        message, descriptors, _, _ = socket.recv_fds(jobs, 2**20, 2)
        if not message:
            return
        while not message.endswith(b"\n"):
            message += jobs.recv(2**20)
        job = Job(**json.loads(message))
        if job.trains:
            # It takes two seconds, and starts no thread; polars does, so that each copy imports that for itself.
            import timm  # noqa: F401
        child = os.fork()
        if child == 0:
            jobs.close()
            output, results = descriptors
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            _run(job, results)
        for descriptor in descriptors:
            os.close(descriptor)
        jobs.sendall(json.dumps({"pid": child}).encode() + b"\n")
        _, status = os.waitpid(child, 0)
        jobs.sendall(json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


def _num_threads() -> int:
    """Threads of this process: a copy of one that has several can hang in locks that they hold."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _run(job: Job, results: int) -> None:
    """Runs a job and ends the process, whatever threads or exit functions the learner's code leaves behind."""
    if hasattr(os, "setpgid"):
        with contextlib.suppress(OSError):
            # A group of its own, to be ended whole with all that the learner's code starts.
            os.setpgid(0, 0)
    # `input()` ends at once instead of waiting for somebody who does not know of it.
    stdin = os.open(os.devnull, os.O_RDONLY)
    os.dup2(stdin, 0)
    report = _reporter(results)
    _prepare(job)
    report({"event": "ready", "memory": _used_memory()})
    _check(job, report)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    report({"event": "end"})
    # Not `sys.exit`, which would wait for threads and run what was registered with `atexit`.
    os._exit(0)


def _reporter(results: int) -> Callable[[dict[str, Any]], None]:
    own = os.getpid()

    def report(event: dict[str, Any]) -> None:
        # A copy that the learner's code made by `os.fork` goes on with the check; it has no say in it.
        if os.getpid() == own:
            os.write(results, json.dumps(event).encode() + b"\n")

    return report


def _prepare(job: Job) -> None:
    os.environ.update(HOME=job.home, USERPROFILE=job.home)
    os.chdir(job.work)
    # The empty entry would be the current folder, wherever code changes to.
    sys.path[:] = [job.work, *(path for path in sys.path if path)]
    if job.imports_torch:
        torch = _import_torch()
        torch.set_num_threads(1)
        if job.dtype:
            torch.set_default_dtype(getattr(torch, job.dtype))
    _limit(job)
    refuse_network()
    _limit_forks()


def _import_torch() -> Any:
    import torch

    return torch


def _limit(job: Job) -> None:
    try:
        import resource
    except ImportError:
        return
    # Ignored, so that a write beyond the limit is an error with a line and not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _lower(resource, resource.RLIMIT_FSIZE, MAX_FILE_BYTES)
    # A core file of a process with torch is larger than all of the learner's folder.
    _lower(resource, resource.RLIMIT_CORE, 0)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        threading.Thread(target=_watch_memory, args=(resource, job.memory_bytes), daemon=True).start()
        return
    reserved = pages * resource.getpagesize()
    _lower(resource, resource.RLIMIT_AS, reserved + job.memory_bytes + _ADDRESS_SPACE_SLACK)


def _lower(resource: Any, kind: int, limit: int) -> None:
    hard = resource.getrlimit(kind)[1]
    # Nobody may raise a limit above the hard one.
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, hard))


def _watch_memory(resource: Any, memory_bytes: int) -> None:
    """Where the system has no limit that holds: the peak is looked at ten times a second."""
    # `ru_maxrss` is in bytes on macOS and in KiB elsewhere.
    unit = 1 if sys.platform == "darwin" else 1024
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) * unit < memory_bytes:
        time.sleep(0.1)
    os._exit(OUT_OF_MEMORY)


def _used_memory() -> int:
    """Bytes that this process holds in memory; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def refuse_network(who: str = "A check") -> None:
    """Connections to other computers end in an error that says so. Programs can get around it; accidents do not."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse(host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        # This computer stays reachable: exercises on serving talk to their own server.
        if name not in ("127.0.0.1", "::1", "localhost", "", None):
            raise ConnectionRefusedError(f"{who} has no network, and your code connects to {name}.")

    def checked_connect(self: socket.socket, address: Any) -> None:
        refuse(address[0] if isinstance(address, tuple) else None)
        connect(self, address)

    def checked_connect_ex(self: socket.socket, address: Any) -> int:
        refuse(address[0] if isinstance(address, tuple) else None)
        return connect_ex(self, address)

    def checked_look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        refuse(host)
        return look_up(host, *arguments, **named)

    socket.socket.connect = checked_connect
    socket.socket.connect_ex = checked_connect_ex
    socket.getaddrinfo = checked_look_up


def _limit_forks() -> None:
    """Copies of the process are few, and make none themselves: a loop around `os.fork` ends in an error."""
    if not hasattr(os, "fork"):
        return
    fork, own = os.fork, os.getpid()
    count = 0

    def checked_fork() -> int:
        nonlocal count
        count += 1
        if count > MAX_FORKS or os.getpid() != own:
            raise BlockingIOError(f"Your code makes more than {MAX_FORKS} copies of its process (os.fork).")
        return fork()

    os.fork = checked_fork


def _check(job: Job, report: Callable[[dict[str, Any]], None]) -> None:
    file = Path(job.file)
    module = types.ModuleType("exercise")
    module.__file__ = job.file
    # Pickling an object, as a DataLoader's workers do, imports its module by name.
    sys.modules["exercise"] = module
    try:
        exec(compile(job.text, job.file, "exec"), vars(module))
    # `sys.exit()` at the end of a file is no `Exception`.
    except BaseException as error:
        report({"event": "crash", "crash": crash_of(error, file)})
        if job.saves_failure:
            save_failure(error, file, vars(module))
        return
    check = Check(
        module,
        file,
        job.text,
        Path(job.folder),
        seed=job.seed,
        speed_factor=job.speed_factor,
        saves_failure=job.saves_failure,
    )
    check.run(Path(job.check_file), report)


if __name__ == "__main__":
    main()
