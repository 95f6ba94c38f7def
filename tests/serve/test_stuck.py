"""Graphs that go round for ever, were they opened: Ctrl-C ends a command and SIGTERM a server all the same.

What refuses such graphs is switched off here, since a single operator can take as long.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.serve.server import picture, running
from tests.unit.bundle.test_graph import added, bundle, loop

# Servers and commands in processes of their own take seconds to start.
pytestmark = [pytest.mark.slow, pytest.mark.long]

ANY_GRAPH = "import headway.bundle.graph as graph; graph.check_operators = lambda _: None"
# Two seconds at most, on a machine that has nothing else to do.
WAIT_SECONDS = 8


def pooling() -> bytes:
    """A graph with one operator that takes many minutes for white pictures, which nothing can end."""
    nodes = [
        helper.make_node("Cast", ["inputs"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["brightness"], keepdims=0),
        helper.make_node("Greater", ["brightness", "bright"], ["is_white"]),
        helper.make_node("Where", ["is_white", "large", "small"], ["shape"]),
        helper.make_node("Expand", ["nothing", "shape"], ["canvas"]),
        helper.make_node("AveragePool", ["canvas"], ["pooled"], kernel_shape=[1000, 1000]),
        helper.make_node("ReduceMean", ["pooled"], ["sum"], keepdims=0),
    ]
    numbers = {
        "bright": np.array(230, np.float32),
        "large": np.array([1, 1, 3000, 3000]),
        "small": np.array([1, 1, 1000, 1000]),
        "nothing": np.zeros((1, 1, 1, 1), np.float32),
    }
    return added(nodes, numbers, last="sum")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_prediction_that_does_not_end(number: signal.Signals, status: int, tmp_path: Path) -> None:
    path = bundle(tmp_path, loop(start="always"))
    (tmp_path / "a.png").write_bytes(picture())
    # A line when the run begins, since a signal before it would prove nothing.
    code = f"""
{ANY_GRAPH}
add = graph._Watchdog.add
def told(self, run):
    print("running", flush=True)
    add(self, run)
graph._Watchdog.add = told
from headway.cli import main; main()
"""
    command = [sys.executable, "-c", code, "predict", str(path), str(tmp_path / "a.png")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "running\n"
        time.sleep(0.5)
        process.send_signal(number)
        try:
            assert process.wait(WAIT_SECONDS) == status
        finally:
            process.kill()
        assert process.stderr.read() == "\nheadway: Stopped.\n"


def test_a_loop_for_some_pictures_harms_none_of_the_others(tmp_path: Path) -> None:
    with running("--deadline", 1, bundle=bundle(tmp_path, loop(start="on_white")), before=ANY_GRAPH) as server:
        assert server.predict(picture()).status == 200
        for _ in range(2):
            assert server.predict(picture("white")).kind == "deadline"
            # The run ends within a second of its deadline, and with it the wait of those behind it.
            time.sleep(1)
            assert server.predict(picture("blue")).json["label"] == "blue"
        assert server.ask("GET", "/healthz").status == 200
        server.process.terminate()
        assert server.process.wait(WAIT_SECONDS) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stuck_operator_makes_the_server_unwell_and_sigterm_ends_it(workers: int, tmp_path: Path) -> None:
    # As any bundle is opened: every operator is allowed.
    with running("--deadline", 1, "--workers", workers, bundle=bundle(tmp_path, pooling())) as server:
        assert server.predict(picture()).status == 200
        assert server.predict(picture("white")).kind == "deadline"
        time.sleep(1.5)
        statuses = {server.ask("GET", "/healthz").status for _ in range(20)}
        assert 503 in statuses
        server.process.terminate()
        # Nothing is left to finish but what has met its deadline already.
        server.process.wait(WAIT_SECONDS)


def test_a_prediction_in_an_operator_that_cannot_be_ended_ends_by_force(tmp_path: Path) -> None:
    path = bundle(tmp_path, pooling())
    (tmp_path / "white.png").write_bytes(picture("white"))
    code = "from headway.cli import main; main()"
    command = [sys.executable, "-c", code, "predict", str(path), str(tmp_path / "white.png")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        time.sleep(5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(WAIT_SECONDS) == 130
        finally:
            process.kill()
