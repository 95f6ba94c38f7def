"""Exercises: their files, how a learner names one, and the state of the learner's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.course.exercise import (
    Mutant,
    code_hash,
    exercises_of,
    find_exercise,
    lesson_name,
    lessons,
    load,
    memory_bytes,
    state_now,
)
from headway.course.state import ExerciseProgress
from headway.errors import ConfigError, DataError


def test_an_exercise_is_read(course: Path) -> None:
    first, second = exercises_of(7)
    assert (first.id, first.name, first.kind, first.minutes, len(first.mutant)) == ("7.1", "1_double", "stub", 5, 2)
    assert (second.id, first.limits(2.0).seconds, first.limits(2.0).speed_factor) == ("7.2", 10, 2.0)
    assert first.limits().memory_bytes == 3 * 2**29
    assert first.brings == []
    assert (lessons(), exercises_of(8), lesson_name(7), lesson_name("primer")) == (["7"], (), "07", "primer")


@pytest.mark.parametrize(
    "name", ["7.1", "1_double", "1_double.py", "07_exercises/1_double.py", "/a/07_exercises/1_double.py"]
)
def test_an_exercise_has_several_names(course: Path, name: str) -> None:
    assert find_exercise(name).id == "7.1"


def test_an_unknown_exercise_is_named(course: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_exercise("7.11")
    assert str(caught.value) == ('There is no such exercise.\n  Given: 7.11\n  Fix:   Did you mean "7.1"?')
    with pytest.raises(ConfigError) as caught:
        find_exercise("doubl")
    assert str(caught.value) == "There is no such exercise.\n  Given: doubl\n  Fix:   Known: 7.1, 7.2."


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'kind = "stub"',
            'kind = "stab"',
            '07/1_double/exercise.toml: `kind` is unknown.\n  Given: kind="stab"\n  Fix:   Did you mean "stub"?',
        ),
        (
            "minutes = 5",
            'minutes = "5"',
            "07/1_double/exercise.toml: `minutes` has the wrong type.\n  Given: minutes = '5'\n"
            "  Fix:   Write it as int.",
        ),
        (
            "minutes = 5",
            "minuets = 5",
            '07/1_double/exercise.toml: unknown field.\n  Given: minuets\n  Fix:   Did you mean "minutes" or "hints"?',
        ),
        (
            'caught_by = "doubles two"\n',
            "",
            "07/1_double/exercise.toml, mutant 2: `caught_by` is missing.\n  Given: find, replace\n"
            "  Fix:   Add `caught_by`: str.",
        ),
        (
            "seconds = 10",
            'memory = "2 GB"',
            '`memory` must be a number of MiB or GiB.\n  Given: 2 GB\n  Fix:   Write it as "1.5 GiB".',
        ),
        (
            "[[mutant]]",
            "[[mutant",
            "07/1_double/exercise.toml cannot be read.\n"
            "  Given: Expected ']]' at the end of an array declaration (at line 11, column 9)\n"
            "  Fix:   Write it as TOML.",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_said(course: Path, old: str, new: str, message: str) -> None:
    folder = course / "exercises" / "07" / "1_double"
    file = folder / "exercise.toml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DataError) as caught:
        load(folder)
    assert str(caught.value) == message


def test_a_mutant_replaces_one_text() -> None:
    assert Mutant(find="2", replace="3", caught_by="a").of("x = 2\n") == "x = 3\n"
    with pytest.raises(DataError) as caught:
        Mutant(find="2", replace="3", caught_by="a").of("x = 22\n")
    assert str(caught.value) == (
        "A mutant must replace a text that the solution has once.\n"
        "  Given: find='2', which solution.py has 2 times\n"
        "  Fix:   Change `find`."
    )


def test_memory_is_read() -> None:
    assert memory_bytes("300 MiB") == 300 * 2**20


def test_only_code_counts() -> None:
    assert code_hash("x = 1  # a\n\n\n") == code_hash("x=1")
    assert code_hash("x = 1") != code_hash("x = 2")
    assert code_hash("x = (") == code_hash("x = (") != code_hash("x = ((")


def test_the_state_of_a_file() -> None:
    start, own, other = "a = 0\n", "a = 1\n", "a = 2\n"
    nothing = ExerciseProgress()
    assert state_now(nothing, "a = 0  # nothing yet\n", start) == "untouched"
    assert state_now(nothing, own, start) == "not yet"
    assert state_now(ExerciseProgress(state="crashed"), own, start) == "crashed"
    solved = ExerciseProgress(state="solved", solved_hash=code_hash(own))
    assert state_now(solved, own, start) == "solved"
    assert state_now(solved, other, start) == "changed since solved"
    assert state_now(ExerciseProgress(state="seen"), start, start) == "seen"
