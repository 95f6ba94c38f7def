"""Is a network of bytes better than counts of bytes: kinds of fragments of files, and the processor they are made for?

Two tasks made on this machine, of fragments of 4 KB without names or headers to go by.

- kinds: twelve kinds of files under /usr and in this Python, by their endings, 100 files of each for training and 40
  others for validation; of each file up to three fragments, at random places that are multiples of 512 bytes.
- processors: libraries in the wheels of one package (lxml) for training and of another (rapidfuzz) for validation, for
  five processors under Linux, Windows and macOS, downloaded by pip and never run. Left out where pip gets none.

The network of bytes has its defaults; of the networks for photos that see bytes as pictures the head alone is solved,
since training all of one takes half an hour a task. Valid decides nothing. The differences to the logistic regression
on byte counts and to the best simple model are paired over the fragments. Magika (Google) answers for the kinds where
`HEADWAY_MAGIKA` names a venv that has it. Goal: above the logistic regression by a positive interval on both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import headway as hw
from benchmarks.results import Row
from headway.judge.significance import compare_right

FRAGMENT = 4096
KINDS = ("py", "so", "png", "gz", "js", "html", "pyc", "json", "h", "a", "mo", "xml")
FILES = {"train": 100, "valid": 40}
PER_FILE = 3

PACKAGES = {"train": ("lxml", 120), "valid": ("rapidfuzz", 60)}
"""What fragments are cut from, and how many of each wheel."""
WHEELS = {
    "manylinux2014_x86_64": "x86-64",
    "win_amd64": "x86-64",
    "macosx_11_0_x86_64": "x86-64",
    "manylinux2014_i686": "x86",
    "win32": "x86",
    "manylinux2014_aarch64": "arm64",
    "win_arm64": "arm64",
    "manylinux2014_ppc64le": "ppc64le",
    "manylinux2014_s390x": "s390x",
}

# With the epochs; pictures of bytes are seen by a pretrained network for photos.
ARCHITECTURES: dict[str, int | None] = {"byte_convolution": None, "raster": 0, "hilbert": 0, "digram": 0}
COUNTS = "logistic regression on byte counts"

MAGIKA = """
import json, sys
from magika import Magika
known = Magika()
print(json.dumps([known.identify_bytes(open(path, "rb").read()).output.label for path in json.load(sys.stdin)]))
"""
# What Magika calls our kinds.
MAGIKA_NAMES = {
    "py": "python",
    "so": "elf",
    "gz": "gzip",
    "js": "javascript",
    "pyc": "pythonbytecode",
    "h": "c",
    "a": "ar",
}


def run() -> list[Row]:
    """Each task with each architecture, then its simple models."""
    rows: list[Row] = []
    for task, make in (("kinds", kinds), ("processors", processors)):
        items = make()
        if items is None:
            print(f"{task}: left out")
            continue
        rows += measured(task, items)
    return rows


def measured(task: str, items: pl.DataFrame) -> list[Row]:
    """One task: accuracy on valid, beside the logistic regression on byte counts and the best simple model."""
    data = hw.from_items(items, input=hw.Bytes("file"), target="label", split=hw.ColumnSplit("split"))
    targets = data.valid.targets
    simple = {
        one.name: (one.predictions["valid"].argmax(axis=1) == targets).astype(np.float64)
        for one in hw.Learner(data, progress=False).baselines()
    }
    best = max(simple, key=lambda name: simple[name].mean())
    rows: list[Row] = []
    for arch, epochs in ARCHITECTURES.items():
        learner = hw.Learner(data, arch, progress=False)
        start = time.perf_counter()
        learner.fine_tune(epochs)
        seconds = round(time.perf_counter() - start, 1)
        answers = learner.predictions()
        right = (answers.probabilities.argmax(axis=1) == answers.targets).astype(np.float64)
        beside = {
            f"on {name}": _gain(right, simple[key]) for name, key in (("byte counts", COUNTS), (f"best: {best}", best))
        }
        rows.append(
            {"task": task, "model": arch, "accuracy": round(float(right.mean()), 3), "seconds": seconds, **beside}
        )
        print(rows[-1], flush=True)
    rows += [{"task": task, "model": name, "accuracy": round(float(right.mean()), 3)} for name, right in simple.items()]
    return rows + (_magika(task, data) if task == "kinds" else [])


def _gain(right: np.ndarray, other: np.ndarray) -> str:
    gain = compare_right(right, other).difference
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def kinds() -> pl.DataFrame | None:
    """One fragment each of files of twelve kinds."""
    draw = np.random.default_rng(0)
    paths: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for root in ("/usr", sys.prefix):
        for path in _files(Path(root)):
            if path.suffix[1:] in paths:
                paths[path.suffix[1:]].append(path)
    needed = sum(FILES.values())
    if min(map(len, paths.values())) < needed:
        print({kind: len(files) for kind, files in paths.items()}, f"files, {needed} are needed")
        return None
    rows = []
    for kind, files in paths.items():
        for number, index in enumerate(draw.permutation(len(files))[:needed].tolist()):
            side = "train" if number < FILES["train"] else "valid"
            content = files[index].read_bytes()
            # A short file may give the same one twice.
            fragments = {_fragment(content, draw): None for _ in range(PER_FILE)}
            rows += [(fragment, kind, str(files[index]), side) for fragment in fragments]
    return pl.DataFrame(rows, schema=["file", "label", "path", "split"], orient="row")


def _files(root: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(at, name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size >= FRAGMENT:
                yield path


def _fragment(content: bytes, draw: np.random.Generator) -> bytes:
    start = 512 * int(draw.integers((len(content) - FRAGMENT) // 512 + 1))
    return content[start : start + FRAGMENT]


def processors() -> pl.DataFrame | None:
    """Fragments of libraries for five processors: one package's for training, another's for validation."""
    draw = np.random.default_rng(0)
    rows = []
    for side, (package, count) in PACKAGES.items():
        for wheel, processor in WHEELS.items():
            content = _libraries(package, wheel)
            if content is None:
                return None
            rows += [(_fragment(content, draw), processor, wheel, side) for _ in range(count)]
    return pl.DataFrame(rows, schema=["file", "label", "wheel", "split"], orient="row")


def _libraries(package: str, platform: str) -> bytes | None:
    """The libraries in a wheel, one after the other: unpacked in memory, never loaded."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--only-binary=:all:", "--no-deps", "--python-version", "3.11", "--platform", platform]
        command = [sys.executable, "-m", "pip", "download", "-q", *options, "-d", folder, package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            print(f"pip gets no wheel of {package} for {platform}: {done.stderr.strip()[-200:]}")
            return None
        with zipfile.ZipFile(wheels[0]) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith((".so", ".pyd")))
            return b"".join(archive.read(name) for name in names)


def _magika(task: str, data: hw.Data) -> list[Row]:
    """Magika's answers for the validation fragments, which it gives in a process of its own."""
    venv = os.environ.get("HEADWAY_MAGIKA")
    if not venv:
        print("Magika is left out: HEADWAY_MAGIKA names no venv that has it")
        return []
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, str(number)) for number in range(len(data.valid))]
        for path, content in zip(paths, data.valid.items["file"], strict=True):
            path.write_bytes(content)
        command = [f"{venv}/bin/python", "-c", MAGIKA]
        send: dict[str, Any] = {"input": json.dumps(list(map(str, paths))), "capture_output": True, "text": True}
        answers = json.loads(subprocess.run(command, check=True, **send).stdout)
    named = [MAGIKA_NAMES.get(label, label) for label in data.valid.items["label"]]
    right = np.mean([answer == name for answer, name in zip(answers, named, strict=True)])
    return [{"task": task, "model": "Magika, made for whole files", "accuracy": round(float(right), 3)}]
