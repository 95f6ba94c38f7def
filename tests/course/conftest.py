"""A course of one small lesson, and a learner whose answers are typed by a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from headway.course import claims, lesson, question_file
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
