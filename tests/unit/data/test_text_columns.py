from __future__ import annotations

import polars as pl
import pytest

from headway.data import text_columns
from headway.data.text_columns import as_values, decimal_mark, numbers_of_piece, stripped


def test_texts_are_stripped_and_missing_ones_are_null() -> None:
    assert stripped(pl.Series([" a", "?", "", None, " ? "])).to_list() == ["a", None, None, None, None]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", None, "-2"], [1, None, -2]),
        (["1", "2.5", "1e3"], [1.0, 2.5, 1000.0]),
        ([None, None], [None, None]),
        (["1", "x"], None),
        (["1", "007"], None),
        (["1", "-0"], None),
        (["1.5", "123456789012345678901"], None),
    ],
)
def test_the_numbers_of_a_piece(texts: list[str | None], expected: list[float] | None) -> None:
    found = numbers_of_piece(pl.Series(texts, dtype=pl.String))
    assert (None if found is None else found.to_list()) == expected


@pytest.mark.parametrize(
    ("columns", "separator", "mark"),
    [
        ({"a": ["1,5"]}, ",", ","),
        ({"a": ["1.5"]}, ";", "."),
        ({"a": ["1,500"]}, ";", ","),
        ({"a": ["1,500"]}, ",", "."),
        ({"a": ["red, blue"]}, ";", "."),
        ({"a": [1.5]}, ";", "."),
    ],
)
def test_the_decimal_mark(columns: dict[str, list[str]], separator: str, mark: str) -> None:
    assert decimal_mark(pl.DataFrame(columns), separator) == mark


@pytest.mark.parametrize("rows", [1, 100])
def test_columns_are_what_all_their_values_are(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_columns, "ROWS_A_PIECE", rows)
    frame = pl.DataFrame(
        {
            "number": [1.5, 2.5],
            "price": ["$1,200.50", "$7"],
            "mixed": ["$1", "1 €"],
            "day": ["31.12.2024", "1.2.2024"],
            "late": ["5", "red"],
            "text": ["red", "5"],
            "missing": ["NA", "$3"],
        }
    )
    told: list[str] = []
    found = as_values(frame, ",", tell=told.append)
    assert found.to_dict(as_series=False) == {
        "number": [1.5, 2.5],
        "price": [1200.5, 7.0],
        "mixed": ["$1", "1 €"],
        "day": ["2024-12-31", "2024-02-01"],
        "late": ["5", "red"],
        "text": ["red", "5"],
        "missing": [None, 3.0],
    }
    assert told == [
        "Values are read as numbers or dates: 'price' '$1,200.50' as 1200.5, 'day' '31.12.2024' as 2024-12-31, "
        "'missing' '$3' as 3.0; otherwise: --decimal (decimal=)."
    ]
