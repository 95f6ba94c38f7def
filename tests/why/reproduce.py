"""Every reproduction of the catalogue in a process of its own, forked from one that has imported torch.

`python -m tests.why.reproduce FOLDER [ID ...]` writes what is known of each failure to `FOLDER/ID/failure.json`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from headway.why.catalogue import Entry, entries
from headway.why.failure import save
from headway.why.script import killed, observe


def reproduce(folder: Path, chosen: list[Entry]) -> None:
    """Runs the reproductions one after the other, each in a folder of its own."""
    # What reproductions use, imported once for all of them.
    import numpy  # noqa: F401
    import pandas  # noqa: F401
    import PIL.Image  # noqa: F401
    import polars  # noqa: F401
    import sklearn.linear_model
    import sklearn.pipeline
    import sklearn.svm  # noqa: F401
    import timm  # noqa: F401
    import torch

    # Optimizers import it when they are first made, which takes a second of each process.
    import torch._dynamo
    import torch.utils.data

    torch.set_num_threads(1)
    # Otherwise each process looks through all that was imported, and so takes its own copy of it.
    gc.freeze()
    queue, running = list(reversed(chosen)), dict[int, Path]()
    while queue or running:
        while queue and len(running) < 2:
            entry = queue.pop()
            own = folder / entry.id
            own.mkdir()
            pid = os.fork()
            if pid == 0:
                _run(entry, own)
            running[pid] = own / "failure.json"
        pid, status = os.wait()
        file = running.pop(pid)
        if not file.exists():
            save(killed(os.waitstatus_to_exitcode(status)), file)


def _run(entry: Entry, folder: Path) -> None:
    """In the child: as `headway why script.py` would, its output in files. Does not return."""
    os.chdir(folder)
    for number, name in ((1, "stdout.txt"), (2, "stderr.txt")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
    script = Path("script.py")
    script.write_text(entry.repro.lstrip("\n"))
    failure = observe(script)
    sys.stdout.flush()
    sys.stderr.flush()
    save(failure, Path("failure.json"))
    os._exit(0)


if __name__ == "__main__":
    folder, *ids = sys.argv[1:]
    reproduce(Path(folder), [entry for entry in entries() if not ids or entry.id in ids])
    print(json.dumps({"reproduced": len(os.listdir(folder))}))
