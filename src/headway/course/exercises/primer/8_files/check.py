"""Checks `pictures_of`."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from headway.course.checking import case, equal, function

pictures_of = function("pictures_of", "folder")


@contextmanager
def folder_with(*names):
    with tempfile.TemporaryDirectory() as name:
        for file in names:
            path = Path(name) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        yield Path(name)


@case("names file and folder")
def _():
    with folder_with("cat/1.png") as folder:
        equal(pictures_of(folder), [("1.png", "cat")], meaning="a file's folder is its parent")


@case("leaves out other files")
def _():
    with folder_with("cat/1.png", "notes.txt", "cat/png") as folder:
        equal(pictures_of(folder), [("1.png", "cat")], meaning="a path's suffix is .png, or it is no PNG file")


@case("takes capital letters too")
def _():
    with folder_with("dog/2.PNG") as folder:
        equal(pictures_of(folder), [("2.PNG", "dog")], meaning="cameras write PNG, programs png")


@case("looks into folders of folders, in order")
def _():
    with folder_with("b/x/3.png", "a/2.png", "a/1.png") as folder:
        expected = [("1.png", "a"), ("2.png", "a"), ("3.png", "x")]
        equal(pictures_of(folder), expected, meaning="the system lists files in any order: sort them")
