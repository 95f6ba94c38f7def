from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import headway as hw
from headway.data.build import from_items
from headway.data.loader import Loader
from headway.data.restore import reopen
from headway.data.tables import read_values
from headway.errors import DataError

PEOPLE = pl.DataFrame(
    {
        "age": [value * 1.5 for value in range(60)],
        "job": ["cook", "smith", "clerk"] * 20,
        "site": [f"s{number % 6}" for number in range(60)],
        "income": ["low", "high"] * 30,
    }
)


def test_a_csv_s_values_are_numbers_where_all_are(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(" age , job,zip,share,empty\n 39, Cook ,007,.5,\n?, ?,123,2,?\n")
    frame = read_values(tmp_path / "t.csv")
    assert frame.to_dict(as_series=False) == {
        "age": [39, None],
        "job": ["Cook", None],
        "zip": ["007", "123"],
        "share": [0.5, 2.0],
        "empty": [None, None],
    }


def test_a_tsv_and_a_parquet_file_are_read(tmp_path: Path) -> None:
    PEOPLE.write_csv(tmp_path / "t.tsv", separator="\t")
    PEOPLE.write_parquet(tmp_path / "t.parquet")
    for name in ("t.tsv", "t.parquet"):
        assert read_values(tmp_path / name).equals(PEOPLE)


def test_of_columns_of_one_name_the_first_is_read_and_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a, a,b,b\n1,2,3,4\n")
    told: list[str] = []
    read = read_values(tmp_path / "t.csv", tell=told.append)
    assert read.to_dict(as_series=False) == {"a": [1], "b": [3]}
    assert told == ["Columns of a name that another has before them are left out: 'a' (column 2), 'b' (column 4)."]


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_values(tmp_path / "t.csv")
    assert str(caught.value) == (
        "The table cannot be read.\n"
        f"  Given: {tmp_path}/t.csv (no such file)\n"
        "  Fix:   Give a CSV, TSV or Parquet file."
    )


@pytest.mark.parametrize("of", ["polars", "pandas", "dict", "csv", "tsv", "parquet"])
def test_a_table_in_any_form_gives_the_same_rows(of: str, tmp_path: Path) -> None:
    columns = PEOPLE.to_dict(as_series=False)
    if of in ("csv", "tsv", "parquet"):
        file = tmp_path / f"people.{of}"
        if of == "parquet":
            PEOPLE.write_parquet(file)
        else:
            PEOPLE.write_csv(file, separator="\t" if of == "tsv" else ",")
        data = hw.from_csv(file, target="income")
    else:
        items = {"polars": PEOPLE, "pandas": pd.DataFrame(columns), "dict": columns}[of]
        data = hw.from_items(items, target="income")
    plain = hw.from_items(PEOPLE, target=hw.Category("income"), input=hw.Table())
    assert data.input == plain.input
    assert data.store.canvases is not None
    assert plain.store.canvases is not None
    np.testing.assert_array_equal(data.store.canvases, plain.store.canvases)
    assert data.items["split"].to_list() == plain.items["split"].to_list()


def test_the_summary_says_what_goes_in() -> None:
    text = hw.from_items(PEOPLE, target="income").summary()
    assert "in:  a row of 3 columns\n     numbers: age\n     categories: job (3), site (6)" in text


def test_what_decides_the_split_does_not_go_in() -> None:
    data = hw.from_items(PEOPLE, target="income", split=hw.GroupSplit("site", 0.2))
    assert data.input.columns == ("age", "job")


def test_only_training_rows_are_learned_from() -> None:
    data = hw.from_items(PEOPLE, target="income")
    again = hw.Table().bind(data.train.items.select(PEOPLE.columns), data.target).fit(data.train.items)
    assert data.input.to_json() == again.to_json()


def test_batches_hold_rows_and_targets() -> None:
    data = hw.from_items(PEOPLE, target="income")
    batches = list(Loader(data.train, 16, shuffle=True))
    rows = np.concatenate([batch.rows for batch in batches])
    assert sorted(rows) == sorted(data.train.rows)
    assert data.store.canvases is not None
    for batch in batches:
        np.testing.assert_array_equal(batch.inputs.numpy(), data.store.canvases[batch.rows])


def test_a_run_s_table_opens_again() -> None:
    data = hw.from_items(PEOPLE.with_columns(pl.when(pl.col("age") > 3).then("income")), target="income")
    assert len(data.problems) == 3
    known = {"input": data.input, "target": data.target, "unlabelled": data.unlabelled}
    found = reopen(data.items, data.problems, split=data.split.describe(), **known)
    np.testing.assert_array_equal(found.train.canvases(range(5)), data.train.canvases(range(5)))
    assert found.fingerprint == data.fingerprint


def test_a_target_that_is_not_there_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        hw.from_items(PEOPLE, target="incom")
    assert str(caught.value) == (
        "The table has no column 'incom' to predict.\n"
        "  Given: columns: age, job, site, income\n"
        '  Fix:   Did you mean "income"?'
    )


def test_show_writes_the_columns_of_rows() -> None:
    people = {"age": list(range(20)), "job": ["cook", "smith"] * 10, "left": ["yes", "no", "no", "yes"] * 5}
    figure = hw.from_items(people, target="left").show(2)
    for axes in figure.axes:
        (text,) = axes.texts
        assert text.get_text().startswith("job: ")
        assert axes.get_title() in ("yes", "no")


def test_columns_of_raters_and_what_they_rated_are_named() -> None:
    rated = {"user": ["a", "b"] * 10, "book": ["x", "y", "z", "w"] * 5, "stars": [step / 2 for step in range(20)]}
    data = hw.from_items(rated, input=["user", "book"], target="stars")
    assert isinstance(data.input, hw.Ratings)
    assert isinstance(data.target, hw.Number)


def test_one_odd_value_among_numbers_is_named() -> None:
    numbers = [str(number / 7) for number in range(100)]
    numbers[17] = "unknown"
    items = {"x": numbers, "z": [i / 3 for i in range(100)], "y": ["a", "b"] * 50}
    assert from_items(items, target="y").input.left_out == {
        "x": "numbers, but 'unknown' in row 17; empty there, they are learned from"
    }
    with pytest.raises(DataError) as caught:
        from_items(items, target="x")
    assert str(caught.value) == (
        "Column 'x' holds numbers, but not in every row.\n"
        "  Given: row 17: 'unknown'\n"
        "  Fix:   Correct it, or leave it empty; for classes: --kind category (hw.Category)."
    )


@pytest.mark.parametrize("name", ["", " ", "Unnamed: 0"])
def test_a_column_without_a_name_is_never_learned_from(name: str) -> None:
    items = {name: [i / 3 for i in range(40)], "x": [i * i % 7 for i in range(40)], "y": ["a", "b"] * 20}
    data = from_items(items, target="y")
    assert data.input.columns == ("x",)
    assert data.input.left_out == {name: "a column without a name"}
    assert f"left out: {name or repr('')} (a column without a name)" in data.summary()


def test_a_column_without_a_name_keeps_none_when_a_file_is_read(tmp_path: Path) -> None:
    lines = [f"{i // 2},{i * i % 7},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join([",x,y", *lines]))
    data = hw.from_csv(tmp_path / "t.csv", target="y")
    assert data.input.columns == ("x",)
    assert data.input.left_out == {"": "a column without a name"}


def test_dates_whose_day_and_month_are_not_clear_are_left_out() -> None:
    items = {"d": [f"{i % 9 + 1:02}/0{i % 7 + 1}/2024" for i in range(40)], "x": [i / 3 for i in range(40)]}
    assert from_items({**items, "y": ["a", "b"] * 20}, target="y").input.left_out == {
        "d": "dates of which day and month are not clear; write them as 2024-02-29"
    }


def test_a_header_that_stands_again_is_left_out(tmp_path: Path) -> None:
    lines = ["size,answer", *(f"{row % 7}.5,{('no', 'yes')[row % 2]}" for row in range(20))]
    lines.insert(9, lines[0])
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    data = hw.from_csv(tmp_path / "rows.csv", target="answer")
    assert data.items["size"].dtype.is_numeric()
    assert len(data.items) == 20
    assert "Rows that are the header again are left out: 1." in data.notes


def test_a_label_that_changes_within_a_series_cannot_be_predicted() -> None:
    rows = [{"id": row // 9, "time": row % 9, "x": row % 4, "label": "ab"[row % 2]} for row in range(90)]
    with pytest.raises(DataError) as caught:
        hw.from_items(pl.DataFrame(rows), input=hw.Series("x", id="id", time="time"), target="label")
    assert str(caught.value) == (
        "Column 'label' must have one value for all rows of an item, to be predicted.\n"
        "  Given: 90 rows are the moments of 10 series, by 'id'. "
        "Columns that change within a series are left out: 'label'.\n"
        "  Fix:   Correct the rows in which it differs from the others."
    )


def test_copies_of_one_item_cannot_be_split_and_it_is_said() -> None:
    table = pl.DataFrame({"text": ["the same words"] * 20, "label": ["a", "b"] * 10})
    with pytest.raises(DataError) as caught:
        hw.from_items(table, input=hw.Text("text"), target="label")
    assert str(caught.value) == (
        "Train and valid must both have items.\n"
        "  Given: 20 in train, 0 in valid, all of the same content\n"
        "  Fix:   Add items, or split in another way."
    )
