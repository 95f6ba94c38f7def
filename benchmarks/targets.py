"""Several labels, a number and points in photos: how soon and how well are they learned, beside fastai?

Oxford-IIIT Pet, the photos of three breeds that are here. Labels: species and breed of each of the 192. Number and
points: the head's box, known for 96 of them: its width as a share of the photo's, and its four corners. A third is held
out. Both begin with efficientnet_lite0 and the same packaged weights, at 96 pixels.
Seconds are from the table of files to the trained model, reading included, with an empty cache.

Headway does what it does when nothing is said: `fine_tune()`. fastai is set up as its documentation does for each kind:
labels as in "Multi-label classification" (Howard and Gugger 2020, chapter 6: `MultiCategoryBlock`, 4 epochs with the
body frozen and 4 without, at 3e-3), points and the number as in its "Regression" (`PointBlock` with a range of -1 to 1,
`RegressionBlock` with the number's own range, 3 epochs at 1e-2). Its own batches of 64 would be one a pass, so they are
of 16 here; photos are squeezed rather than cut, since a corner must not be lost, and not mirrored for points, since
left would become right. So few photos need longer than the documentation's many: 12 epochs
of labels and 30 of the others are measured, too. The metric is computed from both sides' answers for the same held-out
photos.
"""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score

import headway as hw
from benchmarks.peers import fastai_learner, is_installed, quiet
from benchmarks.results import Row, data_folder, empty_cache
from headway.data.dataset import Data
from headway.targets.base import Target

SEEDS = (0,)
SIZE = 96
BATCH_SIZE = 16
SPECIES = {"Abyssinian": "cat", "Bengal": "cat", "american_bulldog": "dog"}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of answer.

    Attributes:
        name: As a person calls it.
        target: Headway's field.
        metric: What the error below is called.
        error: From answers and the true ones, each `[items, ...]`, to a number, the lower the better.
        plan: How fastai's documentation trains it: arguments of `fine_tune`.
        longer: How many epochs are tried instead, too.
        settings: Of `vision_learner`.
    """

    name: str
    target: Target
    metric: str
    error: Callable[[np.ndarray, np.ndarray], float]
    plan: dict[str, Any]
    longer: int
    settings: dict[str, Any]


def _distance(answers: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm((answers - truth).reshape(len(truth), -1, 2), axis=2).mean())


KINDS = (
    Kind(
        name="several labels",
        target=hw.Categories("tags"),
        metric="1 - mean average precision",
        error=lambda answers, truth: 1 - float(average_precision_score(truth, answers, average="macro")),
        plan={"epochs": 4, "base_lr": 3e-3, "freeze_epochs": 4},
        longer=12,
        settings={},
    ),
    Kind(
        name="a number",
        target=hw.Number("width", low=0, high=1),
        metric="mean absolute error, % of the photo's width",
        error=lambda answers, truth: 100 * float(np.abs(answers - truth).mean()),
        plan={"epochs": 3, "base_lr": 1e-2},
        longer=30,
        settings={"y_range": (0, 1)},
    ),
    Kind(
        name="points",
        target=hw.Points("corners", swap=[(0, 1), (2, 3)]),
        metric="mean distance, pixels of the photo",
        error=_distance,
        plan={"epochs": 3, "base_lr": 1e-2},
        longer=30,
        settings={"y_range": (-1, 1)},
    ),
)


def run() -> list[Row]:
    """Each kind with each of fastai's plans."""
    folder = data_folder("oxford_pets")
    if folder is None:
        print("oxford_pets: not there, left out")
        return []
    photos, rows = pets(folder), []
    for kind in KINDS:
        items = photos.drop_nulls(list(kind.target.columns))
        found: dict[str, list[tuple[float, float]]] = {}
        for seed in SEEDS:
            for name, measured in _sides(kind, items.with_columns(split=_split(len(items), seed)), seed).items():
                found.setdefault(name, []).append(measured)
                print(f"{kind.name}, seed {seed}, {name}: {measured[0]:.4g} in {measured[1]:.1f} s", flush=True)
        ours = np.array(found.pop("Headway"))
        for name, measured in (found or {"": []}).items():
            rows.append({"answer": kind.name, **_row(name, ours, np.array(measured)), "error": kind.metric})
    return rows


def pets(folder: Path) -> pl.DataFrame:
    """A row a photo: its labels, and where its head is, where that is known."""
    rows = []
    for file in sorted((folder / "images").glob("*.jpg")):
        breed = re.sub(r"_\d+$", "", file.stem)
        row = {"file": str(file), "tags": f"{SPECIES[breed]} {breed}", "width": None, "corners": None, "size": None}
        box = folder / "xmls" / f"{file.stem}.xml"
        if box.is_file():
            root = ElementTree.parse(box).getroot()
            names = ("xmin", "ymin", "xmax", "ymax")
            left, top, right, bottom = (int(root.findtext(f"object/bndbox/{name}", "")) for name in names)
            width, height = (int(root.findtext(f"size/{name}", "")) for name in ("width", "height"))
            row["width"], row["size"] = (right - left) / width, [width, height]
            row["corners"] = f"{left} {top} {right} {top} {left} {bottom} {right} {bottom}"
        rows.append(row)
    return pl.DataFrame(rows)


def _split(count: int, seed: int) -> pl.Series:
    places = np.random.default_rng(seed).permutation(count)
    return pl.Series(np.where(places < count // 3, "valid", "train"))


def _sides(kind: Kind, items: pl.DataFrame, seed: int) -> dict[str, tuple[float, float]]:
    """Error and seconds of Headway and of fastai's plans."""
    found = {"Headway": _ours(kind, items, seed)}
    if is_installed("fastai"):
        found[f"{kind.plan['epochs']} epochs, as documented"] = _theirs(kind, items, seed, kind.plan)
        found[f"{kind.longer} epochs"] = _theirs(kind, items, seed, {**kind.plan, "epochs": kind.longer})
    return found


def _ours(kind: Kind, items: pl.DataFrame, seed: int) -> tuple[float, float]:
    with empty_cache():
        start = time.perf_counter()
        split = hw.ColumnSplit("split")
        data = hw.from_items(items, input=hw.Image("file", size=SIZE), target=kind.target, split=split)
        learner = hw.Learner(data, seed=seed, progress=False)
        learner.fine_tune()
        seconds = time.perf_counter() - start
        return _our_error(kind, learner, data), seconds


def _our_error(kind: Kind, learner: hw.Learner, data: Data) -> float:
    if kind.target.needs_geometry:
        # In pixels of the photo, as fastai's below.
        return learner.evaluate("valid")["error_pixels"].value
    return kind.error(learner.predictions("valid").predictions, data.valid.targets)


def _theirs(kind: Kind, items: pl.DataFrame, seed: int, plan: dict[str, Any]) -> tuple[float, float]:
    start = time.perf_counter()
    learner = fastai_learner(_loaders(kind, items, seed), metrics=[], **kind.settings)
    with quiet(learner):
        learner.fine_tune(**plan)
        seconds = time.perf_counter() - start
        answers, truth = (each.numpy() for each in learner.get_preds())
    if kind.target.needs_geometry:
        # From -1 to 1 across the photo, which was squeezed: into its pixels.
        size = np.array(items.filter(pl.col("split") == "valid")["size"].to_list())[:, None]
        answers, truth = ((each.reshape(len(size), -1, 2) + 1) / 2 * size for each in (answers, truth))
    return kind.error(answers, truth.reshape(answers.shape)), seconds


def _loaders(kind: Kind, items: pl.DataFrame, seed: int) -> Any:
    import pandas as pd
    from fastai.torch_core import set_seed  # pyright: ignore[reportMissingImports]
    from fastai.vision.all import (  # pyright: ignore[reportMissingImports]
        ColReader,
        ColSplitter,
        DataBlock,
        ImageBlock,
        MultiCategoryBlock,
        PointBlock,
        RegressionBlock,
        Resize,
        aug_transforms,
    )

    set_seed(seed)
    column = kind.target.column
    answer, read = {
        "several labels": (MultiCategoryBlock(), ColReader(column, label_delim=" ")),
        "a number": (RegressionBlock(), ColReader(column)),
        "points": (PointBlock, lambda row: np.array(row[column].split(), dtype=np.float32).reshape(-1, 2)),
    }[kind.name]
    frame = pd.DataFrame({name: items[name].to_list() for name in ("file", column)})
    block = DataBlock(
        blocks=(ImageBlock(), answer),
        get_x=ColReader("file"),
        get_y=read,
        splitter=ColSplitter("is_valid"),
        item_tfms=Resize(int(1.28 * SIZE), method="squish"),
        batch_tfms=aug_transforms(size=SIZE, do_flip=not kind.target.needs_geometry),
    )
    return block.dataloaders(frame.assign(is_valid=(items["split"] == "valid").to_list()), bs=BATCH_SIZE)


def _row(name: str, ours: np.ndarray, theirs: np.ndarray) -> Row:
    """Mean ratios seed by seed, then the means."""
    row: Row = {}
    if len(theirs):
        ratios = ours[:, 0] / theirs[:, 0] if theirs[:, 0].all() else np.full(1, np.nan)
        row = {
            "times sooner": float((theirs[:, 1] / ours[:, 1]).mean()),
            "Headway's error / fastai's": float(ratios.mean()),
            "fastai trains for": name,
            "fastai's error": f"{theirs[:, 0].mean():.3g}",
            "fastai, s": float(theirs[:, 1].mean()),
        }
    return row | {"Headway's error": f"{ours[:, 0].mean():.3g}", "Headway, s": float(ours[:, 1].mean())}
