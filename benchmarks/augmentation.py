"""How many photos a second are augmented, beside fastai's `aug_transforms` and torchvision's transforms?

Batches of uint8 photos, 224 by 224 pixels, to floats of the same size, on one thread of a processor; every photo with
draws of its own. Headway's is the default: crop, stretch, flip, turn, warp and light in one resampling. fastai's is
`IntToFloatTensor` and `aug_transforms(size=224)`, its own default: flip, turn, zoom, warp and light (each of the last
four for three photos of four), on whole batches. torchvision's is version 2 of its transforms, chosen to do what
Headway does: `RandomResizedCrop`, `RandomHorizontalFlip`, `RandomRotation`, `RandomPerspective` and `ColorJitter`,
photo by photo, since on a batch all would share one draw; on uint8 tensors, which its documentation recommends for
speed, and floats last.

All take turns in one process after a warm-up. What Headway's loader asks of the C library, to keep freed memory, is on
for all of them alike; it makes each of them quicker than it is by itself.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.peers import is_installed
from benchmarks.results import Row
from headway.inputs.image.augment import Augment
from headway.system.machine import keep_freed_memory

SIZE, BATCHES, TRIALS = 224, (32, 64), 7

Change = Callable[[torch.Tensor], torch.Tensor]
"""A batch of photos, uint8 `[batch, 3, side, side]`, to floats of that shape."""


def run() -> list[Row]:
    """Each size of batch, all in turn."""
    torch.set_num_threads(1)
    keep_freed_memory()
    makers = {"Headway": _headway, "torchvision": _torchvision}
    if is_installed("fastai"):
        makers["fastai"] = _fastai
    rows: list[Row] = []
    for size in BATCHES:
        images = _photos(size)
        changes = {name: make() for name, make in makers.items()}
        found: dict[str, list[float]] = {name: [] for name in changes}
        for trial in range(TRIALS + 1):
            for name, change in changes.items():
                start = time.perf_counter()
                shape = change(images).shape
                seconds = time.perf_counter() - start
                assert shape == images.shape
                if trial:
                    found[name].append(size / seconds)
        rows.append(_row(size, found))
        print(rows[-1], flush=True)
    return rows


def _row(batch_size: int, found: dict[str, list[float]]) -> Row:
    ours = found["Headway"]
    pairs = {name: zip(ours, rates, strict=True) for name, rates in found.items() if name != "Headway"}
    ratios = {f"Headway / {name}": statistics.median(a / b for a, b in each) for name, each in pairs.items()}
    shown = {f"{name}, photos a second": round(statistics.median(rates)) for name, rates in found.items()}
    return {"photos a batch": batch_size, **ratios, **shown, "turns": TRIALS}


def _photos(batch_size: int) -> torch.Tensor:
    """Smooth noise, in the layout in which photos are read."""
    coarse = torch.randint(0, 256, (batch_size, 3, 28, 28), generator=torch.Generator().manual_seed(0)).float()
    photos = torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear").to(torch.uint8)
    return photos.contiguous(memory_format=torch.channels_last)


def _headway() -> Change:
    augment = Augment()
    return lambda images: augment(images, rows=np.arange(len(images)), size=SIZE, seed=0, epoch=0)


def _fastai() -> Change:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fastai.vision.all import (  # pyright: ignore[reportMissingImports]
            IntToFloatTensor,
            Pipeline,
            TensorImage,
            aug_transforms,
        )

    # 0 stands for training: in validation fastai augments nothing.
    pipeline = Pipeline([IntToFloatTensor(), *aug_transforms(size=SIZE)], split_idx=0)
    return lambda images: pipeline(TensorImage(images.contiguous()))


def _torchvision() -> Change:
    from torchvision.transforms import v2

    change = v2.Compose(
        [
            v2.RandomResizedCrop(SIZE, scale=(0.5, 1), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomRotation([-10, 10], interpolation=v2.InterpolationMode.BILINEAR),
            v2.RandomPerspective(0.1, p=1),
            v2.ColorJitter(brightness=0.2, contrast=0.2),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    return lambda images: torch.stack([change(image) for image in images.contiguous()])
