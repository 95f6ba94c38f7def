"""`python -m headway` is the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "headway", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("0.")
    wrong = subprocess.run([sys.executable, "-m", "headway", "nothing"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "No such command 'nothing'" in wrong.stderr
