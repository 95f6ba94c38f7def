"""Checks a test set of one's own and the accuracy on it; pages that the check has written are read and answered, too."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from headway.course.checking import beats, case, close, equal, function, hidden, require, shape, value

drawn = function("drawn")
read = function("read", "path")
answers = function("answers", "pictures")
NUM_PAGES = 60


def as_pictures(paths: list) -> torch.Tensor:
    """What the learner's `read` makes of files."""
    pictures = [torch.as_tensor(read(path)).to(torch.get_default_dtype()) for path in paths]
    for picture in pictures:
        shape(picture, (28, 28))
        require(picture.min() >= 0 and picture.max() <= 1, "Numbers from 0 to 1.", came=picture)
    return torch.stack(pictures)


@cache
def own() -> tuple[torch.Tensor, torch.Tensor]:
    paths, truths = drawn()
    equal(len(paths), len(truths), meaning="as many pictures as what they show")
    return as_pictures(list(paths)), torch.as_tensor(truths)


@cache
def pages() -> tuple[list[Path], torch.Tensor]:
    """Digits in grey ink somewhere on light paper, of several sizes, a little turned."""
    numbers = np.random.default_rng(6)
    images, truths = hidden("digits")
    rows = numbers.choice(len(images), NUM_PAGES, replace=False)
    files = []
    for number, row in enumerate(rows):
        side = int(numbers.integers(70, 130))
        ink = Image.fromarray(images[row].astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
        ink = np.asarray(ink.rotate(numbers.uniform(-8, 8), Image.Resampling.BICUBIC), dtype=float) / 255
        paper = np.full((200, 240), numbers.uniform(215, 245)) + numbers.normal(0, 2, (200, 240))
        top, left = numbers.integers(5, 195 - side), numbers.integers(5, 235 - side)
        paper[top : top + side, left : left + side] -= ink * numbers.uniform(130, 190)
        files.append(Path(f"page-{number}.png").resolve())
        Image.fromarray(paper.clip(0, 255).astype(np.uint8)).save(files[-1])
    return files, torch.tensor(truths[rows])


def share(pictures: torch.Tensor, truths: torch.Tensor) -> float:
    """How many of the pictures the learner's model gets right."""
    return (torch.as_tensor(answers(pictures)) == truths).double().mean().item()


@case("has 50 digits or more, five of each")
def _():
    _, truths = own()
    counts = [(truths == digit).sum().item() for digit in range(10)]
    require(min(counts) >= 5 and len(truths) >= 50, "Five of each digit or more.", came=counts)


@case("looks like the lesson's digits: white on black")
def _():
    ink = own()[0].mean().item()
    require(0.03 < ink < 0.5, "Dark background, light strokes.", came=f"a mean of {ink:.2f}", meaning="0 is black")


@case("is your own")
def _():
    from headway.course.data import digits

    pictures, _ = own()
    flat = pictures.reshape(len(pictures), -1)
    known = torch.tensor(digits()[0], dtype=flat.dtype).reshape(-1, 784) / 255
    near = torch.cdist(flat, known).min(1).values
    meaning = "a picture of the lesson's data is among them"
    require(
        near.min().item() > 1.0,
        "Pictures that are not in the data.",
        came=f"{(near <= 1).sum()} of them are",
        meaning=meaning,
    )
    among = torch.cdist(flat, flat) + 100 * torch.eye(len(flat), dtype=flat.dtype)
    meaning = "each drawn by hand: no two are equal"
    require(among.min().item() > 0.1, "50 different pictures.", came="copies among them", meaning=meaning)


@case("reports what comes out")
def _():
    from scipy.stats import binomtest

    pictures, truths = own()
    came = share(pictures, truths)
    reported, low, high = value("REPORTED")
    close(reported, came, within=0.011, meaning="your model's share of right answers, asked again")
    interval = binomtest(round(came * len(truths)), len(truths)).proportion_ci(method="wilson")
    close((low, high), (interval.low, interval.high), within=0.03, meaning="a 95 % interval for this many digits")


@case("answers for other digits, too")
def _():
    images, truths = hidden("digits")
    pictures = torch.tensor(images, dtype=torch.get_default_dtype()) / 255
    meaning = "500 of the lesson's digits that no lesson shows: a model of digits gets nine of ten of them"
    beats(share(pictures, torch.tensor(truths)), 0.85, meaning=meaning)


@case("reads pages that it has not seen", last=True)
def _():
    files, truths = pages()
    came = share(as_pictures(files), truths)
    meaning = (
        "digits on light paper that the check has written: `read` finds the ink, makes it white on black, and puts it "
        "into the middle at the size of the lesson's digits"
    )
    require(came >= 0.7, "At least 0.7.", came=f"{came:.2f}", meaning=meaning)
