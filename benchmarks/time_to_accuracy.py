"""How many times sooner than fastai's `fine_tune` does Headway reach the accuracy that fastai ends with?

Both start from the same ImageNet weights of efficientnet_lite0, train on the same photos at 224 pixels and are judged
on the same others; each trains in a process of its own with the same number of threads, and Headway's cache is empty.
fastai is set up as its vision tutorial does it (docs.fast.ai/tutorial.vision): `vision_learner`, photos presized to
460 pixels, `aug_transforms(size=224)`, then `fine_tune` at its own learning rate; one epoch after the frozen one for
cats and dogs, as in that tutorial, and four for the small sets, as for the bears in chapter 2 of Howard and Gugger
2020. Batches are of fastai's 64, but of 16 for the breeds, whose 154 training photos would make two steps an epoch.
Headway is `from_folder` and `fine_tune()` with nothing chosen.

Seconds count from opening the folder: reading, checking and decoding are in them, and so is the evaluation after each
epoch; imports are not, and stand in a column of their own. A side "reaches" when an epoch of its history first has
held-out accuracy at least as high as fastai's last. "whole" is fastai's training from its photos to its last epoch
over Headway's from its photos to the exported file, with stage two and the choice between the stages, baselines,
report and export included, of which fastai does nothing. Goal: at least 8 times sooner, with no more errors.

On the breeds fastai is often better after its first epoch than after its last, which is therefore soon reached.

Headway's seconds are the median of three trials; fastai, which takes minutes, has one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.results import Row, data_folder, pet_breeds

TRIALS = 3
FASTAI = {"cats_dogs": (1, 64), "clothing": (4, 64), "pet_breeds": (4, 16)}
"""Epochs of fine_tune, and photos a step."""


def run() -> list[Row]:
    """Each set: Headway, fastai, and Headway again."""
    from benchmarks.peers import is_installed

    with_fastai = is_installed("fastai")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = {"cats_dogs": data_folder("cats_dogs"), "clothing": data_folder("clothing")}
        folders["pet_breeds"] = pet_breeds(Path(scratch))
        for name, folder in folders.items():
            if folder is None:
                print(f"{name}: not there, left out")
                continue
            rows.append({"data": name, **_compare(name, folder, Path(scratch) / f"runs-{name}", with_fastai)})
            print(rows[-1], flush=True)
    return rows


def _compare(name: str, folder: Path, scratch: Path, with_fastai: bool) -> Row:
    ours = [_measured("headway", str(folder), scratch / "0")]
    if not with_fastai:
        return {"remark": "fastai is not installed", **_alone(ours)}
    epochs, batch_size = FASTAI[name]
    theirs = _measured("fastai", ours[0]["items"], scratch / "fastai", epochs=epochs, batch_size=batch_size)
    print(f"{name}: fastai {theirs['accuracies']}, {theirs['seconds']:.0f} s", flush=True)
    ours += [_measured("headway", str(folder), scratch / str(trial)) for trial in range(1, TRIALS)]
    wanted = theirs["accuracies"][-1]
    reached = [_reached(each, wanted) for each in ours]
    found: Row = {"sooner, times": "never", "whole, times": theirs["seconds"] / _median(ours, "exported")}
    if all(each is not None for each in reached):
        seconds = statistics.median(reached)
        found = found | {"sooner, times": _reached(theirs, wanted) / seconds, "Headway reaches, s": seconds}
    return {
        **found,
        "fastai reaches, s": _reached(theirs, wanted),
        "Headway's error": f"{1 - ours[0]['accuracy']:.4f}",
        "fastai's error": f"{1 - wanted:.4f}",
        "held-out photos": ours[0]["num_valid"],
        "fastai trains, s": theirs["seconds"],
        **_alone(ours),
        "imports of fastai, s": theirs["imports"],
        "fastai's epochs": f"1 + {epochs}",
        "threads": theirs["threads"],
    }


def _alone(ours: list[dict[str, Any]]) -> Row:
    columns = {
        "Headway trains, s": "seconds",
        "with report and export, s": "exported",
        "imports of Headway, s": "imports",
    }
    return {column: _median(ours, name) for column, name in columns.items()}


def _median(found: list[dict[str, Any]], name: str) -> float:
    return statistics.median(each[name] for each in found)


def _reached(found: dict[str, Any], wanted: float) -> Any:
    """When a side's held-out accuracy was first as high; None if it never was."""
    at = zip(found["elapsed"], found["accuracies"], strict=True)
    return next((seconds for seconds, accuracy in at if accuracy >= wanted), None)


def _measured(side: str, data: str, scratch: Path, **options: int) -> dict[str, Any]:
    """One training, in a process of its own, on a cache that is empty."""
    scratch.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.time_to_accuracy", side, data, str(scratch), json.dumps(options)]
    environment = {**os.environ, "HEADWAY_CACHE": str(scratch / "cache")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def _headway(folder: str, scratch: Path) -> dict[str, Any]:
    start = time.perf_counter()
    import timm  # noqa: F401 - both load it sooner or later: among the imports, for both

    import headway as hw
    from headway.train.history import Epoch
    from headway.train.progress import Progress

    at: list[float] = []

    class Clock(Progress):
        def tell(self, text: str) -> None:
            pass

        def on_entry(self, entry: Epoch) -> None:
            at.append(time.perf_counter())

    # Public names are imported when they are first asked for.
    from_folder, make_learner = hw.from_folder, hw.Learner
    began = time.perf_counter()
    data = from_folder(folder)
    learner = make_learner(data, run=scratch / "run", progress=Clock())
    learner.fine_tune()
    trained = time.perf_counter()
    learner.export(scratch / "run" / "model.headway", report=learner.report())
    exported = time.perf_counter()
    items = scratch / "split.parquet"
    data.items.write_parquet(items)
    return {
        "imports": began - start,
        "elapsed": [each - began for each in at],
        "accuracies": [epoch.metrics["accuracy"] for epoch in learner.history],
        "seconds": trained - began,
        "exported": exported - began,
        "accuracy": learner.evaluate()["accuracy"].value,
        "num_valid": len(data.valid),
        "items": str(items),
    }


def _fastai(items: str, scratch: Path, *, epochs: int, batch_size: int) -> dict[str, Any]:
    start = time.perf_counter()
    import fastai.vision.all  # pyright: ignore[reportMissingImports]  # noqa: F401
    import polars as pl
    import timm  # noqa: F401 - both load it sooner or later: among the imports, for both
    import torch

    from benchmarks.peers import fastai_learner, fastai_loaders, quiet, watched

    rows = pl.read_parquet(items)
    began = time.perf_counter()
    learner = fastai_learner(fastai_loaders(rows, batch_size=batch_size), folder=scratch)
    at, accuracies = watched(learner)
    with quiet(learner):
        learner.fine_tune(epochs)
    return {
        "imports": began - start,
        "elapsed": [each - began for each in at],
        "accuracies": accuracies,
        "seconds": time.perf_counter() - began,
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    _SIDES = {"headway": _headway, "fastai": _fastai}
    print(json.dumps(_SIDES[sys.argv[1]](sys.argv[2], Path(sys.argv[3]), **json.loads(sys.argv[4]))))
