"""Tests in several processes: each runs once, what fails is told, and a process that dies costs one test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.modules import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process runs them all"),
]

FILE = """
import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def whole():
    yield
    Path(f"ended-{os.getpid()}").touch()
    assert "last" not in __file__, "a bad end"


@pytest.mark.parametrize("number", range(3))
def test_runs(number, whole, tmp_path):
    print("number", number)
    (tmp_path / "once").touch(exist_ok=False)
    with Path("ran").open("a") as file:
        file.write(f"{os.getpid()} {__file__} {number}\\n")
    assert number < 2


def test_dies():
    if "dying" in __file__:
        os._exit(7)


def test_comes_after():
    pytest.skip("no reason")
"""


def run(folder: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "tests.parallel", "--processes", "2", "-ra", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_each_test_runs_once_and_failures_are_told(tmp_path: Path) -> None:
    for name in ("first", "dying", "last"):
        (tmp_path / f"test_{name}.py").write_text(FILE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    status, told = run(tmp_path)
    assert status == 1
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    assert len(ran) == len({(file, number) for _, file, number in ran}) == 9
    assert len({process for process, _, _ in ran}) >= 2
    # A file's tests run together, but for those after a death.
    assert all(len({process for process, file, _ in ran if name in file}) == 1 for name in ("first", "last"))
    assert "test_dying.py::test_dies - The process that ran the test ended with status 7." in told
    assert "a bad end" in told
    assert "number 2" in told  # what a test that fails has printed
    assert re.search(r"4 failed, 8 passed, 3 skipped, \d errors? in", told), told


def test_the_first_failure_ends_all_others(tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FILE)
    (tmp_path / "test_other.py").write_text(f"{FILE}\n\ndef test_waits(whole):\n    __import__('time').sleep(60)\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    status, told = run(tmp_path, "-x", "--deselect", "test_other.py::test_runs")
    assert status == 1
    assert "stopping after 1 failures" in told
    # Both have ended what they had begun.
    assert len(list(tmp_path.glob("ended-*"))) == 2
