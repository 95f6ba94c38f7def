"""The Dockerfile, and its install steps in a virtual environment: docker itself is not asked for."""

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
from typer.testing import CliRunner

from headway.cli import app
from headway.cli.dockerfile import SERVING, pinned
from headway.errors import ConfigError

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "bundles" / "v1.headway"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    shutil.copy(GOLDEN, tmp_path / "run" / "model.headway")
    return tmp_path / "run"


def written(folder: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["dockerfile", str(folder / "model.headway"), *options])
    assert done.exit_code == 0, done.exception or done.output
    assert f"docker build -t headway-model -f {folder}/Dockerfile {folder}" in done.stdout
    return (folder / "Dockerfile").read_text()


def test_versions_are_pinned_and_torch_is_not_among_them() -> None:
    pins = dict(line.split("==") for line in pinned(SERVING))
    assert set(SERVING) | {"starlette", "pydantic-core", "h11", "protobuf"} <= pins.keys()
    assert not {"torch", "torchvision", "timm", "polars", "scikit-learn", "onnx", "colorama"} & pins.keys()
    assert all(re.fullmatch(r"[\d.]+(post\d+)?", version) for version in pins.values())


def test_it_is_slim_not_root_and_tells_its_health(folder: Path) -> None:
    text = written(folder)
    assert re.search(r"^FROM python:3\.\d+\.\d+\S*-slim$", text, flags=re.MULTILINE)
    steps = [line.split()[0] for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    # Whatever runs comes after the change of user.
    assert steps.index("USER") < steps.index("HEALTHCHECK") < steps.index("CMD")
    assert "RUN pip install --no-deps headway==" in text
    assert 'CMD ["headway", "serve", "model.headway", "--host", "0.0.0.0"' in text
    assert not re.search(r"torch(?!,)", text.replace("no torch", ""))


def refusal(*arguments: str) -> str:
    error = CliRunner().invoke(app, ["dockerfile", *arguments]).exception
    assert isinstance(error, ConfigError)
    return str(error)


def test_a_file_that_is_there_is_left(folder: Path) -> None:
    (folder / "Dockerfile").write_text("mine")
    assert refusal(str(folder / "model.headway")) == (
        f"The file for the Dockerfile exists already.\n  Given: {folder}/Dockerfile\n"
        "  Fix:   Remove it, or name another with --output."
    )
    assert (folder / "Dockerfile").read_text() == "mine"


def test_a_wheel_elsewhere_cannot_be_copied(folder: Path, tmp_path: Path) -> None:
    assert refusal(str(folder / "model.headway"), "--wheel", str(tmp_path / "headway.whl")) == (
        "The wheel must lie beside the bundle: docker sees no files outside of the folder that it builds from.\n"
        f"  Given: {tmp_path}/headway.whl\n  Fix:   Copy it to {folder}."
    )


def test_a_library_that_is_not_here_cannot_be_pinned() -> None:
    with pytest.raises(ConfigError) as caught:
        pinned(["no-such-library"])
    assert str(caught.value) == (
        "A library that serving needs is not installed here, so its version cannot be pinned.\n"
        "  Given: no-such-library\n  Fix:   Install it: pip install no-such-library"
    )


@pytest.mark.slow
def test_its_steps_serve_without_torch(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(source)]
    subprocess.run(wheel, check=True)
    (made,) = folder.glob("headway-*.whl")
    text = written(folder, "--wheel", str(made)).replace("\\\n", " ")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    # Of this process's environment nothing that could lend it libraries.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    environment["PATH"] = f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    steps = re.findall(r"^RUN (pip install .+)$", text, flags=re.MULTILINE)
    assert len(steps) == 2
    for step in steps:
        subprocess.run(["sh", "-c", f"{step} --quiet"], cwd=folder, env=environment, check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    missing = "import importlib.util as u; assert not any(map(u.find_spec, ('torch', 'polars', 'sklearn')))"
    subprocess.run([python, "-c", missing], env=environment, check=True)
    PILImage.new("RGB", (20, 12), "red").save(folder / "red.png")
    predict = ["headway", "predict", "model.headway", "red.png", "--json"]
    done = subprocess.run(predict, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["label"] == "red"
    (command,) = re.findall(r"^CMD (\[.+\])$", text, flags=re.MULTILINE)
    (health,) = re.findall(r"^ +CMD (\[.+\])$|^HEALTHCHECK .+? CMD (\[.+\])$", text, flags=re.MULTILINE)
    _serve(json.loads(command), json.loads(health[0] or health[1]), folder, environment)


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
