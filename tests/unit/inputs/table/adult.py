"""Real tables as arrays and frames, for the tests of what judges them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from headway.inputs.table.column_values import column_values
from headway.judge.baselines.base import BaselineData
from tests.judging import baseline_data


def read_adult(folder: Path, *, count: int, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Some rows of adult: its 14 columns, and whether the income is above 50,000."""
    frame = pl.read_csv(folder / "adult.csv")
    frame = frame.rename({name: name.strip() for name in frame.columns}).drop_nulls("Salary")
    text = pl.col(pl.String).str.strip_chars()
    frame = frame.with_columns(text).with_columns(pl.col(pl.String).replace("?", None))
    numbers = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
    frame = frame.with_columns(pl.col(numbers).cast(pl.Float64)).sample(count, seed=seed)
    return frame.drop("Salary"), (frame["Salary"] == ">50K").cast(pl.Int64).to_numpy()


def as_rows(items: pl.DataFrame, targets: np.ndarray) -> BaselineData:
    """What baselines see of a frame."""
    found = column_values(items)
    table = np.stack([each.values for each in found], axis=1)
    return baseline_data(
        targets=targets,
        table=table,
        categorical=tuple(place for place, each in enumerate(found) if each.labels is not None),
    )
