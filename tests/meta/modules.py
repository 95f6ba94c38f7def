"""The package's files as the tests of this folder look at them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "headway"


CONTENT = ("course/lessons/", "course/exercises/", "course/research/")
"""What a learner reads and writes in. Nothing imports it; `headway course dev check` looks at it."""


def modules() -> dict[str, Path]:
    """Every module's file, by its path below the package."""
    files = {file.relative_to(PACKAGE).as_posix(): file for file in sorted(PACKAGE.rglob("*.py"))}
    return {name: file for name, file in files.items() if not name.startswith(CONTENT)}


@cache
def trees() -> dict[str, ast.Module]:
    """Every module's syntax tree, by the same path."""
    return {name: ast.parse(file.read_text()) for name, file in modules().items()}


@cache
def nodes() -> dict[str, list[ast.AST]]:
    """Every node of these trees: to walk them takes longer than what is looked for."""
    return {name: list(ast.walk(tree)) for name, tree in trees().items()}


def body(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """The statements, the docstring aside."""
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def pages() -> list[Path]:
    """The documents."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
