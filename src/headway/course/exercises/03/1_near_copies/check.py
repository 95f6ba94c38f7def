"""Checks `average_hash` and `near_copies`."""

import io

import numpy as np
import polars as pl
from PIL import Image

from headway.course.checking import case, equal, function, hidden, pure, require, same_as, shape

average_hash = function("average_hash", "picture")
near_copies = function("near_copies", "pictures", "bits")


def grey(image: Image.Image) -> np.ndarray:
    """A drawing on white, without colours."""
    drawing = image.convert("RGBA")
    white = Image.new("RGBA", drawing.size, "white")
    white.alpha_composite(drawing)
    return np.asarray(white.convert("L"))


def drawings() -> list[np.ndarray]:
    """Drawings that no lesson shows, all by one studio."""
    path = hidden("drawings")
    files = pl.read_csv(path).filter(pl.col("studio") == "noto")["file"]
    return [grey(Image.open(path.parent / file)) for file in files]


def again(picture: np.ndarray, side: int, quality: int, light: float = 1.0) -> np.ndarray:
    """The same picture at another size, as a JPEG, and darker."""
    file = io.BytesIO()
    dark = Image.fromarray((picture * light).round().astype(np.uint8))
    dark.resize((side, side), Image.Resampling.BICUBIC).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@case("asks 256 questions of a picture")
def _():
    fingerprint = average_hash(np.arange(64 * 96, dtype=np.uint16).astype(np.uint8).reshape(64, 96))
    shape(fingerprint, (256,))
    require(fingerprint.dtype == bool, "True and false.", came=str(fingerprint.dtype))


@case("each answer is about the mean of a part")
def _():
    def expected(picture):
        rows, columns = picture.shape[0] // 16, picture.shape[1] // 16
        means = np.asarray(picture, dtype=float).reshape(16, rows, 16, columns).mean((1, 3)).round()
        return (means > means.mean()).ravel()

    def draws(numbers):
        # Light and dark parts under so much noise that a single pixel says little of its part.
        parts = np.kron(numbers.integers(0, 2, (16, 16)) * 80 + numbers.integers(10, 30), np.ones((4, 6)))
        return ((parts + numbers.integers(0, 140, (64, 96))).astype(np.uint8),)

    meaning = "means, as BOX takes them: with NEAREST a single pixel would decide"
    same_as(average_hash, expected, draws=draws, cases=40, meaning=meaning)


@case("light makes no difference")
def _():
    picture = drawings()[0]
    darker = (picture * 0.4).astype(np.uint8)
    differ = int((average_hash(picture) != average_hash(darker)).sum())
    meaning = "brighter than the picture's own mean, not than a fixed number"
    require(
        differ <= 6, "Hardly any answer changes where the light does.", came=f"{differ} of 256 change", meaning=meaning
    )


@case("finds each pair once")
def _():
    noise = [np.random.default_rng(seed).integers(0, 255, (32, 32), dtype=np.uint8) for seed in range(4)]
    pictures = [noise[0], noise[1], noise[0], noise[2], noise[1]]
    equal(
        [tuple(map(int, pair)) for pair in near_copies(pictures)],
        [(0, 2), (1, 4)],
        meaning="the smaller position first",
    )
    equal(list(near_copies([noise[3]])), [], meaning="a picture is no copy of itself")
    equal(list(near_copies([])), [], meaning="no pictures, no pairs")


@case("bits is the largest difference that counts")
def _():
    numbers = np.random.default_rng(0)
    one = np.where(numbers.permutation(256) < 128, 200, 50).astype(np.uint8).reshape(16, 16)
    other = one.copy()
    # Two bright and two dark pixels change places: four answers differ, and the mean stays.
    for value in (200, 50):
        rows = np.argwhere(one == value)[:2]
        other[rows[:, 0], rows[:, 1]] = 250 - value
    equal(len(near_copies([one, other], bits=4)), 1, meaning="four answers differ, and four are allowed")
    equal(len(near_copies([one, other], bits=3)), 0, meaning="four answers differ, and three are allowed")


@case("finds copies that were saved again", section="look")
def _():
    pictures = drawings()
    count = len(pictures)
    copies = [again(pictures[number], side=60 + 5 * number, quality=70, light=0.9) for number in range(0, count, 3)]
    planted = {(number, count + place) for place, number in enumerate(range(0, count, 3))}
    pairs = {tuple(map(int, pair)) for pair in near_copies([*pictures, *copies])}
    missed, false = planted - pairs, pairs - planted
    came = f"{len(missed)} of {len(planted)} missed, {len(false)} false"
    require(not missed and len(false) <= 2, "All copies, and at most two false alarms.", came=came)


@case("leaves the pictures as they are")
def _():
    pure(lambda picture: average_hash(picture), drawings()[1].copy())
