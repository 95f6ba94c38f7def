"""How soon is Headway ready, and how much memory does it take, beside Python's own start, fastai and other libraries?

Each measurement is of a fresh process; commands take turns after a warm-up each, and ratios are medians of pairs.

- *Import*: as each library's documentation begins: `import headway`, which loads nothing yet; then what training needs,
  `from headway import Learner, from_folder`, beside `from fastai.vision.all import *`, `import lightning`,
  `import keras` (on torch) and `from skorch import NeuralNetClassifier`. Python's own start is taken off.
- *First answer*: from an empty process to one photo's class; `hw.load(bundle).predict(photo)`, which needs no torch,
  beside fastai's `load_learner(file).predict(photo)` (docs.fast.ai/tutorial.vision), both efficientnet_lite0 at 224.
- *Memory of training*: `fine_tune(1)` on the same 200 photos of cats and dogs, in batches of 64, efficientnet_lite0 at
  224 from the same weights, fastai as in its vision tutorial. Its worker processes count, pages shared with them once.
- *Memory of answering*: the process of the first answer; and `headway serve` after 100 requests, beside fastai's
  process that has answered once and serves nothing.

Memory is the resident set at its highest: the process's own, and what it has mapped from files (libraries, and the
decoded photos of Headway's store), which the system drops when it needs the room. *Own* is without these.

Goals: `import headway` adds under 0.1 s, the help answers in under 0.4 s; at most a tenth of fastai's time to the first
answer; less memory than fastai in all three.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.peers import is_installed
from benchmarks.processes import peak_memory, watched
from benchmarks.results import Row, data_folder

TRIALS = 5
NUM_PHOTOS, BATCH_SIZE = 200, 64
NUM_REQUESTS = 100

Command = Sequence[str]

_READY = {
    "fastai": "from fastai.vision.all import *",
    "lightning": "import lightning",
    "keras": "import keras",
    "skorch": "from skorch import NeuralNetClassifier",
}
_ANSWER = {
    "headway": "import sys, headway as hw; print(hw.load(sys.argv[1]).predict(sys.argv[2]).label)",
    "fastai": "import sys; from fastai.vision.all import load_learner; "
    "print(load_learner(sys.argv[1]).predict(sys.argv[2])[0])",
}


def run() -> list[Row]:
    """Seconds first, then memory."""
    peers = [peer for peer in _READY if is_installed(peer)]
    rows = _imports(peers)
    folder = data_folder("cats_dogs")
    if folder is None:
        print("cats_dogs: not there, left out")
        return rows
    with tempfile.TemporaryDirectory() as scratch:
        photos = _photos(folder, Path(scratch, "photos"))
        sides = ["headway", *(peer for peer in peers if peer in _ANSWER)]
        trained = {side: _trained(side, photos, Path(scratch)) for side in sides}
        answers = {side: _answer(side, Path(scratch), photos[0]) for side in sides}
        rows += _compare("first answer", answers)
        rows += _memory_rows("memory, training", trained)
        took = {side: _peak(command) for side, command in answers.items()}
        rows += _memory_rows("memory, first answer", took)
        rows += _memory_rows("memory, serving", {**took, "headway": _serving(Path(scratch), photos[0])})
    return rows


def _imports(peers: Sequence[str]) -> list[Row]:
    """What importing adds to Python's own start, and what the help takes in all."""
    start = [sys.executable, "-c", "pass"]
    commands = {"python": start, "import": [sys.executable, "-c", "import headway"]}
    commands["ready"] = [sys.executable, "-c", "from headway import Learner, from_folder"]
    commands |= {peer: [sys.executable, "-c", _READY[peer]] for peer in peers}
    commands["help"] = [str(Path(sys.executable).with_name("headway")), "--help"]
    times = _times(commands)
    added = {
        name: [each - own for each, own in zip(found, times["python"], strict=True)] for name, found in times.items()
    }
    own = statistics.median(times["python"])
    rows: list[Row] = [
        {"what": "import headway", "beside": "python's own start", "s, Headway": statistics.median(added["import"])},
        {"what": "headway --help", "beside": "python's own start", "s, Headway": statistics.median(times["help"])},
    ]
    for row in rows:
        row |= {"Headway / theirs": row["s, Headway"] / own, "s, theirs": own}
    return rows + [_pair("import, ready to train", peer, added["ready"], added[peer]) for peer in peers]


def _compare(what: str, commands: Mapping[str, Command]) -> list[Row]:
    times = _times(commands)
    return [_pair(what, side, times["headway"], times[side]) for side in commands if side != "headway"]


def _pair(what: str, peer: str, ours: Sequence[float], theirs: Sequence[float]) -> Row:
    return {
        "what": what,
        "beside": peer,
        "Headway / theirs": statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
        "s, Headway": statistics.median(ours),
        "s, theirs": statistics.median(theirs),
    }


def _times(commands: Mapping[str, Command]) -> dict[str, list[float]]:
    """Seconds of each command in every round; the first round is a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for trial in range(TRIALS + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env={**os.environ, "KERAS_BACKEND": "torch"})
            if trial:
                times[name].append(time.perf_counter() - start)
        told = ", ".join(f"{name} {found[-1]:.2f} s" for name, found in times.items() if found)
        print(f"  {told or 'warm'}", flush=True)
    return times


def _memory_rows(what: str, found: Mapping[str, tuple[float, float]]) -> list[Row]:
    ours = found["headway"]
    return [
        {
            "what": what,
            "beside": side,
            "Headway / theirs": ours[1] / theirs[1],
            "own / theirs": ours[0] / theirs[0],
            "MB, Headway": ours[1],
            "MB, theirs": theirs[1],
            "own MB, Headway": ours[0],
            "own MB, theirs": theirs[0],
        }
        for side, theirs in found.items()
        if side != "headway"
    ]


def _photos(folder: Path, into: Path) -> list[Path]:
    """Class folders with links to the first photos of each class."""
    found = []
    for label in ("cat", "dog"):
        (into / label).mkdir(parents=True)
        for photo in sorted((folder / label).iterdir())[: NUM_PHOTOS // 2]:
            (into / label / photo.name).symlink_to(photo)
            found.append(into / label / photo.name)
    return found


def _answer(side: str, scratch: Path, photo: Path) -> Command:
    return [sys.executable, "-c", _ANSWER[side], str(scratch / f"model.{side}"), str(photo)]


def _trained(side: str, photos: Sequence[Path], scratch: Path) -> tuple[float, float]:
    """Trains and exports in a process of its own; gives the most memory that training held."""
    command = [sys.executable, "-m", "benchmarks.startup", side, str(photos[0].parents[1]), str(scratch)]
    with watched(command, seconds=0.05, environment={"HEADWAY_CACHE": str(scratch / "cache")}) as (process, samples):
        assert process.stdout is not None
        done = next(float(line.split()[1]) for line in process.stdout if line.startswith("trained "))
        process.stdout.read()
    found = peak_memory([each for each in samples if each.at <= done])
    print(f"  {side} trained: {found[1]:,.0f} MB", flush=True)
    return found


def _peak(command: Command) -> tuple[float, float]:
    with watched(command, seconds=0.01) as (process, samples):
        assert process.stdout is not None
        process.stdout.read()
    return peak_memory(samples)


def _serving(scratch: Path, photo: Path) -> tuple[float, float]:
    """The memory of `headway serve` while it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    headway = str(Path(sys.executable).with_name("headway"))
    command = [headway, "serve", str(scratch / "model.headway"), "--port", str(port)]
    with watched(command) as (process, samples):
        try:
            for _ in range(NUM_REQUESTS):
                _ask(f"http://127.0.0.1:{port}/predict", photo.read_bytes())
        finally:
            process.terminate()
    return peak_memory(samples)


def _ask(address: str, photo: bytes) -> None:
    """One request; until the server is there, it is tried again."""
    request = urllib.request.Request(address, data=photo, headers={"Content-Type": "image/jpeg"})
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert json.load(answer)["label"] in ("cat", "dog")
                return
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _train_headway(folder: Path, scratch: Path) -> None:
    from headway import Learner, from_folder

    learner = Learner(from_folder(folder), "efficientnet_lite0", batch_size=BATCH_SIZE, progress=False)
    learner.fine_tune(1)
    print(f"trained {time.monotonic()}", flush=True)
    learner.export(scratch / "model.headway", report=learner.report())


def _train_fastai(folder: Path, scratch: Path) -> None:
    import polars as pl

    from benchmarks.peers import fastai_learner, fastai_loaders, quiet
    from headway.data.sources import list_folder
    from headway.data.splits import RandomSplit

    items = list_folder(folder).with_columns(pl.col("file").alias("content"))
    items = items.with_columns(pl.Series("split", RandomSplit().assign(items, target="label")))
    learner = fastai_learner(fastai_loaders(items, batch_size=BATCH_SIZE), folder=scratch)
    with quiet(learner):
        learner.fine_tune(1)
    print(f"trained {time.monotonic()}", flush=True)
    learner.export(scratch / "model.fastai")


if __name__ == "__main__":
    {"headway": _train_headway, "fastai": _train_fastai}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
