"""Another question for the same drawings: mammal, bird or bug?"""

import polars as pl

import headway as hw
from headway.course.data import drawings

KINDS = ["bird", "bug", "mammal"]


def read_table() -> pl.DataFrame:
    """The drawings, a row each, with whole paths in the column `file`."""
    path = drawings()
    return pl.read_csv(path).with_columns(pl.format("{}/{}", pl.lit(str(path.parent)), "file").alias("file"))


def three_kinds(table: pl.DataFrame) -> pl.DataFrame:
    """The rows whose kind is one of `KINDS`, all of them."""
    return table.filter(pl.col("kind").is_in(KINDS))


def by_studio(table: pl.DataFrame) -> pl.DataFrame:
    """The table with a column `split`: "valid" for drawings by OpenMoji, "train" for all others."""
    is_new = pl.col("studio") == "openmoji"
    return table.with_columns(pl.when(is_new).then(pl.lit("valid")).otherwise(pl.lit("train")).alias("split"))


def train_model(table: pl.DataFrame) -> hw.Learner:
    """A learner for the target `kind`, trained by `fine_tune(0)` on the part of the table that `split` calls train."""
    data = hw.from_items(table, input=hw.Image("file", size=128), target="kind", split=hw.ColumnSplit("split"))
    learner = hw.Learner(data)
    learner.fine_tune(0)
    return learner
