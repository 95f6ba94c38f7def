from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import headway as hw
from headway.errors import ConfigError, DataError
from headway.inputs.base import learned
from headway.inputs.registry import input_from_json, recognise_input

ROWS = pl.DataFrame({"x": [[0.0, 1.0] * 8, [2.0, 3.0] * 6], "y": [[1.0] * 16, [1.0] * 12]})


def recognised(table: pl.DataFrame, columns: Any = ()) -> Any:
    return recognise_input(columns, lambda: table)


def test_all_items_get_the_length_of_the_longest_training_item() -> None:
    field = hw.Series(["x", "y"]).fit(ROWS)
    assert field.length == 16
    assert field.read({"x": [1, 2], "y": [3, 4]})[:, [0, 1, 2, 15]].tolist() == [[1, 2, 2, 2], [3, 4, 4, 4]]
    longer = {"x": list(range(20)), "y": list(range(20))}
    assert field.read(longer)[0].tolist() == list(range(16))
    assert field.notes(longer) == ("20 moments, of which the first 16 count",)
    # A channel that never changes is not divided by 0.
    assert field.stds[1] == 1.0


def test_short_series_are_padded_and_long_ones_averaged() -> None:
    assert hw.Series("x").fit(pl.DataFrame({"x": [[1.0, 2.0]]})).length == 9
    field = hw.Series("x").fit(pl.DataFrame({"x": [np.arange(9_000.0).tolist()]}))
    assert (field.length, field.every) == (3_000, 3)
    assert field.read(np.arange(9_000.0))[0, :2].tolist() == [1.0, 4.0]


def test_what_is_recognised() -> None:
    assert recognised(ROWS) == hw.Series(["x", "y"])
    assert recognised(ROWS, "x") == hw.Series("x")
    assert recognised(pl.DataFrame({"t0": [1], "t1": [2]}), "t*") == hw.Series("t*")
    beats = {"beat_id": [1] * 9 + [2] * 9, "time": [*range(9)] * 2, "x": range(18), "label": ["a"] * 9 + ["b"] * 9}
    assert recognised(pl.DataFrame(beats)) == hw.Series(["x"], id="beat_id", time="time")
    field, items, _ = hw.Series().items_of(pl.DataFrame(beats))
    assert (field.columns, field.id, items["label"].to_list()) == (("x",), "beat_id", ["a", "b"])
    people = pl.DataFrame({"id": range(20), "time": range(20), "age": range(20)})
    assert recognised(people) == hw.Table()


def test_a_table_without_series_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        hw.Series().items_of(pl.DataFrame({"age": [1, 2], "name": ["a", "b"]}))
    assert str(caught.value) == (
        "The table has no series.\n"
        "  Given: columns: age, name\n"
        '  Fix:   Name their columns: hw.Series(["x", "y"], id="beat", time="t").'
    )


def test_a_column_for_each_moment_becomes_one_series() -> None:
    table = pl.DataFrame({f"t{moment}": [float(moment), 1.0] for moment in range(12)} | {"label": ["a", "b"]})
    field, items, notes = hw.Series("t*").items_of(table)
    assert items.columns == ["label", "t"]
    assert notes == ("12 columns 't*', 't0' to 't11', are the moments of 't'.",)
    notes = hw.Series("t*").items_of(table.with_columns(type=pl.lit("x")))[2]
    assert notes[1] == "Without a number behind it, these are no moments: 'type'."
    field = field.fit(items)
    row = table.row(0, named=True)
    assert field.read(row).tolist() == field.read({"t": list(range(12))}).tolist()


def test_json_round_trip() -> None:
    field = hw.Series(["x", "y"]).fit(ROWS)
    assert hw.Series.from_json(field.to_json()) == field
    with pytest.raises(ValueError, match="2 channels, length 0"):
        hw.Series.from_json({**field.to_json(), "length": 0})


def test_time_needs_an_id() -> None:
    with pytest.raises(ConfigError) as caught:
        hw.Series("x", time="seconds")
    assert str(caught.value) == (
        "`time` needs `id`, the column that says which series a row belongs to.\n"
        "  Given: time='seconds', no id\n"
        '  Fix:   Pass both, such as Series(["x"], id="beat", time="seconds").'
    )


def test_a_row_that_cannot_be_read_is_named() -> None:
    with pytest.raises(DataError) as caught:
        hw.Series("x").fit(pl.DataFrame({"x": [[1.0], []], "row": [0, 1]}))
    assert str(caught.value) == (
        "Series('x') cannot be read in every row.\n"
        "  Given: series 1: a series must have at least one moment\n"
        "  Fix:   Correct or remove that row."
    )


def test_statistics_are_in_standard_deviations() -> None:
    field = learned(hw.Series("x"), length=4, means=(10.0,), stds=(2.0,))
    measured = field.statistics(np.array([[8.0, 12.0, 8.0, 12.0]], dtype=np.float32))
    assert measured == {"mean": 0.0, "spread": 1.0, "roughness": 2.0}


def test_arrays_of_items_channels_and_time() -> None:
    draw = np.random.default_rng(0)
    items = draw.standard_normal((40, 2, 30)).cumsum(2)
    data = hw.from_arrays(items, ["up" if item[0, -1] > 0 else "down" for item in items], input=hw.Series())
    assert data.input.columns == ("channel_0", "channel_1")
    assert data.input.shape == (2, 30)


def test_rows_that_cannot_be_read_are_left_out_with_their_reason() -> None:
    draw = np.random.default_rng(0)
    cells: list[Any] = [draw.standard_normal(20).tolist() for _ in range(60)]
    cells[7], cells[20] = [], None
    items = pl.DataFrame({"x": cells, "label": ["a", "b"] * 30})
    data = hw.from_items(items, input="x", target="label")
    assert data.problems.select("row", "reason").rows() == [
        (7, "a series must have at least one moment"),
        (20, "'x' is missing"),
    ]


@pytest.mark.slow
def test_what_is_unlike_the_training_rows_is_not_familiar(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    waves = [np.sin(np.arange(40) / (2 + row % 2)) + draw.normal(0, 0.1, 40) for row in range(120)]
    data = hw.from_items({"x": waves, "speed": ["fast", "slow"] * 60}, input=hw.Series("x"), target="speed")
    learner = hw.Learner(data, progress=False)
    learner.fine_tune()
    predictor = hw.load(learner.export(tmp_path / "waves.headway"))
    assert [predictor.predict(item).familiar for item in (waves[0], [0.0] * 40, list(range(40)))] == [
        True,
        False,
        False,
    ]


def test_a_bundles_series_reads_a_row_a_moment_as_it_was_trained_on() -> None:
    rows = [{"id": f"s{row // 9}", "time": row % 9, "x": float(row), "label": row // 9 % 2} for row in range(27)]
    table = pl.DataFrame(rows)
    trained, items, _ = hw.Series("x", id="id", time="time").items_of(table)
    field = input_from_json(json.loads(json.dumps(trained.fit(items).to_json())))
    # In the order of their ids, whatever that of the rows; and items as they are.
    for asked in (table[::-1], pd.DataFrame(rows[::-1]), table[::-1].to_dict(as_series=False), items):
        assert [row["x"] for row in field.each(asked)] == items["x"].to_list()
    assert field.items_of(table)[1].equals(items)
    assert field.items_of(items)[1].equals(items)
    assert field.series_in(table[::-1]) == ["s0", "s1", "s2"]
    assert field.names(items) == ["series s0", "series s1", "series s2"]
    assert field.series_in(items) is field.series_in(table.drop("id")) is None
    with pytest.raises(DataError) as caught:
        field.each(pl.DataFrame({"y": [1], "z": [2]}))
    assert str(caught.value) == (
        "The table has no column 'x', which the model reads.\n  Given: columns: y, z\n  Fix:   Known: y, z."
    )
    # Bundles from before know no such columns.
    before = {key: value for key, value in field.to_json().items() if key not in ("id", "time")}
    assert [row["x"] for row in input_from_json(before).each(items)] == items["x"].to_list()
