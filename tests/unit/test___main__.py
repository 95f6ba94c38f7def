"""`python -m headway` is the command line, as `headway` is."""

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


def test_an_interrupt_while_the_commands_are_imported_ends_quietly() -> None:
    code = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(name, *_):\n"
        "        if name == 'headway.cli.train':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt)\n"
        "from headway.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nheadway: Stopped.\n")
