"""The page for numbers, several labels, points, masks and tables, in a real browser with real servers behind it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from PIL import Image as PILImage
from PIL import ImageDraw

from tests.chromium import Page, find_chromium, open_page
from tests.serve.bundles import make
from tests.serve.server import Running, picture, running
from tests.serve.test_page import answered, axe, files_script, until

__all__ = ["axe"]

KINDS = ("number", "labels", "points", "mask", "table", "table-number", "ratings", "future")
Open = Callable[[str], Page]

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: Chromium is not installed")
    with open_page(chromium) as page:
        page.screen(1100, 900)
        yield page


@pytest.fixture(scope="module")
def open_kind(browser: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Opens the page of a kind of model."""
    folder = tmp_path_factory.mktemp("bundles")
    servers: dict[str, Running] = {}
    with ExitStack() as stack:

        def open_one(kind: str) -> Page:
            if kind not in servers:
                servers[kind] = stack.enter_context(running(bundle=make(kind, folder)))
            browser.go(servers[kind].address + "/")
            until(browser, "document.querySelector('#name').textContent !== ''")
            return browser

        yield open_one


def disc() -> bytes:
    """A red disc on white, 300 x 200 pixels."""
    image = PILImage.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).ellipse((60, 40, 200, 160), fill="red")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def texts(page: Page, selector: str) -> list[str]:
    return page.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((each) => each.textContent)")


def paste(page: Page, text: str, target: str = "document.body") -> None:
    page.run(
        f"""(() => {{
            const data = new DataTransfer();
            data.setData('text/plain', {json.dumps(text)});
            const event = new ClipboardEvent('paste', {{clipboardData: data, bubbles: true, cancelable: true}});
            {target}.dispatchEvent(event);
        }})()"""
    )


def test_a_number_is_large_with_its_name_and_its_usual_error(open_kind: Open) -> None:
    page = open_kind("number")
    assert texts(page, "h1") == ["What would \u201credness\u201d be?"]
    assert texts(page, "#labels") == ["This model predicts a number: redness. It is usually off by 3.2."]
    page.run(files_script("drop", ("a.png", "image/png", picture("red"))))
    (card,) = answered(page, 1)
    assert (card["label"], card["bars"]) == ("100 redness", [])
    assert texts(page, ".took")[0].startswith("Usually off by 3.2. Answered in ")
    assert "a.png: redness 100" in texts(page, "#spoken")[0]
    size = page.run("parseFloat(getComputedStyle(document.querySelector('.number')).fontSize)")
    assert size > 1.5 * page.run("parseFloat(getComputedStyle(document.querySelector('.label small')).fontSize)")
    assert page.complaints == []


def test_a_forecast_is_drawn_behind_what_is_known(open_kind: Open) -> None:
    page = open_kind("future")
    assert texts(page, "h1") == ["How will \u201csales\u201d go on?"]
    # A row a moment, as it is copied from a spreadsheet, is one series.
    lines = "\n".join(f"{2000 + row}\t{value}" for row, value in enumerate([20, 25, 30, 35] * 4))
    paste(page, f"year\tsales\n{lines}")
    page.run("document.querySelector('#ask').click()")
    (card,) = answered(page, 1)
    assert card["label"] == "20 is the next value"
    known, ahead = (
        page.run(f"document.querySelector('.forecast .{name}').points.length") for name in ("known", "ahead")
    )
    # Three times as many as are forecast; the line of the forecast begins at the last known value.
    assert (known, ahead) == (6, 3)
    rows = texts(page, ".chart tbody tr")
    assert [row[:3] for row in rows] == ["120", "225"]
    assert page.run("document.querySelector('.forecast').getAttribute('aria-label')") == (
        "Chart: 6 known values, then 2 forecast ones from 20 to 25"
    )
    assert page.complaints == []


def test_several_labels_are_chips_with_bars(open_kind: Open) -> None:
    page = open_kind("labels")
    assert texts(page, "#labels") == ["Labels, several or none for each item: red, green and blue."]
    names = {"both.png": picture("yellow"), "none.png": picture("black")}
    page.run(files_script("drop", *((name, "image/png", data) for name, data in names.items())))
    none, both = answered(page, 2)
    assert none["label"] == "None of them"
    assert sorted(texts(page, ".chip")) == ["green", "red"]
    assert both["label"] in ("red, green", "green, red")
    assert len(both["bars"]) == 3
    assert len(texts(page, ".bars .given")) == 2


def test_points_are_drawn_over_the_picture(open_kind: Open) -> None:
    page = open_kind("points")
    page.run(files_script("drop", ("a.png", "image/png", disc())))
    (card,) = answered(page, 1)
    assert card["label"] == "2 points in pixels"
    assert card["bars"] == ["1 87.5 from the left, 50.0 from the top", "2 212.5 from the left, 100.0 from the top"]
    until(page, "document.querySelectorAll('.over circle').length === 2")
    assert page.run("document.querySelector('svg.over').getAttribute('viewBox')") == "0 0 300 200"
    # Where the first one is on the screen: the picture is as wide as its box.
    box, circle = (
        page.run(f"document.querySelector('{name}').getBoundingClientRect().toJSON()")
        for name in (".photo img", ".over circle")
    )
    x = (circle["x"] + circle["width"] / 2 - box["x"]) / box["width"]
    height = box["width"] * 200 / 300
    y = (circle["y"] + circle["height"] / 2 - box["y"] - (box["height"] - height) / 2) / height
    assert (x, y) == (pytest.approx(87.5 / 300, abs=0.01), pytest.approx(0.25, abs=0.01))


def test_a_mask_lies_over_the_picture(open_kind: Open) -> None:
    page = open_kind("mask")
    page.run(files_script("drop", ("a.png", "image/png", disc())))
    (card,) = answered(page, 1)
    assert card["label"].startswith("rest ")
    until(page, "document.querySelector('img.over')?.naturalWidth === 300")
    assert page.run("document.querySelectorAll('.fill')[1].style.background") == "rgb(86, 180, 233)"
    assert sum("/predict" in address for address in page.requests) == 1
    assert page.complaints == []


def test_a_form_has_a_field_for_each_column_with_an_example(open_kind: Open) -> None:
    page = open_kind("table")
    assert page.run("document.querySelector('#drop').hidden && !document.querySelector('#fill').hidden")
    assert texts(page, "#fields label") == ["age", "job", "smokes", "joined"]
    kinds = page.run("[...document.querySelectorAll('#fields :is(input, select)')].map((each) => each.type)")
    assert kinds == ["number", "select-one", "select-one", "date"]
    labelled = "[...document.querySelectorAll('#fields :is(input, select)')].every((each) => each.labels.length === 1)"
    assert page.run(labelled)
    assert page.run("document.querySelector('#field-0').placeholder") == "51"
    filled = "[...document.querySelectorAll('#fields :is(input, select)')].map((each) => each.value)"
    example = page.run(filled)
    assert example == ["51", 'a "b" <c>', "true", "2022-01-23"]
    page.run("document.querySelector('#empty').click()")
    assert page.run(filled) == ["", "", "", ""]
    assert page.run("document.activeElement.id") == "field-0"
    page.run("document.querySelector('#example').click()")
    assert page.run(filled) == example


def test_a_row_is_asked_by_keyboard_alone(open_kind: Open) -> None:
    page = open_kind("table")
    page.run("document.querySelector('#empty').click()")
    page.call("Input.insertText", text="30")
    page.press("Tab")
    assert page.run("document.activeElement.id") == "field-1"
    page.run("document.querySelector('#field-0').focus()")
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
    page.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
    page.call("Input.dispatchKeyEvent", type="keyUp", **key)
    (card,) = answered(page, 1)
    assert card["file"] == "age 30"
    # Nobody in training was without a job.
    assert card["label"].startswith("Unfamiliar")
    assert "as it never was in training" in card["word"]
    assert "age 30: unfamiliar" in texts(page, "#spoken")[0]
    page.run("document.querySelector('#clear').click()")
    assert page.run("document.activeElement.id") == "field-0"
    assert page.complaints == []


def test_rows_are_pasted(open_kind: Open) -> None:
    page = open_kind("table")
    paste(page, '44\t"a ""b"" <c>"\tfalse\t2021-03-04')
    filled = "[...document.querySelectorAll('#fields :is(input, select)')].map((each) => each.value)"
    assert page.run(filled) == ["44", 'a "b" <c>', "false", "2021-03-04"]
    assert page.run("document.activeElement.id") == "ask"
    paste(page, "joined,job,age,more\n2021-01-01,pilot,31,x\n,cook,,y\n")
    second, first = answered(page, 2)
    assert first["file"] == "age 31, job pilot, joined 2021-01-01"
    assert "'job' is 'pilot'" in first["word"]
    assert second["file"] == "job cook"
    assert page.run(filled)[:2] == ["31", "pilot"]
    paste(page, "1,2")
    notice = "A row needs 4 values, in the order of the fields, or a first line with names."
    assert texts(page, "#notice") == [notice]
    # One value is for its own field, whatever it holds.
    paste(page, "17", target="document.querySelector('#field-0')")
    page.run(
        """(() => {
            const place = document.querySelector('#pasted');
            place.value = '50,nurse,true,2020-02-02';
            place.dispatchEvent(new Event('input', {bubbles: true}));
        })()"""
    )
    assert page.run(filled) == ["50", "nurse", "true", "2020-02-02"]
    assert page.run("document.querySelector('#pasted').value") == ""


def test_errors_of_a_row_are_told_in_words(open_kind: Open) -> None:
    page = open_kind("table-number")
    assert texts(page, "h1") == ["What would \u201cheight\u201d be?"]
    paste(page, "age,job\nold,cook\n1e60,cook")
    large, old = answered(page, 2)
    assert old["label"] == large["label"] == "No answer"
    assert old["word"] == 'The column "age" must be a number, not text.'
    assert large["word"] == 'The column "age" must be a number of at most 3.403e+38.'
    page.run("document.querySelector('#example').click(); document.querySelector('#field-0').focus()")
    page.run("document.querySelector('#field-0').select()")
    page.call("Input.insertText", text="1e")
    page.run("document.querySelector('#ask').click()")
    assert texts(page, "#notice") == ["age must be a number; leave it empty where it is not known."]
    assert page.run("document.activeElement.id + document.activeElement.ariaInvalid") == "field-0true"
    assert page.run("document.querySelectorAll('.answer').length") == 2


def test_many_choices_are_looked_for_by_typing(open_kind: Open) -> None:
    page = open_kind("table")
    page.run(
        """import('./form.js').then(({openForm}) => openForm([{name: 'user', kind: 'category', typical: 'u0',
            choices: Array.from({length: 200}, (_, place) => `u${place}`)}]))"""
    )
    assert page.run("document.querySelector('#field-0').list.options.length") == 200
    assert page.run("document.querySelector('#field-0').value") == "u0"


# What is too wide is so on a phone, and what has too little contrast is so in either: not all four of each.
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1100, False)])
@pytest.mark.parametrize("kind", [*KINDS, "table/docs"])
def test_axe_finds_nothing(open_kind: Open, axe: str, kind: str, width: int, dark: bool) -> None:
    name, _, path = kind.partition("/")
    page = open_kind(name)
    page.screen(width, 900, dark=dark, phone=width < 500)
    open_kind(name)
    if path:
        page.go(page.run("location.href") + path)
        until(page, "document.querySelectorAll('.operation').length === 5")
        assert "Columns of a row" in texts(page, "caption")
        assert texts(page, "#curl")[0].startswith('curl -H "Content-Type: application/json" -d')
    elif name.startswith("table"):
        page.run("document.querySelector('#ask').click()")
        paste(page, "age,job\nold,cook\n31,pilot")
        answered(page, 3)
    elif name == "future":
        paste(page, "\n".join(map(str, [20, 25, 30, 35] * 4)))
        page.run("document.querySelector('#ask').click()")
        answered(page, 1)
        page.run("document.querySelector('.chart details').open = true")
    elif name == "ratings":
        page.run("document.querySelector('#ask').click()")
        paste(page, "job,smokes\npilot,true")
        page.run("document.querySelector('#ask').click()")
        answered(page, 2)
    else:
        page.run(files_script("drop", ("a.png", "image/png", disc()), ("b.png", "image/png", b"broken")))
        answered(page, 2)
    page.run("document.getAnimations().forEach((each) => each.finish())")
    page.run(axe)
    found = page.run("axe.run().then((found) => JSON.stringify(found.violations))")
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in json.loads(found)] == []
    assert page.run("document.documentElement.scrollWidth <= window.innerWidth")
    page.screen(1100, 900)
