"""How well is each pixel of a pet told from what is around it, and how quickly, beside fastai?

Oxford-IIIT Pet, 192 photos of three breeds with trimaps; pixels of the border have no label. By the number in a photo's
name one in five is for test, one for valid and three for training. A U-Net on efficientnet_lite0 with its packaged
weights, as `Learner.fine_tune` plans it. Seconds are from the table of files to the trained model, on two cores;
answers a second are the bundle's, reading included.

fastai's is `unet_learner` as in its segmentation tutorial (docs.fast.ai/tutorial.vision: batches of 8, `fine_tune(6)`)
on the same body with the same weights, photos squeezed to the same size and its usual augmentation. Both are compared
on the test photos' own pixels: each side's mask enlarged to the photo, and of those pixels that have a label the mean
over pet and background of intersection over union. What a model does not see of a long photo counts as wrong. The first
columns are fastai's beside Headway's at the same size.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import polars as pl
import torch.nn.functional as F
from torch import nn

import headway as hw
from benchmarks.peers import is_installed, quiet
from benchmarks.results import Row, data_folder, empty_cache
from headway.inputs.image.models import DEFAULT_ARCH, create
from headway.judge.intervals import Estimate
from headway.judge.report.report import Report

SIZES = (96, 128)
IGNORED = 3
FASTAI_EPOCHS = 6
IN_PHOTO = "mean IoU in the photo"


def run() -> list[Row]:
    """Each size of photo, then the simple models."""
    folder = data_folder("oxford_pets")
    if folder is None:
        print("oxford_pets: not there, left out")
        return []
    items, rows, report = pets_table(folder), [], None
    field = hw.Mask("trimap", classes={1: "pet", 2: "background"}, ignore=IGNORED)
    for size in SIZES:
        with empty_cache():
            ours, report = _ours(items, field, size)
        print(ours, flush=True)
        # It takes minutes: the smaller size will do.
        is_compared = size == SIZES[0] and is_installed("fastai")
        rows += [_beside(ours, _fastai(items, size)), ours] if is_compared else [ours]
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


def _ours(items: pl.DataFrame, field: hw.Mask, size: int) -> tuple[Row, Report]:
    start, busy = time.perf_counter(), time.process_time()
    data = hw.from_items(items, input=hw.Image("photo", size=size), target=field, split=hw.ColumnSplit("split"))
    learner = hw.Learner(data, progress=False)
    learner.fine_tune()
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    report = learner.report()
    row = {
        "model": f"U-Net, {size} pixels, {len(learner.history)} epochs",
        **_figures(report.parts["test"].metrics),
        **_serving(learner, report, items.filter(split="test")),
        "seconds": round(seconds),
        "processor seconds": round(busy),
    }
    return row, report


def _beside(ours: Row, theirs: Row) -> Row:
    ratios = {
        "seconds / Headway's": theirs["seconds"] / ours["seconds"],
        "IoU in the photo, beside Headway's": f"{theirs[IN_PHOTO] - ours[IN_PHOTO]:+.3f}",
    }
    print(theirs, flush=True)
    return {**ratios, **theirs}


def _serving(learner: hw.Learner, report: Report, items: pl.DataFrame) -> Row:
    files = items["photo"].to_list()
    with tempfile.TemporaryDirectory() as folder:
        bundle = learner.export(Path(folder) / "pets.headway", report=report)
        predictor = hw.load(bundle)
        megabytes = os.path.getsize(bundle) / 1e6
        next(predictor.predict_many(files[:1]))
        start = time.perf_counter()
        answers = [each.value for each in predictor.predict_many(files, batch_size=8)]
        pace = len(files) / (time.perf_counter() - start)
    return {
        IN_PHOTO: _iou_in_photos(answers, items["trimap"].to_list()),
        "answers a second": round(pace, 1),
        "bundle MB": round(megabytes, 1),
    }


def _iou_in_photos(masks: Iterable[np.ndarray], trimaps: list[str]) -> float:
    """Mean over both classes of intersection over union of masks as large as the photos; 1 in a trimap is the pet."""
    both, either = np.zeros(2), np.zeros(2)
    for mask, trimap in zip(masks, trimaps, strict=True):
        truth = np.asarray(PIL.Image.open(trimap))
        for place in (0, 1):
            given, wanted = mask[truth != IGNORED] == place, truth[truth != IGNORED] == place + 1
            both[place] += (given & wanted).sum()
            either[place] += (given | wanted).sum()
    return float((both / either).mean())


def _fastai(items: pl.DataFrame, size: int) -> Row:
    start, busy = time.perf_counter(), time.process_time()
    learner = _unet(items.filter(pl.col("split") != "test"), size)
    with quiet(learner):
        learner.fine_tune(FASTAI_EPOCHS)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        test = items.filter(split="test")
        shares, _ = learner.get_preds(dl=learner.dls.test_dl(test["photo"].to_list()))
    sizes = [PIL.Image.open(file).size[::-1] for file in test["trimap"]]
    masks = [
        F.interpolate(each[None], size=of, mode="bilinear").argmax(1)[0].numpy()
        for each, of in zip(shares, sizes, strict=True)
    ]
    return {
        "model": f"fastai's unet_learner, {size} pixels, 1 and {FASTAI_EPOCHS} epochs",
        IN_PHOTO: _iou_in_photos(masks, test["trimap"].to_list()),
        "seconds": round(seconds),
        "processor seconds": round(busy),
    }


def _unet(items: pl.DataFrame, size: int) -> Any:
    """On the body that Headway starts from, its blocks one after another so that each of its sizes is found."""
    import pandas as pd
    from fastai.torch_core import set_seed  # pyright: ignore[reportMissingImports]
    from fastai.vision.all import (  # pyright: ignore[reportMissingImports]
        ColReader,
        ColSplitter,
        CrossEntropyLossFlat,
        DataBlock,
        ImageBlock,
        MaskBlock,
        Normalize,
        PILMask,
        Resize,
        aug_transforms,
        unet_learner,
    )

    def mask(row: Any) -> Any:
        # Classes from 0 on, the unlabelled border as what the loss passes over.
        trimap = np.asarray(PIL.Image.open(row["trimap"]))
        return PILMask.create(np.where(trimap == IGNORED, 255, trimap - 1).astype(np.uint8))

    set_seed(0)
    frame = pd.DataFrame({name: items[name].to_list() for name in ("photo", "trimap")})
    block = DataBlock(
        blocks=(ImageBlock(), MaskBlock(codes=["pet", "background"])),
        get_x=ColReader("photo"),
        get_y=mask,
        splitter=ColSplitter("is_valid"),
        item_tfms=Resize(size, method="squish"),
        batch_tfms=[*aug_transforms(size=size), Normalize.from_stats((127 / 255,) * 3, (128 / 255,) * 3)],
    )
    loaders = block.dataloaders(frame.assign(is_valid=(items["split"] == "valid").to_list()), bs=8)
    loss = CrossEntropyLossFlat(axis=1, ignore_index=255)
    body = _body()
    return unet_learner(loaders, lambda pretrained: body, cut=len(body), n_out=2, normalize=False, loss_func=loss)


def _body() -> nn.Sequential:
    model: Any = create(DEFAULT_ARCH, num_outputs=2).module
    body = model.body.body
    return nn.Sequential(body.conv_stem, body.bn1, *body.blocks, body.conv_head, body.bn2)
