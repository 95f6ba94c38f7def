"""What a learner reads in an editor: no marks of programs, no answers; and all of the lesson when it is read back."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from headway.course import lesson_copy
from headway.course.exercise import exercises_of
from headway.course.lesson import Lesson, lesson_files, parse, read
from headway.course.lesson_copy import read_copy, write_copy
from tests.course.lesson_text import LESSON

COPY = '''"""Run me: python 07_small.py"""

# %% [markdown]
# A small lesson
# ==============
# Lesson 7, about 5 minutes. In the terminal: headway course run 7
#
# It promises little.

# %% [markdown]
# Predict first
# -------------
#
# Will it be more than half?
#
# Guess before you go on:
#   [ ] yes
#   [ ] no
#
# And how much?
#
# Guess before you go on: a number

# %%
from headway.course.claims import claim

share = 3 / 4

# %% About 20 seconds
claim("share", share, near=0.75, within=0.01)
share

# %% [markdown]
# What it says [number]
# ---------------------
#
# It was 75%,
#
# Question 7.01 is about this: headway course quiz 7
#
# and `{share}` is code.
#
# Question 7.02 is about this: headway course quiz 7
'''


@pytest.fixture
def small(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> Lesson:
    monkeypatch.setattr(lesson_copy, "read_measured", lambda _: {"share": {"value": 0.75}})
    return read(7)


def test_the_copy_is_plain_text(small: Lesson) -> None:
    assert write_copy(small) == COPY


def test_a_copy_without_changes_is_the_lesson(small: Lesson) -> None:
    copy = read_copy(small, COPY)
    assert [copy.parts(number) for number in range(5)] == [small.parts(number) for number in range(5)]
    assert (copy.sections, copy.asks, copy.guesses, copy.preamble) == (
        small.sections,
        small.asks,
        small.guesses,
        '"""Run me: python 07_small.py"""\n\n',
    )
    assert [cell.line for cell in copy.cells] == [3, 10, 24, 29, 33]
    assert copy.cells[3].seconds == 20
    assert read_copy(copy, COPY) == copy


def test_changes_of_the_learner_are_kept(small: Lesson) -> None:
    changed = COPY.replace("share = 3 / 4", "share = 1 / 4").replace("It promises little.", "It promises much.")
    # A cell of one's own, with a title, and a text of one's own.
    changed = changed.replace(
        "# %% About 20", "# %% mine\nprint(share)\n\n# %% My notes [markdown]\n# A note.\n\n# %% About 20"
    )
    copy = read_copy(small, changed)
    code = [cell.text for cell in copy.cells if cell.is_code]
    assert code[:2] == ["from headway.course.claims import claim\n\nshare = 1 / 4", "print(share)"]
    assert [copy.parts(number) for number in (1, 4, 6)] == [small.parts(1), ["A note."], small.parts(4)]
    assert [(section.anchor, section.cells) for section in copy.sections] == [
        ("predict", (1, 2, 3, 4, 5)),
        ("says", (6,)),
    ]
    assert copy.cells[5].seconds == 20


def test_a_copy_that_still_has_the_marks_is_read(small: Lesson) -> None:
    assert read_copy(small, LESSON) == small


@pytest.mark.parametrize("number", lesson_files())
def test_no_copy_shows_a_mark_or_an_answer(number: int) -> None:
    lesson = read(number)
    text = write_copy(lesson)
    comments = "\n".join(line for line in text.splitlines() if line.startswith("# ") and not line.startswith("# %%"))
    prose = re.sub(r"`[^`\n]*`", "", comments)
    for mark in (
        r"\*",
        r"⟨|⟩",
        r"\{#",
        r"\]\(",
        r"\[\^",
        r"\$",
        r"\{[a-z_]+[:.}]",
        r"^# #",
        r"\|",
        r"^# id = ",
        r"<\w",
    ):
        assert re.findall(rf".*{mark}.*", prose, re.M) == []
    assert "tags=" not in text
    # Were the lesson's stars elsewhere, the copy would be the same: it cannot tell which answer is right.
    source = lesson_files()[number].read_text(encoding="utf-8")
    unstarred = re.sub(r"⟨guess [^⟨⟩]*⟩", lambda guess: guess[0].replace("*", ""), source)
    assert write_copy(parse(unstarred, name=lesson.name)) == text
    assert read_copy(lesson, text).guesses == lesson.guesses
    assert max(map(len, comments.splitlines())) <= 100


@pytest.mark.parametrize("number", lesson_files())
def test_no_exercise_shows_a_mark(number: int) -> None:
    for exercise in exercises_of(number):
        prose = re.sub(r"`[^`\n]*`", "", "\n".join(re.findall(r"#.*", exercise.start)))
        assert re.findall(r".*(?:\*\*|⟨|\{#|\]\().*", prose) == []


def test_the_right_guess_stands_anywhere() -> None:
    starred = [guess for number in lesson_files() for guess in read(number).guesses if guess.right]
    positions = Counter(guess.options.index(guess.right) for guess in starred)
    # Whoever always takes the same option is right for less than half.
    assert max(positions.values()) < len(starred) / 2
