"""What does `predict` cost beside decoding the photo with Pillow and the bare call of onnxruntime?

Both sides take the same photo's path and the same session, in turn; the bare side reads the file, decodes it, brings
it to the model's size as training did, and calls the session. Goal: at most 0.5 ms more at the median.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.results import Row, data_folder
from headway.bundle.predictor import GRAPH_INPUT, Predictor, load
from headway.data.build import from_folder
from headway.learner import Learner

NUM_PHOTOS = 100
ROUNDS = 5


def run() -> list[Row]:
    """In float32 and in int8."""
    folder = data_folder("cats_dogs")
    if folder is None:
        print("cats_dogs: not there, left out")
        return []
    data = from_folder(folder)
    learner = Learner(data, "efficientnet_lite0", progress=False)
    learner.fine_tune(0)
    report = learner.report()
    photos = data.valid.items["file"].to_list()[:NUM_PHOTOS]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in (None, "int8"):
            bundle = learner.export(Path(scratch) / f"{name}.headway", report=report, quantize=name)
            facts = load(bundle).manifest["quantization"]
            rows.append({"graph": facts["kept"] if facts else "float32"} | _measured(load(bundle), photos))
            rows[-1]["graph, MB"] = load(bundle).manifest["files"]["model.onnx"]["size"] / 1e6
    return rows


def _measured(predictor: Predictor, photos: list[str]) -> Row:
    def bare(photo: str) -> None:
        image = predictor.input.read(photo)
        predictor.session.run(None, {GRAPH_INPUT: image[None]})

    pairs = []
    for number in range(ROUNDS + 1):
        for place, photo in enumerate(photos):
            # Whoever is second finds the file in the caches: they take turns.
            sides = [bare, predictor.predict]
            order = sides if (number + place) % 2 else sides[::-1]
            spent = {side: _seconds(side, photo) for side in order}
            if number:
                pairs.append((spent[bare], spent[predictor.predict]))
    return {
        "more, ms at the median": 1000 * statistics.median(ours - plain for plain, ours in pairs),
        "bare, ms": 1000 * statistics.median(plain for plain, _ in pairs),
        "predict, ms": 1000 * statistics.median(ours for _, ours in pairs),
        "pairs": len(pairs),
    }


def _seconds(call: Callable[[str], object], photo: str) -> float:
    start = time.perf_counter()
    call(photo)
    return time.perf_counter() - start
