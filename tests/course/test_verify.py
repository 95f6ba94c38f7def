"""What is wrong with a lesson's exercises is found, each fault by its own sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.course import lesson
from headway.course.exercise import find_exercise, load
from headway.course.lesson import parse, read
from headway.course.recorded import unrecorded
from headway.course.verify import verify_exercise, verify_exercises, verify_lesson

TWO = "2 mutants, of 4 or more"


def changed(course: Path, file: str, old: str, new: str) -> list[str]:
    folder = course / "exercises" / "07" / "1_double"
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    return list(verify_exercise(load(folder)))


@pytest.mark.slow
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
def test_a_lesson_has_exercises_of_each_kind_in_its_sections(course: Path) -> None:
    toml = course / "exercises" / "07" / "1_double" / "exercise.toml"
    toml.write_text(toml.read_text().replace('section = "numbers"', 'section = "nowhere"'))
    problems = verify_exercises(7)
    assert "lesson 7 has no exercise of the kind catch" in problems
    assert "lesson 7 has no exercise of the kind repair" in problems
    assert [problem for problem in problems if "anchor" in problem] == ["7.1: no section has the anchor nowhere"]


@pytest.mark.slow
def test_a_full_check_tries_other_settings(course: Path) -> None:
    assert list(verify_exercise(find_exercise("7.1"), full=True)) == [TWO]


QUICK = """# %% [markdown]
# # Small
# id = 7, layer = "call", minutes = 5, needs = []
# %% [markdown]
# ## Numbers {#numbers}
# {near} and {far}
# %% tags=["quick:range(10**6) -> range(10)"]
from headway.course.claims import claim

claim("count", sum(1 for _ in range(10**6)))
claim("near", 1.5, near=1, within=0.3)
claim("far", 2.0, near=1, within=0.3)
1 / 0
"""


@pytest.mark.slow
def test_a_lesson_in_its_quick_form(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its exercises, for which torch is imported, are tried above.
    monkeypatch.setattr("headway.course.verify.verify_exercises", lambda *_, **__: [])
    file = course / "lessons" / "07_twice.py"
    file.write_text(QUICK)
    problems = verify_lesson(7, quick=True)
    assert "lesson 7, line 7: ZeroDivisionError: division by zero" in problems
    assert [problem for problem in problems if "far: " in problem] == [
        "lesson 7, far: 2.00. Expected: 0.70 to 1.30. Run the lesson again from its first cell."
    ]
    file.write_text(QUICK.replace("quick:range", "quick:ranges"))
    assert any("must change a text that its cell has once." in problem for problem in verify_lesson(7, quick=True))


def test_a_cell_that_has_changed_since_it_was_recorded() -> None:
    assert not unrecorded(read(1))
    source = lesson.lesson_files()[1].read_text()
    changed = parse(source.replace("size=128, split=split", "size=96, split=split"), name="01_first_model.py")
    (sentence,) = unrecorded(changed)
    assert sentence.endswith(": the cell has changed since it was recorded: make course")
