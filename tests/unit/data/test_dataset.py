from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image as PILImage

from headway.data.build import from_csv, from_folder, from_items
from headway.data.dataset import Data
from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, TimeSplit
from headway.errors import ConfigError, DataError
from headway.inputs.image.field import Image
from headway.learner.learner import Learner
from headway.targets.category.field import MISSING, Category

READER = Image("file", size=8, crop=0.8)
TARGET = Category("label")

PhotoFolder = Callable[..., Path]


@pytest.fixture
def files(photo_folder: PhotoFolder) -> list[str]:
    """Twenty photos; the first ten are meant as cats, the others as dogs."""
    root = photo_folder({"cat": 10, "dog": 10})
    return [str(file) for file in sorted(root.rglob("*.png"))]


LABELS = ["cat"] * 10 + ["dog"] * 10


def made(items: Any, **options: Any) -> Data:
    return from_items(items, **{"input": READER, "target": TARGET, **options})


# From a folder.


def test_a_folder_becomes_a_table_with_its_split(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"cat": 10, "dog": 20})
    data = from_folder(root, size=16)
    assert data.items.columns == ["file", "label", "row", "content", "split"]
    assert data.items["row"].to_list() == list(range(30))
    assert data.input == Image("file", size=16)
    assert data.target == Category("label", labels=("cat", "dog"), missing=())
    assert data.split == RandomSplit(0.2, seed=0)
    assert Counter(data.items.select("label", "split").iter_rows()) == {
        ("cat", "train"): 8,
        ("cat", "valid"): 2,
        ("dog", "train"): 16,
        ("dog", "valid"): 4,
    }
    assert data.parts == ["train", "valid"]
    assert (len(data.train), len(data.valid), len(data.test)) == (24, 6, 0)
    assert len(data.problems) == 0


def test_the_options_of_from_folder_count(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"cat": 20, "dog": 20})
    data = from_folder(root, size=16, valid=0.5, seed=3)
    assert data.split == RandomSplit(0.5, seed=3)
    assert len(data.valid) == 20
    assert from_folder(root, input=READER).input == READER
    assert from_folder(root, split=RandomSplit(0.25, test=0.25)).parts == ["train", "valid", "test"]
    told: list[tuple[int, int]] = []
    from_folder(root, size=24, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(40, 40)]


def test_split_folders_are_kept(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"train/cat": 8, "train/dog": 8, "val/cat": 2, "val/dog": 2, "test/dog": 1})
    data = from_folder(root, size=16)
    assert data.parts == ["train", "valid", "test"]
    for part in data.parts:
        folders = {Path(file).parts[-3] for file in data.part(part).items["file"]}
        assert folders == {"val" if part == "valid" else part}
    assert data.split == ColumnSplit("split", valid=0.2, seed=0)


def test_without_a_valid_folder_it_is_drawn_from_train(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"train/cat": 10, "train/dog": 10, "test/cat": 3, "test/dog": 3})
    data = from_folder(root, size=16, valid=0.3, seed=2)
    assert (len(data.train), len(data.valid), len(data.test)) == (14, 6, 6)
    assert {Path(file).parts[-3] for file in data.valid.items["file"]} == {"train"}


@pytest.mark.slow
def test_real_digits(digits: Path) -> None:
    data = from_folder(digits, input=Image("file", size=28, channels=1, crop=1.0))
    assert data.target.to_json()["labels"] == list("0123456789")
    assert (len(data.train), len(data.valid)) == (160, 40)
    assert set(np.bincount(data.valid.targets)) == {4}
    assert data.train.canvases([0, 5]).shape == (2, 28, 28, 1)


@pytest.mark.slow
def test_real_photos(shared_data: Callable[[str], Path]) -> None:
    data = from_folder(shared_data("clothing"), size=16)
    assert (len(data.train), len(data.valid), len(data.problems)) == (600, 170, 0)
    assert len(data.target.to_json()["labels"]) == 10


# From a table.


def test_a_table_keeps_its_columns(files: list[str], tmp_path: Path) -> None:
    names = [str(Path(file).relative_to(tmp_path)) for file in files]
    frame = pl.DataFrame({"site": ["x", "y"] * 10, "photo": names, "kind": ["007"] * 10 + ["7"] * 10})
    frame.write_csv(tmp_path / "t.csv")
    data = from_csv(tmp_path / "t.csv", input="photo", target="kind", size=16, valid=0.4, seed=1)
    assert data.items.columns == ["site", "photo", "kind", "row", "content", "split"]
    assert data.items["photo"].to_list() == files
    assert data.target == Category("kind", labels=("007", "7"))
    assert data.split == RandomSplit(0.4, seed=1)
    fields = {"input": Image("photo", size=8), "target": Category("kind", labels=("7", "007"))}
    named = from_csv(tmp_path / "t.csv", **fields, split=GroupSplit("site", valid=0.5))
    assert named.target == fields["target"]
    assert set(named.valid.items["site"]) < {"x", "y"}
    assert len(named.valid) == 10


def test_a_table_with_files_in_it(files: list[str], tmp_path: Path) -> None:
    frame = pl.DataFrame({"image": [Path(file).read_bytes() for file in files], "label": LABELS})
    frame.write_parquet(tmp_path / "t.parquet")
    data = from_csv(tmp_path / "t.parquet", input="image", target="label", size=8)
    assert len(data.items) == 20


FORMS: dict[str, Callable[[list[str]], Any]] = {
    "paths": lambda files: [Path(file) for file in files],
    "paths and text": lambda files: [Path(file) if i % 2 else file for i, file in enumerate(files)],
    "bytes": lambda files: [Path(file).read_bytes() for file in files],
    "arrays": lambda files: [np.asarray(PILImage.open(file)) for file in files],
    "images": lambda files: [PILImage.open(file) for file in files],
    "pandas": lambda files: pd.Series(files, index=range(100, 120)),
    "pandas paths": lambda files: pd.Series([Path(file) for file in files], index=range(100, 120)),
    "polars": lambda files: pl.Series(files),
}


@pytest.mark.parametrize("form", FORMS)
def test_items_of_every_form_give_the_same_pixels(files: list[str], form: str) -> None:
    expected = made({"file": files, "label": LABELS})
    values = FORMS[form](files)
    items: Any = {"file": values, "label": LABELS}
    if not isinstance(values, list):
        items = (pl if form == "polars" else pd).DataFrame(items)
    data = made(items)
    assert data.items["row"].to_list() == list(range(20))
    np.testing.assert_array_equal(data.store.canvases, expected.store.canvases)
    for one, two in ((data.train, expected.train), (data.valid, expected.valid)):
        # Pixels in memory have other hashes than files, and so another split.
        assert one.rows.tolist() == two.rows.tolist() or form in ("arrays", "images")
        np.testing.assert_array_equal(one.canvases(range(len(one))), expected.store.canvases[one.rows])
        assert one.targets.tolist() == [int(row >= 10) for row in one.rows]
    if form not in ("bytes", "arrays", "images"):
        assert data.items["file"].to_list() == files


def test_what_is_given_is_not_changed(files: list[str]) -> None:
    as_dict = {"file": list(files), "label": list(LABELS)}
    as_pandas, as_polars = pd.DataFrame(as_dict), pl.DataFrame(as_dict)
    for items in (as_dict, as_pandas, as_polars):
        made(items)
    assert as_dict == {"file": files, "label": LABELS}
    assert as_pandas.equals(pd.DataFrame(as_dict))
    assert as_polars.equals(pl.DataFrame(as_dict))


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series([*LABELS[:-1], None]),
        pd.Series([*LABELS[:-1], float("nan")], dtype=object),
        pd.Series([*LABELS[:-1], pd.NA], dtype="string"),
        pd.Series(pd.Categorical([*LABELS[:-1], None])),
        pd.Series([0] * 10 + [1] * 9 + [None]),
        pd.array([0] * 10 + [1] * 9 + [None], dtype="Int64"),
        pl.Series([*LABELS[:-1], None]),
        pl.Series([0.0] * 10 + [1.0] * 9 + [float("nan")]),
    ],
)
def test_a_missing_label_is_left_out_however_it_is_written(files: list[str], labels: Any) -> None:
    frame = pl.DataFrame if isinstance(labels, pl.Series) else pd.DataFrame
    data = made(frame({"file": files, "label": labels}))
    assert len(data.items) == 19
    assert len(data.target.to_json()["labels"]) == 2
    assert data.problems.rows() == [(19, files[19], "no value in column 'label'")]


def test_missing_values_of_other_columns_become_gaps(files: list[str]) -> None:
    times = [*pd.date_range("2020-01-01", periods=19), pd.NaT]
    frame = pd.DataFrame({"file": files, "label": LABELS, "time": times, "site": [*range(19), None]})
    data = made(frame)
    assert data.items["time"].null_count() == 1
    assert data.items["site"].null_count() == 1
    assert data.items["time"].dtype == pl.Datetime
    with pytest.raises(DataError, match="needs a time"):
        made(frame, split=TimeSplit("time"))
    with pytest.raises(DataError, match="needs a group"):
        made(pl.DataFrame({"file": files, "label": LABELS, "g": [float("nan")] + [1.0] * 19}), split=GroupSplit("g"))


def test_labels_that_are_no_text(files: list[str]) -> None:
    data = made({"file": files, "label": [True] * 10 + [False] * 10})
    assert data.target.to_json()["labels"] == ["false", "true"]
    assert re.search(r"false +8 +2\ntrue +8 +2\n", data.summary())
    with pytest.raises(DataError, match=r"'true' has 3 \(rows \[17, 18, 19\]\)"):
        made({"file": files, "label": [False] * 17 + [True] * 3})


# What is wrong with the data.


def test_what_cannot_be_read_is_left_out_and_listed(files: list[str]) -> None:
    Path(files[3]).write_text("no image")
    data = made({"file": files, "label": LABELS})
    assert data.problems.columns == ["row", "file", "reason"]
    assert data.problems.rows() == [(3, files[3], "not an image that Pillow can read")]
    assert data.items["row"].to_list() == [row for row in range(20) if row != 3]
    for part in (data.train, data.valid):
        for row, canvas in zip(part.rows, part.canvases(range(len(part))), strict=True):
            np.testing.assert_array_equal(canvas, READER.canvas(files[row]))
    assert data.summary().endswith("left out: 1, such as: not an image that Pillow can read")


def test_more_than_one_in_twenty_is_too_many(files: list[str]) -> None:
    for file in files[:2]:
        Path(file).write_bytes(b"")
    with pytest.raises(DataError, match="2 of 20 items cannot be read"):
        made({"file": files, "label": LABELS})


def test_missing_labels_do_not_count_as_unreadable(files: list[str]) -> None:
    Path(files[9]).write_bytes(b"")
    data = made({"file": files, "label": [None, None, None, *LABELS[3:]]})
    assert data.problems["reason"].to_list() == ["no value in column 'label'"] * 3 + ["empty: 0 bytes"]
    assert len(data.items) == 16


def test_a_gap_in_the_input_is_a_problem(files: list[str]) -> None:
    data = made({"file": [*files[:19], None], "label": LABELS})
    assert data.problems.rows() == [(19, "<NoneType>", "no value")]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([None] * 20, "no row has a label"),
        ([float("nan")] * 20, "no row has a label"),
        (["cat"] * 20, "at least two classes"),
        (["cat"] * 10 + [None] * 10, "at least two classes"),
        (["cat"] * 17 + ["dog"] * 3, r"'dog' has 3 \(rows \[17, 18, 19\]\)"),
        (["cat"] * 16 + ["dog"] * 3 + [None], r"'dog' has 3 \(rows \[16, 17, 18\]\)"),
        (["a"] * 3 + ["b"] * 2 + ["c"] * 15, "'a' has 3, 'b' has 2"),
    ],
)
def test_labels_that_cannot_be_learned_are_errors(files: list[str], labels: list[Any], text: str) -> None:
    with pytest.raises(DataError, match=text):
        made({"file": files, "label": labels})


def test_four_of_a_class_are_enough_but_must_be_readable(files: list[str]) -> None:
    labels = ["cat"] * 16 + ["dog"] * 4
    assert Counter(made({"file": files, "label": labels}).valid.items["label"]) == {"cat": 3, "dog": 1}
    Path(files[17]).write_bytes(b"")
    with pytest.raises(DataError, match=r"'dog' has 3 \(rows \[16, 18, 19\]\)"):
        made({"file": files, "label": labels})


def test_a_class_that_is_missing_on_a_side_is_an_error(files: list[str]) -> None:
    parts = ["train"] * 8 + ["valid"] * 2 + ["train"] * 10
    with pytest.raises(DataError, match=r"Given: no item of 'dog' in valid\n"):
        Learner(made({"file": files, "label": LABELS, "side": parts}, split=ColumnSplit("side")))
    with pytest.raises(DataError, match="no item of 'dog' in train; no item of 'cat' in valid"):
        Learner(made({"file": files, "label": LABELS, "time": list(range(20))}, split=TimeSplit("time", valid=0.5)))


def test_copies_of_one_photo_cannot_be_on_both_sides(files: list[str]) -> None:
    for file in files[11:]:
        Path(file).write_bytes(Path(files[10]).read_bytes())
    with pytest.raises(DataError, match="no item of 'dog' in"):
        Learner(made({"file": files, "label": LABELS}))


def test_copies_across_given_parts_are_left_out_of_train(files: list[str]) -> None:
    Path(files[9]).write_bytes(Path(files[0]).read_bytes())
    parts = (["train"] * 7 + ["valid"] * 3) * 2
    data = made({"file": files, "label": LABELS, "side": parts}, split=ColumnSplit("side"))
    assert data.problems.rows() == [(0, files[0], "identical to an item on another side of the split")]
    assert 9 in data.valid.rows
    assert len(data.train) == 13


def test_labels_named_by_the_user_are_kept_or_refused_at_once(files: list[str]) -> None:
    named = Category("label", labels=("dog", "fox", "cat"))
    data = made({"file": files, "label": LABELS}, target=named)
    assert data.target is named
    assert set(data.train.targets) == {0, 2}
    assert re.search(r"fox +0 +0\n", data.summary())
    with pytest.raises(DataError, match="not among the model's classes"):
        made({"file": files, "label": LABELS}, target=Category("label", labels=("dog", "fox")))


@pytest.mark.parametrize("name", ["row", "content"])
def test_columns_that_headway_makes_are_refused(files: list[str], name: str) -> None:
    with pytest.raises(DataError, match="made by Headway"):
        made({"file": files, "label": LABELS, name: LABELS})


def test_a_missing_column_is_an_error(files: list[str]) -> None:
    with pytest.raises(DataError, match="The table has no column 'photo'"):
        made({"file": files, "label": LABELS}, input=Image("photo"))
    with pytest.raises(DataError, match="The table has no column 'kind'"):
        made({"file": files, "label": LABELS}, target=Category("kind"))


def test_no_rows_are_an_error() -> None:
    with pytest.raises(DataError, match="The table has no rows"):
        made({"file": [], "label": []})


# The data set itself.


def test_parts_are_rows_of_the_table(files: list[str]) -> None:
    data = made({"file": files, "label": LABELS})
    rows = np.concatenate([data.train.rows, data.valid.rows])
    assert sorted(rows) == list(range(20))
    assert data.train.rows.dtype == np.int64
    assert data.train.targets.dtype == np.int64
    assert data.part("train").items.equals(data.train.items)
    with pytest.raises(ConfigError, match="dev"):
        data.part("dev")  # type: ignore[arg-type]


def test_the_fingerprint_tells_data_apart(files: list[str]) -> None:
    first = made({"file": files, "label": LABELS})
    assert made({"file": files, "label": LABELS}).fingerprint == first.fingerprint
    assert re.fullmatch("[0-9a-f]{64}", first.fingerprint)
    others = [
        made({"file": files, "label": ["dog", *LABELS[1:]]}),
        made({"file": files, "label": LABELS}, split=RandomSplit(seed=1)),
        made({"file": files[:19], "label": LABELS[:19]}),
        made({"file": files[::-1], "label": LABELS[::-1]}),
    ]
    data = bytearray(Path(files[0]).read_bytes())
    Path(files[0]).write_bytes(bytes(data) + b"!")
    others.append(made({"file": files, "label": LABELS}))
    assert len({each.fingerprint for each in (first, *others)}) == 6


def test_the_fingerprint_is_not_of_names(files: list[str], tmp_path: Path) -> None:
    first = made({"file": files, "label": LABELS}).fingerprint
    moved = [str(tmp_path / f"moved{i}.png") for i in range(20)]
    for old, new in zip(files, moved, strict=True):
        Path(old).rename(new)
    assert made({"file": moved, "label": LABELS, "other": LABELS}).fingerprint == first


def test_the_summary_counts(files: list[str]) -> None:
    data = made({"file": files, "label": ["a long name"] * 12 + ["dog"] * 8}, split=RandomSplit(0.25, test=0.25))
    assert data.summary().splitlines() == [
        "20 items, 2 classes; split: random, stratified by class, 25% valid, 25% test, seed 0",
        "class         train   valid    test",
        "a long name       6       3       3",
        "dog               4       2       2",
        "all              10       5       5",
        "in:  pictures of 'file', 8 x 8 pixels, in colour",
    ]
    assert repr(data).startswith("Data(10 train, 5 valid, 5 test; Image(column='file'")


def test_json_says_what_the_data_are(files: list[str]) -> None:
    Path(files[0]).write_bytes(b"")
    data = made({"file": files, "label": LABELS})
    assert data.to_json() == {
        "items": 19,
        "parts": {"train": 15, "valid": 4},
        "split": "random, stratified by class, 20% valid, seed 0",
        "left_out": 1,
        "fingerprint": data.fingerprint,
        "input": READER.to_json(),
        "target": {"kind": "category", "column": "label", "labels": ["cat", "dog"], "missing": list(MISSING)},
    }


@pytest.mark.parametrize(("n", "shown"), [(1, 1), (4, 4), (9, 9), (100, 16)])
def test_show_draws_training_items_with_their_labels(files: list[str], n: int, shown: int) -> None:
    data = made({"file": files, "label": LABELS})
    figure = data.show(n)
    assert len(figure.axes) == shown
    pictures = {axes.images[0].get_array().tobytes(): axes.get_title() for axes in figure.axes}
    assert len(pictures) == shown
    known = {READER.read(files[row]).tobytes(): LABELS[row] for row in data.train.rows}
    assert pictures.items() <= known.items()


@pytest.mark.slow
def test_show_draws_any_label_and_grey(files: list[str]) -> None:
    labels = [r"$\broken$", "a_b^{", "<b>&"] * 4 + ["$5 and $6"] * 8
    data = made({"file": files, "label": labels}, input=Image("file", size=8, channels=1))
    figure = data.show(20)
    figure.savefig(io.BytesIO(), format="png", dpi=20)
    with pytest.raises(ConfigError, match="n=0"):
        data.show(0)
