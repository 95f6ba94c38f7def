"""A lesson as the blocks of a page: text, predictions, questions, code and what it gave, section by section."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from markupsafe import Markup

from headway.course import recorded
from headway.course.claims import fill, read_measured
from headway.course.lesson import Ask, Guess, Lesson, Section
from headway.course.questions import Question, shuffled
from headway.course.site import markup

__all__ = ["Block", "PageSection", "lesson_sections", "shown_question"]


@dataclass(frozen=True)
class Block:
    """A piece of a lesson's page.

    Attributes:
        kind: What it is, and which part of the template shows it.
        html: A text's or a code's HTML.
        guess: A prediction.
        question: A question, as `shown_question` gives it.
        output: What a cell printed when the course was made; "" for nothing.
        figures: Its figures: file, width and height in pixels of the page.
        alt: What the figures show.
        seconds: How long a slow cell takes; 0 for others.
        exports: Whether it writes a bundle, which a page can answer by.
        page_file: A file that the cell wrote for the page, such as a model's numbers; "" for most.
        answered: Of a guess: whether the text of its section answers it, and no output.
        folded: Whether a guess stands before it, whose answer its output would give away.
    """

    kind: Literal["text", "guess", "ask", "code"]
    html: Markup = field(default_factory=Markup)
    guess: Guess | None = None
    question: dict[str, Any] = field(default_factory=dict)
    output: str = ""
    figures: tuple[tuple[str, int, int], ...] = ()
    alt: str = ""
    seconds: float = 0.0
    exports: bool = False
    page_file: str = ""
    answered: bool = False
    folded: bool = False


@dataclass(frozen=True)
class PageSection:
    """A section of a page; the first one, before any heading, has none."""

    section: Section | None
    blocks: tuple[Block, ...]

    @property
    def words(self) -> str:
        """Its text and code, for the search."""
        pieces = [markup.plain(block.html) for block in self.blocks if block.kind in ("text", "code")]
        return " ".join(piece for piece in pieces if piece)


def lesson_sections(lesson: Lesson, questions: Mapping[str, Question]) -> list[PageSection]:
    """A lesson's sections, their numbers filled in from the last run of `make course`."""
    measured = read_measured(lesson.id)
    outputs = recorded.read_recorded(lesson)
    # What stands before the first heading has no section, and is shown all the same.
    first = lesson.sections[0].cells[0] if lesson.sections else len(lesson.cells)
    groups: list[tuple[Section | None, tuple[int, ...]]] = [(None, tuple(range(first)))]
    groups += [(section, section.cells) for section in lesson.sections]
    sections = []
    for section, cells in groups:
        blocks: list[Block] = []
        for number in cells:
            blocks += _blocks(lesson, number, questions, measured, outputs.get(number))
        sections.append(PageSection(section, tuple(blocks)))
    return _folded(sections)


def _folded(sections: list[PageSection]) -> list[PageSection]:
    """The sections, the first output behind each guess folded, unless the text of its section has answered."""
    has_guess, results = False, []
    for part in sections:
        blocks = []
        for number, block in enumerate(part.blocks):
            shows = block.kind == "code" and bool(block.output or block.figures)
            blocks.append(replace(block, folded=has_guess) if shows else block)
            if block.kind == "guess":
                kinds = {later.kind for later in part.blocks[number + 1 :]}
                blocks[-1] = replace(block, answered="text" in kinds and "code" not in kinds)
            has_guess = (block.kind == "guess" and not blocks[-1].answered) or (has_guess and not shows)
        results.append(PageSection(part.section, tuple(blocks)))
    return results


def _blocks(
    lesson: Lesson,
    number: int,
    questions: Mapping[str, Question],
    measured: Mapping[str, Mapping[str, float]],
    given: recorded.Recorded | None,
) -> list[Block]:
    cell = lesson.cells[number]
    if cell.is_code:
        figures = tuple((name, *_size(name)) for name in given.figures) if given else ()
        output = given.output if given else ""
        html = markup.code(cell.text)
        return [
            Block(
                "code",
                html=html,
                output=output,
                figures=figures,
                alt=cell.alt,
                seconds=cell.seconds,
                exports="exports" in cell.tags,
                page_file=cell.page_file if given else "",
            )
        ]
    blocks = []
    for part in lesson.parts(number):
        if isinstance(part, Guess):
            blocks.append(Block("guess", guess=part))
        elif isinstance(part, Ask):
            blocks += [Block("ask", question=shown_question(questions[part.id]))] if part.id in questions else []
        else:
            text = _without_heading(fill(part, measured))
            blocks += [Block("text", html=markup.markdown(text))] if text else []
    return blocks


def _without_heading(text: str) -> str:
    """A cell's text below the lesson's or the section's heading, which the template shows."""
    heading, _, below = text.partition("\n")
    return below.strip() if heading.startswith(("# ", "## ")) else text


def _size(name: str) -> tuple[int, int]:
    """Width and height of a figure on the page, in pixels: it says them in points, of which an inch has 72."""
    # With its size in the page, text does not jump when figures arrive.
    head = (recorded.FOLDER / name).read_text(encoding="utf-8")[:2000]
    sizes = {key: float(points) for key, points in re.findall(r'\b(width|height)="([\d.]+)pt"', head)}
    return round(sizes["width"] * 96 / 72), round(sizes["height"] * 96 / 72)


KINDS = {
    "choice": "one answer",
    "several": "all that are right",
    "number": "a number",
    "predict": "what does it print?",
    "order": "put in order",
    "bug": "find the fault",
    "word": "a word",
    "recall": "in your own words",
}


def shown_question(question: Question) -> dict[str, Any]:
    """A question as a template shows it, without its answer: its options stand in an order that gives nothing away."""
    table = question.to_json()
    options = [option["text"] for option in table.get("options", table.get("symptom", ()))]
    choices = list(table.get("steps", options))
    # A page is a file and the same for everybody, so its order is that of one learner.
    order = shuffled(len(choices), learner="page", id=question.id, attempt=0)
    text = table.get("code", "")
    return {
        "id": question.id,
        "kind": question.kind,
        "label": KINDS[question.kind],
        "key": question.key,
        "prompt": markup.markdown(question.prompt, level=4),
        "code": markup.code(text) if question.kind == "predict" else "",
        "lines": markup.code_lines(text) if question.kind == "bug" else (),
        "choices": [(number, markup.inline(choices[number])) for number in order],
        "unit": ", ".join(table.get("units", ())[:1]),
    }


def marked_question(question: Question) -> dict[str, Any]:
    """A question as the page's script marks it: all of its values, and as HTML what is shown after an answer."""
    table = question.to_json()
    for options in ("options", "symptom", "wrong"):
        for option in table.get(options, ()):
            option["because"] = str(markup.inline(option["because"]))
            option["html"] = str(markup.inline(option["text"])) if "text" in option else ""
    for idea in table.get("ideas", ()):
        idea["html"] = str(markup.inline(idea["text"]))
    for trap in table.get("traps", ()):
        trap["say"] = str(markup.inline(trap["say"]))
    if question.kind == "recall":
        table["answer_html"] = str(markup.inline(question.shown_answer()))
    table["why"] = str(markup.inline(question.why))
    table["hint"] = str(markup.inline(question.hint)) if question.hint else ""
    table["shown_answer"] = question.shown_answer()
    # What proves the key is for authors.
    for name in ("verify", "setup", "fixed"):
        table.pop(name, None)
    return table
