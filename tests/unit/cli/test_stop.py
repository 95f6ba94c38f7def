"""Ctrl-C ends a command, whatever its threads wait for."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

# A thread that reads from a pipe nobody writes to, as from a disk that is gone.
BLOCKED = """
import os, time
from concurrent.futures import ThreadPoolExecutor
import headway.cli as cli

def command():
    ThreadPoolExecutor(1).submit(os.read, os.pipe()[0], 1)
    print("reading", flush=True)
    time.sleep(60)

cli.app = command
cli.main()
"""


def test_a_read_that_blocks_does_not_hold_up_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BLOCKED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "reading\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGINT
        assert message == "\nheadway: Stopped.\n"
        assert time.monotonic() - start < 2
