"""The course's pages, built from lessons, questions and exercises: the same bytes each time, nothing from elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from headway.course import recorded
from headway.course.exercise import exercises_of
from headway.course.lesson import Layer, Lesson, lesson_files, read
from headway.course.question_file import load
from headway.course.research import assignments_of
from headway.course.site import markup, pages, searching
from headway.course.site.lesson_page import PageSection, lesson_sections, marked_question, shown_question
from headway.course.site.searching import Entry
from headway.errors import ConfigError
from headway.system.files import write_whole

__all__ = ["build", "files"]

HERE = Path(__file__).parent
LAYERS: tuple[Layer, ...] = ("call", "method", "loop", "tensor", "number")
ASSETS = ("draw.js", "icon.svg", "marking.js", "page.css", "page.js", "print.css", "quiz.js", "search.js")
# No page runs or loads anything that is not beside it.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"


@dataclass(frozen=True)
class _LessonPages:
    """A lesson and what stands on its pages."""

    lesson: Lesson
    sections: list[PageSection]
    questions: list[dict[str, Any]]
    exercises: list[dict[str, Any]]
    research: list[dict[str, Any]]

    @property
    def stem(self) -> str:
        """How the names of its pages begin; it never changes."""
        return f"lesson-{self.lesson.id:02}"


def build(folder: Path, *, model: Path | None = None) -> list[Path]:
    """Builds the pages of the course in a folder.

    Args:
        folder: The folder; pages from before are replaced, and other files stay.
        model: A bundle that lessons which export one offer to try, where the pages are served.

    Returns:
        The files, `index.html` among them.

    Raises:
        ConfigError: If a library is missing, the folder cannot be written, or the model cannot run in a browser.
        BundleError: If the model is not a bundle.
    """
    written = _model_page(folder / "model", model) if model else []
    try:
        for name, content in files(has_model=model is not None).items():
            write_whole(folder / name, content)
            written.append(folder / name)
        for figure in sorted(recorded.FOLDER.glob("*.svg")):
            (folder / "figures").mkdir(exist_ok=True)
            shutil.copyfile(figure, folder / "figures" / figure.name)
            written.append(folder / "figures" / figure.name)
    except OSError as error:
        given = f"{folder}: {error.strerror or error}"
        fix = "Choose a folder that can be written: --output FOLDER."
        raise ConfigError("The course's pages cannot be written.", given=given, fix=fix) from error
    return written


def files(*, has_model: bool = False) -> dict[str, bytes]:
    """The pages and what they need beside figures, by their names; with a model, they show its page."""
    every = [_lesson_pages(number) for number in lesson_files()]
    tables, entries = pages.word_tables()
    sheets, of_data = pages.data_sheets()
    families, of_failures = pages.failures()
    primer = [pages.shown_exercise(one) for one in exercises_of("primer")]
    of_primer = [_exercise_entry(one, "primer.html", "Primer") for one in primer]
    entries = [*_lesson_entries(every), *of_primer, *entries, *of_data, *of_failures]
    render = _renderer(every, has_model)
    contents = {
        "index.html": render("start.html", title="Headway: deep learning for coders", num_primer=len(primer)),
        "primer.html": render("primer.html", title="Primer", exercises=primer),
        "words.html": render("words.html", title="Words", tables=tables),
        "data.html": render("data.html", title="Data sets", sheets=sheets),
        "why.html": render("why.html", title="What went wrong", families=families),
        "search.html": render("search.html", title="Search", scripts=["search-index.js", "search.js"]),
        "search-index.js": _script("search_index", searching.index(entries)),
        "course.js": _script("course", _summary(every)),
    }
    for position, one in enumerate(every):
        around = {"before": every[position - 1] if position else None, "after": (every[position + 1 :] or [None])[0]}
        contents |= _pages_of(one, render, around)
    # Copied as they are, without a build step: what a browser runs is what stands in the repository.
    assets = {name: (HERE / name).read_bytes() for name in ASSETS}
    return assets | {name: text.encode() for name, text in contents.items()}


def _lesson_pages(number: int) -> _LessonPages:
    lesson = read(number)
    questions = load(number)
    exercises = [pages.shown_exercise(one) for one in exercises_of(number)]
    research = [pages.shown_assignment(one) for one in assignments_of(number)]
    sections = lesson_sections(lesson, {question.id: question for question in questions})
    shown = [shown_question(question) for question in questions]
    return _LessonPages(lesson, sections, shown, exercises, research)


def _pages_of(one: _LessonPages, render: Any, around: dict[str, Any]) -> dict[str, str]:
    lesson, stem = one.lesson, one.stem
    name = f"Lesson {lesson.id}"
    data = f"questions-{lesson.id:02}.js"
    scripts = [data, "marking.js", "quiz.js"]
    marked = {question.id: marked_question(question) for question in load(lesson.id)}
    own = {"one": one, "lesson": lesson, **around}
    models = _models(one)
    drawn = [*scripts, *models, *(["draw.js"] if models else [])]
    return {
        f"{stem}.html": render("lesson.html", title=lesson.title, scripts=drawn, current="lesson", **own),
        f"{stem}-questions.html": render(
            "questions.html", title=f"{name}: questions", scripts=scripts, current="questions", **own
        ),
        f"{stem}-exercises.html": render("exercises.html", title=f"{name}: exercises", current="exercises", **own),
        f"{stem}-research.html": render("research.html", title=f"{name}: further research", current="research", **own),
        f"{stem}-print.html": render(
            "print.html", title=f"{name}: for printing", current="print", marked=marked, **own
        ),
        data: _script("questions", marked),
        **models,
    }


def _models(one: _LessonPages) -> dict[str, str]:
    """The numbers of models that a page runs itself, as its cells wrote them."""
    names = [block.page_file for section in one.sections for block in section.blocks if block.page_file]
    texts = {name: (recorded.FOLDER / f"{one.lesson.id:02}-{name}").read_text(encoding="utf-8") for name in names}
    return {f"{Path(name).stem}.js": _script(Path(name).stem, json.loads(text)) for name, text in texts.items()}


def _summary(every: Sequence[_LessonPages]) -> dict[str, Any]:
    """What the start page counts progress by."""
    lessons = {
        str(one.lesson.id): {"title": one.lesson.title, "questions": [question["id"] for question in one.questions]}
        for one in every
    }
    return {"lessons": lessons}


def _lesson_entries(every: Sequence[_LessonPages]) -> list[Entry]:
    entries = []
    for one in every:
        name = f"Lesson {one.lesson.id}, {one.lesson.title}"
        for section in one.sections:
            anchor = f"#{section.section.anchor}" if section.section else ""
            title = section.section.title if section.section else one.lesson.title
            entries.append(Entry(f"{one.stem}.html{anchor}", title, name, section.words))
        address = f"{one.stem}-exercises.html"
        entries += [_exercise_entry(exercise, address, f"{name}: exercises") for exercise in one.exercises]
        for assignment in one.research:
            address = f"{one.stem}-research.html#research-{assignment['id']}"
            text = markup.plain(assignment["html"])
            entries.append(Entry(address, assignment["title"], f"{name}: further research", text))
    return entries


def _exercise_entry(exercise: dict[str, Any], page: str, name: str) -> Entry:
    return Entry(f"{page}#exercise-{exercise['id']}", exercise["title"], name, exercise["text"])


def _script(name: str, value: Any) -> str:
    """Data as a script, since a page that is a file may not read another file."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f'"use strict";\nwindow.{name} = {text};\n'


def _model_page(folder: Path, model: Path) -> list[Path]:
    """The page that answers by a bundle, as `headway export-web` writes it."""
    from headway.bundle.format import bundle_name, read_bundle
    from headway.bundle.site import write_site

    bundle = read_bundle(model)
    with as_file(resources("headway.serve") / "page") as page:
        return write_site(folder, bundle, name=bundle_name(model), page=page)


def _renderer(every: Sequence[_LessonPages], has_model: bool) -> Any:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        fix = 'Run: pip install "headway[course]"'
        given = "jinja2 is not installed"
        raise ConfigError("Building the course's pages needs a library.", given=given, fix=fix) from None

    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        # A misspelt name in a template fails here, and not as an empty place on a page.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    policy = f"{POLICY}; frame-src 'self'" if has_model else POLICY
    templates.globals.update(every=every, layers=LAYERS, policy=policy, has_model=has_model)
    templates.globals.update(markdown=markup.markdown, inline=markup.inline)
    defaults = {"scripts": [], "current": "", "one": None, "before": None, "after": None}

    def render(template: str, **values: Any) -> str:
        text = templates.get_template(template).render(**{**defaults, **values})
        # Templates leave blanks where they say nothing; without them the same pages are the same bytes.
        return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"

    return render
