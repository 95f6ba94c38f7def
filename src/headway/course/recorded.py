"""What a lesson's cells gave when the course was made: their output and figures, for pages that run nothing.

`make course` writes them beside what it measures. A cell is known by its code, so what an older version of it gave is
never shown below a newer one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from headway.course.exercise import code_hash
from headway.course.guided import CellResult
from headway.course.lesson import Lesson
from headway.system.files import write_whole

__all__ = ["Recorded", "read_recorded", "themed", "unrecorded", "write_recorded"]

FOLDER = Path(__file__).parent / "recorded"

THEME = "<style>svg { color: #1f2630 } @media (prefers-color-scheme: dark) { svg { color: #dfe4ea } }</style>"
"""The ink of the pages, see `site/page.css`."""


@dataclass(frozen=True)
class Recorded:
    """What a cell gave.

    Attributes:
        output: What it printed.
        figures: Names of the files of its figures, in `FOLDER`: SVG that is light on dark pages, see `themed`.
        seconds: How long it took on the authors' machine.
    """

    output: str
    figures: tuple[str, ...]
    seconds: float


def read_recorded(lesson: Lesson) -> dict[int, Recorded]:
    """What the cells of a lesson gave, by their numbers; cells that were changed since are missing."""
    file = FOLDER / f"{lesson.id:02}.json"
    if not file.exists():
        return {}
    table = json.loads(file.read_text(encoding="utf-8"))
    known = {
        # By its code and not its number: cells above may come and go, and a changed cell must not show another's
        # output.
        number: table[code_hash(cell.text)]
        for number, cell in enumerate(lesson.cells)
        if cell.is_code and code_hash(cell.text) in table
    }
    return {
        number: Recorded(one["output"], tuple(one["figures"]), one["seconds"])
        for number, one in known.items()
        # A page with a broken picture is worse than one without its output.
        if all((FOLDER / figure).exists() for figure in one["figures"])
    }


def themed(svg: str) -> str:
    """A figure of matplotlib's that fits light and dark pages: black lines and letters get the colour of their text.

    Example:
        >>> from headway.course.recorded import themed
        >>> themed('<?xml?><svg width="72pt"><defs></defs><path style="stroke: #000000"/></svg>').splitlines()[-1]
        '<defs></defs><path style="stroke: currentColor"/></svg>'
    """
    opening, _, body = svg.partition("<svg")[2].partition(">")
    # By whom and with what it was drawn is the same for all.
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL).replace("#000000", "currentColor")
    body = re.sub(r" +$", "", body, flags=re.MULTILINE)
    # What has no colour is black, too: its fill comes from the outermost element.
    return f'<svg{opening} fill="currentColor">\n{THEME}\n{body}'


def unrecorded(lesson: Lesson) -> list[str]:
    """The cells whose page shows no output, a sentence each: they have changed since they were recorded."""
    recorded = read_recorded(lesson)
    return [
        f"line {cell.line}: the cell has changed since it was recorded: make course"
        for number, cell in enumerate(lesson.cells)
        if cell.is_code and number not in recorded
    ]


def write_recorded(lesson: Lesson, results: Sequence[CellResult], *, learner: Path) -> Path:
    """Writes what the cells of a lesson gave.

    Args:
        lesson: The lesson.
        results: What its cells gave.
        learner: The folder that it ran in, which the pages call ~/headway-course.

    Returns:
        The file.
    """
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob(f"{lesson.id:02}-*"):
        old.unlink()
    for name in (cell.page_file for cell in lesson.cells if cell.page_file):
        text = (learner / name).read_text(encoding="utf-8")
        (FOLDER / f"{lesson.id:02}-{name}").write_text(f"{text.rstrip()}\n", encoding="utf-8")
    table = {}
    for result in results:
        figures = []
        for figure in map(Path, result.figures):
            (FOLDER / figure.name).write_text(themed(figure.read_text(encoding="utf-8")), encoding="utf-8")
            figures.append(figure.name)
        output = "\n".join(
            line.rstrip() for line in result.output.replace(str(learner), "~/headway-course").split("\n")
        )
        recorded = Recorded(output.rstrip(), tuple(figures), round(result.seconds, 1))
        table[code_hash(lesson.cells[result.cell].text)] = asdict(recorded)
    file = FOLDER / f"{lesson.id:02}.json"
    write_whole(file, (json.dumps(table, ensure_ascii=False, indent=1) + "\n").encode())
    return file
