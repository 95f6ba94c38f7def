"""The page for recordings, in a real browser whose microphone hears a file, with a real server behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import headway as hw
from tests.chromium import find_chromium, open_page
from tests.kinds import tone, wav
from tests.serve.bundles import make
from tests.serve.server import Running, running
from tests.serve.test_page import answered, files_script, until

pytestmark = pytest.mark.slow

TONES = {"low": 300.0, "high": 2000.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    for name, hertz in TONES.items():
        (folder / f"{name}.wav").write_bytes(wav(tone(hertz, 0.4, 44_100), 44_100))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    with running(bundle=make("sound", folder)) as server:
        yield server


@pytest.fixture(scope="module")
def chromium() -> str:
    return find_chromium() or pytest.skip("no browser: Chromium is not installed")


@pytest.mark.parametrize("name", TONES)
def test_what_the_microphone_hears_is_answered_as_the_file_is(
    name: str, folder: Path, server: Running, chromium: str
) -> None:
    expected = hw.load(folder / "sound.headway").predict(folder / f"{name}.wav").label
    with open_page(chromium, microphone=folder / f"{name}.wav") as page:
        page.go(server.address + "/")
        until(page, "!document.querySelector('#record').hidden")
        page.run("document.querySelector('#record').click()")
        until(page, "document.querySelector('#record').textContent === 'Stop'")
        page.run("new Promise((done) => setTimeout(done, 1500))")
        page.run("document.querySelector('#record').click()")
        (card,) = answered(page, 1)
        assert (card["file"], card["label"].split()[0]) == ("recording.wav", expected)
        assert expected == name


def test_a_file_is_heard_and_seen_beside_its_answer(folder: Path, server: Running, chromium: str) -> None:
    with open_page(chromium) as page:
        page.go(server.address + "/")
        until(page, "document.querySelector('#choose').textContent === 'Choose recordings'")
        page.run(files_script("drop", ("high.wav", "audio/wav", (folder / "high.wav").read_bytes())))
        (card,) = answered(page, 1)
        assert card["label"].startswith("high")
        until(page, "document.querySelector('.photo audio').duration > 0.3")
        ink = "(c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((x, i) => i % 4 == 3 && x)"
        until(page, f"({ink})(document.querySelector('.photo canvas')).length > 500")
        assert page.run("document.querySelector('#photograph').hidden")
        assert not [each for each in page.events if each["method"] == "Log.entryAdded"], json.dumps(page.events[-3:])


def test_without_a_microphone_it_says_so(server: Running, chromium: str) -> None:
    with open_page(chromium) as page:
        page.go(server.address + "/")
        until(page, "!document.querySelector('#record').hidden")
        page.run(
            """navigator.mediaDevices.getUserMedia = async () => { throw new Error('no'); };
            document.querySelector('#record').click()"""
        )
        until(page, "document.querySelector('#notice').textContent.startsWith('The microphone cannot be used')")
