"""The page in a real browser, with a real server behind it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import Page, axe_script, find_chromium, open_page
from tests.serve.server import Running, picture, running

STRANGE = """
from dataclasses import replace
from headway.bundle import predictor
known = predictor.Predictor.answer
def answer(self, images, **_):
    answers = known(self, images)
    return [replace(each, familiar=bool(image.mean() < 200)) for each, image in zip(answers, images, strict=True)]
predictor.Predictor.answer = answer
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A server that finds bright pictures unfamiliar."""
    with running("--max-body", "100KB", before=STRANGE) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: Chromium is not installed")
    with open_page(chromium) as page:
        page.screen(1100, 900)
        yield page


@pytest.fixture
def page(server: Running, browser: Page) -> Page:
    browser.go(server.address + "/")
    until(browser, "document.querySelector('#labels').textContent.includes('red')")
    return browser


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core's script, from npm."""
    return axe_script(tmp_path_factory.mktemp("axe"))


def until(page: Page, condition: str, *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not page.run(condition):
        assert time.monotonic() < deadline, f"never: {condition}\n{page.run('document.body.innerText')}"
        time.sleep(0.02)


def choose(page: Page, *files: Path, field: str = "files") -> None:
    """What a person does in the dialog that opens behind the button."""
    document = page.call("DOM.getDocument")["root"]["nodeId"]
    node = page.call("DOM.querySelector", nodeId=document, selector=f"#{field}")["nodeId"]
    page.call("DOM.setFileInputFiles", files=[str(file) for file in files], nodeId=node)


def answered(page: Page, count: int) -> list[dict[str, Any]]:
    """What the cards say, the newest first, once none is waiting."""
    until(page, f"document.querySelectorAll('.answer:not(.waiting)').length === {count}")
    return page.run(
        """[...document.querySelectorAll('.answer')].map((card) => ({
            file: card.querySelector('.file').textContent,
            label: card.querySelector('.label').textContent,
            word: card.querySelector('.word').textContent,
            kind: card.className,
            bars: [...card.querySelectorAll('.bars li')].map((bar) => bar.innerText.replace(/\\s+/g, ' ')),
            widths: [...card.querySelectorAll('.fill')].map((fill) => parseFloat(fill.style.width)),
            shown: card.querySelector('img').naturalWidth,
        }))"""
    )


def files_script(event: str, *files: tuple[str, str, bytes], text: str = "") -> str:
    """A script that drops or pastes files."""
    listed = json.dumps([(name, kind, base64.b64encode(data).decode()) for name, kind, data in files])
    made = (
        "new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})"
        if event == "drop"
        else "new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})"
    )
    return f"""(() => {{
        const data = new DataTransfer();
        if ({json.dumps(text)}) data.setData('text/plain', {json.dumps(text)});
        for (const [name, type, bytes] of {listed})
            data.items.add(new File([Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0))], name, {{type}}));
        return document.body.dispatchEvent({made});
    }})()"""


@pytest.mark.slow
def test_it_says_what_it_is(page: Page, server: Running) -> None:
    assert page.run("document.title") == "v1: what is in the picture?"
    assert page.run("document.querySelector('#labels').textContent") == "Classes: red, green and blue."
    assert "Answers with the colour" in page.run("document.querySelector('#card').textContent")
    assert page.run("document.querySelector('#card h3').textContent") == "Red, green or blue"
    assert page.run("document.querySelector('#answers').hidden")
    assert page.complaints == []
    assert page.requests
    assert all(address.startswith((server.address, "blob:", "data:")) for address in page.requests)


@pytest.mark.slow
def test_a_chosen_picture_is_answered(page: Page, tmp_path: Path) -> None:
    (tmp_path / "rose.png").write_bytes(picture("red"))
    choose(page, tmp_path / "rose.png")
    (card,) = answered(page, 1)
    assert card["file"] == "rose.png"
    assert card["label"] == "red 96.5 %"
    assert card["bars"] == ["red 96.5 %", "green 1.8 %", "blue 1.8 %"]
    until(page, "parseFloat(document.querySelector('.fill').style.width) > 96")
    assert card["shown"] == 20
    assert card["word"] == ""
    assert "rose.png: red, 96.5 %" in page.run("document.querySelector('#spoken').textContent")
    # The same file again is another question.
    choose(page, tmp_path / "rose.png")
    answered(page, 2)


@pytest.mark.slow
def test_a_dropped_picture_is_answered(page: Page) -> None:
    page.run("document.body.dispatchEvent(new DragEvent('dragover', {bubbles: true, cancelable: true}))")
    assert page.run("getComputedStyle(document.querySelector('#veil')).display") == "grid"
    page.run(files_script("drop", ("sea.png", "image/png", picture("blue"))))
    (card,) = answered(page, 1)
    assert card["label"].startswith("blue")
    assert page.run("getComputedStyle(document.querySelector('#veil')).display") == "none"
    page.run(files_script("drop", text="https://example.org/a.png"))
    assert "is not a file" in page.run("document.querySelector('#notice').textContent")


@pytest.mark.slow
def test_a_pasted_picture_is_answered(page: Page) -> None:
    page.run(files_script("paste", ("image.png", "image/png", picture("red"))))
    (card,) = answered(page, 1)
    assert card["label"].startswith("red")
    page.run(files_script("paste", text="words"))
    assert page.run("document.querySelector('#notice').textContent") == "There is no picture in the clipboard."


@pytest.mark.slow
def test_an_unfamiliar_picture_is_called_so(page: Page) -> None:
    page.run(files_script("drop", ("snow.png", "image/png", picture("white"))))
    (card,) = answered(page, 1)
    assert card["label"] == "Unfamiliar"
    assert "unlike the pictures that the model was trained on" in card["word"]
    assert "unfamiliar" in card["kind"]
    assert "snow.png: unfamiliar" in page.run("document.querySelector('#spoken').textContent")


@pytest.mark.slow
def test_errors_are_told_in_words(page: Page) -> None:
    page.run(files_script("drop", ("a.txt", "text/plain", b"words"), ("b.png", "image/png", b"\x89PNG broken")))
    broken, text = answered(page, 2)
    assert text["label"] == broken["label"] == "No answer"
    assert text["word"].startswith("text/plain is not a kind of picture that is read.")
    assert broken["word"] == "It is not a JPEG, PNG, WEBP, GIF, BMP, TIFF or AVIF file, or it is damaged."
    assert page.run("document.querySelector('.failed .blank').hidden") is False


@pytest.mark.slow
def test_many_files_are_all_answered_in_their_places(page: Page, tmp_path: Path) -> None:
    colours = ["red", "blue"] * 20
    files = []
    for number, colour in enumerate(colours):
        files.append(tmp_path / f"{number:02d}-{colour}.png")
        files[-1].write_bytes(picture(colour))
    choose(page, *files)
    cards = answered(page, 40)
    assert [card["file"] for card in cards] == [file.name for file in reversed(files)]
    assert all(card["label"].split()[0] in card["file"] for card in cards)
    assert page.run("document.querySelector('#count').textContent") == "40 pictures"
    page.run("document.querySelector('#clear').click()")
    assert page.run("document.querySelector('#answers').hidden && document.activeElement.id === 'choose'")


@pytest.mark.slow
def test_a_photo_that_is_too_large_for_the_server_is_made_smaller(page: Page, tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image as PILImage

    noise = np.random.default_rng(0).integers(0, 60, (400, 400, 3), dtype=np.uint8)
    noise[..., 0] += 180
    PILImage.fromarray(noise).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 100_000
    choose(page, tmp_path / "large.png")
    (card,) = answered(page, 1)
    assert card["label"].startswith("red")


@pytest.mark.slow
def test_a_photo_is_taken_with_the_camera(page: Page) -> None:
    page.run(
        """(() => {
            const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 48});
            const context = canvas.getContext('2d');
            setInterval(() => { context.fillStyle = 'blue'; context.fillRect(0, 0, 64, 48); }, 20);
            navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
            document.querySelector('#photograph').click();
        })()"""
    )
    until(page, "document.querySelector('#camera').open && document.querySelector('#video').videoWidth === 64")
    page.run("document.querySelector('#shoot').click()")
    (card,) = answered(page, 1)
    assert (card["file"], card["label"].split()[0]) == ("photo.jpg", "blue")
    assert page.run("!document.querySelector('#camera').open && document.querySelector('#video').srcObject === null")


@pytest.mark.slow
def test_without_a_camera_it_says_so(page: Page) -> None:
    page.run(
        """navigator.mediaDevices.getUserMedia = async () => { throw new Error('no'); };
        document.querySelector('#photograph').click()"""
    )
    until(page, "document.querySelector('#notice').textContent.startsWith('The camera cannot be used')")


@pytest.mark.slow
def test_the_keyboard_reaches_everything(page: Page) -> None:
    page.run(files_script("drop", ("a.png", "image/png", picture("red")), ("b.png", "image/png", picture("blue"))))
    answered(page, 2)
    page.run("document.querySelector('h1').tabIndex = -1; document.querySelector('h1').focus()")
    reached = []
    for _ in range(8):
        page.press("Tab")
        reached.append(page.run("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
    wanted = ["Choose pictures", "Take a photo", "Clear", "Remove b.png", "Remove a.png", "About this model"]
    assert reached[:6] == wanted
    page.run("document.querySelector('.remove').focus()")
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
    page.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
    page.call("Input.dispatchKeyEvent", type="keyUp", **key)
    until(page, "document.querySelectorAll('.answer').length === 1")
    assert page.run("document.activeElement.ariaLabel") == "Remove a.png"


@pytest.mark.slow
def test_a_label_is_text_and_nothing_else(page: Page) -> None:
    """A stranger's bundle may have any labels and any card."""
    page.run(
        """(async () => {
            const name = '<img src=x onerror="document.title = 1">';
            const facts = {name, labels: [name, name], card: `# ${name}\\n\\n- ${name}\\n\\n|a|\\n|-|\\n|${name}|`};
            const real = window.fetch;
            window.fetch = async (path, options) => path === 'predict'
                ? new Response(JSON.stringify({label: name, score: 1, probabilities: {[name]: 1}, seconds: 0.01}))
                : real(path, options);
        })()"""
    )
    page.run(files_script("drop", ('<b>"x".png', "image/png", picture("red"))))
    (card,) = answered(page, 1)
    assert card["label"].startswith("<img src=x")
    assert card["file"] == '<b>"x".png'
    assert page.run("document.querySelectorAll('.answer b, .answer .said img').length") == 0


def test_when_the_server_is_gone_it_says_so(page: Page) -> None:
    page.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    try:
        page.run(files_script("drop", ("a.png", "image/png", picture("red"))))
        (card,) = answered(page, 1)
        assert card["word"] == "The server cannot be reached. Is it still running?"
    finally:
        page.call(
            "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1100, False)])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_axe_finds_nothing(server: Running, browser: Page, axe: str, path: str, width: int, dark: bool) -> None:
    browser.screen(width, 900, dark=dark, phone=width < 500)
    browser.go(server.address + path)
    if path == "/":
        until(browser, "document.querySelector('#labels').textContent.includes('red')")
        names = {"a.png": picture("red"), "b.png": picture("white"), "c.png": b"broken"}
        browser.run(files_script("drop", *((name, "image/png", data) for name, data in names.items())))
        answered(browser, 3)
        browser.run("document.querySelector('#about').open = true")
        browser.run("document.getAnimations().forEach((each) => each.finish())")
    else:
        until(browser, "document.querySelectorAll('.operation').length === 5")
    browser.run(axe)
    found = browser.run("axe.run().then((found) => JSON.stringify(found.violations))")
    shown = [(each["id"], [node["html"] for node in each["nodes"]]) for each in json.loads(found)]
    assert shown == []
    assert browser.run("document.documentElement.scrollWidth <= window.innerWidth")
    browser.screen(1100, 900)
