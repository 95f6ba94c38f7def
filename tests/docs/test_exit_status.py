"""The table of exit statuses in docs/commands.md, each of them brought about; and what a shell completes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.commands import OPENING

GOLDEN = Path(__file__).parents[1] / "bundles" / "v1.headway"

# The command line's own handlers are in place when its command begins, which here sends the process a signal.
STOPPED = """
import os, time
import headway.cli
headway.cli.app = lambda: os.kill(os.getpid(), {signum}) or time.sleep(10)
headway.cli.main()
"""


def stopped(signum: int) -> int:
    return subprocess.run([sys.executable, "-c", STOPPED.format(signum=signum)], capture_output=True).returncode


def status(*arguments: str | Path) -> int:
    return subprocess.run([sys.executable, "-m", "headway", *map(str, arguments)], capture_output=True).returncode


@pytest.mark.slow
def test_each_status_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("not a picture")
    statuses = {
        0: status("--version"),
        1: status("predict", GOLDEN, tmp_path / "notes.jpg"),
        2: status("predict", tmp_path / "none.headway", tmp_path / "notes.jpg"),
        130: stopped(signal.SIGINT),
        143: stopped(signal.SIGTERM),
    }
    table = [int(number) for number in re.findall(r"^\| (\d+) \|", OPENING, flags=re.MULTILINE)]
    assert statuses == {number: number for number in table}


def test_a_shell_completes_commands() -> None:
    asked = {"_HEADWAY_COMPLETE": "complete_bash", "COMP_WORDS": "headway ev", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['headway']; from headway.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True)
    assert done.stdout.split() == ["evaluate"]
