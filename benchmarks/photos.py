"""How good and how quick is `headway train`, by stage, on three sets of photos, and the demo on digits?

Each run is the whole command in a process of its own, with an empty cache, from start to finish; accuracy is on
photos that were not used in training. "head" is stage one alone (`--epochs 0`); "all" is stage two alone, from a random
head and for the default number of epochs, timed without the command around it; "both" is the default.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import Row, data_folder, pet_breeds
from headway.data.build import from_folder
from headway.learner.learner import Learner
from headway.train.fine_tune import recommended
from headway.train.options import Plan
from headway.train.stage import fit

STAGES = {"head": ["--epochs", "0"], "both": []}


def run() -> list[Row]:
    """Every set with every choice of stages, then the demo."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: data_folder(name) for name in ("cats_dogs", "clothing")}
        folders["pet_breeds"] = pet_breeds(Path(scratch))
        for name, folder in folders.items():
            if folder is None:
                print(f"{name}: not there, left out")
                continue
            for stages, options in STAGES.items():
                found = _command(["train", str(folder), *options], Path(scratch) / f"{name}-{stages}")
                rows.append({"data": name, "stages": stages, **found})
                print(rows[-1], flush=True)
            rows.append({"data": name, "stages": "all", **_stage_two_alone(folder)})
            print(rows[-1], flush=True)
        rows.append({"data": "digits", "stages": "demo", **_command(["demo"], Path(scratch) / "demo")})
    return rows


def _command(options: list[str], folder: Path) -> Row:
    headway = str(Path(sys.executable).with_name("headway"))
    command = [headway, *options, "--runs", str(folder / "runs"), "--json"]
    environment = {**os.environ, "HEADWAY_CACHE": str(folder / "cache")}
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - start
    found = json.loads(done.stdout.splitlines()[-1])
    best = max(found["baselines"], key=lambda row: row["metrics"]["valid"]["accuracy"]["value"])
    accuracy = found["metrics"]["accuracy"]
    return {
        "accuracy": f"{accuracy['value']:.4f}",
        "95 % interval": f"{accuracy['low']:.4f} to {accuracy['high']:.4f}",
        "best baseline": f"{best['name']}, {best['metrics']['valid']['accuracy']['value']:.4f}",
        "after each epoch": ", ".join(f"{epoch['accuracy']:.4f}" for epoch in found["history"]),
        "seconds": round(seconds),
        "kept": "stage two" if any("better" in n and "and was kept" in n for n in found["notes"]) else "",
    }


def _stage_two_alone(folder: Path) -> Row:
    data = from_folder(folder)
    learner = Learner(data, "efficientnet_lite0", progress=False)
    options = recommended(learner.setup, two_stages=True)
    recipe = learner.setup.fine_tuning
    plan = Plan(epochs=recipe.epochs(len(data.train)), lr=recipe.lr, options=options)
    start = time.perf_counter()
    fit(learner.setup, plan, learner.history)
    seconds = time.perf_counter() - start
    accuracy = learner.evaluate()["accuracy"]
    return {
        "accuracy": f"{accuracy.value:.4f}",
        "95 % interval": f"{accuracy.low:.4f} to {accuracy.high:.4f}",
        "after each epoch": ", ".join(f"{epoch.metrics['accuracy']:.4f}" for epoch in learner.history),
        "seconds": round(seconds),
    }
