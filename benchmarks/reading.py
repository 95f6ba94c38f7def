"""How many photos a second come from JPEG files to batches, in the first epoch and in later ones?

A batch is 32 photos of 224 by 224 pixels as normalised floats, ready for a network; an epoch is every photo of a folder
once, a fifth of them for validation. Headway's first epoch begins with an empty cache: each file is opened, checked,
hashed, decoded and kept in the store, all of which is counted, and the batches are read from there. fastai is
`ImageDataLoaders.from_folder` with `Resize(224)` and `Normalize`, the worker processes being its default or whichever
of 0, one and two a core reads a few batches quickest; augmented, it is `Resize(460)` and `aug_transforms(size=224)`
(docs.fast.ai/tutorial.vision), beside Headway's default augmentation. torchvision is `ImageFolder` with a `DataLoader`
as in PyTorch's transfer-learning tutorial: `Resize(256)`, `CenterCrop(224)`, `ToTensor`, `Normalize`; workers likewise
the best. Pillow alone decodes the files, and then resizes them, on a thread a core, and makes no batches.

Each is a process of its own; all take turns after a warm-up, and ratios are medians over the turns. "1 core" binds them
to one. The photos of 12 megapixels are some of the same, enlarged: there a decoder may skip what is not needed. Goals:
at least 2 times fastai in the first epoch, 10 times in later ones. On small photos the first epoch falls short: it is
Pillow's decoding and resizing for the most part, by the bicubic filter that the pretrained network was made with, where
fastai and torchvision resize by the bilinear one, which is quicker.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from PIL import Image as PILImage

from benchmarks.peers import is_installed
from benchmarks.results import Row, data_folder
from headway.data.build import from_folder
from headway.data.dataset import Data
from headway.data.loader import Loader
from headway.inputs.image.augment import Augment
from headway.inputs.image.networks import Prepare

SIZE, BATCH_SIZE, TRIALS = 224, 32, 3
NUM_FEW, NUM_LARGE, LARGE = 160, 40, (4000, 3000)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Epoch = Callable[[], int]
"""Reads every photo of a folder once; gives how many there were."""


@dataclass(frozen=True)
class _Set:
    """Photos, what is compared on them, and on how many cores."""

    name: str
    folder: Path
    readers: Sequence[str]
    cores: Sequence[int]


def run() -> list[Row]:
    """Every set of photos on one core and on all, all readers in turn."""
    photos = data_folder("cats_dogs")
    if photos is None:
        print("cats_dogs: not there, nothing is measured")
        return []
    many = os.cpu_count() or 1
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        few = _few(photos, Path(scratch) / "few", NUM_FEW)
        large = _few(photos, Path(scratch) / "large", NUM_LARGE, enlarged=LARGE)
        plain = ["fastai", "fastai, best", "torchvision", "Pillow", "Pillow, resized"]
        both = list(dict.fromkeys([1, many]))
        sets = [
            _Set("as they are", photos, ["Headway, first", "Headway, later", *plain], both),
            _Set("augmented", few, ["Headway, augmented", "fastai, augmented"], both),
            _Set("12 megapixels", large, ["Headway, first", *plain], [1]),
        ]
        for each in sets:
            for cores in each.cores:
                found = _rows(each, cores, _rates(each, cores, few))
                print("\n".join(map(str, found)), flush=True)
                rows += found
    return rows


def _rows(photos: _Set, cores: int, rates: dict[str, list[float]]) -> list[Row]:
    """A row for each way of Headway's: ratios first, then photos a second."""
    rows = []
    for ours in (name for name in rates if name.startswith("Headway")):
        peers = [name for name in rates if not name.startswith("Headway")]
        ratios = {f"/ {peer}": statistics.median(_over(rates[ours], rates[peer])) for peer in peers}
        shown = {peer: round(statistics.median(rates[peer])) for peer in peers}
        epoch = ours.removeprefix("Headway, ").replace("augmented", "later")
        named = {"photos": photos.name, "epoch": epoch, "cores": cores}
        rows.append({**named, **ratios, "Headway, photos a second": round(statistics.median(rates[ours])), **shown})
    return rows


def _over(ours: list[float], theirs: list[float]) -> list[float]:
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def _rates(photos: _Set, cores: int, few: Path) -> dict[str, list[float]]:
    """Photos a second of each reader, a number a turn."""
    names = [name for name in photos.readers if not name.startswith("fastai") or is_installed("fastai")]
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for name in names:
        pipes[name], end = context.Pipe()
        # Not a daemon: loaders have processes of their own.
        context.Process(target=_work, args=(end, name, photos.folder, few, cores), daemon=False).start()
        # One by one, so that they do not warm up beside one another.
        print(f"{photos.name}, {cores} cores, {name}: {pipes[name].recv()}", flush=True)
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(TRIALS):
        for name, pipe in pipes.items():
            pipe.send("again")
            found[name].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send("end")
    return found


def _work(pipe: Connection, name: str, folder: Path, few: Path, cores: int) -> None:
    """A reader's process: warms up, then reads an epoch whenever it is asked to, and tells how quickly."""
    warnings.simplefilter("ignore")
    # Else the peers' workers would be started as this process was, and import everything anew for each epoch.
    multiprocessing.set_start_method(None, force=True)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))
    torch.set_num_threads(cores)
    make, choices = _READERS[name]
    # Which also warms everything up.
    rates = [_rate(make(few, workers)) for workers in choices(cores)]
    workers = choices(cores)[rates.index(max(rates))]
    epoch = make(folder, workers)
    pipe.send(f"{workers} workers" if workers is not None else "ready")
    while pipe.recv() != "end":
        pipe.send(_rate(epoch))


def _rate(epoch: Epoch) -> float:
    start = time.perf_counter()
    return epoch() / (time.perf_counter() - start)


def _first(folder: Path, workers: int | None) -> Epoch:
    """Headway with an empty cache: from nothing known of the folder to the last batch."""

    def epoch() -> int:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["HEADWAY_CACHE"] = cache
            return _batches(from_folder(folder), None)

    return epoch


def _later(folder: Path, workers: int | None, *, augment: Augment | None = None) -> Epoch:
    """Headway with a store that the first epoch has made."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["HEADWAY_CACHE"] = cache
        # The store's file stays mapped, as after the first epoch of a run.
        data = from_folder(folder)
    return lambda: _batches(data, augment)


def _augmented(folder: Path, workers: int | None) -> Epoch:
    return _later(folder, workers, augment=Augment())


def _batches(data: Data, augment: Augment | None) -> int:
    prepare = Prepare(tuple(255 * each for each in MEAN), tuple(255 * each for each in STD))
    count = 0
    for name in data.parts:
        is_train = name == "train"
        for batch in Loader(data.part(name), BATCH_SIZE, shuffle=is_train):
            images = batch.inputs
            if augment and is_train:
                images = augment(images, rows=batch.rows, size=SIZE, seed=0, epoch=0)
            count += len(prepare(images))
    return count


def _fastai(folder: Path, workers: int | None, *, augmented: bool = False) -> Epoch:
    from fastai.vision.all import (  # pyright: ignore[reportMissingImports]
        ImageDataLoaders,
        Normalize,
        Resize,
        aug_transforms,
        imagenet_stats,
    )

    changed = aug_transforms(size=SIZE) if augmented else []
    loaders = ImageDataLoaders.from_folder(
        folder,
        valid_pct=0.2,
        seed=0,
        item_tfms=Resize(460 if augmented else SIZE),
        batch_tfms=[*changed, Normalize.from_stats(*imagenet_stats)],
        bs=BATCH_SIZE,
        num_workers=workers,
    )
    return lambda: _counted(loaders.train) + _counted(loaders.valid)


def _fastai_augmented(folder: Path, workers: int | None) -> Epoch:
    return _fastai(folder, workers, augmented=True)


def _torchvision(folder: Path, workers: int | None) -> Epoch:
    from torchvision import datasets, transforms

    resized = [transforms.Resize(256), transforms.CenterCrop(SIZE), transforms.ToTensor()]
    photos = datasets.ImageFolder(str(folder), transforms.Compose([*resized, transforms.Normalize(MEAN, STD)]))
    loader = torch.utils.data.DataLoader(photos, batch_size=BATCH_SIZE, shuffle=True, num_workers=workers or 0)
    return lambda: _counted(loader)


def _counted(batches: Iterable[Any]) -> int:
    return sum(len(images) for images, _ in batches)


def _pillow(folder: Path, workers: int | None, *, size: int | None = None) -> Epoch:
    files = sorted(folder.glob("*/*.jpg"))

    def decode(file: Path) -> None:
        with PILImage.open(file) as image:
            whole = image.convert("RGB")
        if size:
            whole.resize((size, size), PILImage.Resampling.BICUBIC)

    def epoch() -> int:
        with ThreadPoolExecutor(workers or 1) as pool:
            return len(list(pool.map(decode, files)))

    return epoch


def _pillow_resized(folder: Path, workers: int | None) -> Epoch:
    return _pillow(folder, workers, size=SIZE)


_READERS: dict[str, tuple[Callable[[Path, int | None], Epoch], Callable[[int], list[int | None]]]] = {
    "Headway, first": (_first, lambda _: [None]),
    "Headway, later": (_later, lambda _: [None]),
    "Headway, augmented": (_augmented, lambda _: [None]),
    "fastai": (_fastai, lambda _: [None]),
    "fastai, best": (_fastai, lambda cores: [0, cores, 2 * cores]),
    "fastai, augmented": (_fastai_augmented, lambda _: [None]),
    "torchvision": (_torchvision, lambda cores: [0, cores, 2 * cores]),
    "Pillow": (_pillow, lambda cores: [cores]),
    "Pillow, resized": (_pillow_resized, lambda cores: [cores]),
}
"""How each reader is made for a folder, and for so many cores the numbers of workers of which the quickest is taken."""


def _few(photos: Path, folder: Path, count: int, *, enlarged: tuple[int, int] | None = None) -> Path:
    """Some of the photos in a folder of their own, as many of each class."""
    classes = sorted(each for each in photos.iterdir() if each.is_dir())
    for each in classes:
        (folder / each.name).mkdir(parents=True)
        for file in sorted(each.glob("*.jpg"))[: count // len(classes)]:
            to = folder / each.name / file.name
            if enlarged is None:
                to.symlink_to(file)
            else:
                with PILImage.open(file) as image:
                    image.convert("RGB").resize(enlarged, PILImage.Resampling.BICUBIC).save(to, quality=90)
    return folder
