"""Real photos, from the command to a bundle that answers without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.numpy

from headway.bundle.format import read_bundle

SharedData = Callable[[str], Path]
PHOTOS_A_CLASS = 30


def headway(*arguments: object, cwd: Path) -> str:
    """A command in a process of its own; its output."""
    command = [sys.executable, "-c", "from headway.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def evaluate_without_torch(bundle: Path, data: Path) -> dict[str, Any]:
    """What `headway evaluate` says in a process that has no torch to import."""
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from headway.cli import main\n"
        f"sys.argv = ['headway', 'evaluate', {str(bundle)!r}, {str(data)!r}, '--json']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def few_photos(shared_data: SharedData, tmp_path: Path) -> Path:
    """Sixty of the cats and dogs, by links."""
    folder = tmp_path / "few"
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        for file in sorted((shared_data("cats_dogs") / kind).iterdir())[:PHOTOS_A_CLASS]:
            (folder / kind / file.name).symlink_to(file)
    return folder


@pytest.mark.long
@pytest.mark.slow
def test_cats_and_dogs(shared_data: SharedData, tmp_path: Path) -> None:
    photos = shared_data("cats_dogs")
    line = json.loads(headway("train", photos, "--json", cwd=tmp_path).splitlines()[-1])
    # The goal is 0.985; of 280 photos, chance moves it by two or three.
    accuracy = line["metrics"]["accuracy"]
    assert accuracy["value"] >= 0.97
    assert accuracy["low"] < accuracy["value"] <= accuracy["high"]
    # The head alone may be no better than a logistic regression on the same features, and says so.
    assert line["verdict"]["kind"] in ("better", "indistinguishable")
    reached = {each["name"]: each["metrics"]["valid"]["accuracy"]["value"] for each in line["baselines"]}
    assert line["verdict"]["baseline"] in reached
    assert reached[line["verdict"]["baseline"]] == max(reached.values())
    assert reached["majority class"] < 0.6
    assert max(value for name, value in reached.items() if "features" in name) > 0.95
    assert max(value for name, value in reached.items() if "features" not in name) < 0.8

    found = evaluate_without_torch(tmp_path / line["bundle"], photos)
    assert found["problems"] == []
    assert found["items"] > 1300
    assert found["metrics"]["accuracy"]["value"] >= 0.97


@pytest.mark.slow
def test_clothing(shared_data: SharedData, tmp_path: Path) -> None:
    line = json.loads(headway("train", shared_data("clothing"), "--json", cwd=tmp_path).splitlines()[-1])
    assert line["metrics"]["accuracy"]["value"] >= 0.75
    assert line["verdict"]["kind"] in ("better", "indistinguishable")
    reached = [
        each["metrics"]["valid"]["accuracy"]["value"] for each in line["baselines"] if "majority" in each["name"]
    ]
    assert reached[0] < 0.3


@pytest.mark.slow
def test_the_same_command_gives_the_same_bytes(few_photos: Path, tmp_path: Path) -> None:
    options = ("--size", 96, "--epochs", 1, "--json")
    lines = [
        json.loads(headway("train", few_photos, *options, "--seed", seed, cwd=tmp_path).splitlines()[-1])
        for seed in (3, 3, 4)
    ]
    assert [each["stage"] for each in lines[0]["history"]] == ["head", "all"]
    first, second, other = (read_bundle(tmp_path / line["bundle"]).files["weights.safetensors"] for line in lines)
    assert first == second
    assert first != other
    assert lines[0]["metrics"] == lines[1]["metrics"]
    assert "head.weight" in safetensors.numpy.load(first)
