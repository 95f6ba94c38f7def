"""How long do `import headway` and `headway --help` take, beside Python's own start?

Goals: the import adds under 0.1 s, the help answers in under 0.4 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.results import Row

TRIALS = 15


def run() -> list[Row]:
    """The three in turn, after a warm-up each."""
    headway = str(Path(sys.executable).with_name("headway"))
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", "import headway"],
        "help": [headway, "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for trial in range(TRIALS + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if trial:
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(found) for name, found in times.items()}
    return [
        {
            "--help / python's own start": medians["help"] / medians["python"],
            "import adds, seconds": medians["import"] - medians["python"],
            "--help, seconds": medians["help"],
            "python's own start, seconds": medians["python"],
        }
    ]
