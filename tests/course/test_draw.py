"""The models of lesson 6 that its page runs: their sums are those of Python, and they answer for what is drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headway.course import recorded
from headway.course.data import digits
from headway.course.site.build import build
from tests.chromium import Page, find_chromium, open_page
from tests.course.test_marking_in_javascript import in_javascript

FILE = recorded.FOLDER / "06-three_or_seven.json"
NUMBERS = json.loads(FILE.read_text())


def threes_and_sevens() -> tuple[np.ndarray, np.ndarray]:
    """Digits that no lesson has shown, as the models of the lesson are given them."""
    images, labels = digits(hidden=True)
    wanted = (labels == 3) | (labels == 7)
    return images[wanted].reshape(-1, 784) / 255, labels[wanted] == 7


def in_numpy(pixels: np.ndarray) -> dict[str, np.ndarray]:
    three, seven = np.array(NUMBERS["means"])
    weights, bias, last_weights, last_bias = map(np.array, NUMBERS["network"])
    raw = {
        "line": pixels @ np.array(NUMBERS["line"][0]) + NUMBERS["line"][1][0],
        "network": np.maximum(pixels @ weights.reshape(784, 30) + bias, 0) @ last_weights + last_bias,
    }
    means = np.abs(pixels - seven).sum(1) < np.abs(pixels - three).sum(1)
    return {"means": means.astype(float)} | {name: 1 / (1 + np.exp(-outputs)) for name, outputs in raw.items()}


def test_the_page_computes_what_python_does() -> None:
    pixels, is_seven = threes_and_sevens()
    expression = f"draw.threeOrSeven(value, require({json.dumps(str(FILE))}))"
    answers = in_javascript(expression, pixels.tolist(), script="draw")
    for name, expected in in_numpy(pixels).items():
        ours = np.array([answer[name] for answer in answers])
        np.testing.assert_allclose(ours, expected, atol=1e-9)
        # The mean pictures are right in 19 of 20, line and network in nearly all.
        assert ((ours > 0.5) == is_seven).mean() >= 0.9


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: Chromium is not installed")
    folder: Path = tmp_path_factory.mktemp("site")
    build(folder)
    with open_page(chromium) as page:
        page.screen(1280, 900)
        page.go((folder / "lesson-06.html").as_uri())
        yield page


def said(page: Page) -> list[str]:
    return page.run("[...document.querySelectorAll('.draw output span')].map((line) => line.textContent)")


@pytest.mark.slow
def test_what_is_drawn_is_answered(page: Page) -> None:
    assert page.run("document.querySelector('.draw output').textContent") == "Nothing is drawn yet."
    buttons = "document.querySelectorAll('.draw button')"
    for number, digit in ((1, "three"), (2, "seven")):
        page.run(f"{buttons}[{number}].click()")
        assert [line.partition(",")[0] for line in said(page)] == [
            f"Mean pictures: {digit}",
            f"Line: {digit}",
            f"Network: {digit}",
        ]
    page.run(f"{buttons}[0].click()")
    assert page.run("document.querySelector('.draw output').textContent") == "Nothing is drawn yet."
    # A seven by the mouse: a stroke to the right, and one down.
    bounds = page.run(
        "(() => { const box = document.querySelector('.draw canvas'); "
        "box.scrollIntoView({block: 'center', behavior: 'instant'}); "
        "const { left, top, width } = box.getBoundingClientRect(); return { left, top, width }; })()"
    )

    def mouse(kind: str, x: float, y: float) -> None:
        options: dict[str, Any] = {"button": "left", "buttons": 1, "clickCount": 1}
        page.call("Input.dispatchMouseEvent", type=kind, x=at(x, "left"), y=at(y, "top"), **options)

    def at(pixel: float, side: str) -> float:
        return bounds[side] + pixel * bounds["width"] / 28

    mouse("mousePressed", 8, 8)
    mouse("mouseMoved", 20, 8)
    mouse("mouseMoved", 13, 23)
    mouse("mouseReleased", 13, 23)
    assert [line.partition(",")[0] for line in said(page)][1:] == ["Line: seven", "Network: seven"]
    assert not page.complaints


@pytest.mark.slow
def test_the_keyboard_draws_too(page: Page) -> None:
    page.run("document.querySelectorAll('.draw button')[0].click(); document.querySelector('.draw canvas').focus()")
    page.press("ArrowDown")
    assert said(page) == []
    page.press(" ")
    assert len(said(page)) == 3
