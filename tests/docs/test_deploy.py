"""The container of `docs/deploy.md`: its install steps in a virtual environment, as docker itself is not asked for."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from PIL import Image as PILImage

from tests.docs.shell import MARK

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text()
(DOCKERFILE,) = re.findall(r"^```text\n(FROM .*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
(FREEZE,) = re.findall(rf"^```bash\n{MARK}needs a run\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_it_is_slim_not_root_and_tells_its_health() -> None:
    assert re.search(r"^FROM python:3\.\d+-slim$", DOCKERFILE, flags=re.MULTILINE)
    steps = [line.split()[0] for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]
    # Whatever runs comes after the change of user.
    assert steps.index("USER") < steps.index("HEALTHCHECK") < steps.index("CMD")
    assert 'CMD ["headway", "serve", "model.headway", "--host", "0.0.0.0"' in DOCKERFILE
    assert not re.search(r"torch(?!:)", DOCKERFILE)


def test_the_same_libraries_are_named_for_a_server_without_a_container() -> None:
    (plain,) = re.findall(r"^pip install (fastapi .*)$", PAGE, flags=re.MULTILINE)
    assert f"RUN pip install --constraint versions.txt {plain}\n" in DOCKERFILE


@pytest.mark.long
@pytest.mark.slow
def test_its_steps_serve_without_torch(tmp_path: Path) -> None:
    folder, source = tmp_path / "run", tmp_path / "source"
    folder.mkdir()
    shutil.copy(ROOT / "tests" / "bundles" / "v1.headway", folder / "model.headway")
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-build-isolation",
        "--no-deps",
        "-w",
        str(folder),
        str(source),
    ]
    subprocess.run(wheel, check=True)
    (made,) = folder.glob("headway-*.whl")
    freeze = FREEZE.replace("python -m pip", f"{sys.executable} -m pip").replace("runs/photos/", f"{folder}/")
    subprocess.run(["sh", "-c", freeze], check=True)
    pins = dict(re.findall(r"^([\w.-]+)==(.+)$", (folder / "versions.txt").read_text(), flags=re.MULTILINE))
    assert {"fastapi", "onnxruntime", "starlette", "pydantic_core", "h11"} <= pins.keys()
    # Its own pip would take as long to unpack as all that is installed by it.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    # Of this process's environment nothing that could lend it libraries.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    environment["PATH"] = f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # What is not imported need not be compiled.
    environment["PIP_NO_COMPILE"] = "1"
    # The released version may be another one than this.
    text = DOCKERFILE.replace("--no-deps headway", f"--no-deps ./{made.name}")
    steps = re.findall(r"^RUN (pip install .+)$", text, flags=re.MULTILINE)
    assert len(steps) == 2
    python = str(tmp_path / "venv" / "bin" / "python")
    for step in steps:
        there = step.replace("pip install", f"{sys.executable} -m pip --python {python} install")
        subprocess.run(["sh", "-c", f"{there} --quiet"], cwd=folder, env=environment, check=True)
    missing = "import importlib.util as u; assert not any(map(u.find_spec, ('torch', 'polars', 'sklearn')))"
    subprocess.run([python, "-c", missing], env=environment, check=True)
    installed = [python, "-c", "from importlib.metadata import version; print(version('onnxruntime'))"]
    done = subprocess.run(installed, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == pins["onnxruntime"]
    PILImage.new("RGB", (20, 12), "red").save(folder / "red.png")
    predict = ["headway", "predict", "model.headway", "red.png", "--json"]
    done = subprocess.run(predict, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["label"] == "red"
    (command,) = re.findall(r"^CMD (\[.+\])$", text, flags=re.MULTILINE)
    (health,) = re.findall(r"^ +CMD (\[.+\])$", text, flags=re.MULTILINE)
    _serve(json.loads(command), json.loads(health), folder, environment)


def _serve(command: list[str], health: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Runs the container's command at a port that is free here, asks it as docker and as a client would, ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    moved = [port if each == "8000" else "127.0.0.1" if each == "0.0.0.0" else each for each in command]
    server = subprocess.Popen(moved, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        asked = [each.replace(":8000", f":{port}") for each in health]
        for _ in range(100):
            done = subprocess.run(asked, env=environment, capture_output=True, check=False)
            if done.returncode == 0:
                break
            assert server.poll() is None, "the server ended"
            time.sleep(0.1)
        assert done.returncode == 0, done.stderr
        headers = {"content-type": "image/png"}
        body = (folder / "red.png").read_bytes()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            assert json.load(response)["label"] == "red"
    finally:
        server.terminate()
    assert server.wait(20) == 0
