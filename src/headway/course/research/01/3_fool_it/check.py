"""Checks that ten pictures fool the model."""

from functools import cache

import numpy as np
import polars as pl
from PIL import Image

from headway.course.checking import case, function, hidden, require

model = function("model")
fooled = function("fooled")


@cache
def pictures() -> list[dict]:
    return list(fooled())


def pixels(picture) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.open(picture)
    return np.asarray(image.convert("RGB").resize((24, 24))).tobytes()


@case("has ten different pictures")
def _():
    require(len(pictures()) >= 10, "At least ten pictures.", came=len(pictures()))
    different = len({pixels(one["picture"]) for one in pictures()})
    require(different == len(pictures()), "All of them different.", came=f"{different} of {len(pictures())}")


@case("says truth, cause and remedy of each")
def _():
    for number, one in enumerate(pictures(), start=1):
        require(one["truth"] in ("animal", "food"), '"animal" or "food" as the truth.', came=one["truth"])
        short = [name for name in ("cause", "remedy") if len(str(one[name]).split()) < 4]
        require(not short, "A sentence for cause and for remedy.", came=f"picture {number}: {', '.join(short)}")


@case("is sure and wrong about all", section="ask", last=True)
def _():
    known = model()
    for number, one in enumerate(pictures(), start=1):
        answer = known.predict(one["picture"])
        came = f"picture {number}: {answer.label} {answer.score:.2f}, the truth is {one['truth']}"
        require(answer.label != one["truth"] and answer.score >= 0.9, "The wrong class, with at least 0.9.", came=came)


@case("is right about other drawings", last=True)
def _():
    path = hidden("drawings")
    rows = pl.read_csv(path)
    answers = [answer.label for answer in model().predict_many([path.parent / file for file in rows["file"]])]
    share = sum(answer == label for answer, label in zip(answers, rows["label"], strict=True)) / len(rows)
    meaning = "anybody can fool a model that knows nothing: these are drawings that no lesson shows"
    require(share > 0.8, "More than 0.8 of them right.", came=f"{share:.2f}", meaning=meaning)
