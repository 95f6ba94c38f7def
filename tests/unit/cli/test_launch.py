"""What is made of how processes end. Most are a shell's, not Headway's: starting twenty of them takes a moment."""

from __future__ import annotations

import math
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headway.cli.launch import at_fault, check_processes, launch
from headway.errors import ConfigError, RunError
from headway.runs.run import Run
from headway.train import distributed
from headway.train.distributed import Processes
from tests.stopping import Killed, saves_counted
from tests.unit.cli.conftest import Command

# Torch leaves the files open that processes write to.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

# A process that waits, until it is told to stop.
WAIT = "trap 'exit 143' TERM; trap 'exit 130' INT; echo waits >>starts; sleep 30 & wait"

Do = Callable[..., Path]


@pytest.fixture
def do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Do]:
    """Has the first and the second process do so; gives the file with a line for each start of the first."""
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def write(first: str, second: str) -> Path:
        script = tmp_path / "process"
        script.write_text(f"#!/bin/bash\ncase $RANK in\n0) echo $* >>starts; {first};;\n1) {second};;\nesac\n")
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))
        return tmp_path / "starts"

    yield write
    assert {number: signal.getsignal(number) for number in handlers} == handlers


@contextmanager
def ends_with(status: int) -> Iterator[None]:
    with pytest.raises(SystemExit) as stop:
        yield
    assert stop.value.code == status


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [
        ({0: 2, 1: -signal.SIGTERM}, 0),
        ({0: -signal.SIGTERM, 1: 2}, 1),
        ({0: 75, 1: 1}, 1),
        ({0: -signal.SIGKILL, 1: 75, 2: 1}, 2),
        ({0: 75, 1: -signal.SIGKILL}, 1),
        ({0: 143, 1: -signal.SIGSEGV}, 1),
        ({0: 75, 1: 143}, 1),
        ({0: 130, 1: 130}, 0),
        ({0: 75, 1: 75}, None),
    ],
)
def test_who_is_at_fault(statuses: dict[int, int], failed: int | None) -> None:
    assert at_fault(statuses) == failed


@pytest.mark.slow
def test_an_error_is_said_once_and_nothing_starts_again(do: Do, capfd: pytest.CaptureFixture[str]) -> None:
    starts = do("echo headway: no such column. >&2; exit 2", "sleep 30")
    with ends_with(2):
        launch(["resume", "runs/photos"], processes=2)
    assert capfd.readouterr().err == "headway: no such column.\n"
    assert starts.read_text() == "-m headway resume runs/photos\n"


@pytest.mark.slow
def test_an_error_of_another_than_the_first(do: Do, capfd: pytest.CaptureFixture[str]) -> None:
    starts = do("sleep 0.5; exit 75", "echo headway: no such file. >&2; exit 2")
    with ends_with(2):
        launch([], processes=2)
    assert capfd.readouterr().err == "headway: no such file.\n"
    assert len(starts.read_text().splitlines()) == 1


@pytest.mark.slow
def test_a_killed_process_starts_again(do: Do, capfd: pytest.CaptureFixture[str]) -> None:
    starts = do("exit 0", "test -e killed || { touch killed; kill -9 $$; }")
    launch([], processes=2)
    assert capfd.readouterr().err == "headway: process 1 was killed (signal 9); all start again (1 of 3).\n"
    assert len(starts.read_text().splitlines()) == 2


@pytest.mark.slow
def test_one_that_is_killed_again_and_again(do: Do, capfd: pytest.CaptureFixture[str]) -> None:
    do("kill -9 $$", "exit 75")
    with ends_with(128 + signal.SIGKILL):
        launch([], processes=2)
    lines = [f"headway: process 0 was killed (signal 9); all start again ({k} of 3)." for k in (1, 2, 3)]
    assert capfd.readouterr().err.splitlines() == lines


@pytest.mark.slow
def test_processes_that_have_lost_one_another(do: Do) -> None:
    do("exit 75", "exit 75")
    message = (
        "The processes of this run cannot reach one another.\n"
        "  Given: 2 processes on this machine\n"
        "  Fix:   Look at its network (localhost). What was saved stays: headway resume runs/photos"
    )
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        launch(["resume", "runs/photos"], processes=2)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all(signum: int, do: Do, capfd: pytest.CaptureFixture[str]) -> None:
    starts = do(WAIT, WAIT)

    def stop() -> None:
        while not starts.exists() or starts.read_text().count("waits") < 2:
            ended.wait(0.05)
        os.kill(os.getpid(), signum)

    ended = threading.Event()
    thread = threading.Thread(target=stop)
    thread.start()
    with ends_with(128 + signum):
        launch([], processes=2)
    thread.join()
    assert capfd.readouterr().err == ""


def test_how_many_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    message = (
        "`--processes` must be at least 1.\n  Given: --processes 0\n  Fix:   Pass the number of accelerators, or 2."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_processes(0)
    monkeypatch.setattr(sys, "platform", "win32")
    message = (
        "Several processes are not available on Windows.\n"
        "  Given: --processes 2\n"
        "  Fix:   Use Linux, or WSL, or leave it out."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_processes(2)


def test_what_is_wrong_with_the_data_is_said_before_any_process_starts(headway: Command, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,y\n1,b\n2,b\n")
    alone, several = (headway("train", "rows.csv", "--target", "y", *more) for more in ((), ("--processes", 2)))
    assert (several.status, several.err) == (2, alone.err)
    assert not list(tmp_path.glob("runs/*"))


TRAIN = ("train", "rows.csv", "--target", "y", "--epochs", 2, "--device", "cpu")


WITHOUT_GRAPH = """
import headway.learner.learner as module
from headway.cli import main
module.export_trained = lambda *_, **__: None
main()
"""


@pytest.fixture
def rows(tmp_path: Path) -> None:
    """The table that `TRAIN` reads."""
    lines = [f"{math.sin(row)},{math.cos(3 * row)},{'yes' if row * row % 7 < 3 else 'no'}" for row in range(120)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *lines]))


@pytest.mark.slow
@pytest.mark.usefixtures("rows")
def test_what_torchrun_starts_again_goes_on(headway: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def launched(**_: object) -> Iterator[Processes]:
        yield Processes(launch="nightly")

    monkeypatch.setattr(distributed, "join", launched)
    monkeypatch.setattr("headway.learner.learner.export_trained", lambda *_, **__: None)
    with pytest.raises(Killed), saves_counted(error=Killed(), at=1):
        headway(*TRAIN)
    assert headway(*TRAIN).status == 0
    assert [path.name for path in Path("runs").iterdir()] == ["rows"]
    # The same name once more, for another run.
    with pytest.raises(Killed), saves_counted(error=Killed(), at=1):
        headway(*TRAIN)
    assert (Path("runs") / "rows-2").is_dir()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.usefixtures("rows")
def test_two_processes_end_as_one_does(headway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the graph, which takes longer than all else; the first two arguments are `-m headway`.
    script = tmp_path / "python"
    script.write_text(f"#!/bin/bash\nshift 2\nexec {sys.executable} -c '{WITHOUT_GRAPH}' \"$@\"\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr("headway.learner.learner.export_trained", lambda *_, **__: None)
    for more in ((), ("--processes", 2)):
        done = headway(*TRAIN, *more)
        assert (done.status, done.err) == (0, "")
    runs = [Run(tmp_path / "runs" / name) for name in ("rows", "rows-2")]
    assert [run.config["processes"] for run in runs] == [1, 2]
    losses = [[entry["valid_loss"] for entry in (run.report or {})["history"]] for run in runs]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
