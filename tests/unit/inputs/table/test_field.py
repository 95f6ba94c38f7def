from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import headway as hw
from headway.errors import BundleError, ConfigError, DataError, ReadError
from headway.inputs.base import learned
from headway.inputs.registry import input_from_json
from headway.inputs.table.columns import MAX_CATEGORIES, CategoryColumn, DateColumn, NumberColumn
from headway.inputs.table.field import Table
from headway.targets.category.field import Category
from headway.targets.number.field import Number

PEOPLE = pl.DataFrame(
    {
        "id": range(40),
        "age": [20, 30, None, 40] * 10,
        "height": [1.5, 1.75, 1.625, 2.0] * 10,
        "job": ["cook ", "cook", "?", "smith"] * 10,
        "born": ["2000-01-31", "2001-06-15", None, "1999-12-31"] * 10,
        "income": ["low", "high"] * 20,
    }
)
ROW = {"age": 30, "height": 1.75, "job": "smith", "born": "2001-06-15"}


def fitted(**columns: list[str]) -> Table:
    return Table(**columns).bind(PEOPLE, Category("income")).fit(PEOPLE)


def test_all_columns_are_taken_but_the_target_s_and_those_that_say_nothing() -> None:
    field = Table().bind(PEOPLE, Category("income"))
    assert (field.continuous, field.categorical, field.dates) == (("age", "height"), ("job",), ("born",))
    assert field.left_out == {"id": "a different number in each row"}


def test_where_columns_are_named_no_others_are_taken() -> None:
    field = Table(continuous="age", categorical=["job"]).bind(PEOPLE, Category("income"))
    assert field.columns == ("age", "job")
    assert field.left_out == {}


def test_what_goes_in_is_told() -> None:
    assert fitted().describe() == [
        "in:  a row of 4 columns",
        "     numbers: age, height",
        "     categories: job (2)",
        "     dates: born",
        "     left out: id (a different number in each row)",
    ]
    assert str(fitted()) == "Table of 4 columns"


def test_an_array_has_numbers_first_and_then_indices() -> None:
    field = fitted()
    assert field.numbers == ("age", "height", "born year", "born day of year", "born day", "born days")
    assert field.categories == {"age missing": 2, "job": 4, "born month": 13, "born weekday": 8}
    assert field.places["age"] == (0, 6)
    assert field.places["born"] == (2, 3, 4, 5, 8, 9)
    array = field.read({"age": None, "job": "smith", "born": "1999-12-31"})
    assert array.dtype == np.float32
    # An unknown age and height are the median; the last day of 1999 was a Friday.
    assert array[[0, 1, 6, 7, 8, 9]].tolist() == [0, 0, 1, 2, 12, 5]


def test_one_row_reads_as_all_rows_do() -> None:
    field = fitted()
    every = field.read_rows(PEOPLE)
    assert every.shape == (40, len(field.features))
    np.testing.assert_array_equal(every, np.stack([field.read(row) for row in PEOPLE.iter_rows(named=True)]))


def test_the_order_of_columns_and_further_columns_do_not_matter() -> None:
    field = fitted()
    mixed = PEOPLE.select(reversed(PEOPLE.columns)).with_columns(other=pl.lit(1))
    np.testing.assert_array_equal(field.read_rows(mixed), field.read_rows(PEOPLE))
    np.testing.assert_array_equal(field.read(dict(reversed(ROW.items()))), field.read({**ROW, "other": 1}))


@pytest.mark.parametrize(
    "row",
    [pd.Series(ROW), pl.DataFrame([ROW]), dict(ROW, age="30", height=np.float32(1.75), born=datetime(2001, 6, 15))],
)
def test_a_row_may_come_in_many_forms(row: Any) -> None:
    np.testing.assert_array_equal(fitted().read(row), fitted().read(ROW))


@pytest.mark.parametrize(
    "of",
    [
        lambda frame: frame,
        lambda frame: pd.DataFrame(frame.to_dict(as_series=False)),
        lambda f: f.to_dict(as_series=False),
    ],
)
def test_rows_come_from_frames(of: Callable[[pl.DataFrame], Any]) -> None:
    frame = PEOPLE.drop("age", "born")
    assert [row["job"] for row in Table().each(of(frame))] == frame["job"].to_list()
    rows = [{"job": "cook"}]
    assert Table().each(rows) is rows


def test_what_training_did_not_have_is_read_and_told() -> None:
    field = fitted()
    row = {"age": None, "height": None, "job": "pilot", "born": "2001-06-15"}
    assert field.notes(row) == (
        "'height' is missing, as it never was in training",
        "'job' is 'pilot', which training had too rarely or never",
    )
    assert field.read(row)[field.places["job"][0]] == 0
    assert field.notes({**ROW, "age": None, "job": None, "born": None}) == ()


def test_values_far_from_training_rows_are_named_and_their_rows_not_familiar() -> None:
    draw = np.random.default_rng(0)
    rows = pl.DataFrame(
        {
            "a": draw.normal(size=2_000),
            "b": draw.normal(size=2_000),
            "d": draw.lognormal(size=2_000),
            "when": [datetime(2020 + number % 5, 1 + number % 12, 1) for number in range(2_000)],
            "c": draw.choice(["x", "y", "z"], size=2_000),
            "city": [f"city {number // 2}" if number < 300 else f"town {number}" for number in range(2_000)],
        }
    )
    field = Table(continuous=["a", "b", "d"], categorical=["c", "city"], dates=["when"]).fit(rows)
    usual = {"a": 0.1, "b": 0.2, "d": 1.0, "when": "2022-03-01", "c": "x", "city": "city 3"}
    ranges = {"a": "-3.899 to 3.066", "b": "-3.011 to 3.257", "d": "0.05463 to 23.22"}
    odd = [("a", 3e38), ("a", 100.0), ("a", 1e6), ("b", -1e6), ("d", 1e6)]
    for name, value in odd:
        array, [note] = field.read_noted({**usual, name: value})
        assert note == f"{name!r} is {value:.6g}, far outside of the training range, {ranges[name]}"
        assert field.is_far(array[None]).tolist() == [True]
    far = {"c": "zz", "when": "2300-05-01"}
    array, notes = field.read_noted({**usual, **far})
    assert notes == (
        "'c' is 'zz', which training had too rarely or never",
        "'when' is 2300-05-01, far outside of the training range, 2020-01-01 to 2024-12-01",
    )
    assert all(field.is_far(field.read({**usual, name: value})[None])[0] for name, value in far.items())
    # Most cities come once: a new one is nothing unusual.
    array, [note] = field.read_noted({**usual, "city": "elsewhere"})
    assert note == "'city' is 'elsewhere', which training had too rarely or never"
    assert not field.is_far(array[None])[0]
    assert field.is_far(field.read_rows(rows)).mean() == 0
    again = input_from_json(json.loads(json.dumps(field.to_json())))
    np.testing.assert_array_equal(again.is_far(np.stack([array, array])), [False, False])
    assert again.notes({**usual, "a": 1e6}) == field.notes({**usual, "a": 1e6})


def test_missing_and_rare_categories() -> None:
    column = CategoryColumn.fit("x", pl.Series(["b", "a", "a", "b", "a", "rare", None]))
    assert column.values == ("a", "b")
    assert column.encode(pl.Series(["a", "b", "rare", "new", None]))[0].tolist() == [1, 2, 0, 0, 3]
    never = CategoryColumn.fit("x", pl.Series(["a", "a"]))
    assert never.encode(pl.Series(["a", None]))[0].tolist() == [1, 0]
    assert never.encode_one(None) == ((0.0,), "'x' is missing, as it never was in training")


def test_the_rarest_of_many_categories_are_one() -> None:
    names = [f"{number:03}" for number in range(MAX_CATEGORIES + 10)]
    column = CategoryColumn.fit("x", pl.Series(names * 2 + names[-3:]))
    assert len(column.values) == MAX_CATEGORIES
    assert set(names[-3:]) < set(column.values)


def test_numbers_are_scaled_by_training_rows_alone() -> None:
    train = pl.Series("x", list(range(101)))
    column = NumberColumn.fit("x", train)
    assert column.encode(pl.Series([50, 100, 10**9]))[0].tolist() == pytest.approx([0, 1 / np.sqrt(1 + 1 / 9), 3])
    assert column.categories == {}
    assert NumberColumn.fit("x", pl.Series([None, None])).encode(pl.Series([1.0, None]))[1].tolist() == [0, 1]


def test_a_date_has_the_parts_that_differ() -> None:
    days = pl.Series("d", ["2024-01-01", "2024-01-02", "2024-01-03"])
    column = DateColumn.fit("d", days)
    assert tuple(column.numbers) == ("d day of year", "d day", "d days")
    assert column.origin == datetime(2024, 1, 2)
    times = pl.Series("d", [f"2024-01-01T{hour:02}:30" for hour in range(10)])
    assert tuple(DateColumn.fit("d", times).numbers) == ("d hour", "d days")


def test_a_form_knows_choices_and_typical_values() -> None:
    age, height, job, born = fitted().form()
    assert (age.kind, age.typical) == ("number", 30.0)
    assert (height.name, height.typical) == ("height", 1.6875)
    assert (job.kind, job.choices, job.typical) == ("category", ("cook", "smith"), "cook")
    assert (born.kind, born.typical) == ("date", "2000-01-31")


@pytest.mark.parametrize("damage", [{"kind": "sound"}, {"scale": {"median": 0, "width": -1, "edges": [0, 1]}}])
def test_a_stranger_s_columns_are_checked(damage: dict[str, Any]) -> None:
    values = fitted().to_json()
    values["columns"][0] |= damage
    with pytest.raises((BundleError, KeyError, ValueError)):
        input_from_json(values)


def test_names_of_rows() -> None:
    assert Table().names(pl.DataFrame({"row": [3, 5]})) == ["row 3", "row 5"]
    assert Table().names(pl.DataFrame({"x": [3, 5]})) == ["row 0", "row 1"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"age": "old"}, "'age' must be a number, not 'old'"),
        ({"born": "spring"}, "'born' must be a date such as 2024-02-29, not 'spring'"),
        ("rex.jpg", "a row must be a dict of columns and values, not str"),
        ({"ago": 1}, 'a row has none of the model\'s columns: ago. Did you mean "age"?'),
        ({}, "a row has none of the model's columns: nothing. Known: age, born, height, job."),
    ],
)
def test_what_cannot_be_read_is_told(row: Any, message: str) -> None:
    for act in (fitted().read, fitted().notes):
        with pytest.raises(ReadError) as caught:
            act(row)
        assert str(caught.value) == message


def test_a_table_of_other_columns_is_refused_once() -> None:
    for table in (pl.DataFrame({"ago": [1]}), pd.DataFrame({"ago": [1]}), {"ago": [1]}):
        assert refusal(DataError, lambda table=table: fitted().each(table)) == (
            "The table has none of the columns that the model reads.\n"
            "  Given: columns: ago\n"
            "  Fix:   Name them as in training: age, height, job, born."
        )


def refusal(kind: type[Exception], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    return str(caught.value)


def test_a_column_named_twice_is_refused() -> None:
    assert refusal(ConfigError, lambda: Table(continuous=["a"], categorical=["a", "b"])) == (
        "A column can be named once: as numbers, as categories or as dates.\n"
        "  Given: a\n"
        "  Fix:   Name each column in one of the lists."
    )


def test_the_target_among_the_columns_is_refused() -> None:
    assert refusal(ConfigError, lambda: Table(continuous=["age"]).bind(PEOPLE, Number("age"))) == (
        "A column cannot be both input and target.\n  Given: age\n  Fix:   Leave it out of Table."
    )


def test_a_table_without_columns_to_learn_from_is_refused() -> None:
    frame = PEOPLE.select("id", "income")
    assert refusal(DataError, lambda: Table().bind(frame, Category("income"))) == (
        "The table has no column to learn from.\n"
        "  Given: id: a different number in each row\n"
        "  Fix:   Pass a column of texts or files as the input (--input), or name columns with "
        "Table(continuous=[...])."
    )
    assert refusal(DataError, lambda: Table().bind(frame.drop("id"), Category("income"))) == (
        "The table has no column to learn from.\n"
        "  Given: no column but the target's\n"
        "  Fix:   Pass a column of texts or files as the input (--input), or name columns with "
        "Table(continuous=[...])."
    )


def test_a_column_that_is_not_what_it_was_named_is_refused() -> None:
    assert refusal(DataError, lambda: Table(continuous=["job"]).fit(PEOPLE)) == (
        "Column 'job' must hold numbers.\n"
        "  Given: 'cook ', 'cook', 'smith'\n"
        "  Fix:   Correct those rows, or take the column as categories (categorical=[...])."
    )
    assert refusal(DataError, lambda: Table(dates=["height"]).fit(PEOPLE)) == (
        "Column 'height' must hold dates such as 2024-02-29.\n"
        "  Given: 1.5, 1.75, 1.625, 2.0\n"
        "  Fix:   Correct those rows, or take the column as categories (categorical=[...])."
    )


@pytest.mark.slow
def test_of_many_columns_each_has_fewer_bins() -> None:
    values = np.random.default_rng(0).normal(size=1_000)

    def edges(columns: int) -> int:
        rows = pl.DataFrame({f"c{place}": values for place in range(columns)})
        return len(Table(continuous=list(rows.columns)).fit(rows).edges[0])

    # Those of all rows and of the distinct ones are the same here, with one end more than there are bins.
    assert [edges(columns) for columns in (1, 32, 64, 128, 200)] == [129, 129, 65, 33, 33]


def test_an_example_leaves_empty_what_most_rows_lack() -> None:
    rows = pl.DataFrame({"cabin": ["C1", "C1", *[None] * 6], "fare": [1.0, *[None] * 7], "sex": ["m"] * 5 + ["f"] * 3})
    field = Table(continuous=["fare"], categorical=["cabin", "sex"]).fit(rows)
    again = Table.from_json(json.loads(json.dumps(field.to_json())))
    for each in (field, again):
        assert {column.name: column.typical for column in each.form()} == {"fare": None, "cabin": None, "sex": "m"}


def test_the_constructors_take_only_what_a_user_says() -> None:
    """What `fit` learns is an attribute, as in scikit-learn, and survives another copy of the field."""
    learned_by = {
        hw.Table: {"left_out", "fitted"},
        hw.Ratings: {"fitted", "num_ratings"},
        hw.Number: {"mean", "std"},
        hw.Points: {"mean", "std"},
    }
    for kind, names in learned_by.items():
        assert not names & set(inspect.signature(kind).parameters)
    number = hw.Number("age").fit(pl.DataFrame({"age": [1.0, 3.0]}))
    assert (number.mean, number.std) == (2.0, 1.0)
    assert learned(number, std=5.0).mean == 2.0
    assert hw.Number.from_json(number.to_json()) == number != hw.Number("age")
