"""`headway` commands in processes of their own, forked from one that has imported what takes each of them seconds."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.preloaded"])


def fork(work: Callable[..., None], *arguments: object) -> BaseProcess:
    """A process that does this work, begun; it finds imported what `tests.preloaded` imports."""
    # What it is forked from imports from the folder in which it is started, and says nothing where that fails.
    with chdir(ROOT):
        forkserver.ensure_running()
    process = FORKS.Process(target=work, args=arguments)
    process.start()
    return process


@dataclass(frozen=True)
class Done:
    """What a command ended with, printed, and said beside."""

    status: int | None
    out: str
    err: str

    @cached_property
    def line(self) -> dict[str, Any]:
        """The last line that it printed, as JSON."""
        return json.loads(self.out.splitlines()[-1])


@dataclass(frozen=True)
class Running:
    """A command that is under way."""

    process: BaseProcess
    folder: Path

    @property
    def out(self) -> str:
        """What it has printed so far."""
        file = self.folder / "out"
        return file.read_text() if file.exists() else ""

    def wait(self) -> Done:
        """Until it ends."""
        self.process.join()
        return Done(self.process.exitcode, self.out, (self.folder / "err").read_text())


@contextmanager
def started(*arguments: object, cwd: Path, patch: str = "") -> Iterator[Running]:
    """`headway` with these arguments, as a shell in that folder would run it; before it the Python code of `patch`."""
    with tempfile.TemporaryDirectory(prefix="headway-command-") as folder:
        process = fork(_main, [*map(str, arguments)], str(cwd), dict(os.environ), folder, patch)
        try:
            yield Running(process, Path(folder))
        finally:
            process.kill()
            process.join()


def run_command(*arguments: object, cwd: Path, patch: str = "") -> Done:
    """The same, until it ends."""
    with started(*arguments, cwd=cwd, patch=patch) as running:
        return running.wait()


def headway(*arguments: object, cwd: Path, patch: str = "") -> Done:
    """The same where it must end well and say nothing beside."""
    done = run_command(*arguments, cwd=cwd, patch=patch)
    assert (done.status, done.err) == (0, "")
    return done


def _main(arguments: list[str], cwd: str, environment: dict[str, str], folder: str, patch: str) -> None:
    for handle, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT), handle)
    assert "tests.preloaded" in sys.modules
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = ["headway", *arguments]
    exec(patch, {})
    from headway.cli import main

    main()
