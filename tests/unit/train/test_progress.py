from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
import types
from typing import Any

import pytest

from headway.train.history import Epoch
from headway.train.progress import Progress, _Bars, _Notebook, _Rate, describe, make_progress

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def epoch(number: int, *, stage: Any = "all") -> Epoch:
    return Epoch(
        stage=stage,
        epoch=number,
        train_loss=0.51,
        valid_loss=0.4321,
        metrics={"accuracy": 0.875},
        lr=1e-3,
        seconds=2.34,
    )


def test_an_epoch_in_a_line() -> None:
    assert describe(epoch(3)) == "epoch 3   train loss 0.5100  valid loss 0.4321  accuracy 0.8750  2.3 s"
    assert describe(epoch(12)) == "epoch 12  train loss 0.5100  valid loss 0.4321  accuracy 0.8750  2.3 s"
    assert describe(epoch(1, stage="head")) == "head      train loss 0.5100  valid loss 0.4321  accuracy 0.8750  2.3 s"


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.tell("before")
    for done in range(1, 4):
        progress.count("training", done, 3)
    progress.on_entry(epoch(1))
    progress.on_entry(epoch(2))
    progress.close()
    assert capsys.readouterr().out == f"before\n{describe(epoch(1))}\n{describe(epoch(2))}\n"


def test_steps_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    progress = Progress()
    monkeypatch.setattr(progress, "count", lambda *arguments: counted.append(arguments))
    state: Any = types.SimpleNamespace(step=3, total_steps=20)
    progress.on_batch_end(state, None)  # pyright: ignore[reportArgumentType]
    assert counted == [("training", 3, 20)]


class _Terminal:
    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


def test_the_kind_fits_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert type(make_progress()) is Progress
    monkeypatch.setattr(sys, "stdout", _Terminal())
    assert type(make_progress()) is _Bars


def in_terminal(code: str, *, interrupt: bool = False) -> tuple[str, int]:
    """What a program writes into a terminal of its own, and its exit status."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "PYTHONUNBUFFERED": "1"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, stdin=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:
                break
            if not read:
                break
            shown += read
            if interrupt and HIDE.encode() in shown:
                interrupt = False
                time.sleep(0.2)
                process.send_signal(signal.SIGINT)
        return shown.decode(), process.wait(timeout=30)
    finally:
        os.close(ours)
        process.kill()
        process.wait()


BARS = """
import time
from headway.train.progress import make_progress
progress = make_progress()
print(type(progress).__name__)
"""


@pytest.mark.slow
def test_bars_in_a_terminal() -> None:
    shown, status = in_terminal(
        BARS
        + """
for done in range(1, 4):
    progress.count("reading", done, 3)
for done in (1, 2):
    progress.count("training", done, 5)
from headway.train.history import Epoch
progress.on_entry(Epoch(stage="all", epoch=1, train_loss=1, valid_loss=1, metrics={}, lr=None, seconds=1))
progress.count("training", 3, 5)
progress.close()
print("end")
"""
    )
    assert status == 0, shown
    assert "_Bars" in shown
    assert "reading" in shown
    assert "3/3" in shown
    assert "training" in shown
    assert "2/5" in shown
    assert "3/5" in shown
    assert "epoch 1   train loss 1.0000" in shown
    # Three bars, each taken down before the next.
    assert shown.count(HIDE) == shown.count(SHOW) == 3
    assert shown.rindex(SHOW) < shown.index("end")


@pytest.mark.slow
def test_an_interrupted_program_gives_the_cursor_back() -> None:
    shown, status = in_terminal(BARS + 'progress.count("training", 1, 5)\ntime.sleep(60)\n', interrupt=True)
    assert status != 0
    assert "KeyboardInterrupt" in shown
    assert shown.count(HIDE) == 1
    assert shown.rfind(SHOW) > shown.index(HIDE)


class ZMQInteractiveShell:
    """As a notebook's kernel has."""

    def __init__(self) -> None:
        self.execution_count = 1


class Display:
    def __init__(self, text: dict[str, str]) -> None:
        self.texts = [text["text/plain"]]

    def update(self, text: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.texts.append(text["text/plain"])


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A stand-in for IPython: the shell, and what was displayed."""
    shell, displays = ZMQInteractiveShell(), []

    def display(text: dict[str, str], *, raw: bool, display_id: bool) -> Display:
        assert raw
        assert display_id
        displays.append(Display(text))
        return displays[-1]

    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    package.get_ipython = lambda: shell  # pyright: ignore[reportAttributeAccessIssue]
    package.display = module  # pyright: ignore[reportAttributeAccessIssue]
    module.display = display  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return types.SimpleNamespace(shell=shell, displays=displays, package=package)


def test_a_notebook_has_its_own_kind(notebook: types.SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(make_progress()) is _Notebook
    # IPython in a terminal is a terminal.
    notebook.package.get_ipython = lambda: types.SimpleNamespace()
    assert type(make_progress()) is Progress


def test_a_notebook_shows_one_text_a_cell(notebook: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    progress = make_progress()
    progress.tell("first")
    progress.count("training", 1, 4)
    progress._shown = 0.0
    progress.count("training", 2, 4)
    progress.on_entry(epoch(1))
    (display,) = notebook.displays
    assert display.texts == [
        "first",
        f"first\ntraining [{'#' * 15}{'.' * 15}] 2/4",
        f"first\n{describe(epoch(1))}",
    ]
    assert capsys.readouterr().out == ""


def test_the_last_count_takes_the_bar_down(notebook: types.SimpleNamespace) -> None:
    progress = make_progress()
    progress.count("training", 1, 2)
    progress.count("training", 2, 2)
    (display,) = notebook.displays
    assert display.texts[0].endswith("1/2")
    assert display.texts[-1] == ""


def test_a_rate_is_shown_after_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([10.0, 10.4, 12.0, 12.5, 30.0])
    rate = _Rate()
    monkeypatch.setattr("headway.train.progress.time.monotonic", lambda: next(seconds))
    counts = (("reading", 1_000), ("reading", 1_400), ("reading", 4_000), ("training", 1), ("training", 2))
    assert [rate.text(task, done) for task, done in counts] == ["", "", "1,500/s", "", "0.1/s"]


def test_another_cell_begins_anew(notebook: types.SimpleNamespace) -> None:
    """A learner may be made in one cell and trained in the next: what it says belongs below the cell that runs."""
    progress = make_progress()
    progress.tell("first")
    notebook.shell.execution_count = 2
    progress.count("training", 1, 2)
    progress.tell("second")
    first, second = notebook.displays
    assert first.texts == ["first"]
    assert second.texts[0].startswith("training [")
    assert second.texts[-1] == "second"
