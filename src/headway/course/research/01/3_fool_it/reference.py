"""Animals that the model takes for food: on a plate, as a menu would show them."""

from functools import cache

import polars as pl
from PIL import Image, ImageDraw

import headway as hw
from headway.course.data import pictures


@cache
def model() -> hw.Learner:
    """The model of lesson 1."""
    split = hw.GroupSplit("group", valid=0.4)
    learner = hw.Learner(hw.from_csv(pictures("1"), input="file", target="label", size=128, split=split))
    learner.fine_tune(0)
    return learner


def on_a_plate(file: str) -> Image.Image:
    """A drawing, small, in the middle of a red plate."""
    picture = Image.new("RGB", (96, 96), "firebrick")
    ImageDraw.Draw(picture).ellipse((6, 6, 90, 90), fill="orangered")
    with Image.open(file) as opened:
        drawing = opened.convert("RGBA").resize((40, 40))
    picture.paste(drawing, (28, 28), drawing)
    return picture


def fooled() -> list[dict]:
    """The first ten animals of valid that become food on a plate."""
    items = model().data.items
    animals = items.filter((pl.col("split") == "valid") & (pl.col("label") == "animal"))["file"]
    plates = [on_a_plate(file) for file in animals]
    answers = model().predict_many(plates)
    fooling = [
        plate
        for plate, answer in zip(plates, answers, strict=True)
        if answer.label == "food" and (answer.score or 0) > 0.9
    ]
    cause = "A round red thing behind it outweighs the animal itself."
    remedy = "Collect animals before coloured backgrounds, or paste them onto some."
    return [{"picture": plate, "truth": "animal", "cause": cause, "remedy": remedy} for plate in fooling[:10]]
