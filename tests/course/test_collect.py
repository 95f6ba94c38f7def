"""`headway course collect`: what is kept, what is refused, what a kill leaves, and the page in a browser."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from starlette.testclient import TestClient

import headway as hw
from headway.course.collect import app as collect_app
from headway.course.collect import pictures as collect_pictures
from headway.course.collect.app import create_app
from headway.course.collect.pictures import Collection
from headway.course.data import pictures
from headway.errors import ConfigError, DataError
from tests.chromium import Page, axe_problems, axe_script, find_chromium, open_page


def frame(seed: int, *, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """A frame of a camera: noise, of which no two are the same."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, options.pop("kind", "JPEG"), **options)
    return file.getvalue()


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection(tmp_path / "collected" / "1")


@pytest.fixture
def client(collection: Collection) -> Iterator[TestClient]:
    with TestClient(create_app(collection, lesson="1"), base_url="http://localhost") as client:
        yield client


@pytest.mark.slow
def test_frames_become_a_table_that_a_lesson_reads(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWAY_COURSE", str(tmp_path))
    for number in range(24):
        label, burst = "cup" if number % 2 else "pen", f"b{number // 6}"
        answer = client.post(f"/pictures?label={label}&burst={burst}", content=frame(number))
        assert answer.status_code == 200, answer.text
    assert client.get("/state").json()["classes"] == {
        "pen": {"pictures": 12, "bursts": 4, "removals": 0},
        "cup": {"pictures": 12, "bursts": 4, "removals": 0},
    }
    table = pl.read_csv(pictures("1", door="mine"))
    assert table.columns == ["file", "label", "burst", "group"]
    assert table.select("label", "burst", "group").n_unique() == 8
    split = hw.GroupSplit("group", valid=0.5)
    data = hw.from_csv(pictures("1", door="mine"), input="file", target="label", size=32, split=split)
    groups = [set(part.items["group"]) for part in (data.train, data.valid)]
    assert groups[0].isdisjoint(groups[1])
    assert sum(len(part.items) for part in (data.train, data.valid)) == 24


def test_a_picture_is_made_small_and_loses_where_it_was_taken(collection: Collection) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 0.0)}
    exif[0x0112] = 6
    row = collection.add(frame(1, size=(1200, 600), exif=exif), label="cup", burst="a")
    with Image.open(collection.folder / row.file) as kept:
        assert kept.size == (256, 512), "turned upright, with 512 pixels on the longer side"
        assert not kept.getexif()


def test_a_drawing_stands_on_white(collection: Collection) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(file, "PNG")
    row = collection.add(file.getvalue(), label="cup", burst="a")
    with Image.open(collection.folder / row.file) as kept:
        assert kept.getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_that_was_sent_twice_is_there_once(collection: Collection) -> None:
    rows = [collection.add(frame(1), label="cup", burst=burst) for burst in ("a", "b")]
    assert rows[0] == rows[1]
    assert len(collection.rows) == 1


def test_the_last_burst_can_be_removed(client: TestClient, collection: Collection) -> None:
    for number, burst in enumerate(["a", "a", "b", "b", "b"]):
        collection.add(frame(number), label="cup", burst=burst)
    answer = client.post("/remove?label=cup").json()
    assert [file[:6] for file in answer["removed"]] == ["cup/b-"] * 3
    assert answer["classes"] == {"cup": {"pictures": 2, "bursts": 1, "removals": 1}}
    assert len(list((collection.folder / "cup").glob("*.jpg"))) == pl.read_csv(collection.table).height == 2
    assert client.post("/remove?label=pen").json()["removed"] == []


def test_one_picture_is_removed_and_brought_back_where_it_was(client: TestClient, collection: Collection) -> None:
    files = [collection.add(frame(number), label="cup", burst="a").file for number in range(3)]
    table = collection.table.read_bytes()
    assert client.get("/state").json()["files"] == {"cup": files}
    shown = client.get(f"/picture/{files[1]}")
    assert (shown.headers["content-type"], shown.content) == (
        "image/jpeg",
        (collection.folder / files[1]).read_bytes(),
    )
    assert client.post(f"/remove?file={files[1]}").json()["removed"] == [files[1]]
    assert client.post(f"/remove?file={files[1]}").json()["removed"] == []
    assert client.get(f"/picture/{files[1]}").status_code == 404
    assert not (collection.folder / files[1]).exists()
    assert client.get("/picture/pictures.csv").status_code == 404, "the table names pictures alone"
    client.post("/remove?label=cup")
    state = client.get("/state").json()
    assert (state["classes"], state["files"]) == (
        {"cup": {"pictures": 0, "bursts": 0, "removals": 2}},
        {"cup": []},
    )
    assert client.post("/undo?label=cup").json()["restored"] == [files[0], files[2]]
    answer = client.post("/undo?label=cup").json()
    assert (answer["restored"], answer["files"]) == ([files[1]], {"cup": files})
    assert collection.table.read_bytes() == table
    assert all((collection.folder / file).exists() for file in files)
    assert client.post("/undo?label=cup").json()["restored"] == []


def test_what_came_after_a_removal_is_not_undone(collection: Collection) -> None:
    row = collection.add(frame(1), label="cup", burst="a")
    collection.remove(row.file)
    collection.add(frame(1), label="pen", burst="b")
    assert collection.undo("cup") == [], "the picture has another label by now"
    collection.remove_last_burst("pen")
    collection.add(frame(2), label="Pen", burst="c")
    with pytest.raises(DataError) as error:
        collection.undo("pen")
    assert error.value.what == "Two classes differ only in capital letters."
    assert collection.counts()["pen"]["removals"] == 1, "it can be tried again"


def test_removed_pictures_are_gone_when_the_page_is_closed(collection: Collection) -> None:
    with collection.alone():
        collection.remove(collection.add(frame(1), label="cup", burst="a").file)
        assert len(list(collection.folder.rglob("*.jpg"))) == 1
    assert list(collection.folder.rglob("*.jpg")) == []
    assert collection.undo("cup") == []


@pytest.mark.parametrize("label", ["../up", "a/b", ".", "", "x" * 41, "tab\x1b[2J", "con."])
def test_names_that_are_no_folders(collection: Collection, label: str) -> None:
    with pytest.raises(DataError) as error:
        collection.add(frame(1), label=label, burst="a")
    assert str(error.value) == (
        "A class's name has 1 to 40 letters, digits, spaces, hyphens and underscores.\n"
        f"  Given: {label!r}\n"
        "  Fix:   Choose another, such as: coffee cup."
    )
    assert not collection.folder.exists()


def test_what_is_refused_says_why(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    collection.add(frame(1), label="cup", burst="a")

    def refusal(data: bytes, *, label: str = "cup", burst: str = "a") -> str:
        with pytest.raises(DataError) as error:
            collection.add(data, label=label, burst=burst)
        return str(error.value)

    assert refusal(b"<svg>") == (
        "This is no picture, or it is damaged.\n"
        "  Given: 5 bytes\n"
        "  Fix:   Choose a JPEG, PNG, WEBP, GIF, BMP, TIFF or AVIF file."
    )
    assert "damaged" in refusal(frame(2)[:600])
    assert refusal(frame(1), label="pen") == (
        "A picture can have one label.\n"
        "  Given: it is in 'cup', and 'pen' is wanted too\n"
        "  Fix:   Leave it out of one of them."
    )
    assert refusal(frame(2), label="Cup") == (
        "Two classes differ only in capital letters.\n  Given: 'Cup'\n  Fix:   Write 'cup'."
    )
    assert refusal(frame(2), burst="../b") == (
        "A burst's name has small letters, digits and hyphens.\n  Given: '../b'\n  Fix:   Use 7a."
    )
    monkeypatch.setattr(collect_pictures, "_MAX_PIXELS", 1000)
    assert refusal(frame(2)) == (
        "The picture is too large.\n  Given: 64 x 48 pixels\n  Fix:   Choose one below 40 megapixels."
    )
    monkeypatch.undo()
    monkeypatch.setattr(collect_pictures, "MAX_CLASSES", 1)
    assert refusal(frame(2), label="pen") == (
        "There can be 1 classes.\n  Given: 'pen' is one more\n  Fix:   Use one of those that are there."
    )
    monkeypatch.setattr(collect_pictures, "MAX_PICTURES", 1)
    assert refusal(frame(2)) == (
        "The collection is full.\n  Given: 1 pictures\n  Fix:   Remove some, or start training: this is enough."
    )
    assert len(collection.rows) == len(list(collection.folder.rglob("*.jpg"))) == 1


def test_a_table_of_another_form(collection: Collection) -> None:
    collection.folder.mkdir(parents=True)
    collection.table.write_text("file,label\n")
    with pytest.raises(DataError) as error:
        Collection(collection.folder)
    assert str(error.value) == (
        "The table of your pictures cannot be read.\n"
        f"  Given: {collection.table} has file, label\n"
        "  Fix:   It needs file, label, burst, group. Move it elsewhere to begin anew."
    )


def test_one_process_at_a_time(collection: Collection) -> None:
    with collection.alone(), pytest.raises(ConfigError) as error, Collection(collection.folder).alone():
        pass
    assert str(error.value) == (
        "Another `headway course collect` is using this folder.\n"
        f"  Given: {collection.folder}\n"
        "  Fix:   Use its page, or stop it with Ctrl-C."
    )


def test_the_server_answers_this_computer_alone(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    page = client.get("/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert client.get("/state", headers={"host": "evil.example"}).status_code == 421
    crossed = client.post("/pictures?label=a&burst=b", content=frame(1), headers={"sec-fetch-site": "cross-site"})
    assert crossed.status_code == 403
    assert client.get("/../pictures.py").status_code == 404
    monkeypatch.setattr(collect_app, "MAX_BYTES", 100)
    refused = client.post("/pictures?label=a&burst=b", content=frame(1))
    assert refused.status_code == 413
    wrong = client.post("/pictures?label=a/b&burst=b", content=b"123")
    assert (wrong.status_code, wrong.json()["detail"]) == (
        422,
        "A class's name has 1 to 40 letters, digits, spaces, hyphens and underscores. "
        "Choose another, such as: coffee cup.",
    )


_ADDS = """
import sys
from pathlib import Path
from headway.course.collect import pictures
pictures._small = lambda data: data
collection = pictures.Collection(Path(sys.argv[1]))
first = len(collection.rows)
for number in range(first, first + 10_000):
    row = collection.add(f"{number}".encode(), label="cup", burst="a")
    print(row.file, flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    accepted: list[str] = []
    # So many pictures are waited for: on a busy machine, time alone may bring none.
    for number, milliseconds in ((1, 1), (2, 7), (3, 19), (1, 40)):
        command = [sys.executable, "-c", _ADDS, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            accepted += [process.stdout.readline().strip() for _ in range(number)]
            time.sleep(milliseconds / 1000)
            process.send_signal(signal.SIGKILL)
            # The last line may be half of one: it was never read by anybody.
            accepted += [line.strip() for line in process.stdout if line.endswith("\n")]
        table = pl.read_csv(tmp_path / "pictures.csv")
        assert set(accepted) <= set(table["file"])
        assert all((tmp_path / file).exists() for file in table["file"])
    assert len(accepted) >= 7


@contextmanager
def collecting(home: Path) -> Iterator[str]:
    """The address of `headway course collect 1 --json` in a process of its own."""
    code = "from headway.cli import main; main()"
    command = [sys.executable, "-c", code, "course", "collect", "1", "--json"]
    environment = {**os.environ, "HEADWAY_COURSE": str(home)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["address"]
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            # A test that fails would wait for the server for ever.
            process.kill()


def until(page: Page, condition: str) -> None:
    deadline = time.monotonic() + 30
    while not page.run(condition):
        assert time.monotonic() < deadline, f"never: {condition}\n{page.run('document.body.innerText')}"
        time.sleep(0.05)


def add_class(page: Page, name: str) -> None:
    page.run(f"document.querySelector('#name').value = '{name}'; document.querySelector('#new-class').requestSubmit()")


@pytest.mark.slow
def test_a_button_is_held_for_the_camera(tmp_path: Path) -> None:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: Chromium is not installed")
    with collecting(tmp_path) as address, open_page(chromium, fake_camera=True) as page:
        page.screen(1100, 900)
        page.go(address)
        until(page, "document.querySelector('#lesson').textContent.includes('lesson 1')")
        add_class(page, "coffee cup")
        add_class(page, "pen")
        page.run("document.querySelector('#camera').click()")
        until(page, "document.querySelector('#video').videoWidth > 0 && !document.querySelector('.take').disabled")
        for event, condition in (
            ("keydown", "parseInt(document.querySelector('.count').textContent) >= 3"),
            ("keyup", "document.querySelector('#spoken').textContent.startsWith('coffee cup: ')"),
        ):
            page.run(f"document.querySelector('.take').dispatchEvent(new KeyboardEvent('{event}', {{key: ' '}}))")
            until(page, condition)
        # A frame is one class's alone, and the fake camera's picture stands still for a moment.
        time.sleep(0.5)
        page.run("document.querySelectorAll('.take')[1].click()")
        until(page, "document.querySelectorAll('.count')[1].textContent === '1 picture in 1 burst'")
        assert page.run("document.querySelector('#notice').textContent") == ""
        assert page.run("document.querySelectorAll('.strip img').length") >= 4
        assert [request for request in page.requests if not request.startswith((address, "blob:"))] == []
        _remove_and_undo(page)
        assert page.complaints == []
        assert _problems(page, axe_script(tmp_path)) == []
        _take_screenshots(page)
        table = pl.read_csv(tmp_path / "collected" / "1" / "pictures.csv")
        assert set(table["label"]) == {"coffee cup", "pen"}
        assert table.filter(label="coffee cup")["group"].n_unique() == 1
        # What was collected is there when the page is opened anew.
        page.go(address)
        until(page, "document.querySelectorAll('.class').length === 2")
        until(page, f"document.querySelectorAll('.strip img').length === {table.height}")
        until(page, "[...document.querySelectorAll('.strip img')].every((image) => image.naturalWidth > 0)")


def _remove_and_undo(page: Page) -> None:
    """With the keyboard alone: the second picture of the first class goes, and comes back where it was."""
    shown = "[...document.querySelector('.strip').children].map((item) => item.dataset.file).join()"
    before = page.run(shown)
    page.run("document.querySelector('.strip li[tabindex=\"0\"]').focus()")
    for key, condition in (
        ("ArrowRight", "document.activeElement === document.querySelectorAll('.strip li')[1]"),
        ("Delete", f"{shown} !== '{before}' && document.activeElement.matches('.strip li')"),
        ("z", f"{shown} === '{before}'"),
    ):
        page.run(f"document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}}))")
        until(page, condition)
    assert page.run("document.activeElement === document.querySelectorAll('.strip li')[1]")
    # By pointer, the last picture of a class: its button for undo is where the keyboard goes on.
    page.run("document.querySelectorAll('.class')[1].querySelector('.strip li').click()")
    page.run("document.querySelectorAll('.class')[1].querySelector('.remove-picture').click()")
    until(page, "document.activeElement.matches('.undo')")
    page.run("document.activeElement.click()")
    until(page, "document.querySelectorAll('.count')[1].textContent === '1 picture in 1 burst'")


def _problems(page: Page, axe: str) -> list[str]:
    """What axe says of the page on a desk, in the dark, and on a phone, where nothing may scroll sideways."""
    problems = []
    for width, dark in ((1100, False), (1100, True), (390, False), (320, True)):
        page.screen(width, 900, dark=dark, phone=width < 500)
        problems += [f"{width}: {problem}" for problem in axe_problems(page, axe)]
        assert page.run("document.documentElement.scrollWidth") <= width
    page.screen(1100, 900)
    return problems


def _take_screenshots(page: Page) -> None:
    """Where HEADWAY_SCREENSHOTS names a folder, the page as a person sees it."""
    folder = os.environ.get("HEADWAY_SCREENSHOTS")
    if folder:
        for name, width, dark in (("desktop", 1100, False), ("dark", 1100, True), ("phone", 390, False)):
            page.screen(width, 900, dark=dark, phone=name == "phone")
            (Path(folder) / f"collect-{name}.png").write_bytes(page.picture())
        page.screen(1100, 900)
