from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headway.course.question_file import load
from headway.course.review import Plan, due, next_due, reached_questions
from headway.course.state import Event, lesson_of

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
READ = Event(kind="read", id="7.cell.3", time=START.isoformat())
"""The lesson's last cell of code."""


def answered(id: str, days: float, rating: str = "good", *, source: str = "quiz") -> Event:
    outcome = "wrong" if rating == "again" else "right"
    answer = {"share": float(rating != "again"), "rating": rating, "source": source}
    time = (START + timedelta(days=days)).isoformat(timespec="milliseconds")
    return Event(kind="question", id=id, outcome=outcome, answer=answer, time=time)


def days_until(events: list[Event], plan: Plan = "fsrs") -> float:
    last = datetime.fromisoformat(events[-1].time)
    time = next_due(events, now=last, plan=plan)
    assert time is not None
    return (time - last).total_seconds() / 86400


@pytest.mark.parametrize(
    ("plan", "rating", "days"),
    [
        ("fsrs", "good", [2, 11, 46, 163]),
        ("fsrs", "hard", [1, 5, 17, 50]),
        ("fsrs", "again", [1, 2, 6, 17]),
        ("fixed", "good", [1, 3, 7, 21, 60, 60]),
    ],
)
def test_intervals(plan: Plan, rating: str, days: list[float], small_course: Path) -> None:
    """After a first answer so rated, and good ones whenever it was due."""
    events = [answered("7.01", 0, rating)]
    intervals = []
    for _ in days:
        intervals.append(days_until(events, plan))
        events.append(answered("7.01", sum(intervals)))
    assert intervals == pytest.approx(days)


def test_the_fixed_plan_starts_again_after_a_wrong_answer(small_course: Path) -> None:
    events = [answered("7.01", 0), answered("7.01", 1), answered("7.01", 4, "again")]
    assert days_until(events, "fixed") == pytest.approx(1)
    assert days_until([*events, answered("7.01", 5, "hard")], "fixed") == pytest.approx(1)


def test_without_fsrs_the_fixed_plan_is_used(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsrs", None)
    assert days_until([answered("7.01", 0)]) == pytest.approx(1)


def test_nothing_is_due_before_a_section_is_reached(small_course: Path) -> None:
    assert due([], now=START) == []
    assert next_due([], now=START) is None
    assert due([Event(kind="opened", id="7.lesson")], now=START) == []


def sections_reached(*events: Event) -> set[str]:
    return {question.section for question in reached_questions(events)}


def test_questions_come_from_the_sections_reached(small_course: Path) -> None:
    first = Event(kind="read", id="7.cell.2")
    assert {question.section for question in load(7)} == {"predict", "says"}
    assert sections_reached(first) == {"predict"}
    assert sections_reached(first, READ) == {"predict", "says"}
    assert sections_reached(answered("7.01", 0)) == {"says"}
    # A lesson that another version of the course had.
    assert sections_reached(Event(kind="read", id="8.cell.2")) == set()


def test_new_questions_are_few_and_due_ones_come_first(small_course: Path) -> None:
    events = [answered("7.02", -9, "again"), answered("7.07", -30)]
    cards = due(events, now=START)
    assert [card.question.id for card in cards[:2]] == ["7.02", "7.07"]
    assert (cards[0].lapses, cards[1].lapses) == (1, 0)
    assert cards[2].since is None
    assert len(cards) == 8
    assert len(due(events, now=START, limit=3)) == 3


def test_what_was_reviewed_today_counts(small_course: Path) -> None:
    events = [READ, *(answered(question.id, 0, "again", source="review") for question in load(7)[:5])]
    later = START + timedelta(hours=1)
    # 5 of the 8 new ones of today are used.
    assert len(due(events, now=later)) == 3
    assert len(due(events, now=later, limit=7)) == 2
    assert len(due(events, now=START + timedelta(days=1, minutes=1), limit=7)) == 7


def test_neighbours_are_of_other_sections_while_there_are_others(small_course: Path) -> None:
    cards = due([READ, answered("7.01", 0, "again")], now=START + timedelta(days=3))
    sections = [(lesson_of(card.question.id), card.question.section) for card in cards]
    assert sections[:4] == [("7", "says"), ("7", "predict"), ("7", "says"), ("7", "predict")]


def test_rating_of_an_event_that_does_not_say_it(small_course: Path) -> None:
    old = Event(kind="question", id="7.01", outcome="right", time=START.isoformat())
    assert days_until([old]) == pytest.approx(2)
