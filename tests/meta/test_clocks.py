"""No test fails because the machine had other work to do: what is quick is said by `benchmarks/`."""

from __future__ import annotations

import ast
import re

from tests.meta.modules import ROOT

CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time", "time"}


def test_nothing_is_asserted_about_the_clock() -> None:
    texts = {file: file.read_text() for file in sorted((ROOT / "tests").rglob("*.py"))}
    found = [
        f"{file.relative_to(ROOT).as_posix()}:{node.lineno}"
        for file, text in texts.items()
        # Only what reads a clock is worth parsing.
        if re.search(rf"\b({'|'.join(CLOCKS)})\(", text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assert) and _is_about_the_clock(node.test)
    ]
    assert not found, f"a slow machine fails these: {found}"


def test_such_an_assertion_would_be_found() -> None:
    for code, wrong in {
        "assert time.perf_counter() - start < 2": True,
        "assert 0.5 < monotonic() - start": True,
        "assert done, time.time()": False,
        "assert time.monotonic() < deadline": False,
        "assert clock.time == 3": False,
    }.items():
        (statement,) = ast.parse(code).body
        assert isinstance(statement, ast.Assert)
        assert _is_about_the_clock(statement.test) == wrong, code


def _is_about_the_clock(test: ast.expr) -> bool:
    """A clock is read in it; `< deadline` aside, by which a wait ends that would otherwise have no end."""
    calls = [each.func for each in ast.walk(test) if isinstance(each, ast.Call)]
    names = {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in calls}
    return bool(names & CLOCKS) and "deadline" not in {each.id for each in ast.walk(test) if isinstance(each, ast.Name)}
