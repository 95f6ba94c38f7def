"""Lesson 1 as a text: its bones, its questions, its exercises."""

from __future__ import annotations

from headway.course.exercise import exercises_of
from headway.course.lesson import read
from headway.course.question_file import load


def test_every_question_is_asked_once() -> None:
    assert sorted(read(1).asks) == [question.id for question in load(1)]


def test_half_of_the_questions_at_most_are_choices() -> None:
    kinds = [question.kind for question in load(1)]
    assert len(set(kinds)) >= 6
    assert kinds.count("choice") <= len(kinds) / 2


def test_its_bones_are_in_order() -> None:
    anchors = [section.anchor for section in read(1).sections]
    assert anchors == ["predict", "five-lines", "table", "ask", "inside", "borrowed", "harm", "yours", "words"]
    assert len(read(1).guesses) == 3


def test_figures_are_described() -> None:
    """A cell that ends in a figure says what is on it, for those who do not see it."""
    shows = [cell for cell in read(1).cells if cell.is_code and cell.text.rstrip().endswith(".show()")]
    assert shows
    assert all(any(tag.startswith("alt:") for tag in cell.tags) for cell in shows)


def test_slow_cells_say_their_seconds() -> None:
    slow = [cell for cell in read(1).cells if "fine_tune" in cell.text or ".export(" in cell.text]
    assert all(cell.seconds > 0 for cell in slow if cell.is_code)
    assert sum(cell.seconds for cell in read(1).cells) <= 60


def test_one_exercise_at_least_of_each_kind() -> None:
    assert [one.kind for one in exercises_of(1)] == ["stub", "stub", "repair", "catch", "make"]
    for one in exercises_of(1):
        assert [mutant.of(one.solution) for mutant in one.mutant]
