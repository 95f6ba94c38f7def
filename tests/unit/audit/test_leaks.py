from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage

import headway as hw
from headway.audit.build import item_audit
from headway.audit.leaks import check_copies_of_parts, check_groups, check_names, check_time, group_columns

NUM_ROWS = 120


def rows(**columns: Sequence[object]) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    answers = ["no", "yes"] * (NUM_ROWS // 2)
    return pl.DataFrame({"a": draw.normal(size=NUM_ROWS).round(5), **columns, "answer": answers})


@pytest.mark.parametrize("name", ["patient", "patient_id", "userId", "camera_id", "ticket", "author name"])
def test_columns_of_groups_are_known_by_their_names(name: str) -> None:
    data = hw.from_items(rows(**{name: [f"g{n // 3}" for n in range(NUM_ROWS)]}), target="answer")
    assert [column for column, *_ in group_columns(item_audit(data))] == [name]


@pytest.mark.parametrize("name", ["age", "usage", "groups_of_blood", "idle", "price"])
def test_other_columns_are_not(name: str) -> None:
    data = hw.from_items(rows(**{name: [f"g{n // 3}" for n in range(NUM_ROWS)]}), target="answer")
    assert not list(group_columns(item_audit(data)))


def test_groups_on_both_sides_are_found_unless_the_split_keeps_them_whole() -> None:
    table = rows(patient=[f"p{n // 4}" for n in range(NUM_ROWS)])
    [finding] = check_groups(item_audit(hw.from_items(table, target="answer")), 0)
    assert finding.severity == "warning"
    assert finding.evidence["groups"] == 30
    whole = hw.from_items(table, target="answer", split=hw.GroupSplit("patient"))
    assert not check_groups(item_audit(whole), 0)


def test_judged_rows_that_are_older_than_training_rows_are_noted() -> None:
    days = [f"2024-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in range(NUM_ROWS)]
    table = rows(day=list(days))
    [finding] = check_time(item_audit(hw.from_items(table, target="answer")).part)
    assert finding.remedies == ("judge by the newest items",)
    assert not check_time(item_audit(hw.from_items(table, target="answer", split=hw.TimeSplit("day"))).part)


def test_file_names_that_say_another_class_are_found(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(40):
        label = ("cat", "dog")[number % 2]
        name = "dog" if number == 0 else label
        (tmp_path / label).mkdir(exist_ok=True)
        pixels = draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        PILImage.fromarray(pixels).save(tmp_path / label / f"{name}.{number:03d}.png")
    data = hw.from_folder(tmp_path, size=16)
    [finding] = check_names(item_audit(data).part)
    assert finding.evidence["suggested"] == ["dog"]
    assert Path(data.items.filter(pl.col("row") == finding.evidence["rows"][0])["file"][0]).name == "dog.000.png"


def test_folders_that_say_another_class_are_found(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    files = []
    for number in range(40):
        files.append(tmp_path / ("cat", "dog")[number % 2] / f"{number:03d}.png")
        files[-1].parent.mkdir(exist_ok=True)
        PILImage.fromarray(draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(files[-1])
    labels = ["dog" if number == 6 else file.parent.name for number, file in enumerate(files)]
    items = {"file": list(map(str, files)), "label": labels}
    [finding] = check_names(item_audit(hw.from_items(items, input=hw.Image("file"), target="label")).part)
    assert finding.suggestions == {6: "cat"}


def test_items_that_were_left_out_as_copies_are_noted(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(24):
        folder = tmp_path / ("train", "valid")[number % 3 == 0] / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        PILImage.fromarray(pixels).save(folder / f"{number:03d}.png")
        if number == 0:
            # The same bytes in train.
            (tmp_path / "train" / "cat").mkdir(parents=True)
            PILImage.fromarray(pixels).save(tmp_path / "train" / "cat" / "copy.png")
    [finding] = check_copies_of_parts(hw.from_folder(tmp_path, size=16))
    assert finding.sentence == "Left out, as identical to an item on another side of the split: 1 items."
