from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from headway.data.build import from_folder, from_items
from headway.data.normal_form import existing_paths, normal_text, spellings
from headway.data.splits import GroupSplit
from headway.targets.category.field import Category


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (("disc", " disc ", "disc\n"), "disc"),
        (("caf\u00e9", "cafe\u0301"), "caf\u00e9"),
        ((0, 0.0, "0", "0.0", "0.00", np.float32(0), np.int8(0), " 0"), "0"),
        ((-12, -12.0, "-12.0"), "-12"),
        ((True, "True", "TRUE", "true", np.True_), "true"),
        ((None, "", "  ", float("nan"), pd.NA, pd.NaT), None),
        (("007",), "007"),
        (("1.50",), "1.50"),
        ((1.5, "1.5"), "1.5"),
        ((float("inf"),), "inf"),
        ((date(2024, 2, 29),), "2024-02-29"),
    ],
)
def test_one_form_of_what_is_the_same(values: tuple[object, ...], text: str | None) -> None:
    assert {normal_text(value) for value in values} == {text}


def test_spellings_are_told_with_a_count_and_an_example() -> None:
    values = ["disc", "disc", "disc ", " disc", "ring", "ring", None, 3]
    assert spellings("kind", values) == [
        "Other spellings in column 'kind' are read as the usual ones: 'disc ' as 'disc' (2 in all)."
    ]
    assert spellings("kind", ["a", "b", "", None, 1.0, 1]) == []
    # As what it is read, and not as it is mostly written.
    assert spellings("kind", [" disc", " disc", "disc ", "disc"]) == [
        "Other spellings in column 'kind' are read as the usual ones: ' disc' as 'disc' (3 in all)."
    ]
    assert spellings("kind", ["3.0", "3.0"]) == []


def test_labels_are_compared_in_one_form_everywhere() -> None:
    kinds = ["disc", "ring"] * 20
    kinds[4], kinds[5] = "disc ", "ring\u00a0"
    data = from_items({"x": [i / 7 for i in range(40)], "kind": kinds}, target=Category("kind"))
    assert data.target.labels == ("disc", "ring")
    assert len(data.items) == 40
    assert (
        "Other spellings in column 'kind' are read as the usual ones: 'disc ' as 'disc' (2 in all)." in data.summary()
    )
    assert data.summary().count("Other spellings") == 1


@pytest.mark.parametrize("learned", [[0.0, 1.0], ["0.0", "1.0"], [0, 1], [False, True]])
def test_a_model_knows_labels_of_another_file(learned: list[object]) -> None:
    field = Category("y").fit(pl.DataFrame({"y": learned}))
    others = ([False, "True"],) if learned[0] is False else ([0, 1], ["0", " 1"], [0.0, 1.0], ["0.0", "1.0"])
    for values in others:
        assert field.encode(values).tolist() == [0, 1]
    # Of a bundle that was made before, whose labels are as they were.
    assert Category("y", labels=("0.0", "1.0")).encode([0, "1"]).tolist() == [0, 1]


def test_texts_that_stand_for_no_label() -> None:
    rows = pl.DataFrame({"y": ["a", "NA", "NaN", "null", "N/A", "", None, "none", "a"]})
    assert Category("y").is_missing(rows) == [False, True, True, True, True, True, True, False, False]
    assert Category("y", missing=("none",)).is_missing(rows) == [False] * 5 + [True, True, True, False]
    assert Category("y", labels=("a", "NA", "none")).is_missing(rows)[:3] == [False, False, True]
    bundled = Category("y", ("a",), missing=("-",))
    assert Category.from_json(bundled.to_json()) == bundled
    assert Category.from_json({"kind": "category", "column": "y", "labels": ["a"]}) == Category("y", ("a",))


def test_what_stands_for_no_label_is_left_out_and_told() -> None:
    data = from_items({"x": [i / 7 for i in range(41)], "y": ["a", "b"] * 20 + ["NA"]}, target="y")
    assert data.target.labels == ("a", "b")
    assert data.problems["reason"].to_list() == ["'NA' is no value in column 'y'; otherwise: --missing"]


def test_class_folders_that_differ_in_the_form_of_accents_are_one(tmp_path: Path) -> None:
    from PIL import Image

    for number, name in enumerate(("caf\u00e9", "cafe\u0301", "NA")):
        (tmp_path / name).mkdir()
        for item in range(6):
            Image.new("RGB", (8, 8), (20 * item, 40 * number, 90)).save(tmp_path / name / f"{item}.png")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system has one form of names")
    data = from_folder(tmp_path, size=8)
    assert data.target.labels == ("NA", "caf\u00e9")
    assert "Other spellings in column 'label' are read as the usual ones" in data.summary()


def test_groups_are_whole_however_they_are_written() -> None:
    groups = ["7", 7.0, " 7", "7.0"]
    items = {
        "x": [i / 7 for i in range(40)],
        "site": [str(groups[i % 4]) if i < 20 else f"s{i // 4}" for i in range(40)],
    }
    data = from_items({**items, "y": ["a", "b"] * 20}, target="y", split=GroupSplit("site", 0.3))
    assert data.items.filter(pl.col("row") < 20)["split"].n_unique() == 1


def test_paths_are_found_however_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in (
        "a.png",
        "in/b.jpg",
        "in/twice.jpg",
        "in/twice.png",
        unicodedata.normalize("NFD", "\u00e9.png"),
        " c.png",
    ):
        (tmp_path / name).write_bytes(b"x")
    written = ["a.png", "a", " a.png ", "in\\b.jpg", "in/b", "in/twice", "\u00e9.png", " c.png", "no", None, " "]
    written.append("s3://pets/a.png")
    paths, notes = existing_paths(pl.Series("file", written), tmp_path)
    names = ["a.png", "a.png", "a.png", "in/b.jpg", "in/b.jpg", "in/twice", "e\u0301.png", " c.png", "no"]
    assert paths.to_list() == [*(str(tmp_path / name) for name in names), None, None, "s3://pets/a.png"]
    assert notes == ["Paths in column 'file' are read as files with another spelling: 'a' as 'a.png' (5 in all)."]
    assert existing_paths(pl.Series("file", ["a.png"]), tmp_path)[1] == []


FIELDS = {"input": ["user", "item"], "target": "rating"}


def test_a_pair_that_is_rated_twice_is_on_one_side() -> None:
    pairs = [(user, item) for user in range(12) for item in range(5)]
    rows = [(str(u), i, (u + i) % 5) for u, i in pairs] + [(f"{u}.0", i, (u * i) % 5) for u, i in pairs]
    items = pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row")
    data = from_items(items, **FIELDS)
    sides = data.items.group_by(pl.col("row") % len(pairs)).agg(pl.col("split").n_unique())
    assert sides["split"].max() == 1
    said = "60 pairs of 'user' and 'item' rated more than once: all ratings of a pair are on one side of the split."
    assert data.notes == (said,)
    once = from_items(items[:60], **FIELDS)
    assert once.notes == ()
    assert from_items(items[:61], **FIELDS).notes == (said.replace("60 pairs", "1 pair"),)
    assert 15 <= len(data.valid) <= 30
