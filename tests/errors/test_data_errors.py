"""The whole text of every error of the fields, the data, the augmentation and the seeds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headway.data.build import from_csv, from_folder, from_items
from headway.data.dataset import Data
from headway.data.loader import Loader
from headway.data.sources import list_folder
from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, Split, TimeSplit
from headway.data.tables import read_table
from headway.errors import BundleError, ConfigError, DataError, HeadwayError
from headway.inputs.image.augment import Augment
from headway.inputs.image.field import Image
from headway.inputs.registry import input_from_json
from headway.learner.learner import Learner
from headway.seeds import generator, torch_seed
from headway.targets.category.field import Category
from headway.targets.points.field import Points
from headway.targets.registry import target_from_json

PhotoFolder = Callable[..., Path]

READER = Image("file", size=8)
LABELS = ["cat"] * 10 + ["dog"] * 10


def text(what: str, given: str, fix: str) -> str:
    return f"{what}\n  Given: {given}\n  Fix:   {fix}"


def refusal(kind: type[HeadwayError], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.fixture
def files(photo_folder: PhotoFolder) -> list[str]:
    root = photo_folder({"cat": 10, "dog": 10})
    return [str(file) for file in sorted(root.rglob("*.png"))]


def made(items: Any, **options: Any) -> Data:
    return from_items(items, **{"input": READER, "target": Category("label"), **options})


# Seeds and augmentation.


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seed(seed: int) -> None:
    expected = text("`seed` must lie between 0 and 2**64 - 1.", f"seed={seed}", "Pass one such as 0.")
    assert refusal(ConfigError, lambda: generator(seed, "order")) == expected
    assert refusal(ConfigError, lambda: torch_seed(seed, "init")) == expected


def test_augment() -> None:
    what = "An augmentation is out of its range."
    assert refusal(ConfigError, lambda: Augment(crop=0)) == text(what, "crop=0", "Allowed: crop from 0.001 to 1.")
    assert refusal(
        ConfigError, lambda: Augment(crop=2, stretch=0.5, rotate=-1, shift=0.6, warp=1, light=float("nan"))
    ) == text(
        what,
        "crop=2, stretch=0.5, rotate=-1, shift=0.6, warp=1, light=nan",
        "Allowed: crop from 0.001 to 1, stretch from 1 to 10, rotate from 0 to 180, shift from 0 to 0.5, "
        "warp from 0 to 0.5, light from 0 to 0.9.",
    )


# Fields.


def test_image_settings() -> None:
    fix = "Leave them out, or correct the call."
    assert refusal(ConfigError, lambda: Image("file", size=4)) == text(
        "`size` must lie between 8 and 2048 pixels.", "size=4, channels=3, squeeze=1.25, crop=1.0", fix
    )
    assert refusal(ConfigError, lambda: Image("file", size=5000, channels=4, squeeze=0.5, crop=0.1)) == text(
        "`size` must lie between 8 and 2048 pixels. `channels` must be 1 (grey) or 3 (colour). `crop` must lie between "
        "0.25 and 1. `squeeze` must lie between 1 and 100.",
        "size=5000, channels=4, squeeze=0.5, crop=0.1",
        fix,
    )


def test_category_labels() -> None:
    assert refusal(ConfigError, lambda: Category("label", labels=("a", "b", "a"))) == text(
        "`labels` must differ from one another.", "a, b, a", "Name each class once."
    )


def test_category_encode() -> None:
    what = "Column 'animal' has labels that are not among the model's classes."
    field = Category("animal", labels=("cat", "dog"))
    assert refusal(DataError, lambda: field.encode(["cat", "dgo", "zebra", "dgo"])) == text(
        what, "dgo, zebra", 'Correct or remove those rows. Did you mean "dog"?'
    )
    assert refusal(DataError, lambda: field.encode([f"{i:02}" for i in range(50)])) == text(
        what, "00, 01, 02, 03, 04, 05, 06, 07, 08, 09", "Correct or remove those rows. Known: cat, dog."
    )


def test_unknown_kinds_of_fields() -> None:
    what = "A field is of a kind that this version of Headway does not know."
    assert refusal(BundleError, lambda: input_from_json({"kind": "imago"})) == text(
        what, "kind='imago'", 'Upgrade Headway. Did you mean "image"?'
    )
    assert refusal(BundleError, lambda: target_from_json({})) == text(
        what, "kind=None", "Upgrade Headway. Known: categories, category, future, mask, next_token, number, points."
    )


# Sources.


def test_list_folder_without_a_folder(tmp_path: Path) -> None:
    what = "The data must be a folder of class folders, or a CSV or Parquet file."
    (tmp_path / "note.txt").write_text("")
    for name, found in (("note.txt", "a file"), ("none", "nothing is there")):
        path = tmp_path / name
        assert refusal(DataError, lambda path=path: list_folder(path)) == text(
            what, f"{path} ({found})", "Correct the path."
        )


def test_list_folder_without_class_folders(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_text("")
    (tmp_path / ".hidden").mkdir()
    assert refusal(DataError, lambda: list_folder(tmp_path)) == text(
        "There are no class folders: each class's files belong in a folder named after the class.",
        f"{tmp_path} with 2 files and no folders of files",
        "Make one folder a class, such as photos/cat/ and photos/dog/, or give a CSV with --input and --target.",
    )


def test_list_folder_with_an_empty_class(tmp_path: Path) -> None:
    for name in ("train/cat", "train/dog", "valid/cat"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "train" / "cat" / "1.png").write_text("")
    assert refusal(DataError, lambda: list_folder(tmp_path)) == text(
        "A class folder has no files in it.", os.path.join("train", "dog"), "Put files in it, or remove it."
    )


def test_list_folder_with_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    try:
        for number in range(7):
            (tmp_path / "cat" / os.fsdecode(b"caf\xe9%d.png" % number)).write_text("")
    except OSError:
        pytest.skip("this file system has no such names")
    shown = ", ".join(rf"'{tmp_path}/cat/caf\udce9{number}.png'" for number in range(5))
    assert refusal(DataError, lambda: list_folder(tmp_path)) == text(
        "7 files have names that are not text (UTF-8).", shown, "Rename those files, or their folders."
    )


def test_read_table_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, found in (("folder.csv", "a folder, not a file"), ("none.csv", "no such file")):
        path = tmp_path / name
        assert refusal(DataError, lambda path=path: read_table(path, input="f", target="y")) == text(
            "The table cannot be read.", f"{path} ({found})", "Give a CSV, TSV or Parquet file."
        )


def test_read_table_that_polars_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What polars says changes with its versions: the first line of it is shown, or its kind.
    path = tmp_path / "t.csv"
    path.write_text("f,y\n")
    for message, shown in (("first line\n\nmuch more\nadvice", "first line"), ("  ", "ComputeError")):

        def fail(*_: object, message: str = message, **__: object) -> None:
            raise pl.exceptions.ComputeError(message)

        monkeypatch.setattr(pl, "read_csv", fail)
        assert refusal(DataError, lambda: read_table(path, input="f", target="y")) == text(
            "The table cannot be read.", f"{path} ({shown})", "Give a CSV, TSV or Parquet file."
        )


def test_read_table_without_a_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("photo,species,site\n1.png,a,x\n")
    assert refusal(DataError, lambda: read_table(path, input="photos", target="species")) == text(
        "The table has no column for the input.",
        "input='photos', columns: photo, species, site",
        'Name one of its columns. Did you mean "photo"?',
    )
    assert refusal(DataError, lambda: read_table(path, input="photo", target="label")) == text(
        "The table has no column for the target.",
        "target='label', columns: photo, species, site",
        "Name one of its columns. Known: photo, site, species.",
    )


# Splits.


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (lambda: RandomSplit(3), "valid=3, test=0.0"),
        (lambda: RandomSplit(0.5, test=0.5), "valid=0.5, test=0.5"),
        (lambda: GroupSplit("g", 0), "valid=0, test=0.0"),
        (lambda: TimeSplit("t", 0.2, test=-0.1), "valid=0.2, test=-0.1"),
        (lambda: ColumnSplit("s", valid=1), "valid=1, test=0.0"),
    ],
)
def test_shares(make: Callable[[], Split], given: str) -> None:
    assert refusal(ConfigError, make) == text(
        "`valid` must lie above 0, `test` at or above 0, and both together below 1.",
        given,
        "Pass shares of the items, such as valid=0.2.",
    )


def assign(split: Split, **columns: Any) -> Callable[[], object]:
    size = len(next(iter(columns.values())))
    items = pl.DataFrame({"y": ["a"] * size, "content": [f"h{i}" for i in range(size)], **columns})
    return lambda: split.assign(items, target="y")


@pytest.mark.parametrize(
    ("split", "name"),
    [(GroupSplit("sit"), "GroupSplit"), (TimeSplit("sit"), "TimeSplit"), (ColumnSplit("sit"), "ColumnSplit")],
)
def test_split_column_that_is_not_there(split: Split, name: str) -> None:
    assert refusal(DataError, assign(split, site=[1, 2])) == text(
        f"{name} needs a column that the item table does not have.",
        "column='sit', columns: y, site",
        'Did you mean "site"?',
    )


def test_split_column_that_is_like_none_names_those_of_the_table() -> None:
    table = pl.DataFrame({"size": [1.0, 1.5, 2.0, 2.0] * 10, "kind": ["a", "b"] * 20})
    assert refusal(DataError, lambda: from_items(table, target="kind", split=GroupSplit("patient"))) == text(
        "GroupSplit needs a column that the item table does not have.",
        "column='patient', columns: size, kind",
        "Known: kind, size.",
    )


def test_group_split_with_gaps() -> None:
    columns = {"row": [3, *range(10, 19)], "site": [None] * 7 + [1, 2, 3]}
    assert refusal(DataError, assign(GroupSplit("site"), **columns)) == text(
        "Every row needs a group, but column 'site' has gaps.",
        "7 rows without one, the first: [3, 10, 11, 12, 13]",
        "Fill the column, or remove those rows.",
    )


@pytest.mark.parametrize(("test", "needed"), [(0.0, 2), (0.1, 3)])
def test_group_split_with_too_few_groups(test: float, needed: int) -> None:
    groups = [f"s{i % (needed - 1)}" for i in range(8)]
    assert refusal(DataError, assign(GroupSplit("site", test=test), site=groups)) == text(
        "There are too few groups to keep them whole and have every part.",
        f"{needed - 1} separate groups in column 'site'",
        f"At least {needed} are needed (groups that share an identical item count as one).",
    )


def test_time_split() -> None:
    assert refusal(DataError, assign(TimeSplit("year"), year=[2020, None, 2022, None])) == text(
        "Every row needs a time.", "2 rows without a value in column 'year'", "Fill the column, or remove them."
    )
    assert refusal(DataError, assign(TimeSplit("year", test=0.2), year=[2020, 2020, 2021])) == text(
        "There are too few moments to split by.", "column 'year' with 2 different values", "Use RandomSplit."
    )


def test_column_split() -> None:
    parts = ["train", "dev", None, "valid", *(f"part {i:02}" for i in range(20))]
    assert refusal(DataError, assign(ColumnSplit("side"), side=parts)) == text(
        'Column \'side\' must say "train", "valid" or "test" in every row.',
        "None, dev, part 00, part 01, part 02, part 03, part 04, part 05, part 06, part 07",
        "Correct the column, or name another.",
    )


# The data set.


def test_columns_that_headway_makes(files: list[str]) -> None:
    assert refusal(DataError, lambda: made({"file": files, "label": LABELS, "row": LABELS, "content": LABELS})) == text(
        'The columns "row" and "content" are made by Headway.', "content, row", "Rename yours."
    )


def test_columns_that_are_not_there(files: list[str]) -> None:
    items = {"file": files, "label": LABELS}
    assert refusal(DataError, lambda: made(items, input=Image("files"))) == text(
        "The table has no column 'files', which the model reads.", "columns: file, label", 'Did you mean "file"?'
    )
    assert refusal(DataError, lambda: made(items, target=Category("kind"))) == text(
        "The table has no column 'kind', which the target needs.", "columns: file, label", "Known: file, label."
    )


def test_several_columns_that_are_not_there(files: list[str]) -> None:
    eyes = Points(columns=["x", "y"])
    assert refusal(DataError, lambda: made({"file": files, "label": LABELS}, target=eyes)) == text(
        "The table has no columns 'x', 'y', which the target needs.", "columns: file, label", "Known: file, label."
    )


def test_no_rows() -> None:
    assert refusal(DataError, lambda: made({"file": [], "label": []})) == text(
        "The table has no rows.",
        "columns: file, label",
        "Give a table with at least one row below the names of its columns.",
    )


def test_no_labels(files: list[str]) -> None:
    assert refusal(DataError, lambda: made({"file": files, "label": [None] * 20})) == text(
        "There is nothing to learn from: no row has a label.",
        "20 rows, column 'label' empty in all of them",
        "Name the column that holds the labels.",
    )


@pytest.mark.parametrize("number", [2, 5, 6])
def test_too_many_unreadable_items(files: list[str], number: int) -> None:
    for file in files[:number]:
        Path(file).write_bytes(b"")
    shown = "; ".join(f"{file}: empty: 0 bytes" for file in files[: min(number, 5)])
    assert refusal(DataError, lambda: made({"file": files, "label": LABELS})) == text(
        f"{number} of 20 items cannot be read; more than 5% is too many to go on without them.",
        shown + (" ..." if number > 5 else ""),
        "Repair or remove those files, or correct the paths.",
    )


def test_addresses_on_the_web_are_shown_as_they_were_written(tmp_path: Path) -> None:
    lines = [f"nowhere://x.org/{number}.jpg,{label}" for number, label in enumerate(LABELS)]
    (tmp_path / "t.csv").write_text("\n".join(["file,label", *lines]))
    assert refusal(DataError, lambda: from_csv(tmp_path / "t.csv", input="file", target="label")) == text(
        "20 of 20 items cannot be read; more than 5% is too many to go on without them.",
        "; ".join(
            f'nowhere://x.org/{number}.jpg: protocol not known: nowhere (pip install "headway[remote]")'
            for number in range(5)
        )
        + " ...",
        "Check the addresses and the network, or download the files first and name them by their paths.",
    )


def test_one_class(files: list[str]) -> None:
    assert refusal(DataError, lambda: made({"file": files, "label": ["it's"] * 20})) == text(
        "The target needs at least two classes.",
        'every item has the label "it\'s"',
        "Add items of another class.",
    )


def test_too_few_items_of_a_class(files: list[str]) -> None:
    labels = ["a"] + ["b"] * 3 + ["c"] * 16
    assert refusal(DataError, lambda: made({"file": files, "label": labels})) == text(
        "Every class needs at least 4 readable items.",
        "'a' has 1, 'b' has 3 (rows [0, 1, 2, 3])",
        "Add items to those classes, join them with others, or remove them.",
    )
    everyone = ", ".join(f"'{i:02}' has 1" for i in range(10))
    assert refusal(DataError, lambda: made({"file": files, "label": [f"{i:02}" for i in range(20)]})) == text(
        "Every class needs at least 4 readable items.",
        f"{everyone} (rows {list(range(10))})",
        "Add items to those classes, join them with others, or remove them. For numbers: --kind number (hw.Number).",
    )
    labels = ["a"] + ["b"] * 9 + ["c"] * 10
    assert refusal(DataError, lambda: Learner(made({"file": files, "label": labels}))) == text(
        "Every class needs at least 4 readable items.",
        "'a' has 1 (rows [0])",
        "Add items to those classes, join them with others, or remove them.",
    )
    few = ["disc", "disc,warm", *["ring"] * 18]
    assert refusal(DataError, lambda: made({"file": files, "label": few})) == text(
        "Every class needs at least 4 readable items.",
        "'disc' has 1, 'disc,warm' has 1 (rows [0, 1])",
        "Add items to those classes, join them with others, or remove them. For several labels an item, as in "
        "'disc,warm': --kind categories (hw.Categories).",
    )


def test_classes_that_are_missing_on_a_side(files: list[str]) -> None:
    items = {"file": files, "label": LABELS, "time": list(range(20))}
    assert refusal(DataError, lambda: Learner(made(items, split=TimeSplit("time", valid=0.5)))) == text(
        "Every class must be in train and in valid, or it can be neither learned nor judged.",
        "no item of 'dog' in train; no item of 'cat' in valid",
        "Add items, or split in another way (RandomSplit keeps every class on both sides).",
    )


def test_labels_that_the_user_did_not_name(files: list[str]) -> None:
    assert refusal(
        DataError, lambda: made({"file": files, "label": LABELS}, target=Category("label", labels=("cat", "do")))
    ) == text(
        "Column 'label' has labels that are not among the model's classes.",
        "dog",
        'Correct or remove those rows. Did you mean "do"?',
    )


def test_parts_loaders_and_pictures(files: list[str]) -> None:
    data = made({"file": files, "label": LABELS})
    assert refusal(ConfigError, lambda: data.part("vaild")) == text(  # type: ignore[arg-type]
        "Unknown part of the data.", "'vaild'", 'Did you mean "valid"?'
    )
    assert refusal(ConfigError, lambda: Loader(data.train, 0)) == text(
        "There are no batches to read.", "batch_size=0, 16 items in 'train'", "Correct the call."
    )
    assert refusal(ConfigError, lambda: Loader(data.test, 8)) == text(
        "There are no batches to read.", "batch_size=8, 0 items in 'test'", "Correct the call."
    )
    assert refusal(ConfigError, lambda: data.show(0)) == text(
        "`n` must be at least 1.", "n=0", "Leave it out for nine."
    )


def test_a_folder_one_level_too_high(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "1.png").touch()
    with pytest.raises(DataError) as caught:
        from_folder(tmp_path)
    assert str(caught.value) == (
        "There is a single class folder, and it has several folders in it, which may be the classes.\n"
        f"  Given: {tmp_path} with data/, in which are cat, dog\n"
        f"  Fix:   Name the folder of the classes itself: {tmp_path}/data"
    )


def test_parts_without_class_folders(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("test", 2)):
        (tmp_path / part).mkdir()
        for number in range(count):
            (tmp_path / part / f"{number}.png").touch()
    with pytest.raises(DataError) as caught:
        from_folder(tmp_path)
    assert str(caught.value) == (
        "There are no class folders: each class's files belong in a folder named after the class.\n"
        f"  Given: {tmp_path} with 0 files and test/ with 2 files, train/ with 3 files, without folders in them\n"
        "  Fix:   Make one folder a class, such as photos/train/cat/ and photos/train/dog/, or give a CSV with --input "
        "and --target."
    )


def test_files_beside_the_pictures_do_not_stop_a_run(photo_folder: Callable[..., Path]) -> None:
    folder = photo_folder({"cat": 12, "dog": 12})
    for file in sorted(folder.rglob("*.png")):
        file.with_suffix(".xml").write_text("<boxes/>")
    (folder / "cat" / "notes.TXT").write_text("a note")
    data = from_folder(folder, input=Image("file", size=16))
    assert len(data.items) == 24
    assert set(data.problems["reason"]) == {"a .xml file, no picture", "a .TXT file, no picture"}
    # Where there is nothing else, they are what cannot be read.
    for file in folder.rglob("*.png"):
        file.unlink()
    with pytest.raises(DataError, match=r"^25 of 25 items cannot be read"):
        from_folder(folder, input=Image("file", size=16))
