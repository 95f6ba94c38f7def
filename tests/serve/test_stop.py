"""How the process begins and ends, and what it never loads."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.serve.server import GOLDEN, Answer, picture, running
from tests.serve.test_api import SLOW_MODEL

# Servers and commands in processes of their own take seconds to start.
pytestmark = pytest.mark.slow

# `None` in sys.modules makes any import of that name fail.
NO_TORCH = "import sys; sys.modules.update(dict.fromkeys(['torch', 'torchvision', 'timm', 'onnxscript', 'scipy']))"


def test_torch_is_not_needed() -> None:
    with running(before=NO_TORCH) as server:
        assert server.predict(picture("blue")).json["label"] == "blue"
        assert server.ask("GET", "/").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_is_answered_and_new_work_refused(number: signal.Signals) -> None:
    with running(before=SLOW_MODEL.format(seconds=1.5)) as server:
        answers: list[Answer] = []
        client = threading.Thread(target=lambda: answers.append(server.predict(picture("green"))))
        client.start()
        time.sleep(0.5)
        server.process.send_signal(number)
        time.sleep(0.4)
        with pytest.raises(OSError, match="refused"):
            server.predict(picture())
        client.join()
        assert answers[0].json["label"] == "green"
        assert server.process.wait(10) == 0


def test_a_connection_that_rests_does_not_hold_up_the_end() -> None:
    with running() as server, socket.create_connection(("127.0.0.1", server.port)):
        server.process.terminate()
        assert server.process.wait(5) == 0


def test_a_port_that_is_taken_is_an_error_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = start("--port", port)
    assert done.returncode == 2
    assert done.stderr == (
        "headway: The server cannot listen at that address.\n"
        f"  Given: 127.0.0.1 port {port}: Address already in use\n"
        "  Fix:   Choose another with --host or --port.\n"
    )


@pytest.mark.slow
def test_mistakes_are_told_before_anything_is_served(tmp_path: Path) -> None:
    assert "The bundle cannot be" in start(bundle=tmp_path / "none.headway").stderr
    assert "The bundle cannot be" in start("--workers", 2, bundle=tmp_path / "none.headway").stderr
    assert start("--max-body", "much").stderr.startswith("headway: `--max-body` must be a positive size.")
    assert start("--keep-inputs").stderr.startswith("headway: Inputs can be kept only in the folder of a log.")
    (tmp_path / "file").write_text("")
    assert "The log's folder cannot be written to." in start("--log", tmp_path / "file" / "log").stderr


def test_a_worker_that_cannot_start_ends_the_server(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = start("--workers", 2, "--port", 0, "--log", tmp_path / "file" / "log")
    assert done.returncode == 2
    assert "headway: The log's folder cannot be written to." in done.stderr
    assert done.stderr.endswith(
        "headway: A worker could not start; its message is above.\n  Given: 2 workers\n  Fix:   Try with --workers 1.\n"
    )


def start(*options: object, bundle: Path = GOLDEN) -> subprocess.CompletedProcess[str]:
    code = "from headway.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", str(bundle), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_it_is_small(tmp_path: Path) -> None:
    """Under 300 MB with the default architecture, before the first request and after many."""
    bundle = export_default(tmp_path)
    with running(bundle=bundle) as server:
        assert server.memory < 300e6
        body = picture("red", (640, 480), kind="JPEG")
        for _ in range(20):
            assert server.predict(body, "image/jpeg").status == 200
        assert server.memory < 300e6
        names = {Path(each.path).name for each in psutil.Process(server.process.pid).memory_maps()}
        assert not any("torch" in name for name in names)


def export_default(folder: Path) -> Path:
    """A bundle of efficientnet_lite0 for 224 pixels, as it is before training."""
    import numpy as np
    import torch

    from headway.bundle.export import export_bundle
    from headway.inputs.image import models as zoo
    from headway.inputs.image.field import Image
    from headway.targets.category.field import Category

    torch.manual_seed(0)
    built = zoo.create("efficientnet_lite0", num_outputs=2, channels=3, size=224)
    return export_bundle(
        folder / "default.headway",
        model=built.module,
        prepare=built.prepare,
        input=Image("file", size=224),
        target=Category("label", labels=("cat", "dog")),
        examples=np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8),
        manifest={"arch": "efficientnet_lite0", "metrics": {}},
        card="# Card\n",
    )
