from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_wine

from headway.inputs.table.near_copies import find_copies
from tests.unit.inputs.table.adult import read_adult


def table(load: Callable[[], dict]) -> pl.DataFrame:
    return pl.DataFrame({f"x{number}": column for number, column in enumerate(load()["data"].T)})


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_rows_that_differ_in_a_value_or_in_rounding(load: Callable[[], dict]) -> None:
    rows = table(load)
    assert find_copies(rows) == []
    count, copied = len(rows), rows[:30]
    wanted = {(number, count + number) for number in range(30)}
    changed = copied.to_numpy().copy()
    changed[np.arange(30), np.arange(30) % rows.width] += rows.to_numpy().std()
    digits = [1 - int(np.floor(np.log10(spread))) for spread in rows.to_numpy().std(axis=0)]
    rounded = copied.with_columns(
        pl.col(name).round(max(places, 0)) for name, places in zip(rows.columns, digits, strict=True)
    )
    for copies in (copied, pl.DataFrame(changed, schema=rows.schema), rounded):
        pairs = set(find_copies(pl.concat([rows, copies])))
        assert pairs <= wanted
        assert len(pairs) >= 28


@pytest.mark.slow
def test_rows_that_are_equal_by_accident_are_no_copies(shared_data: Callable[[str], Path]) -> None:
    passengers = pl.read_csv(shared_data("titanic") / "train.csv")
    # Two girls of nine months with the same parents: twins.
    columns = passengers.select("pclass", "sex", "age", "sibsp", "parch", "embarked")
    assert find_copies(columns) == [(469, 644)]
    adult, _ = read_adult(shared_data("adult"), count=4_000)
    assert len(find_copies(adult)) < 40
    few = pl.DataFrame({"a": np.arange(1_000) % 5, "b": ["x", "y"] * 500, "c": [None, 1.0] * 500})
    assert find_copies(few) == find_copies(few[:1]) == []


@pytest.mark.slow
def test_many_rows_take_seconds() -> None:
    draw = np.random.default_rng(0)
    rows = pl.DataFrame({f"x{number}": draw.normal(size=100_000) for number in range(15)})
    assert find_copies(pl.concat([rows, rows[5:6].with_columns(x3=pl.lit(9.0))])) == [(5, 100_000)]
