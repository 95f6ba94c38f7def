"""Assignments: read, shown, checked; references pass and lazy answers do not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.course import research
from headway.course.research import (
    Assignment,
    assignments_of,
    check_assignment,
    find_assignment,
    template,
    verify_assignment,
)
from headway.course.run import Zygote
from headway.errors import ConfigError, DataError

ALL = [one for lesson in range(1, 21) for one in assignments_of(lesson)]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as process:
        yield process


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("assignment", ALL, ids=lambda one: one.id)
def test_the_reference_passes_and_the_lazy_answer_does_not(
    assignment: Assignment, zygote: Zygote, tmp_path: Path
) -> None:
    assert list(verify_assignment(assignment, folder=tmp_path, zygote=zygote)) == []


def test_each_has_its_files() -> None:
    for one in ALL:
        assert {"check.py", "reference.py", "lazy.py"} <= {file.name for file in one.files.iterdir()}
        assert len(one.rubric) >= 2
        assert find_assignment(one.id) is one


def test_a_file_to_begin_with() -> None:
    for one in ALL:
        text = template(one)
        assert ast.get_docstring(ast.parse(text), clean=False) == text.strip().strip('"')
        assert text.count("  Points:") == len(one.rubric)


@pytest.mark.slow
@pytest.mark.parametrize(("measured", "came"), [("None", "None"), ("1.7", "1.7"), ("Estimate(0.92, 0.9, 0.94)", "")])
def test_what_was_measured(measured: str, came: str, zygote: Zygote, tmp_path: Path) -> None:
    one = find_assignment("1.F1")
    lines = (one.files / "reference.py").read_text().replace("MEASURED = 0.921", f"MEASURED = {measured}")
    file = tmp_path / "1_F1.py"
    # A point that is not measured again ends the check before it trains.
    file.write_text(f"from headway.judge.intervals import Estimate\n{lines}".replace("40: [0.8556", "41: [0.8556"))
    result = check_assignment(one, file, folder=tmp_path, zygote=zygote)
    (case,) = [case for case in result.cases if case.name == "predicted before it measured"]
    assert (case.failure.came if case.failure else "") == came


CHECK = """from headway.course.checking import case, equal, function
measure = function("measure", "name")
@case("gives a number")
def _():
    equal(measure("plain"), 4)
@case("measures what is not written down")
def _():
    equal(measure("other"), 5)
"""
WORKS = "def measure(name):\n    return len(name) - (name == 'plain')\n"
LOOKS_UP = "def measure(name):\n    return 4\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "lazy", "problems"),
    [
        (WORKS, LOOKS_UP, []),
        (LOOKS_UP, LOOKS_UP, ["reference.py is not yet: 5 4"]),
        (WORKS, WORKS, ['lazy.py is solved, not caught by "measures what is not written down" but by: nothing']),
        (
            WORKS,
            "def measure(name):\n    return 3 if name == 'plain' else 5\n",
            ['lazy.py is not yet, not caught by "measures what is not written down" but by: gives a number'],
        ),
    ],
    ids=["both fine", "reference fails", "lazy passes", "lazy fails in its form alone"],
)
def test_a_lazy_answer_fails_where_the_work_is_missing(
    reference: str, lazy: str, problems: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "07" / "1_measure"
    folder.mkdir(parents=True)
    for name, text in (("check", CHECK), ("reference", reference), ("lazy", lazy)):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(research, "FOLDER", tmp_path)
    one = Assignment(
        id="7.F1",
        title="Measure",
        folder="1_measure",
        hours=1,
        text="Measure.",
        lazy_caught_by="measures what is not written down",
        rubric=["One.", "Two."],
    )
    assert list(verify_assignment(one, folder=tmp_path)) == problems


def test_no_such_assignment() -> None:
    with pytest.raises(ConfigError) as error:
        find_assignment("1.F9")
    assert str(error.value).startswith("There is no such assignment.\n  Given: 1.F9\n  Fix:   ")


def test_no_answer_yet(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        check_assignment(find_assignment("1.F1"), tmp_path / "1_F1.py", folder=tmp_path)
    assert str(error.value) == (
        "There is no answer to 1.F1 yet.\n"
        f"  Given: {tmp_path / '1_F1.py'} is missing\n"
        "  Fix:   Write your answer into 1_F1.py there."
    )


def test_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "77.toml").write_text("[[assignment]]\nid = 'x'\nlength = 3\n")
    monkeypatch.setattr(research, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"^research/77.toml cannot be read\."):
        assignments_of(77)
