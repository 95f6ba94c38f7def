"""How do time and memory grow with the number of photos, with the number of classes and with the size of a photo?

Each job is a whole one in a process of its own, with a cache of its own: generated JPEGs are opened and checked, split,
a small network is trained for one epoch and evaluated, the baselines run, the report is made, the bundle is exported
and answers for the valid photos. An exponent is the slope, by least squares, of the logarithm of what a job takes
beyond the smallest job, over the logarithm of what it has beyond it: start-up cancels, and 1 is linear. What grows by
less than noise (0.3 s, 10 MB) has no exponent. Of a photo's size what counts are its pixels. Each job but the two with
the most photos is done three times, and the quickest counts.

Two amounts of memory, sampled every 20 ms. *Own* is what only the process can give back (anonymous pages): this is
what runs out. *All* is the resident set: own, and what is mapped from files, such as libraries' code and the decoded
photos of Headway's store, which the system drops when it needs the room. What a part of a job needs does not show as
long as another part needs more, so memory may seem to grow faster than it does.

Goals: no exponent of a whole job above 1.1; on 100,000 photos at most 2 GB, even of all. The time over the pixels of a
photo hangs on two jobs, as the small ones do not differ by more than noise; two runs gave it 0.90 and 1.25.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.processes import peak_memory, watched
from benchmarks.results import Row

PHOTOS = (1_000, 3_000, 10_000, 30_000, 100_000)
CLASSES = (2, 10, 100, 300, 1_000)
SIDES = (64, 112, 224, 448)
FEW_CLASSES, SMALL_SIDE = 10, 32
PHOTOS_OF_CLASSES, PHOTOS_OF_SIDES = 10_000, 1_000

WHOLE = "whole job"
PHASES = ("import", "open", "train", "baselines", "report", "export", "answer")
TRIALS, MANY = 3, 30_000
"""How often a job is done; those with so many photos only once."""

MEMORY_GOAL_MB = 2 * 1024
NOISE = {"seconds": 0.3, "own": 10.0, "all": 10.0}


@dataclass
class Spent:
    """What a job took, by phase: seconds, and the most memory, own and all, in MB (2**20 bytes)."""

    seconds: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)
    all: dict[str, float] = field(default_factory=dict)


def run() -> list[Row]:
    """The three in turn; a row for each phase of each."""
    rows: list[Row] = []
    for name, values, make in (
        ("photos", PHOTOS, lambda n: (n, FEW_CLASSES, SMALL_SIDE)),
        ("classes", CLASSES, lambda n: (PHOTOS_OF_CLASSES, n, SMALL_SIDE)),
        ("pixels of a photo", SIDES, lambda n: (PHOTOS_OF_SIDES, FEW_CLASSES, n)),
    ):
        found = {value: _measured(name, value, *make(value)) for value in values}
        amounts = {value: value**2 if name.startswith("pixels") else value for value in values}
        rows += [_row(name, phase, found, amounts) for phase in (WHOLE, *PHASES)]
    return rows


def _row(name: str, phase: str, found: Mapping[int, Spent], amounts: Mapping[int, int]) -> Row:
    def exponent(kind: str) -> float | str:
        taken = {amounts[value]: getattr(spent, kind)[phase] for value, spent in found.items()}
        return _exponent(taken, noise=NOISE[kind])

    def told(kind: str, digits: int) -> str:
        each = (getattr(spent, kind)[phase] for spent in found.values())
        return " / ".join(f"{number:.{digits}f}" for number in each)

    row: Row = {"grows with": name, "phase": phase, "exponent of time": exponent("seconds")}
    row |= {"exponent of own memory": exponent("own"), "exponent of all memory": exponent("all")}
    row["largest job / 2 GB"] = list(found.values())[-1].all[phase] / MEMORY_GOAL_MB
    row |= {"at": " / ".join(f"{value:,}" for value in found), "seconds": told("seconds", 1)}
    return row | {"own, MB": told("own", 0), "all, MB": told("all", 0)}


def _exponent(taken: Mapping[int, float], *, noise: float) -> float | str:
    """The slope of what is taken beyond the smallest, over how much more there is, both as logarithms."""
    first = min(taken)
    more = {amount - first: each - taken[first] for amount, each in taken.items() if each - taken[first] > noise}
    if len(more) < 2:
        return "hardly grows"
    slope, _ = statistics.linear_regression(
        [math.log(each) for each in more], [math.log(each) for each in more.values()]
    )
    return slope


def _measured(name: str, value: int, photos: int, classes: int, side: int) -> Spent:
    with tempfile.TemporaryDirectory() as scratch:
        make_photos(Path(scratch, "photos"), photos=photos, classes=classes, side=side)
        trials = [_job(Path(scratch), side, trial) for trial in range(1 if photos >= MANY else TRIALS)]
    found = min(trials, key=lambda each: each.seconds[WHOLE])
    told = f"{value} x {value}" if name.startswith("pixels") else f"{value:,} {name}"
    print(f"  {told}: {found.seconds[WHOLE]:.1f} s, {found.all[WHOLE]:,.0f} MB", flush=True)
    return found


def make_photos(folder: Path, *, photos: int, classes: int, side: int) -> None:
    """Class folders of JPEGs that all differ: each class has 16 colours of its own, each photo noise on them."""
    draw = np.random.default_rng(0)
    colours = draw.integers(0, 256, size=(classes, 4, 4, 3))
    for label in range(classes):
        (folder / f"{label:04d}").mkdir(parents=True)
    for number in range(photos):
        label = number % classes
        small = np.clip(colours[label] + draw.normal(0, 40, (4, 4, 3)), 0, 255).astype(np.uint8)
        image = Image.fromarray(small).resize((side, side), Image.Resampling.BILINEAR)
        image.save(folder / f"{label:04d}" / f"{number:06d}.jpg", quality=80)


def _job(scratch: Path, side: int, trial: int) -> Spent:
    """The job in a process of its own, which tells when each phase ends; its memory is read meanwhile."""
    command = [sys.executable, "-m", "benchmarks.scaling", str(scratch), str(side), str(trial)]
    start = time.monotonic()
    with watched(command, environment={"HEADWAY_CACHE": str(scratch / f"cache-{trial}")}) as (process, samples):
        assert process.stdout is not None
        ends = {line.split()[1]: float(line.split()[2]) for line in process.stdout if line.startswith("phase ")}
    spans = {WHOLE: (start, ends[PHASES[-1]])}
    spans |= {phase: (first, ends[phase]) for phase, first in zip(PHASES, (start, *ends.values()), strict=False)}
    found = Spent()
    for phase, (first, last) in spans.items():
        found.seconds[phase] = last - first
        found.own[phase], found.all[phase] = peak_memory([each for each in samples if first <= each.at <= last])
    return found


def _carry_out(scratch: Path, side: int, trial: int) -> None:
    """The job itself: what `headway train` does, with a small network of its own."""
    with _phase("import"):
        import torch
        from torch import nn

        from headway.bundle.predictor import load
        from headway.data.build import from_folder
        from headway.learner.learner import Learner

        torch.manual_seed(0)
    with _phase("open"):
        data = from_folder(scratch / "photos", size=side)
    with _phase("train"):
        convolutions = [nn.Conv2d(3, 16, 4, stride=4), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()]
        end = [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, data.target.num_outputs)]
        model = nn.Sequential(*convolutions, *end)
        learner = Learner(data, model, run=scratch / f"run-{trial}", batch_size=64, progress=False)
        learner.fit(1)
    with _phase("baselines"):
        learner.baselines()
    with _phase("report"):
        report = learner.report()
    with _phase("export"):
        bundle = learner.export(scratch / "model.headway", report=report)
    with _phase("answer"):
        for _ in load(bundle).predict_many(data.valid.items["file"].to_list()):
            pass


@contextmanager
def _phase(name: str) -> Iterator[None]:
    yield
    print(f"phase {name} {time.monotonic()}", flush=True)


if __name__ == "__main__":
    _carry_out(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
