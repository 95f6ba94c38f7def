"""The course's pages as files: complete, the same each time, safe, and nothing in them from elsewhere."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from typer.testing import CliRunner

from headway.bundle.site import _RUNTIME_FILES
from headway.cli import app
from headway.course import recorded
from headway.course.exercise import exercises_of
from headway.course.guided import CellResult
from headway.course.lesson import lesson_files, parse, read
from headway.course.question_file import load
from headway.course.site import markup, searching
from headway.course.site.anchors import anchors, locked
from headway.course.site.build import build, files
from headway.course.site.lesson_page import lesson_sections
from headway.course.site.serving import serve
from headway.errors import ConfigError
from headway.why.catalogue import entries
from tests.course.lesson_text import LESSON
from tests.course.test_marking_in_javascript import in_javascript
from tests.meta.words import FILE as WORDS
from tests.meta.words import table

NUMBERS = list(lesson_files())


@pytest.fixture(scope="module")
def site() -> dict[str, bytes]:
    return files()


class Tags(HTMLParser):
    """What a page links to, loads, and names."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.attributes |= values.keys()
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" and "href" in values else []
        self.loaded += [values[name] for name in ("src", "action") if name in values]
        self.loaded += [values["href"]] if tag == "link" else []


def pages(site: dict[str, bytes]) -> dict[str, Tags]:
    return {name: Tags(content) for name, content in site.items() if name.endswith(".html")}


@pytest.mark.slow
def test_twice_the_same_bytes(site: dict[str, bytes]) -> None:
    assert files() == site


@pytest.mark.slow
def test_every_lesson_has_its_pages(site: dict[str, bytes]) -> None:
    for number in NUMBERS:
        for ending in ("", "-questions", "-exercises", "-research", "-print"):
            assert f"lesson-{number:02}{ending}.html" in site
        text = site[f"lesson-{number:02}.html"].decode()
        lesson = read(number)
        assert all(f'<section class="part" id="{section.anchor}"' in text for section in lesson.sections)
        assert all(f'data-question="{id}"' in text for id in lesson.asks)
        assert all(f'data-guess="{guess.id}"' in text for guess in lesson.guesses)
        assert bool(lesson.guesses) == ("<summary>What came out</summary>" in text)
        asked = re.findall(r'data-question="([\d.]+)"', site[f"lesson-{number:02}-questions.html"].decode())
        assert asked == [question.id for question in load(number)]


@pytest.mark.slow
def test_nothing_is_left_of_the_marks_of_a_lesson(site: dict[str, bytes]) -> None:
    for name, content in site.items():
        assert b"\xe2\x9f\xa8" not in content, f"{name} has a mark of a lesson"
    for number in NUMBERS:
        text = re.sub(r"<pre.*?</pre>|<code.*?</code>", "", site[f"lesson-{number:02}.html"].decode(), flags=re.DOTALL)
        assert not re.findall(r"\{\w+(?:\.\w+)?(?::[^}]*)?\}", text), "a claim has no measured number"


def test_solutions_are_nowhere(site: dict[str, bytes]) -> None:
    every = markup.plain(b"\n".join(site.values()).decode())
    for lesson in [*NUMBERS, "primer"]:
        for exercise in exercises_of(lesson):
            known = {line.strip() for line in exercise.start.splitlines()}
            lines = {line.strip() for line in exercise.solution.splitlines()} - known
            longest = max(lines, key=len)
            assert " ".join(longest.split()) not in every


@pytest.mark.slow
def test_no_page_loads_or_names_another_host(site: dict[str, bytes]) -> None:
    for name, tags in pages(site).items():
        assert all(not re.match(r"\w+:|//", address) for address in tags.loaded), name
        assert not [one for one in tags.attributes if one.startswith("on") or one == "style"], name
    for name, content in site.items():
        if name.endswith((".css", ".js")) and name not in ("search-index.js",) and "questions" not in name:
            assert b"http" not in content.replace(b"http://www.w3.org", b""), name
            assert b"@import" not in content
            assert b"fetch(" not in content
    assert b"url(" not in site["page.css"]


def test_the_primer_has_its_page(site: dict[str, bytes]) -> None:
    text = site["primer.html"].decode()
    ids = [exercise.id for exercise in exercises_of("primer")]
    assert re.findall(r'<article class="exercise" id="exercise-([\w.]+)"', text) == ids
    assert "belongs to" not in text, "its exercises are of no lesson"
    assert '<a href="primer.html">primer</a>' in site["index.html"].decode()
    assert {f"primer.html#exercise-{id}" for id in ids} <= {address for address, *_ in index_of(site)["entries"]}


def test_every_page_has_its_policy(site: dict[str, bytes]) -> None:
    for name, content in site.items():
        if name.endswith(".html"):
            assert (
                content.count(b'http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; script-src')
                == 1
            )


@pytest.mark.slow
def test_links_lead_somewhere_and_ids_are_one_each(site: dict[str, bytes]) -> None:
    known = pages(site)
    figures = {f"figures/{file.name}" for file in recorded.FOLDER.glob("*.svg")}
    broken = []
    for name, tags in known.items():
        assert len(set(tags.ids)) == len(tags.ids), name
        for address in [*tags.links, *tags.loaded]:
            page, _, anchor = address.partition("#")
            if re.match(r"https?:", address):
                continue
            if (page or name) not in {*site, *figures} or (anchor and unquote(anchor) not in known[page or name].ids):
                broken.append(f"{name}: {address}")
    for address, *_ in index_of(site)["entries"]:
        page, _, anchor = address.partition("#")
        if page not in site or (anchor and anchor not in known[page].ids):
            broken.append(f"search: {address}")
    assert not broken


def test_published_anchors_are_there(site: dict[str, bytes]) -> None:
    lost = locked() - anchors(site)
    assert locked()
    assert not lost, "a link somewhere leads there: bring it back"


def test_the_catalogue_is_there_whole(site: dict[str, bytes]) -> None:
    text = site["why.html"].decode()
    assert re.findall(r'<article class="failure" id="([\w.]+)"', text) == [entry.id for entry in entries()]
    assert "mat1 and mat2 shapes cannot be multiplied (1792x28 and 784x10)" in text


def test_words_are_those_of_the_vocabulary(site: dict[str, bytes]) -> None:
    assert WORDS.read_text() == table(), "write it anew: python -m tests.meta.words"
    assert b'<div id="word-baseline"><dt>baseline</dt>' in site["words.html"]


def test_markdown_holds_no_html_and_no_scripts() -> None:
    shown = markup.markdown("<script>alert(1)</script> [a](javascript:alert(1)) <img src=x onerror=y>\n\n<b>x</b>")
    assert "<script" not in shown
    assert "<img" not in shown
    assert 'href="javascript' not in shown
    assert "&lt;b&gt;" in shown


def test_formulas_are_mathml_and_amounts_are_not() -> None:
    shown = markup.inline("The loss $-\\log p$ costs $5 and $10.")
    assert shown.count("<math") == 1
    assert "costs $5 and $10." in shown
    assert 'display="block"' in markup.markdown("$$w \\leftarrow w - \\eta g$$")


def test_search_words_have_one_stem() -> None:
    for family in (("loss", "losses"), ("train", "training", "trained", "trains"), ("class", "classes")):
        assert len({searching.stem(word) for word in family}) == 1


def test_the_search_stems_as_the_index_does(site: dict[str, bytes]) -> None:
    texts = ["A `batch_size` of 32", "losses, classes; bodies: ANALYSES", "müde 3-versus-7", *index_of(site)["terms"]]
    texts += [entry[3] for entry in index_of(site)["entries"][:40]]
    results = in_javascript("search.words(value).map(search.stem)", list(texts), script="search")
    assert results == [[searching.stem(word) for word in searching.words(text)] for text in texts]


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("mat1 and mat2 shapes cannot be multiplied", "why.html#shapes.linear"),
        ("Expected more than 1 value per channel when training", "why.html#shapes.batch_of_one"),
        ("what is a baseline", "words.html#word-baseline"),
        ("overfitting", "lesson-01.html#inside"),
        ("share of right answers exercise", "lesson-01-exercises.html#exercise-1.1"),
    ],
)
def test_the_search_finds(site: dict[str, bytes], query: str, address: str) -> None:
    index = index_of(site)
    (best,) = in_javascript("search.find(value[0], value[1])", [[index, query]], script="search")
    assert address in [index["entries"][number][0] for number in best[:3]]


def index_of(site: dict[str, bytes]) -> dict[str, Any]:
    return json.loads(site["search-index.js"].decode().partition(" = ")[2].rstrip(";\n"))


def test_figures_are_drawn_for_light_and_dark_pages(site: dict[str, bytes]) -> None:
    figures = sorted(recorded.FOLDER.glob("*.svg"))
    assert figures
    ink = re.findall(r"--ink: (#\w+);", site["page.css"].decode())
    for figure in figures:
        text = figure.read_text()
        assert re.findall(r"svg { color: (#\w+) }", text[:1000]) == ink
        assert "#000000" not in text
        assert not re.findall(r'(?:href|src)="(?!#|data:image/png)', text)


def test_recorded_output_belongs_to_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "FOLDER", tmp_path / "recorded")
    lesson = parse(LESSON, name="07_small.py")
    number = next(number for number, cell in enumerate(lesson.cells) if cell.is_code)
    figure = tmp_path / "07-cell-1.svg"
    figure.write_text('<?xml?><svg width="72pt" height="36pt"><g fill="#000000"/></svg>')
    result = CellResult(
        cell=number,
        line=1,
        output=f"in {tmp_path}/a \n",
        error="",
        figures=(str(figure),),
        alt="",
        seconds=1.26,
        claims=(),
    )
    recorded.write_recorded(lesson, [result], learner=tmp_path)
    assert recorded.read_recorded(lesson) == {
        number: recorded.Recorded("in ~/headway-course/a", ("07-cell-1.svg",), 1.3)
    }
    copy = (tmp_path / "recorded" / "07-cell-1.svg").read_text()
    assert copy.endswith('<g fill="currentColor"/></svg>')
    assert "prefers-color-scheme: dark" in copy
    cell = lesson.cells[number].text.splitlines()[-1]
    changed = parse(LESSON.replace(cell, f"{cell}\nmore = 1"), name="07_small.py")
    assert number not in recorded.read_recorded(changed)


@pytest.mark.slow
def test_command_builds_and_says_where(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["course", "site", "--output", str(tmp_path / "pages"), "--json"])
    answer = json.loads(done.stdout)
    assert answer["address"] == (tmp_path / "pages" / "index.html").as_uri()
    assert answer["files"] == len([path for path in (tmp_path / "pages").rglob("*") if path.is_file()])


@pytest.mark.slow
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "pages").write_text("a file")
    with pytest.raises(ConfigError) as error:
        build(tmp_path / "pages")
    assert str(error.value) == (
        "The course's pages cannot be written.\n"
        f"  Given: {tmp_path / 'pages'}: File exists\n"
        "  Fix:   Choose a folder that can be written: --output FOLDER."
    )


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The pages as they are served, from a process that ends by Ctrl-C."""
    command = [sys.executable, "-m", "headway", "course", "site", "--output", str(tmp_path / "pages")]
    command += ["--serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield json.loads(process.stdout.readline())["address"]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.slow
def test_pages_are_served_to_this_computer_alone(address: str) -> None:
    assert "lesson-01.html" in requests.get(address, timeout=10).text
    assert requests.get(f"{address}page.js", timeout=10).headers["Content-Type"].startswith("text/javascript")
    assert requests.get(f"{address}figures/", timeout=10).status_code == 404
    assert requests.get(address, headers={"Host": "evil.example"}, timeout=10).status_code == 421
    assert requests.get(f"{address}../../etc/passwd", timeout=10).status_code == 404


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as error:
            serve(tmp_path, port=port, show=print)
    assert str(error.value) == (
        "The port cannot be used.\n"
        f"  Given: port {port}: Address already in use\n"
        "  Fix:   Choose another one: --port 0 takes a free one."
    )


@pytest.mark.parametrize("library", ["markdown_it", "jinja2"])
def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    markup._parser.cache_clear()
    with pytest.raises(ConfigError) as error:
        files()
    markup._parser.cache_clear()
    name = {"markdown_it": "markdown-it-py"}.get(library, library)
    assert str(error.value) == (
        "Building the course's pages needs a library.\n"
        f"  Given: {name} is not installed\n"
        '  Fix:   Run: pip install "headway[course]"'
    )


@pytest.mark.slow
def test_lessons_that_export_a_model_show_its_page(
    site: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = io.BytesIO()
    with tarfile.open(fileobj=runtime, mode="w:gz") as archive:
        for name in _RUNTIME_FILES:
            archive.addfile(tarfile.TarInfo(f"package/dist/{name}"))
    monkeypatch.setattr("headway.bundle.site.find_runtime", lambda _: runtime.getvalue())
    build(tmp_path, model=Path(__file__).parents[1] / "bundles" / "v1.headway")
    build(tmp_path, model=Path(__file__).parents[1] / "bundles" / "v1.headway")
    assert (tmp_path / "model" / "model.onnx").is_file()
    frame = b'<iframe hidden data-page="model/index.html"'
    for number in NUMBERS:
        page = (tmp_path / f"lesson-{number:02}.html").read_bytes()
        exports = any("exports" in cell.tags for cell in read(number).cells)
        assert page.count(frame) == exports
        assert b"frame-src &#39;self&#39;" in page
        bare = site[f"lesson-{number:02}.html"]
        assert frame not in bare
        assert (b"--model model.headway --serve" in bare) == exports
        assert b"frame-src" not in bare
    assert [number for number in NUMBERS if frame in (tmp_path / f"lesson-{number:02}.html").read_bytes()] == [1, 3]


def test_a_guess_that_the_text_answers_folds_no_output() -> None:
    blocks = [block for section in lesson_sections(read(2), {}) for block in section.blocks]
    guesses = [block for block in blocks if block.kind == "guess"]
    assert [block.answered for block in guesses] == [True, False, False, False]
    assert sum(block.folded for block in blocks) == 3
