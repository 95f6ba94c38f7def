from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from headway.system.versions import git_state, library_versions


def test_versions_of_what_decides_the_numbers() -> None:
    found = library_versions()
    assert found["torch"] == version("torch")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"python", "headway", "timm", "numpy", "pillow", "onnx"} <= set(found)


def test_where_ones_own_code_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state() is None
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    for command in (["init", "--quiet"], [*identity, "commit", "--quiet", "--allow-empty", "--message", "start"]):
        subprocess.run(["git", *command], check=True)
    state = git_state()
    assert state is not None
    assert len(str(state["commit"])) == 40
    assert state["changed"] is False
    (tmp_path / "new.py").touch()
    assert git_state() == {**state, "changed": True}
    monkeypatch.setenv("PATH", "")
    assert git_state() is None
