"""Another question for the same drawings: mammal, bird or bug?

The table has a column `kind` with twelve kinds, and `studio` with three: noto, openmoji, twemoji. Keep three of the
kinds, and train a model that has never seen a drawing by OpenMoji. It is then judged on that studio alone: will it know
the style of somebody new? `print(read_table())` shows the table.
"""

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
    # Write it here.
    raise NotImplementedError


def by_studio(table: pl.DataFrame) -> pl.DataFrame:
    """The table with a column `split`: "valid" for drawings by OpenMoji, "train" for all others."""
    # Write it here.
    raise NotImplementedError


def train_model(table: pl.DataFrame) -> hw.Learner:
    """A learner for the target `kind`, trained by `fine_tune(0)` on the part of the table that `split` calls train."""
    # Write it here. Use hw.from_items, hw.Image("file", size=128) and hw.ColumnSplit("split").
    raise NotImplementedError
