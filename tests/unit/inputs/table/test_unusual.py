from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.inputs.table.unusual import STRANGE, usual
from tests.unit.inputs.table.adult import read_adult


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    draw = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "age": draw.integers(18, 80, size=500),
            "pay": np.where(draw.random(500) < 0.1, None, draw.normal(50, 10, size=500)).tolist(),
            "job": draw.choice(["cook", "smith"], size=500, p=[0.7, 0.3]).tolist(),
            "since": [date(2020, 1, 1) + timedelta(days=int(each)) for each in draw.integers(1000, size=500)],
        },
        strict=False,
    ).with_columns(pl.col("pay").cast(pl.Float64))


def test_a_row_of_training_is_like_training(people: pl.DataFrame) -> None:
    found = usual(people).judge(people.row(3, named=True))
    assert not found.is_strange
    assert 3 in found.nearest
    assert str(found).startswith("As a whole the row is like the training rows: ")


def test_every_column_is_told_in_words(people: pl.DataFrame) -> None:
    row = {"age": 130, "pay": -40.0, "job": "pilot", "since": date(1999, 12, 31)}
    found = usual(people).judge(row)
    low, high = people["pay"].min(), people["pay"].max()
    assert found.remarks == (
        "age 130 is above all training rows (18 to 79).",
        f"pay -40 is below all training rows ({low:.6g} to {high:.6g}).",
        "job 'pilot' was never in the training rows.",
        f"since 1999-12-31 is below all training rows ({people['since'].min()} to {people['since'].max()}).",
    )
    assert found.is_strange
    assert str(found).splitlines()[-1] == (
        "As a whole the row is unlike the training rows: 0.4% of rows like these are as far."
    )


def test_missing_values_are_told_where_they_are_new(people: pl.DataFrame) -> None:
    found = usual(people).judge({"job": "cook", "since": date(2021, 1, 1)})
    assert found.remarks == ("age is missing, which it never was in the training rows.",)


def test_rare_values_are_told() -> None:
    train = pl.DataFrame({"size": [1.0] * 995 + [9.0] * 5, "kind": ["a"] * 997 + ["b"] * 3})
    assert usual(train).judge({"size": 9.0, "kind": "b"}).remarks == (
        "size 9 is as high as in 0.50% of the training rows.",
        "kind 'b' was in 0.30% of the training rows.",
    )


def test_a_combination_is_strange_though_each_value_is_not() -> None:
    """Two columns that always go together: each value is common, the pair never came."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=1_000)
    train = pl.DataFrame({"x": x, "y": x + 0.01 * draw.normal(size=1_000)})
    found = usual(train).judge({"x": 1.5, "y": -1.5})
    assert found.remarks == ()
    assert found.is_strange


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_of_rows_like_the_training_rows_few_are_strange(seed: int) -> None:
    """Vovk's promise: at most the share that is asked for, but for chance."""
    draw = np.random.default_rng(seed)
    table = pl.DataFrame(draw.normal(size=(700, 3)), schema=["a", "b", "c"])
    known = usual(table[:500], seed=seed % 1000)
    refused = np.mean([known.judge(row).is_strange for row in table[500:].iter_rows(named=True)])
    assert refused <= STRANGE + 0.1


def test_a_real_table(shared_data: Callable[[str], Path]) -> None:
    items, _ = read_adult(shared_data("adult"), count=3_000)
    known = usual(items[:2_500])
    refused = np.mean([known.judge(row).is_strange for row in items[2_500:].iter_rows(named=True)])
    assert refused <= 0.1
    found = known.judge(items.row(0, named=True) | {"age": 130.0, "workclass": "Pirate"})
    assert found.remarks[0] == "age 130 is above all training rows (17 to 90)."
    assert "workclass 'Pirate' was never in the training rows." in found.remarks
