from __future__ import annotations

from datetime import date, time

import polars as pl
import pytest

from headway.inputs.table.infer_types import guess_column

MANY = list(range(0, 300, 3))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.5, 1.5, None], "continuous"),
        (MANY, "continuous"),
        ([" 39", "50", "?"], "continuous"),
        ([1, 2, 3] * 20, "categorical"),
        ([1, 2, 3] * 19, "continuous"),
        (["a", "b", None], "categorical"),
        ([True, False], "categorical"),
        ([True, None], "categorical"),
        (["x", None], "categorical"),
        (["2024-02-29", "2023-01-01T12:00", None], "dates"),
        ([date(2024, 2, 29), date(2023, 1, 1)], "dates"),
        (["2024-02-29", "2024-99-99"], "categorical"),
        (["007", "x"], "categorical"),
    ],
)
def test_the_kind_of_a_column_is_guessed(values: list[object], kind: str) -> None:
    assert guess_column(pl.Series("column", values)) == (kind, "")


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("a", [None, None], "empty"),
        ("a", ["?", " "], "empty"),
        ("a", [7, 7], "the same in every row"),
        ("a", ["x ", "x"], "the same in every row"),
        ("a", [date(2024, 1, 1)] * 2, "the same in every row"),
        ("a", list(range(5, 105)), "a different number in each row"),
        ("patient_id", [value * value for value in range(100)], "a different number in each row"),
        ("a", [f"text {n}" for n in range(100)], "nearly as many different texts as rows (100 of 100)"),
        ("a", [[1], [2]], "no numbers, dates or text (List(Int64))"),
        ("a", [b"1", b"2"], "no numbers, dates or text (Binary)"),
        ("a", [time(1), time(2)], "no numbers, dates or text (Time)"),
    ],
)
def test_a_column_that_says_nothing_of_the_rows_is_left_out(name: str, values: list[object], reason: str) -> None:
    assert guess_column(pl.Series(name, values)) == (None, reason)
