"""Eleven of the twelve kinds, the small ones weighted up. The twelfth has one member: it can be learned or judged, not both."""

from functools import cache

import polars as pl

import headway as hw
from headway.course.data import drawings


@cache
def learner() -> hw.Learner:
    """Trained on two studios, judged on the third."""
    path = drawings()
    table = pl.read_csv(path).with_columns(pl.format("{}/{}", pl.lit(str(path.parent)), "file").alias("file"))
    table = table.filter(pl.col("kind") != "amphibian")
    split = hw.GroupSplit("studio", valid=0.3)
    data = hw.from_items(table, input=hw.Image("file", size=128), target="kind", split=split)
    learner = hw.Learner(data, class_weights="balanced")
    learner.fine_tune(0)
    return learner


def predict(files: list) -> list:
    """The kind of what each picture shows."""
    return [answer.label for answer in learner().predict_many(files)]
