"""A lesson's file as a learner gets it: text that reads in any editor, without the marks that programs read.

The copy has the lesson's code and measured figures. What its text leaves out, such as which answer to a guess is right,
is looked up in the lesson when the copy is read. Code and cells of the learner's own stay the learner's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from headway.course.claims import fill, read_measured
from headway.course.lesson import Ask, Cell, Guess, Lesson, Section, split_cells
from headway.course.terminal import plain_text

__all__ = ["read_copy", "write_copy"]

WIDTH = 100


def write_copy(lesson: Lesson) -> str:
    """The text of a learner's copy."""
    measured = read_measured(lesson.id)
    pieces = [lesson.preamble.rstrip("\n")] if lesson.preamble.strip() else []
    for number, cell in enumerate(lesson.cells):
        if cell.is_code:
            pieces.append(f"{_code_header(cell)}{cell.source.rstrip()}")
        else:
            lines = _text_lines(lesson, number, measured)
            pieces.append("\n".join(["# %% [markdown]", *(f"# {line}".rstrip() for line in lines)]))
    return "\n\n".join(pieces) + "\n"


def read_copy(lesson: Lesson, text: str) -> Lesson:
    """A lesson as a learner's copy has it: the learner's code, and the lesson's text where the copy still has it.

    Args:
        lesson: The lesson that the copy was made of, or an earlier reading of the copy.
        text: What the copy holds now.

    Raises:
        DataError: If the file has no cells, or a text cell has a line that is no comment.
    """
    preamble, own = split_cells(_with_known_headers(text), lesson.name)
    _, copied = split_cells(_with_known_headers(write_copy(lesson)), lesson.name)
    cells = list(own)
    for position, number in _pairs(copied, own):
        mine, known = own[position], lesson.cells[number]
        if mine.is_code:
            cells[position] = replace(mine, header=known.header, tags=known.tags)
        else:
            cells[position] = replace(known, line=mine.line)
    return replace(lesson, cells=tuple(cells), sections=_sections(lesson, cells), preamble=preamble)


def _with_known_headers(text: str) -> str:
    """A file whose cells begin as a lesson's do: a learner gives them titles, and editors marks of their own."""
    return re.sub(
        r"^# %%(.*)$", lambda line: "# %% [markdown]" if "[markdown]" in line[1] else "# %%", text, flags=re.M
    )


def _code_header(cell: Cell) -> str:
    return f"# %% About {cell.seconds:.0f} seconds" if cell.seconds else "# %%"


def _text_lines(lesson: Lesson, number: int, measured: dict[str, dict[str, float]]) -> Iterator[str]:
    """A text cell's lines, as plain text."""
    asks: list[str] = []
    for position, part in enumerate([*lesson.parts(number), ""]):
        if isinstance(part, Ask):
            asks.append(part.id)
            continue
        if asks:
            yield from ("", _asked(asks, lesson.id))
            asks = []
        if isinstance(part, Guess):
            yield ""
            yield from _guess_lines(part)
        elif part:
            yield from [""] if position else []
            yield from _prose_lines(lesson, number, fill(part, measured))


def _prose_lines(lesson: Lesson, number: int, text: str) -> Iterator[str]:
    section = lesson.section_of(number)
    if text.startswith(("# ", "## ")):
        heading, _, text = text.partition("\n")
        marks, _, title = heading.partition(" ")
        if section and section.layer != lesson.layer:
            title += f" [{section.layer}]"
        yield from (title, ("=" if marks == "#" else "-") * len(title))
        if number == 0:
            yield f"Lesson {lesson.id}, about {lesson.minutes} minutes. In the terminal: headway course run {lesson.id}"
        yield from [""] if text.strip() else []
    yield from plain_text(text.strip("\n"), width=WIDTH).split("\n") if text.strip() else []


def _guess_lines(guess: Guess) -> Iterator[str]:
    if len(guess.options) == 1:
        yield f"Guess before you go on: {guess.options[0]}"
        return
    yield "Guess before you go on:"
    yield from (f"  [ ] {option}" for option in guess.options)


def _asked(ids: Sequence[str], lesson: int) -> str:
    if len(ids) == 1:
        return f"Question {ids[0]} is about this: headway course quiz {lesson}"
    return f"Questions {', '.join(ids[:-1])} and {ids[-1]} are about this: headway course quiz {lesson}"


def _pairs(copied: Sequence[Cell], own: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Which cell of the learner's is which of the copy: its position, and the copy's."""
    before, after = ([(cell.is_code, cell.text.strip()) for cell in cells] for cells in (copied, own))
    for kind, start, end, first, last in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        # Where as many cells stand as before, they were changed and not exchanged.
        same_kinds = [one for one, _ in before[start:end]] == [one for one, _ in after[first:last]]
        if kind == "equal" or same_kinds:
            yield from zip(range(first, last), range(start, end), strict=True)


def _sections(lesson: Lesson, cells: Sequence[Cell]) -> tuple[Section, ...]:
    """The lesson's sections whose headings are there."""
    starts: list[tuple[int, Section]] = []
    for section in lesson.sections:
        heading = re.compile(rf"## .*\{{#{section.anchor}[ }}]")
        numbers = [number for number, cell in enumerate(cells) if not cell.is_code and heading.match(cell.text)]
        starts += [(numbers[0], section)] if numbers else []
    starts.sort(key=lambda start: start[0])
    ends = [*(start for start, _ in starts), len(cells)][1:]
    return tuple(
        replace(section, cells=tuple(range(start, end))) for (start, section), end in zip(starts, ends, strict=True)
    )
