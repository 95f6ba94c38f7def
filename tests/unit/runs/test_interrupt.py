from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import headway as hw
from headway.errors import Stopped
from headway.runs.interrupt import Signals
from headway.train.callbacks import Callback
from headway.train.loop import BatchResult, TrainState
from headway.train.progress import Progress
from tests.stopping import QUIET, same_bits, told

Make = Callable[..., nn.Module]


def test_a_signal_is_obeyed_at_once_unless_it_is_to_wait() -> None:
    with Signals() as signals, pytest.raises(Stopped) as stopped:
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.signum == signal.SIGTERM
    assert signals.received is None


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_waits(signum: int) -> None:
    with Signals() as signals:
        signals.obey()
        signals.waiting = True
        os.kill(os.getpid(), signum)
        assert signals.received == signum
        with pytest.raises(Stopped) as stopped:
            signals.obey()
    assert stopped.value.signum == signum
    assert isinstance(stopped.value, KeyboardInterrupt)


def test_a_second_signal_does_not_wait() -> None:
    with Signals() as signals:
        signals.waiting = True
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped) as stopped:
            os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.signum == signal.SIGTERM


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with Signals():
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] != before
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    with pytest.raises(ZeroDivisionError), Signals():
        raise ZeroDivisionError
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_in_another_thread_it_does_nothing() -> None:
    """Python hands signals to the main thread alone, and refuses to set them elsewhere."""
    seen: list[Any] = []
    before = signal.getsignal(signal.SIGINT)

    def enter() -> None:
        with Signals() as signals:
            signals.obey()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]


class SendsSignal(Callback):
    """Sends this process a signal in the middle of a step."""

    def __init__(self, step: int, *signums: int) -> None:
        self.step, self.signums = step, signums

    def on_batch_begin(self, state: TrainState, batch: object) -> None:
        if state.step == self.step:
            for signum in self.signums:
                os.kill(os.getpid(), signum)


class Shown(Progress):
    is_open = False

    def tell(self, text: str) -> None:
        pass

    def count(self, what: str, done: int, total: int) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_learner_stays_usable(digits_data: hw.Data, linear: Make, tmp_path: Path, signum: int) -> None:
    """As in a notebook: the cell is stopped, the next one reports, exports, goes on."""
    shown = Shown()
    options: dict[str, Any] = {**QUIET, "progress": shown, "batch_size": 32, "augment": hw.Augment.none()}
    sends = SendsSignal(6, signum)
    learner = hw.Learner(digits_data, linear(), run=tmp_path / "digits", callbacks=[sends], **options)
    with pytest.raises(Stopped) as stopped:
        learner.fit(3, lr=1e-2)
    assert stopped.value.signum == signum
    assert stopped.value.run == str(tmp_path / "digits")
    assert str(stopped.value) == f"Stopped. Continue with: headway resume {tmp_path / 'digits'}"
    assert not shown.is_open
    assert not learner.model.training
    assert all(parameter.grad is None for parameter in learner.model.parameters())
    assert len(learner.history) == 1
    assert 0 <= learner.evaluate()["accuracy"].value <= 1
    assert len(learner.predictions().rows) == 40
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    # The step that was under way is done and saved.
    saved = learner.run and learner.run.checkpoints(0).load("stage")
    assert saved
    assert saved.values["step"] == 7
    assert all(saved.tensors[f"model.{name}"].equal(value) for name, value in learner.model.state_dict().items())

    whole = hw.Learner(digits_data, linear(), **{**options, "progress": False})
    whole.fit(3, lr=1e-2)
    again = hw.Learner.resume(tmp_path / "digits", arch=linear(1), callbacks=[Callback()], progress=False)
    assert same_bits(again.model, whole.model)
    assert told(again.history) == told(whole.history)


def test_a_second_signal_stops_within_the_step(digits_data: hw.Data, linear: Make, tmp_path: Path) -> None:
    sends = SendsSignal(6, signal.SIGINT, signal.SIGINT)
    after = Counts()
    learner = hw.Learner(digits_data, linear(), run=tmp_path / "digits", callbacks=[sends, after], **QUIET)
    with pytest.raises(Stopped):
        learner.fit(3)
    assert after.steps == 6


class Counts(Callback):
    steps = 0

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        self.steps += 1


def test_without_a_run_nothing_is_promised(digits_data: hw.Data, linear: Make) -> None:
    sends = SendsSignal(1, signal.SIGINT)
    learner = hw.Learner(digits_data, linear(), callbacks=[sends], **QUIET)
    with pytest.raises(Stopped) as stopped:
        learner.fit(1)
    assert str(stopped.value) == "Stopped."
    assert stopped.value.run == ""
    sends.step = -1
    learner.fit(1)
    assert len(learner.history) == 1


# A thread that reads from a pipe nobody writes to, as from a disk that is gone.
BLOCKED = """
import os, time
from concurrent.futures import ThreadPoolExecutor
import headway.cli as cli

def command():
    ThreadPoolExecutor(1).submit(os.read, os.pipe()[0], 1)
    print("reading", flush=True)
    time.sleep(60)

cli.app = command
cli.main()
"""


@pytest.mark.slow
def test_a_read_that_blocks_does_not_hold_up_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BLOCKED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGINT
        assert message == "\nheadway: Stopped.\n"


# A step whose backward pass ends a minute later: Python's own handlers must wait for it, as hashing is one instruction.
LONG_STEP = """
import hashlib
import headway.cli as cli
from headway.runs.interrupt import Signals

def command():
    with Signals("runs/pets") as signals:
        signals.waiting = True
        print("training", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)

cli.app = command
cli.main()
"""


@pytest.mark.slow
def test_a_long_step_answers_at_once_and_a_second_signal_ends_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LONG_STEP], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "training\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "Stopping after this step. Press Ctrl-C again to stop at once.\n"
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGINT
        assert message == "\nheadway: Stopped. Continue with: headway resume runs/pets\n"
