"""The pages beside the lessons' own: exercises, words, failures, data sheets; and what the search knows of them.

Each function gives what a template needs, and the entries of the search.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from markupsafe import Markup

from headway import why
from headway.course.exercise import Exercise
from headway.course.research import Assignment
from headway.course.site import markup
from headway.course.site.searching import Entry
from headway.why.catalogue import Entry as Failure
from headway.why.catalogue import entries

__all__ = ["data_sheets", "failures", "shown_assignment", "shown_exercise", "word_tables"]

COURSE = Path(why.__file__).parent.parent / "course"
FAMILIES = {
    "data": "Data",
    "dtypes": "Types and devices",
    "environment": "Installation",
    "files": "Files and bundles",
    "gradients": "Gradients",
    "headway": "Headway's own messages",
    "learning": "Learning that goes wrong",
    "memory": "Memory and speed",
    "python": "Python itself",
    "runs": "Reports of runs",
    "serving": "Serving",
    "shapes": "Shapes",
    "tables": "Tables and estimators",
}
KINDS = {
    "stub": "to complete",
    "repair": "to repair",
    "catch": "a test to write",
    "make": "of your own",
}


def shown_exercise(exercise: Exercise) -> dict[str, Any]:
    """An exercise as its page shows it: what there is to do and the file to begin with, never the solution."""
    return {
        "id": exercise.id,
        "title": exercise.title,
        "kind": KINDS[exercise.kind],
        "minutes": exercise.minutes,
        "section": exercise.section,
        "code": markup.code(exercise.start.rstrip()),
        "text": exercise.start,
    }


def shown_assignment(assignment: Assignment) -> dict[str, Any]:
    """An assignment of further research as its page shows it."""
    return {
        "id": assignment.id,
        "title": assignment.title,
        "hours": assignment.hours,
        "html": markup.markdown(assignment.text, level=3),
        "rubric": [markup.inline(line) for line in assignment.rubric],
    }


def word_tables() -> tuple[list[dict[str, Any]], list[Entry]]:
    """The tables of words: subject, and for each word its anchor, the word and its meaning."""
    tables: list[dict[str, Any]] = []
    known = []
    for line in (COURSE / "words.md").read_text(encoding="utf-8").splitlines():
        # With blanks around the bar: a bar in code is no column.
        row = [column.strip() for column in line.strip("|").split(" | ")]
        if line.startswith("## "):
            tables.append({"title": line[3:], "anchor": markup.slug(line[3:]), "words": []})
        elif line.startswith("| ") and row != ["term", "meaning"]:
            term, meaning = row[0], markup.inline(row[1])
            anchor = f"word-{markup.slug(term)}"
            tables[-1]["words"].append((anchor, markup.inline(term), meaning))
            known.append(Entry(f"words.html#{anchor}", term, "Words", markup.plain(meaning)))
    return tables, known


def data_sheets() -> tuple[list[dict[str, Any]], list[Entry]]:
    """The data sets' sheets: anchor, title and text."""
    sheets, known = [], []
    for file in sorted((COURSE / "sheets").glob("*.md")):
        title, _, text = file.read_text(encoding="utf-8").partition("\n")
        name = title.removeprefix("# ")
        html = markup.markdown(text, level=2)
        sheets.append({"anchor": file.stem, "title": name, "html": html})
        known.append(Entry(f"data.html#{file.stem}", name, "Data sets", markup.plain(html)))
    return sheets, known


def failures() -> tuple[list[dict[str, Any]], list[Entry]]:
    """The catalogue of `headway why` by families."""
    families: dict[str, dict[str, Any]] = {}
    known = []
    for entry in entries():
        name = entry.id.partition(".")[0]
        title = FAMILIES.get(name, name.capitalize())
        family = families.setdefault(name, {"anchor": name, "title": title, "entries": []})
        shown = _failure(entry)
        family["entries"].append(shown)
        pieces = [shown["message"], *map(markup.plain, [shown["says"], *shown["causes"]]), *entry.tags]
        known.append(Entry(f"why.html#{entry.id}", entry.title, "What went wrong", " ".join(pieces)))
    return list(families.values()), known


def _failure(entry: Failure) -> dict[str, Any]:
    message = _readable(entry.expects) if entry.when.type else ""
    # A message that does not begin with the error's name would not look like what a terminal shows.
    if message and not message.startswith(tuple(entry.when.type.split("|"))):
        message = f"{entry.when.type.replace('|', ' or ')}: {message}"
    return {
        "id": entry.id,
        "title": entry.title,
        "message": message,
        "says": _text(entry.says),
        "causes": [_text(cause.says) for cause in entry.because],
        "fix": markup.code(_names(entry.fix)) if _is_code(entry.fix) else _text(entry.fix),
        "look": markup.code("\n".join(map(_names, entry.look))) if entry.look else "",
        "repro": markup.code(entry.repro.strip()),
        "lesson": entry.lesson,
        "tags": " ".join(entry.tags),
    }


def _is_code(text: str) -> bool:
    """Whether a fix is a line to type, and not a sentence about one."""
    if re.match(r"(pip|python|headway|export|conda|source|make|def|for) ", text):
        return True
    try:
        tree = ast.parse(re.sub(r"\{[\w.]+\}", "x", text))
    except SyntaxError:
        return False
    # A single word parses as Python, too, and is no line to type.
    return not all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Name) for node in tree.body)


def _names(text: str) -> str:
    """A text whose places for a reader's own names say what belongs there."""
    text = re.sub(r"\{(\w+)\.name\}", r"\1", text)
    text = re.sub(r"\{(\w+)\.(\w+)\}", r"‹\2 of \1›", text)
    return re.sub(r"\{(\w+)\}", r"‹\1›", text)


def _text(text: str) -> Markup:
    """A sentence of the catalogue as HTML: backticks are code, and names such as __init__ are not emphasis."""
    pieces = re.split(r"(`[^`]+`)", _names(text))
    return markup.inline("".join(piece if piece[:1] == "`" else re.sub(r"([_*])", r"\\\1", piece) for piece in pieces))


def _readable(pattern: str) -> str:
    """A regular expression as the message that it stands for."""
    text = re.sub(r"\(\?P<\w+>[^()]*\)|\.[*+]\??", "…", pattern)
    return re.sub(r"\\(.)", r"\1", text)
