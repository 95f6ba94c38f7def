"""The page for files of bytes, in a real browser with a real server behind it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chromium import find_chromium, open_page
from tests.serve.bundles import make
from tests.serve.server import running
from tests.serve.test_page import answered, files_script, until

pytestmark = pytest.mark.slow


def test_a_file_is_answered_beside_a_picture_of_its_bytes_and_their_entropy(tmp_path: Path) -> None:
    chromium = find_chromium() or pytest.skip("no browser: Chromium is not installed")
    content = bytes(4096) + bytes(range(256)) * 16
    with running(bundle=make("bytes", tmp_path)) as server, open_page(chromium) as page:
        page.go(server.address + "/")
        until(page, "document.querySelector('#choose').textContent === 'Choose files'")
        page.run(files_script("drop", ("a.bin", "", content)))
        (card,) = answered(page, 1)
        assert card["label"].startswith("binary")
        until(page, "document.querySelector('.photo canvas').height === 80")
        assert not [event for event in page.events if event["method"] == "Log.entryAdded"], page.events[-3:]
        pixel = "[...document.querySelector('.photo canvas').getContext('2d').getImageData({}, 1, 1).data.slice(0, 3)]"
        # Zeros are black, and have no entropy; then every byte, at 8 bits.
        colours = [page.run(f"JSON.stringify({pixel.format(at)})") for at in ("3, 3", "3, 65", "60, 65", "3, 79")]
        assert list(map(json.loads, colours)) == [[0, 0, 0], [245, 245, 245], [170, 30, 60], [170, 30, 60]]
