"""What does stage one cost beside one plain pass of the body over the same photos?

The plain pass reads the photos through the same loader and runs the body on them, and no more. Goal: at most 1.3.
"""

from __future__ import annotations

import statistics
import time

from benchmarks.results import Row, data_folder
from headway.data.build import from_folder
from headway.data.dataset import Data
from headway.learner.learner import Learner

TRIALS = 3


def run() -> list[Row]:
    """Plain pass and stage one in turn, after a warm-up each."""
    rows: list[Row] = []
    for name in ("cats_dogs", "clothing"):
        folder = data_folder(name)
        if folder is None:
            print(f"{name}: not there, left out")
            continue
        data = from_folder(folder)
        pairs = [(_plain(data), _stage_one(data)) for _ in range(TRIALS + 1)][1:]
        ratios = [ours / plain for plain, ours in pairs]
        rows.append(
            {
                "photos": name,
                "stage one / plain pass, median of pairs": statistics.median(ratios),
                "lowest": min(ratios),
                "highest": max(ratios),
                "stage one, seconds": statistics.median(ours for _, ours in pairs),
            }
        )
    return rows


def _plain(data: Data) -> float:
    learner = Learner(data, "efficientnet_lite0", progress=False)
    start = time.perf_counter()
    for name in data.parts:
        learner.setup.outputs(learner.model.get_submodule("body"), data.part(name))
    return time.perf_counter() - start


def _stage_one(data: Data) -> float:
    learner = Learner(data, "efficientnet_lite0", progress=False)
    start = time.perf_counter()
    learner.fine_tune(0)
    return time.perf_counter() - start
