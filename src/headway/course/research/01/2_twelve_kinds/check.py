"""Checks a model of twelve kinds on drawings that no lesson shows."""

from functools import cache

import numpy as np
import polars as pl
from PIL import Image
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier

from headway.course.checking import beats, case, equal, function, hidden
from headway.course.data import drawings

predict = function("predict", "files")


@cache
def table(is_hidden: bool) -> pl.DataFrame:
    path = hidden("drawings") if is_hidden else drawings()
    return pl.read_csv(path).with_columns(pl.format("{}/{}", pl.lit(str(path.parent)), "file").alias("file"))


@cache
def answers() -> list:
    return list(predict(table(True)["file"].to_list()))


def pixels(files: pl.Series) -> np.ndarray:
    """Each drawing on white, 16 x 16, as a row."""
    rows = []
    for file in files:
        with Image.open(file) as opened:
            drawing = opened.convert("RGBA")
        white = Image.new("RGBA", drawing.size, "white")
        white.alpha_composite(drawing)
        rows.append(np.asarray(white.convert("RGB").resize((16, 16)), dtype=np.float32).ravel())
    return np.stack(rows)


@case("answers every drawing with a kind")
def _():
    equal(len(answers()), table(True).height, meaning="an answer for each path")
    equal(sorted(set(answers()) - set(table(False)["kind"])), [], meaning="answers that are no kind")


@case("beats pixels over all kinds", section="table")
def _():
    rival = KNeighborsClassifier(1).fit(pixels(table(False)["file"]), table(False)["kind"])
    truths = table(True)["kind"]

    def score(kinds) -> float:
        return float(f1_score(truths, kinds, average="macro", zero_division=0))  # pyright: ignore[reportArgumentType]

    meaning = "the mean of F1 over the kinds, on hidden drawings; the baseline is the nearest neighbour in pixels"
    beats(score(answers()), score(rival.predict(pixels(table(True)["file"]))), by=0.05, meaning=meaning)
