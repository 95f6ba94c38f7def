from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headway as hw
from headway.cli.data_options import DataOptions, read_data
from headway.errors import ConfigError

NUM_ROWS = 60


@pytest.fixture
def table() -> pl.DataFrame:
    answers = ["no", "yes"] * (NUM_ROWS // 2)
    columns = {"size": [float(n * n % 37) for n in range(NUM_ROWS)], "code": [answer[0] for answer in answers]}
    return pl.DataFrame({**columns, "patient": [f"p{n // 3}" for n in range(NUM_ROWS)], "answer": answers})


@pytest.fixture
def data(table: pl.DataFrame) -> hw.Data:
    return hw.from_items(table, target="answer")


def test_a_column_is_not_learned_from_and_stays_in_the_table(table: pl.DataFrame, data: hw.Data) -> None:
    for other in (data.rebuild(without=["code"]), hw.from_items(table, target="answer", without=["code"])):
        assert "code" not in other.input.columns
        assert other.items["code"].to_list() == table["code"].to_list()
        assert other.items["split"].to_list() == data.items["split"].to_list()
    assert "code" in data.input.columns


def test_groups_are_kept_whole_by_a_column_that_is_joined(data: hw.Data) -> None:
    columns = pl.DataFrame({"row": range(NUM_ROWS), "ward": [f"w{n // 6}" for n in range(NUM_ROWS)]})
    changed = data.rebuild(columns=columns, split=hw.GroupSplit("ward"))
    assert changed.items.group_by("ward").agg(pl.col("split").n_unique())["split"].max() == 1
    assert "ward" not in changed.input.columns
    whole = data.rebuild(split=hw.GroupSplit("patient"))
    assert (
        whole.items["split"].to_list()
        == hw.from_items(data.items.drop("row", "content", "split"), target="answer", split=hw.GroupSplit("patient"))
        .items["split"]
        .to_list()
    )
    assert "patient" not in whole.input.columns


def test_rows_are_dropped_and_relabelled_and_keep_their_numbers(data: hw.Data) -> None:
    changed = data.rebuild(drop=[3, 4], relabel={0: "maybe", 1: "maybe", **dict.fromkeys(range(10, 30), "maybe")})
    assert changed.items["row"].to_list() == [row for row in range(NUM_ROWS) if row not in (3, 4)]
    assert changed.target.labels == ("no", "yes", "maybe")
    assert changed.problems.select("row", "reason").rows() == [(3, "dropped by rebuild"), (4, "dropped by rebuild")]
    assert changed.train.targets.max() == 2


@pytest.mark.parametrize(
    ("options", "what", "fix"),
    [
        ({"drop": [99]}, "`drop` and `relabel` must name rows of the data.", 'The rows are in data.items["row"].'),
        ({"without": ["cod"]}, "`without` must name columns of the table.", 'Did you mean "code"?'),
        (
            {"without": ["size", "code", "patient"]},
            "The table has no column left to learn from.",
            "Leave fewer columns out.",
        ),
    ],
)
def test_what_cannot_be_changed(data: hw.Data, options: dict[str, Any], what: str, fix: str) -> None:
    with pytest.raises(ConfigError) as error:
        data.rebuild(**options)
    assert (error.value.what, error.value.fix) == (what, fix)


def test_a_text_that_is_read_cannot_be_left_out() -> None:
    items: dict[str, Any] = {"text": [f"word{n} and more" for n in range(20)], "label": ["a", "b"] * 10}
    with pytest.raises(ConfigError) as error:
        hw.from_items(items, input=hw.Text("text"), target="label", without=["text"])
    assert str(error.value) == (
        "Text('text') reads a column that must be left out.\n"
        "  Given: text\n"
        "  Fix:   Name other columns as `input`, or do not leave it out."
    )


def test_folders_that_say_the_parts_can_be_split_anew(photo_folder: Callable[..., Path]) -> None:
    root = photo_folder({"train/cat": 10, "train/dog": 10, "valid/cat": 6, "valid/dog": 6})
    assert len(hw.from_folder(root, size=16).valid) == 12
    anew = hw.from_folder(root, size=16, split=hw.RandomSplit(0.25))
    assert len(anew.valid) == 8
    said, _ = read_data(DataOptions(split_random=True, valid=0.25, size=16), root, seed=0)
    assert said.items["split"].to_list() == anew.items["split"].to_list()


def test_commands_divide_by_columns_and_say_how_the_data_are_named(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table.with_columns(pl.Series("day", [f"2024-01-{1 + n // 3:02d}" for n in range(NUM_ROWS)])).write_csv("my ill.csv")
    by_group, _ = read_data(DataOptions(target="answer", split_group="patient"), Path("my ill.csv"), seed=0)
    assert by_group.split == hw.GroupSplit("patient")
    assert by_group.source == ("'my ill.csv'", "--target answer", "--split-group patient")
    said = DataOptions(target="answer", split_time="day", without=["code", "patient"])
    by_time, _ = read_data(said, Path("my ill.csv"), seed=0)
    assert by_time.split == hw.TimeSplit("day")
    assert not {"code", "patient"} & {*by_time.input.columns}
    assert by_time.source[2:] == ("--split-time day", "--without code", "--without patient")


def test_items_are_divided_in_one_way() -> None:
    with pytest.raises(ConfigError) as error:
        read_data(DataOptions(target="answer", split_group="patient", split_random=True), Path("ill.csv"), seed=0)
    assert str(error.value) == (
        "Only one option can say how the items are divided.\n"
        "  Given: --split-group, --split-random\n"
        "  Fix:   Leave the others out."
    )
