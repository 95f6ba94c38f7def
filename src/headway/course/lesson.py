"""A lesson's file as its parts: cells, sections with their anchors and layers, and the marks in its text.

A lesson is a Python file in the percent format: `# %%` opens a cell of code, `# %% [markdown]` one of text, whose lines
are comments. This module reads such a file and writes the same bytes back; it runs nothing.

Marks stand in the text: `⟨ask 1.09⟩` for a question that is marked, `⟨guess yes | *no⟩` for a prediction that is kept
and shown beside the result, the star before the right one, `⟨fact: source⟩` behind a number that no cell measures.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from headway.errors import ConfigError, DataError

__all__ = [
    "Ask",
    "Cell",
    "Guess",
    "Layer",
    "Lesson",
    "Section",
    "lesson_files",
    "parse",
    "read",
    "render",
    "split_cells",
]

Layer = Literal["call", "method", "loop", "tensor", "number"]
"""How far down a section looks, from a call of the library to a single number."""

FOLDER = Path(__file__).parent / "lessons"

_HEADER = re.compile(r"# %%(?P<markdown> \[markdown\])?(?: tags=(?P<tags>\[.*\]))?[ \t]*")
_HEADING = re.compile(
    r"^(?P<marks>#{1,3}) (?P<title>.+?)(?: \{#(?P<anchor>[a-z0-9-]+)(?: \.(?P<layer>\w+))?\})?$", re.M
)
_FACT = re.compile(r"⟨fact: ([^⟨⟩]*)⟩")
_MARK = re.compile(r"⟨(?P<kind>ask|guess) (?P<rest>[^⟨⟩]*)⟩")


@dataclass(frozen=True)
class Ask:
    """A place in the text where a question is asked.

    Attributes:
        id: The question's id, such as "1.09".
    """

    id: str


@dataclass(frozen=True)
class Guess:
    """A place in the text where the reader predicts what comes; it is kept, and not marked.

    Attributes:
        id: Lesson, anchor and number in that section, such as "1.predict.1".
        options: What to choose from; a single one is a question that is answered in own words.
        right: The option that the lesson's numbers bear out, marked by a star in the text; "" where none is.
    """

    id: str
    options: tuple[str, ...]
    right: str = ""

    def outcome(self, answer: str) -> str:
        """What is said of an answer beside the result."""
        about = f" ({self.options[0]})" if len(self.options) == 1 else ""
        guessed = f"You guessed{about}: {answer}"
        if not self.right:
            return guessed
        return f"{guessed}. Right." if answer == self.right else f"{guessed}. It was: {self.right}"


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson.

    Attributes:
        header: Its first line, as it stands in the file.
        source: The rest of it, as it stands in the file: a line end and the lines below.
        line: The number of its first line in the file, from 1.
        tags: What the header says behind `tags=`.
    """

    header: str
    source: str
    line: int
    tags: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Its code, or its text without comment signs; blank lines at the end aside."""
        # The source begins with the line end of the header.
        lines = self.source[1:].rstrip().split("\n")
        return "\n".join(lines if self.is_code else [line[2:] for line in lines])

    @property
    def is_code(self) -> bool:
        """Whether it is run."""
        return "[markdown]" not in self.header

    @property
    def seconds(self) -> float:
        """How long it takes, as its tag `seconds:20` says; 0 for most, which take less than a moment."""
        return float(self._tagged("seconds") or 0)

    @property
    def alt(self) -> str:
        """What its figures show, in a sentence, as its tag `alt:...` says; "" for most, which draw nothing."""
        return self._tagged("alt")

    def _tagged(self, name: str) -> str:
        return next((tag.partition(":")[2].strip() for tag in self.tags if tag.startswith(f"{name}:")), "")

    @property
    def page_file(self) -> str:
        """The file that it writes for the lesson's page, as its tag `page:numbers.json` says; "" for most."""
        return next((tag.partition(":")[2] for tag in self.tags if tag.startswith("page:")), "")

    def quick(self) -> Cell:
        """The cell with less to compute: each of its tags `quick:range(5) -> range(1)` changes its code so.

        Raises:
            DataError: If a tag's old text does not stand in the code once.
        """
        source = self.source
        for tag in self.tags:
            kind, _, change = tag.partition(":")
            if kind != "quick":
                continue
            old, arrow, new = change.partition(" -> ")
            if not arrow or source.count(old) != 1:
                given = f"{tag!r}, cell at line {self.line}, whose code has {old!r} {source.count(old)} times"
                fix = 'Write "quick:OLD -> NEW", where the code has OLD once.'
                raise DataError("A quick tag must change a text that its cell has once.", given=given, fix=fix)
            source = source.replace(old, new)
        return replace(self, source=source)


@dataclass(frozen=True)
class Section:
    """A section of a lesson: from one heading of the second level to the next.

    Attributes:
        anchor: Its name in links, which never changes.
        title: Its heading.
        layer: How far down it looks: the lesson's layer, unless its heading says another.
        cells: The numbers of its cells, from 0.
    """

    anchor: str
    title: str
    layer: Layer
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    Attributes:
        id: Its number, from 1.
        title: Its heading.
        layer: How far down it looks.
        minutes: How long reading and running it takes.
        needs: The numbers of the lessons that come before it.
        cells: All of its cells; the first one is its heading with the line of facts below.
        sections: Its sections, in order.
        preamble: What stands in the file before the first cell.
        name: The file's name.
    """

    id: int
    title: str
    layer: Layer
    minutes: int
    needs: tuple[int, ...]
    cells: tuple[Cell, ...]
    sections: tuple[Section, ...]
    preamble: str = field(default="", repr=False)
    name: str = ""

    @cached_property
    def asks(self) -> tuple[str, ...]:
        """The ids of the questions in its text, in order."""
        return tuple(part.id for cell in range(len(self.cells)) for part in self.parts(cell) if isinstance(part, Ask))

    @cached_property
    def guesses(self) -> tuple[Guess, ...]:
        """The predictions in its text, in order."""
        return tuple(part for cell in range(len(self.cells)) for part in self.parts(cell) if isinstance(part, Guess))

    @cached_property
    def claims(self) -> tuple[str, ...]:
        """The names that its code claims numbers for, in order."""
        trees = [ast.parse(cell.text) for cell in self.cells if cell.is_code]
        # Read from the tree and not by running: pages and checks ask for it where no lesson has run.
        calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = [call.args[0] for call in calls if ast.unparse(call.func).endswith("claim") and call.args]
        return tuple(str(name.value) for name in names if isinstance(name, ast.Constant))

    def quick(self) -> Lesson:
        """The lesson with less to compute, see `Cell.quick`.

        Raises:
            DataError: If a cell's tag does not fit its code.
        """
        return replace(self, cells=tuple(cell.quick() for cell in self.cells))

    def section_of(self, cell: int) -> Section | None:
        """The section that a cell belongs to; None for what stands before the first one."""
        return next((section for section in self.sections if cell in section.cells), None)

    def parts(self, cell: int) -> list[str | Ask | Guess]:
        """What a cell of text shows, in order: pieces of text, questions and predictions; nothing for code."""
        if self.cells[cell].is_code:
            return []
        section = self.section_of(cell)
        anchor = section.anchor if section else "start"
        # Predictions are counted through a section's cells, so that a new one elsewhere changes no id in a learner's
        # log.
        before = [number for number in (section.cells if section else ()) if number < cell]
        guesses = sum(mark["kind"] == "guess" for number in before for mark in _MARK.finditer(self.cells[number].text))
        text, end = _FACT.sub(r"(\1)", self.shown_text(cell)), 0
        parts: list[str | Ask | Guess] = []
        for mark in _MARK.finditer(text):
            parts.append(text[end : mark.start()].strip())
            end = mark.end()
            if mark["kind"] == "ask":
                parts.append(Ask(mark["rest"].strip()))
            else:
                guesses += 1
                options = [option.strip() for option in mark["rest"].split("|")]
                right = next((option[1:] for option in options if option.startswith("*")), "")
                shown = tuple(option.removeprefix("*") for option in options)
                parts.append(Guess(f"{self.id}.{anchor}.{guesses}", shown, right))
        parts.append(text[end:].strip())
        return [part for part in parts if part]

    def shown_text(self, cell: int) -> str:
        """A cell's text for a reader: without the lesson's line of facts and the anchors of headings."""
        text = self.cells[cell].text
        # Facts are for programs; only the first cell has them.
        if cell == 0:
            text = "\n".join(line for line in text.split("\n") if not line.startswith("id = "))
        return _HEADING.sub(lambda heading: f"{heading['marks']} {heading['title']}", text)


def lesson_files() -> dict[int, Path]:
    """The files of all lessons, by their numbers."""
    return {int(file.name[:2]): file for file in sorted(FOLDER.glob("[0-9][0-9]_*.py"))}


def read(lesson: int | Path) -> Lesson:
    """A lesson by its number, or from a file.

    Raises:
        ConfigError: If no lesson has the number.
        DataError: If the file is not a lesson, with the line where it is not.
    """
    if isinstance(lesson, int):
        files = lesson_files()
        if lesson not in files:
            known = ", ".join(map(str, files))
            raise ConfigError("There is no such lesson.", given=f"lesson {lesson}", fix=f"Choose one of: {known}.")
        lesson = files[lesson]
    return parse(lesson.read_text(encoding="utf-8"), name=lesson.name)


def parse(source: str, *, name: str = "lesson.py") -> Lesson:
    """The lesson that a file holds.

    Args:
        source: The file's text.
        name: The file's name, for messages.

    Raises:
        DataError: If the text is not a lesson, with the line where it is not.
    """
    preamble, cells = split_cells(source, name)
    facts = _facts(cells, name)
    sections = _sections(cells, facts["layer"], name)
    needs = tuple(facts["needs"])
    title = _HEADING.match(cells[0].text)
    assert title is not None
    return Lesson(facts["id"], title["title"], facts["layer"], facts["minutes"], needs, cells, sections, preamble, name)


def render(lesson: Lesson) -> str:
    """The lesson's file again: the same bytes that `parse` was given."""
    return lesson.preamble + "\n".join(cell.header + cell.source for cell in lesson.cells)


def split_cells(source: str, name: str) -> tuple[str, tuple[Cell, ...]]:
    """What stands before the first cell of a file, and its cells.

    Raises:
        DataError: If the file has no cells, or a line of it belongs to none, with the line.
    """
    lines = source.split("\n")
    starts = [number for number, line in enumerate(lines) if _HEADER.fullmatch(line)]
    # A slip such as `# %%[markdown]` would silently become a comment of the cell above.
    strange = [number for number, line in enumerate(lines) if line.startswith("# %%") and number not in starts]
    if strange:
        shown, number = lines[strange[0]], strange[0] + 1
        fix = 'Write "# %%", "# %% [markdown]" or, with tags, # %% tags=["seconds:20"].'
        raise _error(name, number, "This is not the first line of a cell.", given=shown, fix=fix)
    if not starts:
        fix = 'Begin it with a cell of text: "# %% [markdown]".'
        raise _error(name, 1, "A lesson needs cells.", given=f"{len(lines)} lines without a cell", fix=fix)
    ends = [*starts[1:], len(lines)]
    cells = tuple(_cell(lines[start:end], start + 1, name) for start, end in zip(starts, ends, strict=True))
    return "".join(f"{line}\n" for line in lines[: starts[0]]), cells


def _cell(lines: list[str], line: int, name: str) -> Cell:
    header = _HEADER.fullmatch(lines[0])
    assert header is not None
    try:
        tags = tuple(json.loads(header["tags"] or "[]"))
        for tag in tags:
            # Fails here, with the line, and not later where the time is shown.
            float(tag.partition(":")[2]) if tag.startswith("seconds:") else None
    except (ValueError, AttributeError):
        fix = 'Write them as a list of strings: tags=["seconds:20"].'
        raise _error(name, line, "The tags of a cell cannot be read.", given=header["tags"], fix=fix) from None
    cell = Cell(lines[0], "".join(f"\n{below}" for below in lines[1:]), line, tags)
    for number, comment in enumerate(lines[1:], start=line + 1):
        if not cell.is_code and comment.rstrip() not in ("", "#") and not comment.startswith("# "):
            fix = 'Begin the line with "# ", or put "# %%" before code.'
            raise _error(name, number, "A line of a text cell must be a comment.", given=comment, fix=fix)
    return cell


def _facts(cells: tuple[Cell, ...], name: str) -> dict[str, Any]:
    """The line below the title: id, layer, minutes, needs."""
    first = cells[0]
    line = next((line for line in first.text.split("\n") if line.startswith("id = ")), "")
    fix = 'Write "# # Title" and below it: # id = 1, layer = "call", minutes = 40, needs = []'
    if first.is_code or not first.text.startswith("# ") or not line:
        raise _error(
            name, first.line, "The first cell must hold the title and the lesson's facts.", given=line, fix=fix
        )
    try:
        # One line is easier to read; TOML wants a line each.
        facts = tomllib.loads(re.sub(r", (?=\w+ = )", "\n", line))
        known = {"id": int, "layer": str, "minutes": int, "needs": list}
        valid = facts.keys() == known.keys() and all(isinstance(facts[key], kind) for key, kind in known.items())
    except tomllib.TOMLDecodeError:
        facts, valid = {}, False
    if not valid or facts["layer"] not in get_args(Layer):
        raise _error(name, first.line, "The lesson's facts cannot be read.", given=line, fix=fix)
    return facts


def _sections(cells: tuple[Cell, ...], layer: Layer, name: str) -> tuple[Section, ...]:
    starts: list[tuple[int, str, str, Layer]] = []
    for number, cell in enumerate(cells):
        headings = (
            [] if cell.is_code else [heading for heading in _HEADING.finditer(cell.text) if heading["marks"] == "##"]
        )
        for heading in headings:
            fix = "Write it with an anchor, in a cell of its own section: ## Five lines {#five-lines}"
            own: Any = heading["layer"] or layer
            problem = ""
            if not heading["anchor"]:
                problem = "A section needs an anchor."
            # A link to a section opens its first cell, so nothing of another section may stand in it.
            elif heading.start() or heading["anchor"] in [anchor for _, anchor, _, _ in starts]:
                problem = "A section must begin its cell, and its anchor must be its own."
            elif own not in get_args(Layer):
                problem, fix = "No layer has this name.", f"Write one of: {', '.join(get_args(Layer))}."
            if problem:
                raise _error(name, cell.line, problem, given=heading[0], fix=fix)
            starts.append((number, heading["anchor"], heading["title"], own))
    ends = [*(start for start, _, _, _ in starts), len(cells)][1:] if starts else []
    return tuple(
        Section(anchor, title, own, tuple(range(start, end)))
        for (start, anchor, title, own), end in zip(starts, ends, strict=True)
    )


def _error(name: str, line: int, problem: str, *, given: str, fix: str) -> DataError:
    return DataError(f"{name}, line {line}: {problem}", given=given, fix=fix)
