"""The report in a real browser: it opens without a complaint, asks no other host for anything, and can be walked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import headway as hw
from headway.inputs.image.grad_cam import pictures
from headway.targets.category.learning_curve import learning_curve
from tests.chromium import Page, find_chromium, open_page
from tests.judging import logistic

pytestmark = pytest.mark.slow

VISIBLE = "(e) => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0; }"
LUMINANCE = """
const channel = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
const luminance = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
const paint = (colour, under) => {
  canvas.globalCompositeOperation = 'source-over';
  canvas.fillStyle = `rgb(${under.join()})`; canvas.fillRect(0, 0, 1, 1);
  canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const behind = (e) => {
  const chain = []; for (let n = e; n; n = n.parentElement) chain.unshift(getComputedStyle(n).backgroundColor);
  return chain.reduce((under, colour) => paint(colour, under), [255, 255, 255]);
};
const contrast = (e) => {
  const under = behind(e); const style = getComputedStyle(e);
  const over = paint(e instanceof SVGElement ? style.fill : style.color, under);
  const [a, b] = [luminance(over), luminance(under)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
};
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved report with something in every section that can be made without a network."""
    draw = np.random.default_rng(0)
    targets = np.arange(400) % 12
    weights = np.exp(draw.normal(size=(400, 12)) + 4 * np.eye(12)[targets])
    features = draw.normal(size=(400, 6)) + targets[:, None]
    history = [
        {"stage": "all", "epoch": k, "train_loss": 1 / k, "valid_loss": 1.2 / k, "accuracy": 1 - 0.3 / k, "lr": 1e-3,
         "seconds": 2.0}
        for k in range(1, 9)
    ]  # fmt: skip
    found = hw.judge_predictions(
        weights / weights.sum(1, keepdims=True),
        targets,
        items={"site": np.where(np.arange(400) < 100, "north", "south"), "year": 2000 + np.arange(400) % 20},
        labels=[f"a class with a long name {k}" for k in range(12)],
        slices=["site", "year"],
        history=history,
        name="photos",
        seconds=60.0,
    )
    curve = learning_curve(
        features[:300], targets[:300], features[300:], targets[300:], num_classes=12, solve=logistic(12)
    )
    images = draw.integers(256, size=(len(found["top_losses"]), 32, 32, 3), dtype=np.uint8)
    shown = pictures(images, side=200, heats=draw.random((len(images), 32, 32)))
    rows = [each.row for each in found["top_losses"]]
    found = replace(found, learning_curve=curve, pictures=dict(zip(rows, shown, strict=True)))
    return found.save(tmp_path_factory.mktemp("page") / "report.html").as_uri()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    with open_page(chromium) as found:
        yield found


def test_page_opens_alone_and_without_a_complaint(page: Page, address: str) -> None:
    page.screen(1280, 900)
    page.go(address)
    assert page.complaints == []
    assert [each for each in page.requests if not each.startswith("data:")] == [address]
    assert page.run("document.compatMode") == "CSS1Compat"
    assert page.run("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert page.run("document.images.length") >= 24


def test_a_complaint_would_be_seen(page: Page, tmp_path: Path) -> None:
    """The watch itself: a page that asks another host and throws does not go unnoticed."""
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://other.invalid/a.png'><script>console.error('no'); missing()</script>")
    page.go(bad.as_uri())
    assert "http://other.invalid/a.png" in page.requests
    assert len(page.complaints) >= 2


def test_every_section_can_be_reached_and_seen(page: Page, address: str) -> None:
    page.screen(1280, 900)
    page.go(address)
    links = page.run("[...document.querySelectorAll('nav a')].map((link) => link.getAttribute('href'))")
    assert len(links) >= 12
    for link in links:
        page.run(f"document.querySelector('nav a[href=\"{link}\"]').click()")
        assert page.run("location.hash") == link
        top = page.run(f"document.querySelector('{link}').getBoundingClientRect().top")
        bottom = page.run("document.scrollingElement.scrollHeight - innerHeight - scrollY")
        assert -1 <= top < 900 * 0.2 or bottom < 1
        seen = f"[...document.querySelector('{link}').closest('section').children].every({VISIBLE})"
        assert page.run(seen), link


def test_page_is_used_from_the_keyboard(page: Page, address: str) -> None:
    page.screen(1280, 900)
    page.go(address)
    page.press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    assert page.run("document.activeElement.getBoundingClientRect().left") >= 0
    page.press("Tab")
    assert page.run("document.activeElement.getAttribute('href')") == "#diagnosis"
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    # Whatever scrolls can be scrolled from the keyboard.
    wide = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth)"
    assert page.run(f"{wide}.every((e) => e.tabIndex === 0)")
    assert page.run("[...document.querySelectorAll('summary')].every((e) => e.tabIndex === 0)")


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_page_never_scrolls_sideways(page: Page, address: str, width: int) -> None:
    page.screen(width, 800, phone=width < 700)
    page.go(address)
    page.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.run("document.scrollingElement.scrollWidth") <= width
    # Nothing sticks out of what holds it, tables in their scrolling boxes aside.
    out = (
        "[...document.querySelectorAll('main *, header *')].filter((e) => !e.closest('.scroll') && !e.closest('svg') &&"
        f" e.getBoundingClientRect().right > {width} + 1).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert page.run(out) == []
    assert page.run("parseFloat(getComputedStyle(document.body).fontSize)") >= 16


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_is_behind_it(page: Page, address: str, dark: bool) -> None:
    """4.5 to 1, as the guidelines (WCAG 2.2, AA) ask of text."""
    page.screen(1280, 900, dark=dark)
    page.go(address)
    page.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    shade = page.run(f"(() => {{ {LUMINANCE} return luminance(behind(document.body)); }})()")
    assert shade < 0.05 if dark else shade > 0.9
    faint = page.run(
        f"(() => {{ {LUMINANCE} return [...document.querySelectorAll('body *')]"
        ".filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())"
        " && !e.closest('style, title, .skip') && contrast(e) < 4.5)"
        ".map((e) => [contrast(e).toFixed(2), e.outerHTML.slice(0, 90)]); })()"
    )
    assert faint == []


def test_page_prints_with_everything_open(page: Page, address: str) -> None:
    page.screen(1280, 900)
    page.go(address)
    page.call("Emulation.setEmulatedMedia", media="print", features=[])
    try:
        assert not page.run("document.querySelectorAll('details[open]').length")
        assert page.run(f"[...document.querySelectorAll('details table')].every({VISIBLE})")
        assert page.run("getComputedStyle(document.querySelector('nav')).display") == "none"
        assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    finally:
        page.call("Emulation.setEmulatedMedia", media="", features=[])
    assert page.paper().startswith(b"%PDF")


def test_what_is_read_aloud_has_names(page: Page, address: str) -> None:
    page.go(address)
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]

    def names(role: str) -> list[str]:
        return [
            each.get("name", {}).get("value", "")
            for each in nodes
            if each.get("role", {}).get("value") == role and not each.get("ignored")
        ]

    assert len(names("main")) == len(names("banner")) == len(names("contentinfo")) == 1
    assert names("navigation") == ["Contents"]
    assert len(names("region")) >= 12
    for role in ("region", "table", "image", "heading", "link"):
        assert names(role), role
        assert all(names(role)), role
