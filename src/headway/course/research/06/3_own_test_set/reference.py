"""Digits set in type, turned and moved a little: a stand-in for drawn ones, to show the form of an answer."""

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from headway.course.data import digits


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    """Six of each digit."""
    numbers = np.random.default_rng(0)
    pictures, truths = [], []
    for digit in range(10):
        for _ in range(6):
            page = Image.new("L", (56, 56))
            font = ImageFont.load_default(size=float(numbers.uniform(34, 44)))
            ImageDraw.Draw(page).text((28, 28), str(digit), fill=255, font=font, anchor="mm", stroke_width=1)
            page = page.rotate(numbers.uniform(-15, 15), Image.Resampling.BICUBIC).resize((28, 28))
            pictures.append(np.roll(np.asarray(page) / 255, numbers.integers(-1, 2, 2), (0, 1)))
            truths.append(digit)
    return torch.tensor(np.stack(pictures)), torch.tensor(truths)


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


_pictures, _truths = drawn()
_right = int((answers(_pictures) == _truths).sum())
REPORTED = (_right / len(_truths), *wilson(_right, len(_truths)))
