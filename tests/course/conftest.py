"""A course of one small lesson, and a learner whose answers are typed by a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from headway.course import claims, exercise, lesson, overview, question_file
from headway.course.state import Log
from headway.course.terminal import Terminal
from tests.course.lesson_text import LESSON
from tests.course.question_text import QUESTIONS


@pytest.fixture
def small_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The learner's folder, empty; the course has lesson 7 alone."""
    for name in ("lessons", "questions", "measured"):
        (tmp_path / name).mkdir()
    (tmp_path / "lessons" / "07_small.py").write_text(LESSON, encoding="utf-8")
    (tmp_path / "questions" / "07.toml").write_text(QUESTIONS, encoding="utf-8")
    (tmp_path / "measured" / "07.toml").write_text("[share]\nvalue = 0.75\n", encoding="utf-8")
    monkeypatch.setattr(lesson, "FOLDER", tmp_path / "lessons")
    monkeypatch.setattr(question_file, "FOLDER", tmp_path / "questions")
    monkeypatch.setattr(claims, "FOLDER", tmp_path / "measured")
    monkeypatch.setattr(overview, "COURSE", tmp_path)
    monkeypatch.setenv("HEADWAY_COURSE", str(tmp_path / "learner"))
    monkeypatch.setenv("NO_COLOR", "1")
    question_file.load.cache_clear()
    return tmp_path / "learner"


@pytest.fixture
def log(small_course: Path) -> Log:
    return Log(small_course)


def _typist(answers: Iterable[str]) -> Callable[[str], str]:
    left = iter(answers)

    def read(prompt: str) -> str:
        try:
            text = next(left)
        except StopIteration:
            raise EOFError from None
        print(prompt + text)
        return text

    return read


@pytest.fixture
def typed(small_course: Path) -> Callable[..., Terminal]:
    """A terminal, 80 columns wide, in which these lines are typed."""

    def make(*answers: str) -> Terminal:
        return Terminal(plain=True, read=_typist(answers), width=80)

    return make


EXERCISE = {
    "exercise.py": "def double(number):\n    # Write it here.\n    raise NotImplementedError\n",
    "solution.py": "def double(number):\n    return 2 * number\n",
    "check.py": (
        "from headway.course.checking import case, equal, function\n\n"
        'double = function("double", "number")\n\n\n'
        '@case("doubles two")\ndef _():\n    equal(double(2), 4, meaning="twice the number")\n\n\n'
        '@case("doubles nothing")\ndef _():\n    equal(double(0), 0)\n'
    ),
    "exercise.toml": """id = "7.1"
title = "Twice as much"
kind = "stub"
lesson = 7
section = "numbers"
minutes = 5
hints = ["What is twice two?", "Multiply."]
after = "You multiplied."
seconds = 10

[[mutant]]
find = "2 * number"
replace = "number + 2"
caught_by = "doubles nothing"

[[mutant]]
find = "2 * number"
replace = "3 * number"
caught_by = "doubles two"
""",
}
TWICE = """# %% [markdown]
# # Twice
# id = 7, layer = "call", minutes = 5, needs = []
# %% [markdown]
# ## Numbers {#numbers}
# Twice two.
# %%
print(2 * 2)
"""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The content of the small course, instead of the real one; and an empty folder for the learner."""
    content = tmp_path / "content"
    for number, name in enumerate(("1_double", "2_double_again"), start=1):
        folder = content / "exercises" / "07" / name
        folder.mkdir(parents=True)
        for file, text in EXERCISE.items():
            (folder / file).write_text(text.replace('"7.1"', f'"7.{number}"'))
    (content / "lessons").mkdir()
    (content / "lessons" / "07_twice.py").write_text(TWICE)
    monkeypatch.setattr(exercise, "FOLDER", content / "exercises")
    monkeypatch.setattr(lesson, "FOLDER", content / "lessons")
    monkeypatch.setenv("HEADWAY_COURSE", str(tmp_path / "learner"))
    exercise.exercises_of.cache_clear()
    yield content
    exercise.exercises_of.cache_clear()
