"""Three splits of the course's drawings, which stand for own pictures: the thing is the burst, the studio the place."""

from functools import cache

import numpy as np
import polars as pl
from PIL import Image

from headway.course.data import drawings


@cache
def table() -> dict:
    """240 drawings: 80 things by three studios."""
    path = drawings()
    items = pl.read_csv(path)
    things = items["codepoint"].unique().sort().sample(80, seed=0)
    items = items.filter(pl.col("codepoint").is_in(things.to_list()))
    return {
        "picture": [str(path.parent / file) for file in items["file"]],
        "label": items["label"].to_list(),
        "burst": items["codepoint"].to_list(),
        "place": items["studio"].to_list(),
    }


def split(kind: str) -> tuple[list, list]:
    """A fifth of the rows or of the bursts, or one place of three."""
    rows = table()
    groups = np.arange(len(rows["label"])) if kind == "random" else np.array(rows[kind])
    names = np.random.default_rng(0).permutation(np.unique(groups))
    is_valid = np.isin(groups, names[: max(1, len(names) // 5)])
    return np.flatnonzero(~is_valid).tolist(), np.flatnonzero(is_valid).tolist()


def pixels(pictures: list) -> np.ndarray:
    """Each picture as 16 x 16 colours."""
    return np.stack([np.asarray(Image.open(file).convert("RGBA").resize((16, 16)), float).ravel() for file in pictures])


def answers(pictures: list, labels: list, others: list) -> list:
    """What the nearest of `pictures` shows, for each of `others`."""
    known = pixels(pictures)
    return [labels[np.abs(known - other).mean(1).argmin()] for other in pixels(others)]


def accuracy(kind: str) -> float:
    """The share of right answers in valid."""
    rows, (train, valid) = table(), split(kind)
    seen, labels, others, truths = ([rows[name][row] for row in side] for side in (train, valid) for name in NAMES)
    return float(
        np.mean([answer == truth for answer, truth in zip(answers(seen, labels, others), truths, strict=True)])
    )


NAMES = ("picture", "label")
ACCURACY = {kind: accuracy(kind) for kind in ("random", "burst", "place")}
