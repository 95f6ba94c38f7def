"""Long modules and long functions hide a seam."""

from __future__ import annotations

import ast

from tests.meta.modules import body, modules, nodes

MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 40
"""Of the body: docstring and signature aside, which are long where there is much to say about arguments."""
MAX_LOOP_LINES = 150

# Name and reason. Empty is best.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {
    "learner/learner.py: __init__": "the one place where all settings of a run meet",
    "peel/plain.py: train_all": "a template: of its branches a file has those alone that its run took",
}


def test_modules_are_short() -> None:
    lengths = {name: len(file.read_text().splitlines()) for name, file in modules().items()}
    long = {name: length for name, length in lengths.items() if length > MAX_MODULE_LINES}
    assert long.keys() == LONG_MODULES.keys(), f"look for the seam in {long}"


def test_functions_are_short() -> None:
    long = {}
    for name, of_module in nodes().items():
        for node in of_module:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body(node):
                last = node.end_lineno
                assert last is not None
                length = last - body(node)[0].lineno + 1
                if length > MAX_FUNCTION_LINES:
                    long[f"{name}: {node.name}"] = length
    assert long.keys() == LONG_FUNCTIONS.keys(), f"look for the seam in {long}"


def test_the_loop_is_a_page() -> None:
    assert len(modules()["train/loop.py"].read_text().splitlines()) <= MAX_LOOP_LINES
