from __future__ import annotations

import polars as pl
import pytest

from headway.errors import DataError
from headway.inputs.series.layouts import Long, from_long, from_wide, is_list, read_ts, recognise_long, wide_columns


def long_table(num_series: int = 3, length: int = 10) -> pl.DataFrame:
    rows = [
        {"beat_id": beat, "time": moment / 10, "x": float(moment * beat), "patient": f"p{beat}", "label": beat % 2}
        for beat in range(num_series)
        for moment in range(length)
    ]
    return pl.DataFrame(rows)


def test_a_long_table_is_recognised_by_id_time_and_a_label_that_does_not_change() -> None:
    assert recognise_long(long_table()) == Long(values=("x",), id="beat_id", time="time")
    # Nothing is constant in a series; a moment comes twice; the series are short.
    assert recognise_long(long_table().drop("patient", "label")) is None
    assert recognise_long(pl.concat([long_table(), long_table()])) is None
    assert recognise_long(long_table(length=4)) is None


def test_rows_in_any_order_become_series() -> None:
    shuffled = long_table().sample(fraction=1, shuffle=True, seed=0)
    items, notes = from_long(shuffled, values=["x"], id="beat_id", time="time")
    assert items.columns == ["beat_id", "x", "patient", "label"]
    assert items["x"].to_list()[2] == [float(2 * moment) for moment in range(10)]
    assert items["patient"].to_list() == ["p0", "p1", "p2"]
    assert notes == ("30 rows are the moments of 3 series, by 'beat_id'.",)


def test_irregular_times_are_interpolated() -> None:
    table = pl.DataFrame({"id": [1] * 4, "time": [0.0, 1.0, 2.0, 6.0], "x": [0.0, 1.0, 2.0, 6.0], "y": [1] * 4})
    items, notes = from_long(table, values=["x"], id="id", time="time")
    assert items["x"].to_list() == [[0.0, 2.0, 4.0, 6.0]]
    assert notes[-1] == "1 series have irregular times in 'time': their values are interpolated."


@pytest.mark.parametrize("form", ["{}:00", "2024-01-01T{:02}:00:00Z", "{}"])
def test_times_as_text_are_in_the_order_of_time(form: str) -> None:
    table = long_table(length=12).with_columns(time=pl.Series([form.format(hour) for hour in range(12)] * 3))
    items, _ = from_long(table[::-1], values=["x"], id="beat_id", time="time")
    assert items["x"].to_list()[1] == list(range(12))


@pytest.mark.parametrize("times", [[0, 1, None], [0, 1, 1]])
def test_times_that_are_missing_or_come_twice_are_refused(times: list[int | None]) -> None:
    table = long_table(2, 3).with_columns(time=pl.Series(times * 2))
    with pytest.raises(DataError, match=r"needs a time|one value a time"):
        from_long(table, values=["x"], id="beat_id", time="time")


def test_a_label_in_one_row_of_a_series_is_the_label_of_all() -> None:
    table = long_table().with_columns(label=pl.when(pl.col("time") == 0).then("label"))
    assert recognise_long(table) == Long(values=("x",), id="beat_id", time="time")
    assert from_long(table, values=["x"], id="beat_id", time="time")[0]["label"].to_list() == [0, 1, 0]


def test_columns_that_change_are_left_out_and_named() -> None:
    table = long_table().with_columns(note=pl.int_range(pl.len()))
    assert from_long(table, values=["x"], id="beat_id", time="time")[1][1] == (
        "Columns that change within a series are left out: 'note'."
    )


def test_rows_without_a_series_are_refused() -> None:
    table = long_table(2, 3).with_columns(beat_id=pl.Series([0, 0, 0, 1, None, None]))
    with pytest.raises(DataError) as caught:
        from_long(table, values=["x"], id="beat_id", time="time")
    assert str(caught.value) == (
        "Every row must say which series it belongs to, in column 'beat_id'.\n"
        "  Given: none in rows [4, 5]\n"
        "  Fix:   Remove those rows, or fill the column."
    )


def test_columns_of_moments() -> None:
    table = pl.DataFrame({"t0": [1, 2], "t1": [3.0, None], "label": ["a", "b"]})
    assert wide_columns(table, "t*") == ("t0", "t1")
    assert from_wide(table, ["t0", "t1"], "t")["t"].to_list() == [[1.0, 3.0], [2.0, None]]
    with pytest.raises(DataError, match="must name the columns of the moments"):
        wide_columns(table, "u*")
    with pytest.raises(DataError, match="must hold numbers"):
        wide_columns(table.with_columns(t1=pl.lit("a")), "t*")


@pytest.mark.parametrize(
    ("columns", "pattern", "moments"),
    [
        (["t0", "t1", "t10", "t2"], "t*", ["t0", "t1", "t2", "t10"]),
        (["t0", "t1", "target", "type"], "t*", ["t0", "t1"]),
        (["lag3", "lag2", "lag1"], "lag*", ["lag3", "lag2", "lag1"]),
        (["t-1", "t-10", "t-2"], "t-*", ["t-1", "t-10", "t-2"]),
        (["b1", "b2", "a1"], "*", ["b1", "b2", "a1"]),
        (["0.5", "10", "2"], "*", ["0.5", "2", "10"]),
    ],
)
def test_moments_are_in_the_order_of_their_numbers(columns: list[str], pattern: str, moments: list[str]) -> None:
    assert wide_columns(pl.DataFrame({name: [1.0] for name in columns}), pattern) == tuple(moments)


def test_lists_of_numbers_and_texts_of_them() -> None:
    assert is_list(pl.Series([[1, 2], [3]]))
    assert is_list(pl.Series([" ".join(map(str, range(9))), "[" + ", ".join(map(str, range(8))) + "]"]))
    assert not is_list(pl.Series(["1 2 3", "4 5 6"]))
    assert not is_list(pl.Series(["a text of words that is long enough"]))
    assert not is_list(pl.Series([1.0]))
    # One empty cell makes no other kind of column.
    assert is_list(pl.Series([" ", " ".join(map(str, range(9)))]))
    assert not is_list(pl.Series([" "]))


def test_ts_files() -> None:
    text = "# a comment\n@problemName x\n@classLabel true a b\n@data\n1,?,3:4,5,6:a\n\n(0,7),(1,8):9,10:b\n"
    items = read_ts(text)
    assert items["channel_0"].to_list() == [[1.0, None, 3.0], [7.0, 8.0]]
    assert items["label"].to_list() == ["a", "b"]
    assert read_ts("@targetlabel true\n@data\n1,2:0.5\n3,4:?\n")["value"].to_list() == [0.5, None]
    # A label that is missing is no class; times may be dates.
    dated = read_ts("@classlabel true a\n@data\n(2024-01-01 00:00:00,1),(2024-01-01 00:01:00,?):a\n(0,3):?\n")
    assert dated.to_dict(as_series=False) == {"series": [[1.0, None], [3.0]], "label": ["a", None]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@classLabel true a\n", "must have items after a line @data"),
        ("@classLabel true a\n@data\n1:2:a\n1:a\n", "line 4 has 2 parts, the first 3"),
        ("@data\n1,x\n", "item 0: '1,x'"),
        ("@data\n(0,1),(1 2),(2,3)\n", r"pairs of a time and a number"),
        ("@targetLabel true\n@data\n1,2:abc\n", "item 0: 'abc'"),
        ("@targetLabel true\n@data\n1,2:0,5\n", "one number to predict"),
    ],
)
def test_broken_ts_files(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_ts(text)
