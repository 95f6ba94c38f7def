from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from headway.data.parse_numbers import numbers_in


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ([1, None, 3], [1, 3]),
        ([1.5, float("nan"), float("inf")], [1.5]),
        ([" 39", "N/A", "1e3", ""], [39, 1000]),
        ([None, "?"], []),
        (["1", "red"], None),
        (["1_000"], None),
        ([date(2024, 1, 1)], None),
        ([True, False], None),
        ([[1], [2]], None),
    ],
)
def test_the_numbers_that_a_column_holds(values: list[object], numbers: list[float] | None) -> None:
    found = numbers_in(pl.Series("column", values, strict=False))
    assert (found if found is None else found.tolist()) == numbers
