"""What a lesson's cells gave when the course was made: their output and figures, for pages that run nothing.

`make course` writes them beside what it measures. A cell is known by its code, so what an older version of it gave is
never shown below a newer one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from headway.course.exercise import code_hash
from headway.course.guided import CellResult
from headway.course.lesson import Lesson
from headway.system.files import write_whole

__all__ = ["Recorded", "read_recorded", "unrecorded", "write_recorded"]

FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Recorded:
    """What a cell gave.

    Attributes:
        output: What it printed.
        figures: Names of the files of its figures, in `FOLDER`; they have two pixels a point of the page.
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
    for old in FOLDER.glob(f"{lesson.id:02}-*.png"):
        old.unlink()
    table = {}
    for result in results:
        figures = []
        for figure in map(Path, result.figures):
            FOLDER.mkdir(exist_ok=True)
            shutil.copyfile(figure, FOLDER / figure.name)
            figures.append(figure.name)
        output = "\n".join(
            line.rstrip() for line in result.output.replace(str(learner), "~/headway-course").split("\n")
        )
        recorded = Recorded(output.rstrip(), tuple(figures), round(result.seconds, 1))
        table[code_hash(lesson.cells[result.cell].text)] = asdict(recorded)
    file = FOLDER / f"{lesson.id:02}.json"
    write_whole(file, (json.dumps(table, ensure_ascii=False, indent=1) + "\n").encode())
    return file
