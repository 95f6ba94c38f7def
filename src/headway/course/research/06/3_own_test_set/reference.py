"""Digits set in type on light pages, turned and moved: a stand-in for drawn ones, to show the form of an answer."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from headway.course.data import digits


@cache
def drawn() -> tuple[list[Path], list[int]]:
    """Six of each digit."""
    numbers = np.random.default_rng(0)
    files, truths = [], []
    for digit in range(10):
        for _ in range(6):
            page = Image.new("L", (160, 120), 240)
            font = ImageFont.load_default(size=float(numbers.uniform(50, 70)))
            at = tuple(numbers.uniform((50, 45), (110, 75)))
            ImageDraw.Draw(page).text(at, str(digit), fill=40, font=font, anchor="mm", stroke_width=2)
            page = page.rotate(numbers.uniform(-15, 15), Image.Resampling.BICUBIC, fillcolor=240)
            files.append(Path(f"{digit}-{len(files)}.png").resolve())
            page.save(files[-1])
            truths.append(digit)
    return files, truths


def read(path: Path) -> np.ndarray:
    """A page as the lesson's digits are: the ink white, 20 pixels high or wide, its centre of mass in the middle."""
    page = np.asarray(Image.open(path).convert("L"), dtype=float)
    # Most of a page is paper; ink is what differs from it by more than the paper's grain.
    ink = np.abs(page - np.median(page))
    ink = np.clip(ink / ink.max() - 0.2, 0, None) / 0.8
    rows, columns = (np.flatnonzero(ink.max(axis) > 0) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(20 * side / max(ink.shape))) for side in ink.shape)
    small = Image.fromarray((ink * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    picture = np.zeros((28, 28))
    picture[:height, :width] = np.asarray(small) / 255
    middle = [(picture.sum(1 - axis) @ np.arange(28)) / picture.sum() for axis in (0, 1)]
    return np.roll(picture, [round(13.5 - at) for at in middle], (0, 1))


def answers(pictures: torch.Tensor) -> torch.Tensor:
    """What the nearest of the lesson's digits shows."""
    images, labels = digits()
    known = torch.tensor(images, dtype=torch.float64).reshape(len(images), -1) / 255
    return torch.tensor(labels)[torch.cdist(pictures.double().reshape(len(pictures), -1), known).argmin(1)]


def wilson(k: int, n: int) -> tuple[float, float]:
    """The interval of lesson 2."""
    z = 1.959964
    middle, half = k / n + z**2 / (2 * n), z * (k * (n - k) / n**3 + z**2 / (4 * n**2)) ** 0.5
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


_files, _truths = drawn()
_right = int((answers(torch.tensor(np.stack([read(file) for file in _files]))) == torch.tensor(_truths)).sum())
REPORTED = (_right / len(_truths), *wilson(_right, len(_truths)))
