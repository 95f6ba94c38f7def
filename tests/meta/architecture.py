"""The tables of docs/architecture.md: each file with the first line of its docstring, folders in the order of data.

`python -m tests.meta.architecture` writes them anew.
"""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.meta.modules import ROOT, trees

PAGE = ROOT / "docs" / "architecture.md"


def with_tables(page: str) -> str:
    """The page with a table under each heading that names folders: ``## Training: `train/`, `runs/` ``."""
    pieces = re.split(r"^(## .+)$", page, flags=re.MULTILINE)
    for place in range(1, len(pieces), 2):
        folders = re.findall(r"`([\w./]*/)`", pieces[place].partition(":")[2])
        if folders:
            text = re.sub(r"\n\| file \|.*", "", pieces[place + 1], flags=re.DOTALL).rstrip()
            pieces[place + 1] = f"{text}\n\n{_table(folders)}\n\n"
    return "".join(pieces).rstrip() + "\n"


def _table(folders: list[str]) -> str:
    rows = ["| file | what it holds |", "|---|---|"]
    for folder in folders:
        rows += [
            f"| `{name}` | {_first_line(tree)} |"
            for name, tree in trees().items()
            if _folder(name) == folder and (name == "__init__.py" or not name.endswith("/__init__.py"))
        ]
    return "\n".join(rows)


def _folder(name: str) -> str:
    """The folder under whose heading a file stands: its own, or the nearest above it that a heading names."""
    return next(each for each in _parents(name) if each in _named_folders())


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[:count]) + "/" for count in range(len(parts), 0, -1)] + ["./"]


@cache
def _named_folders() -> set[str]:
    headings = re.findall(r"^## .+?:(.+)$", PAGE.read_text(), flags=re.MULTILINE)
    return {folder for heading in headings for folder in re.findall(r"`([\w./]*/)`", heading)}


def _first_line(tree: ast.Module) -> str:
    text = ast.get_docstring(tree) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|").rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
