"""How well is each pixel of a pet told from what is around it, and how quickly?

Oxford-IIIT Pet, 192 photos of three breeds with trimaps; pixels of the border have no label. By the number in a photo's
name one in five is for test, one for valid and three for training. A U-Net on efficientnet_lite0 with its packaged
weights, as `Learner.fine_tune` plans it. Seconds are from the start of training to its end, on two cores; answers a
second are the bundle's, reading included.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import polars as pl

import headway as hw
from benchmarks.results import Row, data_folder
from headway.judge.intervals import Estimate
from headway.judge.report import Report

SIZES = (96, 128)


def run() -> list[Row]:
    """Each size of photo, then the simple models."""
    folder = data_folder("oxford_pets")
    if folder is None:
        print("oxford_pets: not there, left out")
        return []
    items, rows, report = pets_table(folder), [], None
    field = hw.Mask("trimap", classes={1: "pet", 2: "background"}, ignore=3)
    for size in SIZES:
        data = hw.from_items(items, input=hw.Image("photo", size=size), target=field, split=hw.ColumnSplit("split"))
        learner = hw.Learner(data, progress=False)
        start, busy = time.perf_counter(), time.process_time()
        learner.fine_tune()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        report = learner.report()
        rows.append(
            {
                "model": f"U-Net, {size} pixels, {len(learner.history)} epochs",
                **_figures(report.parts["test"].metrics),
                "seconds": round(seconds),
                "processor seconds": round(busy),
                **_serving(learner, report, items["photo"].to_list()[:50]),
            }
        )
        print(rows[-1], flush=True)
    assert report is not None
    rows += [{"model": each.name, **_figures(each.metrics["test"])} for each in report.baselines]
    return rows


def pets_table(folder: Path) -> pl.DataFrame:
    """Every photo with its trimap and its part."""
    parts = ("test", "valid", "train", "train", "train")
    rows = [
        (str(photo), str(folder / "trimaps" / f"{photo.stem}.png"), parts[int(photo.stem.rsplit("_", 1)[1]) % 5])
        for photo in sorted((folder / "images").glob("*.jpg"))
    ]
    return pl.DataFrame(rows, schema=["photo", "trimap", "split"], orient="row")


def _figures(metrics: Mapping[str, Estimate]) -> Row:
    iou = metrics["mean_iou"]
    return {
        "mean IoU": f"{iou.value:.3f}",
        "95 % interval": f"{iou.low:.3f} to {iou.high:.3f}",
        "pixel accuracy": f"{metrics['pixel_accuracy'].value:.3f}",
    }


def _serving(learner: hw.Learner, report: Report, files: list[str]) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        bundle = learner.export(Path(folder) / "pets.headway", report=report)
        predictor = hw.load(bundle)
        megabytes = os.path.getsize(bundle) / 1e6
        next(predictor.predict_many(files[:1]))
        start = time.perf_counter()
        count = sum(1 for _ in predictor.predict_many(files, batch_size=8))
        return {"answers a second": round(count / (time.perf_counter() - start), 1), "bundle MB": round(megabytes, 1)}
