"""The learner's folder: nothing that a learner wrote is ever lost, and new versions arrive."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.course import exercise
from headway.course.exercise import find_exercise
from headway.course.lesson import read
from headway.course.lesson_copy import write_copy
from headway.course.workspace import Change, Workspace, merge
from headway.errors import ConfigError


def test_a_lesson_is_opened_once(course: Path, tmp_path: Path) -> None:
    workspace = Workspace()
    written = workspace.open_lesson(7)
    names = ["07_exercises/1_double.py", "07_exercises/2_double_again.py", "07_twice.py"]
    assert sorted(file.relative_to(tmp_path / "learner").as_posix() for file in written) == names
    written[0].write_text("mine")
    assert workspace.open_lesson(7) == []
    assert written[0].read_text() == "mine"
    written[1].unlink()
    assert workspace.open_lesson(7) == [written[1]]
    assert workspace.opened() == ["7"]
    assert (tmp_path / "learner" / "07_twice.py").read_text() == write_copy(read(7))


def test_an_unknown_lesson_is_named(course: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Workspace().open_lesson(9)
    assert str(caught.value) == "There is no such lesson.\n  Given: 9\n  Fix:   Choose one of: 7."


def test_a_missing_file_is_named(course: Path) -> None:
    workspace = Workspace()
    one = find_exercise("7.1")
    with pytest.raises(ConfigError) as caught:
        workspace.text(one)
    file = workspace.exercise_file(one)
    assert str(caught.value) == (
        f"The exercise's file is missing.\n  Given: {file}\n  Fix:   Run: headway course open 7"
    )
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError) as caught:
        workspace.text(one)
    assert str(caught.value).splitlines()[::2] == [
        "The exercise's file cannot be read.",
        "  Fix:   Save it as text in UTF-8.",
    ]


def test_a_folder_that_cannot_be_written_is_named(course: Path, tmp_path: Path) -> None:
    (tmp_path / "learner").write_text("a file")
    with pytest.raises(ConfigError) as caught:
        Workspace().open_lesson(7)
    assert str(caught.value).splitlines()[::2] == [
        "Your course folder cannot be written.",
        "  Fix:   Free some space, or choose a folder that you can write to: set HEADWAY_COURSE.",
    ]


def test_a_reset_keeps_what_was_there(course: Path) -> None:
    workspace = Workspace()
    workspace.open_lesson(7)
    one = find_exercise("7.1")
    workspace.exercise_file(one).write_text("mine")
    before = workspace.reset(one)
    assert (before.read_text(), workspace.text(one)) == ("mine", one.start)


@pytest.fixture
def updated(course: Path) -> Workspace:
    """A learner who has opened the lesson, whose exercises then get a new function at their end."""
    workspace = Workspace()
    workspace.open_lesson(7)
    for file in (course / "exercises").rglob("exercise.py"):
        file.write_text(file.read_text() + "\n\ndef half(number):\n    raise NotImplementedError\n")
    exercise.exercises_of.cache_clear()
    return workspace


def test_a_file_without_changes_is_replaced(updated: Workspace) -> None:
    one, two = find_exercise("7.1"), find_exercise("7.2")
    files = [updated.exercise_file(which) for which in (one, two)]
    assert updated.update() == [Change(file, "replaced") for file in files]
    assert updated.text(one) == one.start == updated.start(one)
    assert updated.update() == []


def test_changes_of_both_sides_are_merged(updated: Workspace) -> None:
    one = find_exercise("7.1")
    file = updated.exercise_file(one)
    file.write_text(file.read_text().replace("raise NotImplementedError", "return 2 * number"))
    assert updated.update()[0] == Change(file, "merged")
    assert file.read_text() == one.start.replace("raise NotImplementedError", "return 2 * number", 1)


def test_a_conflict_is_put_beside_the_file(updated: Workspace) -> None:
    one = find_exercise("7.1")
    file = updated.exercise_file(one)
    own = file.read_text() + "\n\ndef quarter(number):\n    return number / 4\n"
    file.write_text(own)
    assert updated.update()[0] == Change(file, "conflict")
    assert (file.read_text(), file.with_suffix(".new.py").read_text()) == (own, one.start)
    # It is said once.
    assert updated.update() == []


def test_a_deleted_file_stays_deleted_and_a_new_one_arrives(updated: Workspace, course: Path) -> None:
    one = find_exercise("7.1")
    updated.exercise_file(one).unlink()
    folder = course / "exercises" / "07" / "1_double"
    new = folder.with_name("3_new")
    new.mkdir()
    for file in folder.iterdir():
        (new / file.name).write_text(file.read_text().replace('"7.1"', '"7.3"'))
    exercise.exercises_of.cache_clear()
    kinds = {change.file.stem: change.kind for change in updated.update()}
    assert kinds == {"2_double_again": "replaced", "3_new": "new"}
    assert not updated.exercise_file(one).exists()


cells = st.lists(st.sampled_from(["a = 1", "b = 2", "c = 3", "def f():\n    pass", "d = 4"]), unique=True)
texts = cells.map(lambda pieces: "".join(f"# %%\n{piece}\n" for piece in pieces))


@given(texts, texts, texts)
def test_merging_loses_no_side(base: str, own: str, new: str) -> None:
    assert merge(base, base, new) == new
    assert merge(base, own, base) == own
    assert merge(base, own, own) == own
    merged = merge(base, own, new)
    if merged is not None:
        # A cell that both sides have kept or made is in the result.
        for cell in set(own.split("# %%\n")) & set(new.split("# %%\n")):
            assert cell in merged
    assert merge(base, new, own) == merged


def test_a_merge_that_is_no_python_is_a_conflict() -> None:
    base = "x = (\n\n1,\n\n2)\n"
    assert merge(base, base.replace("1,", "1, 3,"), base.replace("2)", "2]")) is None
