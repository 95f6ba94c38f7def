"""The course's pages in a real browser, as files: questions, guesses, progress, search, and what axe says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.course import overview
from headway.course.lesson import lesson_files, read
from headway.course.question_file import load
from headway.course.questions import Question, Recall
from headway.course.site.build import build
from headway.course.state import Log, fold
from tests.chromium import Page, axe_problems, axe_script, find_chromium, open_page

LESSON = next(iter(lesson_files()))
STEM = f"lesson-{LESSON:02}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("site")
    build(folder)
    return folder.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: Chromium is not installed")
    with open_page(chromium) as page:
        page.screen(1280, 900)
        yield page


@pytest.fixture
def page(site: str, browser: Page) -> Page:
    """The questions of the first lesson, for somebody who has answered none."""
    browser.screen(1280, 900)
    go(browser, f"{site}/{STEM}-questions.html")
    browser.run("progress.clear()")
    go(browser, f"{site}/{STEM}-questions.html")
    return browser


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe_script(tmp_path_factory.mktemp("axe"))


def go(page: Page, address: str) -> None:
    # A change of the anchor alone would load nothing.
    page.go("about:blank")
    page.go(address)


ANSWER = """((id, answer) => {
    const box = document.querySelector(`[data-question="${id}"]`);
    const field = (selector) => box.querySelector(`form ${selector}`);
    const show = box.querySelector(':scope > button');
    if (show) show.click();
    const kind = window.questions[id].kind;
    if (kind === 'choice') field(`input[value="${answer}"]`).click();
    if (kind === 'several') for (const number of answer) field(`input[value="${number}"]`).click();
    if (['number', 'word'].includes(kind)) field('input').value = answer;
    if (kind === 'predict') field('textarea').value = answer;
    if (kind === 'order') for (const step of answer) field('.steps').append(field(`[data-step="${step}"]`));
    if (kind === 'bug') {
        field(`input[name="answer-${id}-line"][value="${answer.line}"]`).click();
        field(`input[name="answer-${id}"][value="${answer.symptom}"]`).click();
    }
    if (kind === 'recall') field('textarea').value = answer.text;
    field('button.main').click();
    if (kind === 'recall') {
        field('textarea').readOnly || (() => { throw new Error('still to be written'); })();
        answer.ideas.forEach((tick, number) => { field(`input[value="${number}"]`).checked = tick; });
        [...box.querySelectorAll('form button.main')].pop().click();
    }
    return box.querySelector('.mark').innerText;
})"""


def answer(page: Page, question: Question, value: object) -> str:
    """Answers a question; what the page then says."""
    return page.run(f"{ANSWER}({json.dumps(question.id)}, {json.dumps(value)})")


def one(kind: str) -> Question:
    questions = [question for number in lesson_files() for question in load(number) if question.kind == kind]
    return next(question for question in questions if question.id.partition(".")[0] == str(LESSON))


@pytest.mark.slow
def test_every_question_of_a_lesson_is_answered_by_its_key(page: Page, tmp_path: Path) -> None:
    questions = load(LESSON)
    for question in questions:
        said = answer(page, question, question.right_answer())
        assert said.startswith("Right."), f"{question.id}: {said}"
    assert page.run("document.getElementById('count').textContent") == (
        f"{len(questions)} of {len(questions)} answered, {len(questions)} right."
    )
    assert not page.complaints
    # What the page kept is what the command line writes.
    file = tmp_path / "progress.json"
    file.write_text(page.run("progress.asText()"))
    log = Log(tmp_path / "learner")
    assert overview.import_progress(file, log) == len(questions)
    progress = fold(log.read()).lesson(str(LESSON))
    assert progress.share(self_marked=False) == 1
    assert {id for id, known in progress.questions.items() if known.self_marked} == {
        question.id for question in questions if isinstance(question, Recall)
    }


@pytest.mark.slow
def test_a_wrong_choice_is_explained_option_by_option(page: Page) -> None:
    question = one("choice")
    options = question.to_json()["options"]
    wrong = next(number for number, option in enumerate(options) if not option["right"])
    said = answer(page, question, wrong)
    assert said.startswith("Not right.")
    box = page.run(f"document.querySelector('[data-question=\"{question.id}\"]').innerText")
    assert all(option["because"].replace("`", "")[:30] in box for option in options)
    assert "right" in box
    assert "your answer" in box
    # Answered once more, the options stand in another order or not, but they are asked again.
    page.run("document.querySelector('.mark button').click()")
    assert page.run("document.querySelectorAll('.mark').length") == 0
    events = json.loads(page.run("progress.asText()"))["events"]
    assert [(event["id"], event["outcome"], event["answer"]["share"]) for event in events] == [
        (question.id, "wrong", 0)
    ]


@pytest.mark.slow
def test_what_cannot_be_an_answer_is_not_marked(page: Page) -> None:
    question = one("number")
    box = f"document.querySelector('[data-question=\"{question.id}\"]')"
    page.run(f"{box}.querySelector('input').value = 'many'; {box}.querySelector('button.main').click()")
    assert page.run(f"{box}.querySelector('[role=status]').textContent") == (
        "This is not a number. Numbers look like 0.5, 1/2 or 50 %."
    )
    assert page.run("progress.events().length") == 0


@pytest.mark.slow
def test_steps_are_ordered_by_keys(page: Page) -> None:
    question = one("order")
    box = f"document.querySelector('[data-question=\"{question.id}\"]')"
    before = page.run(f"[...{box}.querySelectorAll('[data-step]')].map((step) => step.dataset.step)")
    page.run(f"{box}.querySelectorAll('[data-step]')[1].querySelector('button').focus()")
    page.press("Enter")
    page.press(" ")
    after = page.run(f"[...{box}.querySelectorAll('[data-step]')].map((step) => step.dataset.step)")
    assert after != before
    assert sorted(after) == sorted(before)
    assert "Now step" in page.run(f"{box}.querySelector('[role=status]').textContent")
    assert page.run("document.activeElement.tagName") == "BUTTON"


@pytest.mark.slow
def test_a_guess_is_kept_beside_the_result(site: str, page: Page) -> None:
    number, guess = next((number, read(number).guesses[0]) for number in lesson_files() if read(number).guesses)
    go(page, f"{site}/lesson-{number:02}.html")
    page.run(f"document.querySelector('[data-guess=\"{guess.id}\"] input').click()")
    go(page, f"{site}/lesson-{number:02}.html")
    noted = page.run("[...document.querySelectorAll('.guessed:not([hidden])')].map((note) => note.textContent)")
    assert noted == [guess.outcome(guess.options[0])]
    # What came out gives the answer away: it is unfolded by the reader.
    assert page.run("document.querySelector('.guessed:not([hidden])').closest('details').open") is False
    assert [event["kind"] for event in page.run("progress.events()")] == ["guess"]


@pytest.mark.slow
def test_progress_goes_from_one_browser_to_another(site: str, page: Page) -> None:
    question = one("word")
    answer(page, question, question.right_answer())
    go(page, f"{site}/index.html")
    assert "1 of" in page.run(f"document.querySelector('[data-lesson=\"{LESSON}\"]').textContent")
    text = page.run("progress.asText()")
    page.run("document.getElementById('forget').click(); document.getElementById('forget').click()")
    assert page.run("progress.events().length") == 0
    page.run("document.getElementById('paste').click()")
    for given, said in (
        ("nonsense", "This text is no progress."),
        (text, "Added 1 answers."),
        (text, "Added 0 answers."),
    ):
        page.run(
            f"document.getElementById('text').value = {json.dumps(given)}; document.getElementById('take').click()"
        )
        assert page.run("document.getElementById('said').textContent").startswith(said)


@pytest.mark.slow
def test_search_finds_lessons_failures_and_words(site: str, page: Page) -> None:
    go(page, f"{site}/search.html?q=mat1+and+mat2+shapes")
    assert page.run("document.querySelector('.hits a').getAttribute('href')") == "why.html#shapes.linear"
    go(page, f"{site}/search.html?q=baseline")
    hits = page.run("[...document.querySelectorAll('.hits a')].map((link) => link.getAttribute('href'))")
    assert "words.html#word-baseline" in hits[:3]
    assert any(hit.startswith("lesson-") for hit in hits)
    assert not page.complaints


REACHABLE = """(() => {
    const all = document.querySelectorAll('a[href], button:enabled, input, textarea, summary, [tabindex="0"]');
    const folded = 'details:not([open]) > :not(summary)';
    const shown = [...all].filter((one) => one.checkVisibility() && !one.closest(folded));
    // One of several radio buttons is reached by the tabulator, and the others from there.
    const names = new Set(shown.map((one) => one.type === 'radio' ? one.name : one));
    return names.size;
})()"""
FOCUSED = """(() => {
    const one = document.activeElement;
    return one === document.body ? '' : getComputedStyle(one).outlineStyle;
})()"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, 4])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(site: str, page: Page, number: int) -> None:
    go(page, f"{site}/lesson-{number:02}.html")
    outlines = []
    for _ in range(page.run(REACHABLE)):
        page.press("Tab")
        outlines.append(page.run(FOCUSED))
    assert set(outlines) <= {"solid", "auto"}
    page.press("Tab")
    assert page.run(FOCUSED) == ""


@pytest.mark.slow
def test_a_lesson_is_printed_on_a_few_sheets(site: str, page: Page) -> None:
    for number in lesson_files():
        go(page, f"{site}/lesson-{number:02}-print.html")
        # Six sheets, printed on both sides.
        assert len(re.findall(rb"/Type /Page\b", page.paper())) <= 12


@pytest.mark.slow
def test_nothing_is_asked_of_any_host(site: str, page: Page) -> None:
    for name in ("index.html", f"{STEM}.html", "why.html", "search.html?q=loss"):
        go(page, f"{site}/{name}")
        assert [address for address in page.requests if not address.startswith(("file:", "about:"))] == []
        assert page.complaints == []


PAGES = ["index.html", *(f"{STEM}{ending}.html" for ending in ("", "-questions", "-exercises", "-research", "-print"))]
PAGES += ["primer.html", "words.html", "data.html", "search.html?q=loss"]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (320, True)])
def test_axe_finds_nothing(site: str, page: Page, axe: str, width: int, dark: bool) -> None:
    answer(page, one("choice"), one("choice").right_answer())
    page.screen(width, 900, dark=dark, phone=width < 500)
    problems = []
    for name in dict.fromkeys([*PAGES, "why.html", *(f"lesson-{number:02}.html" for number in lesson_files())]):
        go(page, f"{site}/{name}")
        if name == "why.html":
            # One family stands for all: each of the entries would take a second.
            page.run("document.querySelectorAll('.family:nth-of-type(n+2)').forEach((family) => family.remove())")
        if "questions" in name:
            answer(page, one("several"), [0])
            answer(page, one("choice"), one("choice").right_answer())
        problems += [f"{name}: {problem}" for problem in axe_problems(page, axe)]
        # 320 pixels are 1280 at a zoom of 400 %: nothing is cut off, and nothing scrolls sideways.
        assert page.run("document.documentElement.scrollWidth") <= width, name
    assert not problems, "\n".join(problems)
