from __future__ import annotations

import json
from pathlib import Path

from headway.course.lesson import parse
from headway.course.notebook import notebook, write_notebook
from tests.course.lesson_text import LESSON


def test_a_lesson_as_a_notebook() -> None:
    book = json.loads(notebook(parse(LESSON)))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert [cell["cell_type"] for cell in book["cells"]] == ["markdown", "markdown", "code", "code", "markdown"]
    texts = ["".join(cell["source"]) for cell in book["cells"]]
    assert texts[1].splitlines()[1] == "Will it be more than half?  **Guess first:** yes · no"
    assert texts[2] == "from headway.course.claims import claim\n\nshare = 3 / 4"
    assert "*Question 7.01: `headway course quiz 7`*" in texts[4]


def test_a_notebook_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "07_small.py"
    lesson = parse(LESSON)
    book = write_notebook(lesson, file)
    assert book == tmp_path / "07_small.ipynb"
    book.write_text("mine")
    assert write_notebook(lesson, file).read_text() == "mine"
