"""Does the page of `headway clean` scroll through 10,000 photos without a pause?

Chromium scrolls the queue of all photos, and a page of that height with nothing on it, 100 pixels in each frame (seven
screens a second at 60 frames), 300 frames at a time, in turns on the same machine. What counts are the gaps between
frames, as a share of the empty page's: how long a frame takes depends on what else the machine does. Goal: the median
the same, the 99th percentile at most 3 times that of a page that draws nothing.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import uvicorn
from PIL import Image

from benchmarks.results import Row
from headway.clean.app import create_app
from headway.clean.desk import Desk
from headway.judge.report.report import Picture
from tests.chromium import Page, find_chromium, open_page

NUM_PHOTOS, NUM_FRAMES, PIXELS, ROUNDS = 10_000, 300, 100, 4

_SCROLL = """new Promise((done) => {
  const gaps = []; let before = null, left = %d;
  const step = (now) => {
    if (before !== null) gaps.push(now - before);
    before = now;
    scrollBy({ top: %d, behavior: "instant" });
    left-- ? requestAnimationFrame(step) : done(JSON.stringify(gaps));
  };
  requestAnimationFrame(step);
})"""


# Photos outside of the window are not asked for.
_SHOWN = """[...document.images].filter((one) => one.getBoundingClientRect().top < innerHeight
  && one.getBoundingClientRect().bottom > 0).every((one) => one.complete && one.naturalWidth)"""


class _ManyPhotos:
    """What the page's server asks of a desk."""

    def __init__(self) -> None:
        draw = np.random.default_rng(0)
        self.photos = []
        for _ in range(50):
            file = io.BytesIO()
            small = Image.fromarray(draw.integers(0, 255, (12, 12, 3), dtype=np.uint8))
            small.resize((320, 240)).save(file, "JPEG")
            self.photos.append(file.getvalue())

    def state(self) -> dict[str, Any]:
        queue = {"key": "all", "title": "All items", "count": NUM_PHOTOS, "decided": 0}
        common = {"author": "ada", "file": "decisions.jsonl", "labels": ["cat", "dog"], "kappa": None}
        return {**common, "shown": "picture", "queues": [queue]}

    def entries(self, key: str) -> list[dict[str, Any]]:
        blank = {"label": "cat", "suggested": None, "decision": None}
        return [{"row": row, "name": f"photos/{row:05d}.jpg", **blank} for row in range(NUM_PHOTOS)]

    def picture(self, row: int) -> Picture:
        return Picture(photo=self.photos[row % len(self.photos)])


def run() -> list[Row]:
    """The gaps of both pages, and how many elements the page has."""
    chromium = find_chromium()
    if chromium is None:
        print("Chromium is not installed, nothing is measured: apt install chromium")
        return []
    gaps: dict[str, list[float]] = {"empty page": [], "10,000 photos": []}
    with _served() as address, open_page(chromium) as page:
        page.screen(1200, 900)
        for _ in range(ROUNDS):
            page.go("data:text/html,<body style='height: 300000px'>")
            gaps["empty page"] += _scrolled(page)
            page.go(address)
            page.run(_until("document.querySelectorAll('.entry').length > 20"))
            start = page.run("scrollY")
            gaps["10,000 photos"] += _scrolled(page)
            assert page.run("scrollY") > start + 0.9 * NUM_FRAMES * PIXELS
        num_elements = page.run("document.querySelectorAll('.entry').length")
        # Where the scrolling ends there are photos, and they come.
        page.run(_until(_SHOWN))
    rows: list[Row] = [{"what": name, "frames": len(of), **_quantiles(of)} for name, of in gaps.items()]
    empty, full = rows
    ratios = {key: full[key] / empty[key] for key in ("median ms", "99 in 100 ms", "longest ms")}
    return [*rows, {"what": "share of the empty page's", "elements": num_elements, **ratios}]


def _quantiles(gaps: list[float]) -> dict[str, float]:
    return {"median ms": np.median(gaps), "99 in 100 ms": np.quantile(gaps, 0.99), "longest ms": max(gaps)}


def _scrolled(page: Page) -> list[float]:
    return json.loads(page.run(_SCROLL % (NUM_FRAMES, PIXELS)))


def _until(condition: str) -> str:
    return f"new Promise((done) => {{ const look = () => ({condition}) ? done(true) : setTimeout(look, 20); look(); }})"


@contextmanager
def _served() -> Iterator[str]:
    app = create_app(cast(Desk, _ManyPhotos()))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
