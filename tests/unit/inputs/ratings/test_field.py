from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.data.build import from_items
from headway.errors import BundleError, ConfigError, DataError, ReadError
from headway.inputs.ratings.field import MAX_CHOICES, Ratings
from headway.inputs.registry import input_from_json
from headway.targets.category.field import Category
from headway.targets.number.field import Number

ROWS = pl.DataFrame(
    {
        "reader": ["Ann", "Bob", "Ann", "Cem", " Ann ", None],
        "book": [1984, 7, 7, 7, 451, 7],
        "stars": [5, 1, 2, 3, 4, 5],
    }
)


@pytest.fixture
def field() -> Ratings:
    return Ratings("reader", "book").fit(ROWS)


def text(what: str, given: str, fix: str) -> str:
    return f"{what}\n  Given: {given}\n  Fix:   {fix}"


def test_names_with_the_most_ratings_come_first(field: Ratings) -> None:
    assert field.users == ("Ann", "Bob", "Cem")
    assert field.items == ("7", "1984", "451")


def test_rows_become_indices_and_what_is_missing_or_new_is_zero(field: Ratings) -> None:
    assert field.read_rows(ROWS).tolist() == [[1, 2], [2, 1], [1, 1], [3, 1], [1, 3], [0, 1]]
    new = pl.DataFrame({"reader": ["Zoe", "Bob"], "book": [7, 8]})
    assert field.read_rows(new).tolist() == [[0, 1], [2, 0]]
    assert field.read_rows(new).dtype == field.dtype


@pytest.mark.parametrize(
    "value",
    [
        {"reader": "Bob", "book": 1984},
        {"reader": "Bob", "book": "1984", "stars": 3},
        {"reader": " Bob ", "book": 1984.0},
        ("Bob", 1984),
        ["Bob", np.int64(1984)],
        pd.Series({"reader": "Bob", "book": 1984}),
    ],
)
def test_one_pair_is_read_from_a_dict_or_from_both_names(field: Ratings, value: Any) -> None:
    assert field.read(value).tolist() == [2, 2]
    assert field.notes(value) == ()


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(-3, 3) | st.text(max_size=2), st.floats(allow_infinity=False)), min_size=1))
def test_a_pair_is_read_as_its_row_was(pairs: list[tuple[Any, float]]) -> None:
    frame = pl.DataFrame({"user": [str(user) for user, _ in pairs], "item": [item for _, item in pairs]})
    field = Ratings("user", "item").fit(frame)
    assert [field.read(row).tolist() for row in frame.iter_rows(named=True)] == field.read_rows(frame).tolist()


def test_new_names_are_noted_and_not_familiar(field: Ratings) -> None:
    assert field.notes(("Zoe", 8)) == (
        "'reader' is 'Zoe', which training had too rarely or never",
        "'book' is '8', which training had too rarely or never",
    )
    assert field.notes((None, 7)) == ("'reader' is missing, as it never was in training",)
    found = field.familiar(np.stack([field.read(each) for each in (("Ann", 7), ("Zoe", 7), ("Ann", 8))]))
    assert found.tolist() == [True, False, False]


@pytest.mark.parametrize("value", ["Ann", 7, ("Ann",), {"reader": "Ann"}, None, np.zeros((2, 2))])
def test_what_is_no_pair_cannot_be_read(field: Ratings, value: Any) -> None:
    with pytest.raises(ReadError) as caught:
        field.read(value)
    assert str(caught.value) == "not a pair: expected a dict with 'reader' and 'book', or (user, item)"


def test_frames_and_dicts_of_columns_give_pairs(field: Ratings) -> None:
    wanted = [("Bob", 7), ("Ann", 1984)]
    columns = {"reader": ["Bob", "Ann"], "book": [7, 1984], "other": [0, 0]}
    for items in (columns, pl.DataFrame(columns), pd.DataFrame(columns)):
        assert [tuple(each) for each in field.each(items)] == wanted
    assert field.each(wanted) is wanted
    with pytest.raises(DataError, match=f"no column '{field.item}'.*\n.*columns: {field.user}, x"):
        field.each({field.user: ["Ann"], "x": [7]})


def test_it_is_the_same_after_json(field: Ratings) -> None:
    again = input_from_json(json.loads(json.dumps(field.to_json())))
    assert again == field
    assert isinstance(again, Ratings)
    assert again.read(("Bob", 7)).tolist() == [2, 1]
    with pytest.raises(BundleError):
        input_from_json({"kind": "pairs"})


def test_a_form_offers_the_names_with_the_most_ratings(field: Ratings) -> None:
    user, item = field.form()
    assert (user.name, user.kind, user.choices, user.typical) == ("reader", "category", ("Ann", "Bob", "Cem"), "Ann")
    assert (item.name, item.choices) == ("book", ("7", "1984", "451"))
    many = Ratings("reader", "book").fit(
        pl.DataFrame({"reader": range(MAX_CHOICES + 5), "book": [1] * (MAX_CHOICES + 5)})
    )
    assert len(many.form()[0].choices) == MAX_CHOICES
    assert len(many.users) == MAX_CHOICES + 5


def test_it_tells_what_it_is(field: Ratings) -> None:
    assert str(field) == "Ratings('reader', 'book')"
    assert field.describe() == ["in:  who rated what: 3 in 'reader', 3 in 'book'"]
    assert field.names(ROWS)[:2] == ["Ann, 1984", "Bob, 7"]


def test_one_column_cannot_be_both() -> None:
    with pytest.raises(ConfigError) as caught:
        Ratings("book", "book")
    assert str(caught.value) == text(
        "Users and items must be two columns.",
        "user='book', item='book'",
        'Pass both, such as Ratings("user", "item").',
    )


def test_a_rating_that_is_no_number_is_named() -> None:
    rows = {"reader": list("abcd") * 5, "book": list("vwxyz") * 4, "stars": [*map(str, range(1, 20)), "five"]}
    with pytest.raises(DataError) as caught:
        from_items(rows, input=Ratings("reader", "book"), target="stars")
    assert str(caught.value) == text(
        "Column 'stars' must hold finite numbers.", "five", "Correct or remove those rows; for classes use Category."
    )


@pytest.mark.parametrize("target", [Category("stars"), Number("book")])
def test_the_target_is_one_number_of_another_column(target: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Ratings("reader", "book").bind(ROWS, target)
    assert str(caught.value) == text(
        "Ratings needs a target of one number, in a separate column.",
        f"{type(target).__name__}({target.column!r}) with Ratings('reader', 'book')",
        'Pass target=Number("rating", low=1, high=5) or the like.',
    )
    number = Number("stars")
    assert Ratings("reader", "book").bind(ROWS, number) == Ratings("reader", "book")
