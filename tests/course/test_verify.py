"""What is wrong with a lesson's exercises is found, each fault by its own sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.course import exercise
from headway.course.exercise import find_exercise, load
from headway.course.verify import verify_exercise, verify_exercises

TWO = "2 mutants, of 4 or more"


def changed(course: Path, file: str, old: str, new: str) -> list[str]:
    folder = course / "exercises" / "07" / "1_double"
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    return list(verify_exercise(load(folder)))


def test_an_exercise_that_keeps_its_promises(course: Path) -> None:
    assert list(verify_exercise(find_exercise("7.1"))) == [TWO]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("exercise.toml", ', "Multiply."', "", "1 hints, of 2 or more"),
        (
            "exercise.toml",
            '"Multiply."',
            '"Then `return 2 * number`."',
            "hint 2 has a line of the solution: return 2 * number",
        ),
        ("exercise.py", "# Write it here.", "# Here.", 'the learner\'s file does not say "Write it here"'),
        (
            "exercise.py",
            "raise NotImplementedError",
            "return 2 * number",
            "the file as the learner gets it is solved: every case passes",
        ),
        (
            "exercise.py",
            "# Write",
            "nothing.here\n    # Write",
            "the file as the learner gets it is crashed: NameError: name 'nothing' is not defined",
        ),
        (
            "check.py",
            "equal(double(0), 0)",
            "equal(double(0), 1)",
            'the solution with seed 2 is not yet in the case "doubles nothing": 0',
        ),
        (
            "exercise.toml",
            'caught_by = "doubles nothing"',
            'caught_by = "doubles two"',
            "the mutant 'number + 2' is not caught by \"doubles two\", but by: doubles nothing",
        ),
        (
            "exercise.toml",
            'replace = "number + 2"',
            'replace = "number * 2"',
            "the mutant 'number * 2' is caught by no case",
        ),
        (
            "exercise.toml",
            'find = "2 * number"',
            'find = "2 * nothing"',
            "A mutant must replace a text that the solution has once.   Given: find='2 * nothing', which solution.py "
            "has 0 times   Fix:   Change `find`.",
        ),
    ],
)
def test_a_fault_has_its_sentence(course: Path, file: str, old: str, new: str, problem: str) -> None:
    assert problem in changed(course, file, old, new)


@pytest.mark.slow
def test_a_lesson_has_exercises_of_each_kind(course: Path) -> None:
    problems = verify_exercises(7)
    assert "lesson 7 has no exercise of the kind catch" in problems
    assert "lesson 7 has no exercise of the kind repair" in problems
    toml = course / "exercises" / "07" / "1_double" / "exercise.toml"
    toml.write_text(toml.read_text().replace('section = "numbers"', 'section = "nowhere"'))
    exercise.exercises_of.cache_clear()
    assert "7.1: no section has the anchor nowhere" in verify_exercises(7)


@pytest.mark.slow
def test_a_full_check_tries_other_settings(course: Path) -> None:
    assert list(verify_exercise(find_exercise("7.1"), full=True)) == [TWO]
