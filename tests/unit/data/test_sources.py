from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from headway.data.sources import SPLIT_FOLDERS, is_table, list_folder, read_table
from headway.errors import DataError


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


# Tables.


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.csv", True), ("a.TSV", True), ("x/a.parquet", True), ("a.csv.gz", False), ("csv", False), ("a.png", False)],
)
def test_tables_are_known_by_their_ending(name: str, expected: bool) -> None:
    assert is_table(name) is expected
    assert is_table(Path(name)) is expected


def write(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix.lower() == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if path.suffix.lower() == ".tsv" else ",")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.TSV", "t.parquet", "t[1].csv", "t*.parquet", "d[ü]/t.tsv"])
def test_every_kind_of_table_gives_the_same(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"year": [2020, 2021], "photo": ["a, b.png", "sub/ü.png"], "kind": ["007", "1.50"]})
    (tmp_path / name).parent.mkdir(exist_ok=True)
    path = write(frame, tmp_path / name)
    found = read_table(path, input="photo", target="kind")
    assert found.columns == ["year", "photo", "kind"]
    assert found["year"].to_list() == [2020, 2021]
    assert found["photo"].to_list() == [str(path.parent / "a, b.png"), str(path.parent / "sub/ü.png")]
    assert found["kind"].to_list() == ["007", "1.50"]


def test_labels_of_a_csv_stay_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("photo,kind\n1.png,007\n2.png,true\n3.png,1e3\n4.png,NaN\n5.png, x\n")
    found = read_table(tmp_path / "t.csv", input="photo", target="kind")
    assert found["kind"].to_list() == ["007", "true", "1e3", "NaN", " x"]


def test_a_type_is_not_guessed_from_the_first_rows(tmp_path: Path) -> None:
    rows = "".join(f"{i}.png,a,{i}\n" for i in range(300))
    (tmp_path / "t.csv").write_text("photo,kind,site\n" + rows + "300.png,a,north\n")
    assert read_table(tmp_path / "t.csv", input="photo", target="kind")["site"][-1] == "north"


@pytest.mark.parametrize("values", [[1, 2], [True, False], [1.5, 2.5]])
def test_labels_of_a_parquet_become_text(tmp_path: Path, values: list[object]) -> None:
    path = write(pl.DataFrame({"f": ["1.png", "2.png"], "y": values}), tmp_path / "t.parquet")
    assert read_table(path, input="f", target="y")["y"].dtype == pl.String


def test_paths_are_taken_from_the_tables_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    elsewhere = tmp_path / "other" / "1.png"
    (tmp_path / "data" / "t.csv").write_text(f"f,y\n2.png,a\n{elsewhere},b\n../3.png,c\n")
    monkeypatch.chdir(tmp_path)
    expected = [str(tmp_path / "data/2.png"), str(elsewhere), str(tmp_path / "data/../3.png")]
    for way in ("data/t.csv", tmp_path / "data" / "t.csv"):
        assert read_table(way, input="f", target="y")["f"].to_list() == expected


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("f,y\n1.png,\n,b\n3.png,c\n")
    found = read_table(tmp_path / "t.csv", input="f", target="y")
    assert found["f"].to_list() == [str(tmp_path / "1.png"), None, str(tmp_path / "3.png")]
    assert found["y"].to_list() == [None, "b", "c"]


def test_a_table_from_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfphoto,"the kind"\r\n"1.png","one\ntwo"\r\n2.png,"say ""a"""\r\n')
    found = read_table(tmp_path / "t.csv", input="photo", target="the kind")
    assert found["the kind"].to_list() == ["one\ntwo", 'say "a"']
    assert found["photo"][1] == str(tmp_path / "2.png")


def test_a_table_may_hold_the_files_themselves(tmp_path: Path) -> None:
    path = write(pl.DataFrame({"image": [b"\x89PNG", None], "y": ["a", "b"]}), tmp_path / "t.parquet")
    assert read_table(path, input="image", target="y")["image"].to_list() == [b"\x89PNG", None]


def test_one_column_cannot_be_both_but_does_not_crash(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("f,y\n1.png,a\n")
    assert len(read_table(tmp_path / "t.csv", input="f", target="f")) == 1


@pytest.mark.parametrize(("input", "target"), [("g", "y"), ("f", "z"), ("F", "y")])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_missing_column_is_an_error(tmp_path: Path, input: str, target: str, name: str) -> None:
    path = write(pl.DataFrame({"f": ["1.png"], "y": ["a"]}), tmp_path / name)
    with pytest.raises(DataError, match="no column for the"):
        read_table(path, input=input, target=target)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", b""),
        ("t.csv", b"f,y\n1.png,caf\xe9\n"),
        ("t.csv", b"f,y\n1.png,a,too,many\n"),
        ("t.parquet", b"f,y\n1.png,a\n"),
        ("t.parquet", b"PAR1"),
        ("t.parquet", b""),
    ],
)
def test_what_is_no_table_is_an_error(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=r"^The table cannot be read\.\n  Given: .*\n  Fix:   "):
        read_table(tmp_path / name, input="f", target="y")


def test_a_folder_or_nothing_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    (tmp_path / "t.csv" / "inside.csv").write_text("f,y\n1.png,a\n")
    with pytest.raises(DataError, match="a folder, not a file"):
        read_table(tmp_path / "t.csv", input="f", target="y")
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "u.csv", input="f", target="y")


def test_a_table_without_rows_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("f,y\n")
    found = read_table(tmp_path / "t.csv", input="f", target="y")
    assert found.schema == {"f": pl.String, "y": pl.String}
    assert len(found) == 0
