from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data.restore import moved, reopen
from headway.data.splits import RecordedSplit
from headway.errors import DataError

PhotoFolder = Callable[..., Path]
READER = hw.Image("file", size=16)


def again(data: hw.Data, **options: Any) -> hw.Data:
    """As a run does: through files."""
    problems = pl.read_csv(data.problems.write_csv().encode()) if len(data.problems) else pl.DataFrame()
    items = data.items.select(pl.exclude(pl.Object))
    options = {"unlabelled": data.unlabelled.select(pl.exclude(pl.Object)), **options}
    return reopen(items, problems, input=data.input, target=data.target, split=data.split.describe(), **options)


@pytest.fixture
def photos(photo_folder: PhotoFolder) -> Path:
    root = photo_folder({"cat": 30, "dog": 30})
    (root / "cat" / "broken.png").write_bytes(b"no photo")
    (root / "dog" / "007").write_bytes(b"no photo")
    shutil.copy(root / "cat" / "000.png", root / "cat" / "copy.png")
    return root


def test_the_same_data(photos: Path) -> None:
    data = hw.from_folder(photos, input=READER, seed=5)
    found = again(data)
    assert found.fingerprint == data.fingerprint
    assert found.items.equals(data.items)
    assert found.problems["reason"].to_list() == data.problems["reason"].to_list()
    assert found.target == data.target
    assert found.split.describe() == data.split.describe()
    assert found.split.assign(found.items, target="label") == data.items["split"].to_list()
    for part in ("train", "valid"):
        ours, theirs = data.part(part), found.part(part)
        assert np.array_equal(ours.rows, theirs.rows)
        assert np.array_equal(ours.targets, theirs.targets)
        assert np.array_equal(ours.canvases(range(len(ours))), theirs.canvases(range(len(theirs))))


def test_the_kept_photos_are_found_again(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items in the source's order, the unreadable ones included, have the key that they had: nothing is decoded."""
    data = hw.from_folder(photos, input=READER)
    monkeypatch.setattr("headway.data.store._fill", None)
    assert again(data).fingerprint == data.fingerprint


def test_a_column_of_parts(photos: Path, tmp_path: Path) -> None:
    files = sorted(str(file) for file in photos.rglob("0*.png"))
    parts = [("train", "train", "valid", "test")[number % 4] for number in range(len(files))]
    frame = pl.DataFrame({"file": files, "label": [Path(file).parent.name for file in files], "side": parts})
    data = hw.from_items(frame, input=READER, target=hw.Category("label"), split=hw.ColumnSplit("side"))
    found = again(data)
    assert found.parts == data.parts
    assert found.fingerprint == data.fingerprint
    assert found.items.columns == data.items.columns


@pytest.mark.parametrize("missing", [0, 5, 59])
def test_rows_without_a_value_or_a_label(photos: Path, missing: int) -> None:
    files: list[str | None] = sorted(str(file) for file in photos.rglob("0*.png"))
    labels: list[str | None] = ["a", "b"] * 30
    for column in (files, labels):
        given = [None if number == missing else value for number, value in enumerate(column)]
        columns = {"file": given if column is files else files, "label": given if column is labels else labels}
        data = hw.from_items(columns, input=READER, target=hw.Category("label"))
        assert len(data.items) == 59
        assert again(data).fingerprint == data.fingerprint


def test_changed_files_are_named(photos: Path) -> None:
    data = hw.from_folder(photos, input=READER)
    (photos / "cat" / "002.png").write_bytes((photos / "dog" / "003.png").read_bytes())
    (photos / "dog" / "004.png").unlink()
    (photos / "dog" / "005.png").write_bytes(b"damaged")
    with pytest.raises(DataError) as caught:
        again(data)
    assert str(caught.value) == (
        "3 of the run's 61 items have changed since it began, so it would not end the same.\n"
        f"  Given: {photos}/cat/002.png (other bytes), {photos}/dog/004.png (no such file), "
        f"{photos}/dog/005.png (not an image that Pillow can read)\n"
        "  Fix:   Put them back; if they have moved, pass --data FOLDER (data=); to take them as they are now, "
        "--accept-changes (accept_changes=True)."
    )


def test_many_changes_are_counted(photos: Path) -> None:
    data = hw.from_folder(photos, input=READER)
    for number in range(12):
        (photos / "cat" / f"{number:03d}.png").unlink()
    with pytest.raises(DataError) as caught:
        again(data)
    given = str(caught.value).splitlines()[1]
    assert given.count("no such file") == 8
    assert given.endswith(", and 4 more")


def test_accepted_changes(photos: Path) -> None:
    data = hw.from_folder(photos, input=READER)
    edited, gone = photos / "cat" / "002.png", photos / "dog" / "004.png"
    edited.write_bytes((photos / "dog" / "003.png").read_bytes())
    gone.unlink()
    found = again(data, accept_changes=True)
    assert found.fingerprint != data.fingerprint
    kept = data.items.filter(pl.col("file") != str(gone))
    assert found.items.drop("content").equals(kept.drop("content"))
    changed = kept["file"].to_numpy()[kept["content"].to_numpy() != found.items["content"].to_numpy()]
    assert changed.tolist() == [str(edited)]


def test_too_many_that_are_gone_are_not_accepted(photos: Path) -> None:
    data = hw.from_folder(photos, input=READER)
    photos.rename(photos.with_name("elsewhere"))
    with pytest.raises(DataError) as caught:
        again(data, accept_changes=True)
    lines = str(caught.value).splitlines()
    assert lines[0] == "61 of the run's 61 items cannot be read any more; without so many it cannot go on."
    assert lines[2] == "  Fix:   Put them back; if they have moved, pass --data FOLDER (data=)."


@pytest.mark.parametrize("depth", ["", "old/", "much/deeper/photos"])
def test_files_that_have_moved_are_the_same(photos: Path, depth: str) -> None:
    data = hw.from_folder(photos, input=READER)
    new = photos.with_name("new") / depth
    new.parent.mkdir(parents=True, exist_ok=True)
    photos.rename(new)
    top = new.parent if new.name == photos.name else new
    items, problems = (moved(frame, ["file"], top) for frame in (data.items, data.problems))
    found = reopen(items, problems, input=data.input, target=data.target, split="as it was")
    assert found.fingerprint == data.fingerprint
    assert all(Path(file).is_relative_to(new) for file in found.items["file"])


def test_a_table_stands_for_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    frame = pl.DataFrame({"file": ["/gone/a.jpg", "/gone/b.jpg", None]})
    new = moved(frame, ["file"], tmp_path / "items.csv")
    assert new["file"].to_list() == [f"{tmp_path}/a.jpg", f"{tmp_path}/b.jpg", None]


def test_a_folder_without_the_files(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        moved(pl.DataFrame({"file": ["/gone/a.jpg", "/gone/b.jpg"]}), ["file"], tmp_path)
    assert str(caught.value) == (
        "The run's files are not in that folder.\n"
        f"  Given: {tmp_path}, and below it no a.jpg, b.jpg ...\n"
        "  Fix:   Name the folder that holds the same files, in folders of the same names."
    )


def test_touched_files_are_the_same(photos: Path) -> None:
    """Only bytes count: a copy of the folder in its place has other times."""
    data = hw.from_folder(photos, input=READER)
    for file in photos.rglob("*.png"):
        os.utime(file, (1, 1))
    assert again(data).fingerprint == data.fingerprint


def test_new_files_and_folders_are_not_looked_at(photos: Path) -> None:
    data = hw.from_folder(photos, input=READER)
    (photos / "bird").mkdir()
    shutil.copy(photos / "cat" / "001.png", photos / "bird" / "001.png")
    shutil.copy(photos / "cat" / "001.png", photos / "cat" / "new.png")
    assert again(data).fingerprint == data.fingerprint


def test_bytes_are_kept_in_the_table_and_arrays_are_not(photos: Path) -> None:
    files = sorted(photos.rglob("0*.png"))
    labels = ["a", "b"] * 30
    stored: dict[str, Any] = {"file": [file.read_bytes() for file in files], "label": labels}
    data = hw.from_items(stored, input=READER, target=hw.Category("label"))
    assert again(data).fingerprint == data.fingerprint

    arrays = [np.full((20, 20, 3), number, dtype=np.uint8) for number in range(60)]
    data = hw.from_items({"file": arrays, "label": labels}, input=READER, target=hw.Category("label"))
    with pytest.raises(DataError) as caught:
        again(data)
    assert str(caught.value) == (
        "The run's items were in memory, and its table does not have them.\n"
        "  Given: no column 'file'\n"
        "  Fix:   Pass the same data set again (data=)."
    )


def test_progress_is_told(photos: Path) -> None:
    data = hw.from_folder(photos, input=READER)
    (photos / "cat" / "001.png").unlink()
    seen: list[tuple[int, int]] = []
    again(data, accept_changes=True, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (63, 63)


def test_a_recorded_split_says_what_was_said() -> None:
    items = pl.DataFrame({"split": ["train", "test"], "label": ["a", "b"]})
    split = RecordedSplit("by hand")
    assert split.assign(items, target="label") == ["train", "test"]
    assert split.describe() == "by hand"
