"""A lesson as a Jupyter notebook, for who reads and runs it there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from headway.course.lesson import Lesson
from headway.system.files import write_whole

__all__ = ["notebook", "write_notebook"]

# A notebook asks nothing: a question is named, a guess is made in one's head.
_ASK = re.compile(r"⟨ask ([^⟨⟩]*)⟩")
_GUESS = re.compile(r"⟨guess ([^⟨⟩]*)⟩")


def notebook(lesson: Lesson) -> str:
    """The lesson as the JSON of a notebook, format 4.5: its texts in Markdown, its code without outputs."""
    cells = []
    for number, cell in enumerate(lesson.cells):
        text = cell.text if cell.is_code else _shown(lesson.shown_text(number), lesson.id)
        kind = {"cell_type": "code", "execution_count": None, "outputs": []} if cell.is_code else {}
        cells.append(
            {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(True)} | kind
        )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(book, ensure_ascii=False, indent=1) + "\n"


def write_notebook(lesson: Lesson, file: Path) -> Path:
    """Writes a lesson's notebook beside its file, where none is yet: what a learner wrote there stays."""
    book = file.with_suffix(".ipynb")
    if not book.exists():
        write_whole(book, notebook(lesson).encode())
    return book


def _shown(text: str, lesson: int) -> str:
    text = _ASK.sub(lambda mark: f"*Question {mark[1]}: `headway course quiz {lesson}`*", text)
    text = _GUESS.sub(lambda mark: f"**Guess first:** {mark[1].replace('*', '').replace(' | ', ' · ')}", text)
    return re.sub(r"⟨fact: ([^⟨⟩]*)⟩", r"(\1)", text)
