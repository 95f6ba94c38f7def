"""The page for texts in a real browser: an answer while one writes, marked words, a file of rows as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import Page, axe_problems, find_chromium, open_page
from tests.serve.bundles import make
from tests.serve.server import Running, running
from tests.serve.test_page import answered, axe, choose, until

__all__ = ["axe"]

pytestmark = pytest.mark.slow

TEXT = "A lovely film & an awful <b>book</b>, lovely!"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    with running("--log", str(folder / "log"), bundle=make("reviews", folder)) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: Chromium is not installed")
    with open_page(chromium) as page:
        yield page


@pytest.fixture
def page(server: Running, browser: Page) -> Page:
    browser.screen(1100, 900)
    browser.go(server.address + "/")
    until(browser, "document.querySelector('#field-0') !== null")
    return browser


def write(page: Page, text: str) -> None:
    page.run(
        f"""(() => {{
            const box = document.querySelector('#field-0');
            box.focus();
            box.value = {json.dumps(text)};
            box.dispatchEvent(new Event('input', {{bubbles: true}}));
        }})()"""
    )


def marks(page: Page) -> list[tuple[str, str]]:
    until(page, "document.querySelector('.evidence mark') !== null")
    found = page.run("[...document.querySelectorAll('.evidence p[dir] mark')].map((m) => [m.className, m.textContent])")
    return [(kind, text) for kind, text in found]


def logged(folder: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in (folder / "log").glob("*.jsonl"))


def test_a_text_is_answered_while_it_is_written_and_its_words_are_marked(page: Page, folder: Path) -> None:
    before = logged(folder)
    write(page, TEXT)
    assert marks(page) == [("for", "lovely"), ("against", "awful"), ("for", "lovely")]
    assert page.run("document.querySelector('.evidence p').textContent") == TEXT
    assert page.run("document.activeElement.id") == "field-0"
    write(page, "A lovely book")
    until(page, "document.querySelector('.evidence p')?.textContent === 'A lovely book'")
    # One card, whose text changed; what was half written is not in the log.
    assert page.run("document.querySelectorAll('.answer').length") == 1
    assert logged(folder) == before


def test_an_answer_stays_and_the_log_keeps_no_text(page: Page, folder: Path) -> None:
    count = len(logged(folder).splitlines())
    write(page, TEXT)
    page.run("document.querySelector('#ask').click()")
    assert marks(page) == [("for", "lovely"), ("against", "awful"), ("for", "lovely")]
    write(page, "Quite an awful book")
    until(page, "document.querySelectorAll('.evidence').length === 2")
    answered(page, 2)
    given = "[...document.querySelectorAll('.bars .given .what')].map((one) => one.textContent)"
    assert page.run(given) == ["no", "yes"]
    lines = logged(folder).splitlines()
    assert len(lines) == count + 1
    assert "num_tokens" in lines[-1]
    assert "lovely" not in "".join(lines)


def test_a_file_of_rows_is_answered_as_a_table_and_saved(page: Page, folder: Path) -> None:
    path = folder / "reviews.csv"
    long = "".join(f'{number},"A lovely film, {number}"\n' for number in range(3, 130))
    path.write_text(f'\ufeffid,review\n0,"So lovely, ""a"" film"\n1,awful\n2,\n{long}', encoding="utf-8")
    page.run("URL.createObjectURL = (blob) => { globalThis.saved = blob; return 'blob:saved'; }")
    choose(page, path, field="rows")
    until(page, "!document.querySelector('#save').hidden")
    said = page.run("document.querySelector('#table-count').textContent")
    assert said == "reviews.csv: 130 rows, 1 without an answer."
    assert page.run("document.querySelector('#save').download") == "reviews-answers.csv"
    rows = list(csv.DictReader(io.StringIO(page.run("saved.text()"))))
    assert len(rows) == 130
    assert [row["prediction"] for row in rows[:4]] == ["yes", "no", "", "yes"]
    assert rows[0]["review"] == 'So lovely, "a" film'
    assert rows[2]["problem"] == "The row cannot be read: empty: there is no text in it."
    assert page.run("document.querySelectorAll('#table-rows tbody tr').length") == 130
    path.write_text("id,name,date\n1,a,b\n", encoding="utf-8")
    choose(page, path, field="rows")
    until(page, "document.querySelector('#notice').textContent.startsWith('A row needs 1 value')")


@pytest.mark.parametrize(("width", "dark"), [(1100, False), (1100, True), (390, False)])
def test_it_is_accessible_light_dark_and_on_a_phone(width: int, dark: bool, page: Page, folder: Path, axe: str) -> None:
    page.screen(width, 900, dark=dark, phone=width < 500)
    path = folder / "few.csv"
    path.write_text("review\nlovely\nawful\n\n", encoding="utf-8")
    choose(page, path, field="rows")
    until(page, "!document.querySelector('#save').hidden")
    write(page, TEXT)
    marks(page)
    page.run("document.getAnimations().forEach((one) => one.finish())")
    assert axe_problems(page, axe) == []
    assert page.run("document.documentElement.scrollWidth <= window.innerWidth")
