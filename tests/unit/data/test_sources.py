from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from headway.data.build import from_folder
from headway.data.sources import SPLIT_FOLDERS, as_frame, files_without_class, list_folder
from headway.errors import DataError
from headway.inputs.image.field import Image


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def listed(root: Path) -> list[tuple[str, ...]]:
    """What was found: the file below the folder, its label and, where there is one, its part."""
    frame = list_folder(root)
    return [(Path(file).relative_to(root).as_posix(), *rest) for file, *rest in frame.iter_rows()]


# Folders.


def test_class_folders_in_the_order_of_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.png", "b/10.png", "a/z.png", "a-1/y.png", "B/q.png")
    assert listed(tmp_path) == [
        ("B/q.png", "B"),
        ("a/z.png", "a"),
        ("a-1/y.png", "a-1"),
        ("b/10.png", "b"),
        ("b/2.png", "b"),
    ]
    assert list_folder(tmp_path).schema == {"file": pl.String, "label": pl.String}


def test_the_order_does_not_come_from_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, *(f"{label}/{folder}/{i}.png" for label in "ab" for folder in "xy" for i in range(5)))
    (tmp_path / "a" / "w").symlink_to(tmp_path / "a" / "x")
    expected = listed(tmp_path)
    walk, iterdir = os.walk, Path.iterdir

    def backwards(*args: object, **options: object) -> Iterator[tuple[str, list[str], list[str]]]:
        for at, folders, files in walk(*args, **options):
            folders.sort(reverse=True)
            files.sort(reverse=True)
            yield at, folders, files

    monkeypatch.setattr(os, "walk", backwards)
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(iterdir(self), reverse=True)))
    assert listed(tmp_path) == expected
    # The same folder under two names counts once.
    assert len(expected) == 20
    assert ("a/w/0.png", "a") in expected


def test_junk_is_passed_over_wherever_it_lies(tmp_path: Path) -> None:
    junk = [".DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "Icon\r", "._1.png", ".hidden.png"]
    touch(tmp_path, *junk, *(f"a/{name}" for name in junk), *(f"a/deep/{name}" for name in junk), "readme.txt")
    touch(tmp_path, "__MACOSX/a/1.png", "a/__MACOSX/2.png", ".git/x", "a/.cache/3.png", ".ipynb_checkpoints/4.png")
    touch(tmp_path, "a/5.png", "a/__macosx_not.png", "b/thumbs.db.png")
    assert listed(tmp_path) == [("a/5.png", "a"), ("a/__macosx_not.png", "a"), ("b/thumbs.db.png", "b")]


def test_nested_files_have_the_label_of_the_top_folder(tmp_path: Path) -> None:
    touch(tmp_path, "cat/2020/may/1.png", "cat/0.png", "dog/train/1.png")
    assert listed(tmp_path) == [("cat/0.png", "cat"), ("cat/2020/may/1.png", "cat"), ("dog/train/1.png", "dog")]


def test_split_folders_give_the_part(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/1.png", "train/dog/deep/2.png", "valid/cat/3.png", "test/dog/4.png", "train/loose.png")
    assert listed(tmp_path) == [
        ("test/dog/4.png", "dog", "test"),
        ("train/cat/1.png", "cat", "train"),
        ("train/dog/deep/2.png", "dog", "train"),
        ("valid/cat/3.png", "cat", "valid"),
    ]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("valid", "valid"),
        ("validation", "valid"),
        ("val", "valid"),
        ("Val", "valid"),
        ("test", "test"),
        ("TESTING", "test"),
    ],
)
@pytest.mark.parametrize("train", ["train", "Training"])
def test_split_folders_have_many_names(tmp_path: Path, name: str, part: str, train: str) -> None:
    touch(tmp_path, f"{train}/cat/1.png", f"{name}/cat/2.png")
    assert {row[2] for row in listed(tmp_path)} == {"train", part}
    assert {row[1] for row in listed(tmp_path)} == {"cat"}


def test_a_train_folder_alone_is_a_part(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/1.png", "train/dog/2.png", ".git/config")
    assert listed(tmp_path) == [("train/cat/1.png", "cat", "train"), ("train/dog/2.png", "dog", "train")]


@pytest.mark.parametrize("others", [["beaker"], ["valid"], ["Train2", "beaker"]])
def test_a_class_may_be_called_test(tmp_path: Path, others: list[str]) -> None:
    touch(tmp_path, "test/1.png", *(f"{name}/deep/2.png" for name in others))
    assert sorted({row[1] for row in listed(tmp_path)}) == sorted(["test", *others])
    assert "split" not in list_folder(tmp_path).columns


def test_a_class_may_be_called_train_among_others(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "car/2.png")
    assert sorted(listed(tmp_path)) == [("car/2.png", "car"), ("train/1.png", "train")]


def test_parts_beside_other_folders_are_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "docs/2.png", "test/a/3.png")
    with pytest.raises(DataError, match="Move 'docs' away"):
        list_folder(tmp_path)


@pytest.mark.parametrize("inside", [[], ["empty/.DS_Store"], ["empty/.hidden/1.png"]])
def test_an_empty_class_folder_is_an_error(tmp_path: Path, inside: list[str]) -> None:
    touch(tmp_path, "a/1.png", *inside)
    (tmp_path / "empty").mkdir(exist_ok=True)
    with pytest.raises(DataError, match="empty"):
        list_folder(tmp_path)


def test_an_empty_class_folder_in_a_part_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png")
    (tmp_path / "train" / "b").mkdir()
    with pytest.raises(DataError, match=r"Given: train/b$|Given: train/b\n"):
        list_folder(tmp_path)


@pytest.mark.parametrize("names", [[], ["1.png", "2.png"], [".hidden/1.png"], ["train/1.png", "test/2.png"]])
def test_no_class_folders_is_an_error(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(DataError, match="no class folders"):
        list_folder(touch(tmp_path, *names))


def test_a_file_or_nothing_instead_of_a_folder_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "photo.png")
    with pytest.raises(DataError, match=r"photo\.png \(a file\)"):
        list_folder(tmp_path / "photo.png")
    with pytest.raises(DataError, match=r"none \(nothing is there\)"):
        list_folder(tmp_path / "none")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "further").symlink_to(tmp_path.parent)
    (tmp_path / "all").symlink_to(tmp_path)
    (tmp_path / "above").symlink_to(tmp_path.parent)
    (tmp_path / "knot").symlink_to(tmp_path / "knot")
    # Above all, what lies in another class's folder has not become this one's.
    assert listed(tmp_path) == [("a/1.png", "a"), ("b/2.png", "b")]


def test_links_to_files_and_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "store/1.png", "store/2.png", "data/b/3.png")
    (tmp_path / "data" / "a").symlink_to(tmp_path / "store")
    (tmp_path / "data" / "b" / "4.png").symlink_to(tmp_path / "store" / "1.png")
    root = tmp_path / "data"
    assert listed(root) == [("a/1.png", "a"), ("a/2.png", "a"), ("b/3.png", "b"), ("b/4.png", "b")]
    (tmp_path / "link").symlink_to(root)
    assert len(listed(tmp_path / "link")) == 4


def test_a_link_to_nothing_is_listed_so_that_it_is_reported(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png")
    (tmp_path / "a" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert listed(tmp_path) == [("a/1.png", "a"), ("a/gone.png", "a")]


def test_names_in_any_script(tmp_path: Path) -> None:
    names = [
        ("Käse/photo of é.png", "Käse"),
        ("猫/写真 1.png", "猫"),
        ("a b/'quoted' \"x\".png", "a b"),
        ("🐕/1,2;3.png", "🐕"),
    ]
    touch(tmp_path, *(name for name, _ in names))
    assert sorted(listed(tmp_path)) == sorted(names)


def test_a_name_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png")
    try:
        (tmp_path / "a" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(DataError, match="not text"):
        list_folder(tmp_path)


def test_relative_paths_and_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "photos/a/1.png", "photos/b/2.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = [str(tmp_path / "photos/a/1.png"), str(tmp_path / "photos/b/2.png")]
    for way in ("photos", "photos/", Path("photos"), "~/photos", tmp_path / "photos"):
        assert list_folder(way)["file"].to_list() == expected


def test_every_split_folder_means_a_part() -> None:
    assert set(SPLIT_FOLDERS.values()) == {"train", "valid", "test"}
    assert all(name == name.lower() for name in SPLIT_FOLDERS)


def test_half_of_a_character_in_a_column_is_an_error() -> None:
    with pytest.raises(DataError) as error:
        as_frame({"text": ["whole", "of an \ud83d emoji"]})
    assert str(error.value) == (
        "Column 'text' holds half of a character, which is not text.\n"
        "  Given: row 1, character 6: '\\ud83d emoji'\n"
        '  Fix:   Read the file with its own encoding, or clean the text: text.encode(errors="replace").decode().'
    )


def test_files_in_no_class_folder_are_counted(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/1.png", "train/dog/2.png", "train/3.PNG", "test/4.png", "test/5.png", "test/notes.md")
    touch(tmp_path, ".hidden.png", "README.md")
    assert files_without_class(tmp_path, list_folder(tmp_path)) == [
        "2 files in test/ are in no class folder: they have no label, and are left out. "
        f"For the model's answers: headway predict RUN/model.headway {tmp_path / 'test'}",
        "1 file in train/ is in no class folder: it has no label, and is left out. "
        f"For the model's answers: headway predict RUN/model.headway {tmp_path / 'train'}",
    ]
    classes = tmp_path / "train"
    assert files_without_class(classes, list_folder(classes)) == [
        "1 file in train/ is in no class folder: it has no label, and is left out. "
        f"For the model's answers: headway predict RUN/model.headway {classes}"
    ]


def test_photos_for_prediction_beside_those_for_training_are_reported(photo_folder: Callable[..., Path]) -> None:
    folder = photo_folder({"train/cat": 12, "train/dog": 12})
    (folder / "test").mkdir()
    shutil.copy(next(folder.glob("train/cat/*.png")), folder / "test" / "1.png")
    data = from_folder(folder, input=Image("file", size=16))
    assert data.notes == (
        "1 file in test/ is in no class folder: it has no label, and is left out. "
        f"For the model's answers: headway predict RUN/model.headway {folder / 'test'}",
    )
