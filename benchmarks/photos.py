"""How good and how quick is `headway train`, by stage, on three sets of photos, and the demo on digits?

Each run is the whole command in a process of its own, with an empty cache, from start to finish; accuracy is on
photos that were not used in training. "head" is stage one alone (`--epochs 0`); "both" is the default.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.results import data_folder

STAGES = {"head": ["--epochs", "0"], "both": []}


def run() -> dict[str, Any]:
    """Every set with every choice of stages, then the demo."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: data_folder(name) for name in ("cats_dogs", "clothing")}
        folders["pet_breeds"] = _breeds(Path(scratch))
        for name, folder in folders.items():
            if folder is None:
                print(f"{name}: not there, left out")
                continue
            result[name] = {}
            for stages, options in STAGES.items():
                found = _command(["train", str(folder), *options], Path(scratch) / f"{name}-{stages}")
                result[name][stages] = found
                print(f"{name:<12}{stages:<6}{_line(found)}", flush=True)
        result["digits"] = {"demo": _command(["demo"], Path(scratch) / "demo")}
        print(f"{'digits':<12}{'demo':<6}{_line(result['digits']['demo'])}")
    return result


def _command(options: list[str], folder: Path) -> dict[str, Any]:
    headway = str(Path(sys.executable).with_name("headway"))
    command = [headway, *options, "--runs", str(folder / "runs"), "--json"]
    start = time.perf_counter()
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "HEADWAY_CACHE": str(folder / "cache")}
    )
    seconds = time.perf_counter() - start
    found = json.loads(done.stdout.splitlines()[-1])
    best = max(found["baselines"], key=lambda row: row["metrics"]["valid"]["accuracy"]["value"])
    return {
        "seconds": seconds,
        "accuracy": found["metrics"]["accuracy"],
        "best_baseline": {"name": best["name"], "accuracy": best["metrics"]["valid"]["accuracy"]},
        "notes": found["notes"],
        "history": found["history"],
    }


def _line(found: dict[str, Any]) -> str:
    accuracy, baseline = found["accuracy"], found["best_baseline"]
    return (
        f"accuracy {accuracy['value']:.4f} [{accuracy['low']:.4f}, {accuracy['high']:.4f}]  {found['seconds']:.0f} s  "
        f"(best baseline: {baseline['name']}, {baseline['accuracy']['value']:.4f})"
    )


def _breeds(scratch: Path) -> Path | None:
    """The photos of pets as a folder a breed; their names start with it."""
    pets = data_folder("oxford_pets")
    if pets is None:
        return None
    for photo in sorted((pets / "images").glob("*.jpg")):
        breed = scratch / "pet_breeds" / re.sub(r"_\d+$", "", photo.stem)
        breed.mkdir(parents=True, exist_ok=True)
        (breed / photo.name).symlink_to(photo)
    return scratch / "pet_breeds"
