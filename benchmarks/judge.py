"""What does a report cost beyond training, and what does it cost to judge a million predictions?

"report" is `learner.report()` on a model whose head was solved, baselines, Grad-CAM, label errors, calibration and
learning curve included, with the page and report.json written; its goals are 15 s for cats_dogs and 5 s for the demo's
digits, on two cores. "judge" is `headway.judge` on 1,000,000 predictions of 10 classes with a column to slice by, in a
process of its own; its goals are 10 s and 1 GB at the peak, the arrays themselves included. Seconds depend on what else
the machine does; processor seconds, of all threads together, do not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import Row, data_folder
from headway.data.build import from_folder
from headway.datasets.named import write_digits
from headway.inputs.image.field import Image
from headway.learner.learner import Learner

JUDGED = 1_000_000

_JUDGE = """
import json, sys, time
import numpy as np
import headway as hw

items, classes = int(sys.argv[1]), 10
draw = np.random.default_rng(0)
targets = draw.integers(classes, size=items)
probabilities = draw.normal(size=(items, classes))
probabilities[np.arange(items), targets] += 3
np.exp(probabilities, out=probabilities)
probabilities /= probabilities.sum(1, keepdims=True)
site = np.array(["north", "south", "east"])[draw.integers(3, size=items)]
hw.judge_predictions(probabilities[:2000], targets[:2000], items={"site": site[:2000]}, slices=["site"])
start, cpu = time.perf_counter(), time.process_time()
report = hw.judge_predictions(probabilities, targets, items={"site": site}, slices=["site"])
found = {"seconds": time.perf_counter() - start, "processor seconds": time.process_time() - cpu}
# Not from getrusage, which counts what the process that started this one had in memory.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) / 1024
print(json.dumps(found | {"peak, MB": round(peak), "accuracy": report.parts["valid"].metrics["accuracy"].value}))
"""


def run() -> list[Row]:
    """The report on photos and on digits, then a million predictions."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = data_folder("cats_dogs")
        if folder is None:
            print("cats_dogs: not there, left out")
        else:
            rows.append({"what": "report, cats_dogs", **_report(folder, Path(scratch))})
        rows.append({"what": "report, digits of the demo", **_digits(Path(scratch))})
    command = [sys.executable, "-c", _JUDGE, str(JUDGED)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows.append({"what": f"judge, {JUDGED:,} predictions", **json.loads(done.stdout)})
    return rows


def _report(folder: Path, scratch: Path) -> Row:
    learner = Learner(from_folder(folder), "efficientnet_lite0", run=scratch / "cats_dogs", progress=False)
    learner.fine_tune(0)
    return _timed(learner)


def _digits(scratch: Path) -> Row:
    data = from_folder(write_digits(scratch / "digits"), input=Image("file", size=28, channels=1))
    learner = Learner(data, "small_resnet", run=scratch / "demo", progress=False)
    learner.fit(1)
    return _timed(learner)


def _timed(learner: Learner) -> Row:
    start, cpu = time.perf_counter(), time.process_time()
    report = learner.report()
    row: Row = {"seconds": time.perf_counter() - start, "processor seconds": time.process_time() - cpu}
    assert learner.run is not None
    size = (learner.run.path / "report.html").stat().st_size
    return row | {"report.html, MB": size / 1e6, "accuracy": report.parts["valid"].metrics["accuracy"].value}
