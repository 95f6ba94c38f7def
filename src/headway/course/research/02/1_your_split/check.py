"""Checks three splits of one's own pictures: the classifier is also asked about pictures that the check has drawn."""

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headway.course.checking import case, close, equal, function, require, value

table = function("table")
split = function("split", "kind")
answers = function("answers", "pictures", "labels", "others")
KINDS = ("random", "burst", "place")
NUM_DRAWN, NUM_TRAIN = 120, 80


@cache
def rows() -> dict[str, list]:
    return {name: list(column) for name, column in table().items()}


def share(pictures: list, labels: list, others: list, truths: list) -> float:
    """How many of `others` the learner's classifier gets right once it has seen `pictures`."""
    came = list(answers(pictures, labels, others))
    equal(len(came), len(others), meaning="an answer for each of the other pictures")
    return sum(answer == truth for answer, truth in zip(came, truths, strict=True)) / len(truths)


@cache
def drawn() -> tuple[list[str], list[str]]:
    """Pictures that nobody has a note of: a disc, dark red on the left or light blue on the right, and some noise."""
    numbers = np.random.default_rng(8)
    files, labels = [], []
    for number in range(NUM_DRAWN):
        is_left = bool(numbers.integers(2))
        x, y = int(numbers.integers(8, 18) if is_left else numbers.integers(40, 50)), int(numbers.integers(10, 50))
        picture = Image.fromarray(numbers.integers(0, 256, (96, 96, 3), dtype=np.uint8))
        ImageDraw.Draw(picture).ellipse((x, y, x + 38, y + 38), fill="darkred" if is_left else "lightblue")
        files.append(str(Path(f"drawn-{number}.png").resolve()))
        labels.append("left" if is_left else "right")
        picture.save(files[-1])
    return files, labels


@case("has a hundred pictures of two classes, in bursts, at two places")
def _():
    equal(sorted(rows()), ["burst", "label", "picture", "place"], meaning="the columns")
    lengths = {len(column) for column in rows().values()}
    require(len(lengths) == 1 and lengths.pop() >= 100, "100 rows or more, in columns of one length.", came=lengths)
    counts = {name: len(set(rows()[name])) for name in ("label", "burst", "place")}
    enough = counts["label"] >= 2 and counts["burst"] >= 10 and counts["place"] >= 2
    require(enough, "Two labels, ten bursts and two places or more.", came=counts)


@case("each is a picture, and no two are the same file")
def _():
    seen = set()
    for path in rows()["picture"]:
        with Image.open(path) as opened:
            seen.add((opened.size, opened.tobytes()))
    require(len(seen) >= 100, "100 pictures or more that differ.", came=len(seen))


@case("splits as it says")
def _():
    for kind in KINDS:
        train, valid = (list(side) for side in split(kind))
        equal(sorted(train + valid), list(range(len(rows()["label"]))), meaning=f"{kind}: each row once, on one side")
        require(len(valid) >= 10, f"{kind}: ten rows or more in valid.", came=len(valid))
        if kind != "random":
            both = {rows()[kind][row] for row in train} & {rows()[kind][row] for row in valid}
            require(not both, f"No {kind} on both sides.", came=sorted(map(str, both))[:3])
    train, valid = split("random")
    twins = {rows()["burst"][row] for row in train} & {rows()["burst"][row] for row in valid}
    require(twins, "The random split takes no notice of bursts.", came="no burst is on both sides")


@case("reports what comes out", last=True)
def _():
    reported = value("ACCURACY")
    equal(sorted(reported), sorted(KINDS))
    for kind in KINDS:
        train, valid = ([int(row) for row in side] for side in split(kind))
        pictures, labels = ([rows()[name][row] for row in train] for name in ("picture", "label"))
        others, truths = ([rows()[name][row] for row in valid] for name in ("picture", "label"))
        came = share(pictures, labels, others, truths)
        close(came, reported[kind], within=0.03, meaning=f"the split by {kind}, judged again")


@case("learns pictures that it has not seen", last=True)
def _():
    files, labels = drawn()
    came = share(files[:NUM_TRAIN], labels[:NUM_TRAIN], files[NUM_TRAIN:], labels[NUM_TRAIN:])
    meaning = "discs on the left and on the right, drawn by the check: whoever trains on them can tell them apart"
    require(came >= 0.8, "At least 0.8.", came=f"{came:.2f}", meaning=meaning)


@case("learns from the labels that it is given", last=True)
def _():
    files, labels = drawn()
    other = {"left": "right", "right": "left"}
    swapped = [other[label] for label in labels]
    came = share(files[:NUM_TRAIN], swapped[:NUM_TRAIN], files[NUM_TRAIN:], swapped[NUM_TRAIN:])
    require(came >= 0.8, "At least 0.8.", came=f"{came:.2f}", meaning="the same discs, and left is called right")
