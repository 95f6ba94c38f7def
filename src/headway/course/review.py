"""Spaced review: which questions are due, by a schedule that is derived from the log each time.

Nothing of a schedule is stored. Each answer in the log has its time and how well it was known, so another plan, or
another version of FSRS, gives a new schedule and breaks nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, cast, get_args

from headway.course.lesson import lesson_files, read
from headway.course.question_file import load
from headway.course.questions import Question, Rating
from headway.course.state import Event, LessonProgress, fold, lesson_of

__all__ = ["Due", "Plan", "due", "next_due", "reached_questions"]

Plan = Literal["fsrs", "fixed"]
"""FSRS with its default parameters, or the same few intervals for every question."""

FIXED_DAYS = (1, 3, 7, 21, 60)
# Few enough for ten minutes a day. New questions cost reviews for weeks, so these have a limit of their own.
A_DAY = 20
NEW_A_DAY = 8
RETENTION = 0.9
"""The probability of remembering at which FSRS asks again."""


@dataclass(frozen=True)
class Due:
    """A question to ask today.

    Attributes:
        question: The question.
        since: When it became due; None if it was never answered.
        lapses: How many of its answers were wrong.
    """

    question: Question
    since: datetime | None
    lapses: int = 0


def reached_questions(events: Iterable[Event]) -> list[Question]:
    """The questions of all sections that the learner has reached, in the order of the lessons.

    A section is reached when a cell in it or behind it was run, when all cells of its lesson were, or when one of its
    questions was answered.
    """
    lessons = fold(events).lessons
    return [
        question
        for name in sorted((name for name in lessons if name.isdecimal()), key=int)
        for question in _reached(int(name), lessons[name])
    ]


def _reached(number: int, progress: LessonProgress) -> list[Question]:
    if number not in lesson_files():
        return []
    lesson, questions = read(number), load(number)
    run = {int(cell.rpartition(".")[2]) for cell in progress.cells}
    code = {position for position, cell in enumerate(lesson.cells) if cell.is_code}
    end = len(lesson.cells) if code <= run else max(run, default=-1)
    sections = {section.anchor for section in lesson.sections if run and section.cells[0] <= end}
    sections |= {question.section for question in questions if question.id in progress.questions}
    return [question for question in questions if question.section in sections]


def due(
    events: Sequence[Event],
    *,
    questions: Sequence[Question] | None = None,
    now: datetime | None = None,
    plan: Plan = "fsrs",
    limit: int = A_DAY,
) -> list[Due]:
    """The questions to ask now, mixed: what was forgotten longest ago first, neighbours from other sections.

    Args:
        events: The learner's log.
        questions: What can be asked; by default the questions of all sections reached.
        now: The time, in UTC.
        plan: How intervals are chosen.
        limit: The most questions a day, those that were reviewed today included; at most 8 of them are new.
    """
    now = now or datetime.now(UTC)
    questions = reached_questions(events) if questions is None else questions
    answers = _answers(events)
    today = [event for event in events if _is_review(event) and _time(event).date() == now.date()]
    first_today = {event.id for event in today if _time(answers[event.id][0][0]).date() == now.date()}
    known = [_card(question, answers[question.id], plan) for question in questions if answers[question.id]]
    waiting = [card for card in known if card.since is not None and card.since <= now]
    # What was wrong once comes first: if time runs out, the rest is likelier to be remembered anyhow.
    waiting.sort(key=lambda card: (card.lapses == 0, card.since))
    num_left = max(0, limit - len(today))
    num_new = min(max(0, NEW_A_DAY - len(first_today)), num_left - min(num_left, len(waiting)))
    new = [Due(question, None) for question in questions if not answers[question.id]]
    return _mixed([*waiting[:num_left], *new[:num_new]])


def next_due(events: Sequence[Event], *, now: datetime | None = None, plan: Plan = "fsrs") -> datetime | None:
    """When the next question becomes due that is not due yet; None if there is none."""
    now = now or datetime.now(UTC)
    answers = _answers(events)
    times = [_card(question, answers[question.id], plan).since for question in reached_questions(events)]
    return min((time for time in times if time is not None and time > now), default=None)


def _answers(events: Iterable[Event]) -> defaultdict[str, list[tuple[Event, Rating]]]:
    """Each question's answers, oldest first, and how well they were known."""
    answers: defaultdict[str, list[tuple[Event, Rating]]] = defaultdict(list)
    for event in events:
        if event.kind in ("question", "recall"):
            answers[event.id].append((event, _rating(event)))
    return answers


def _rating(event: Event) -> Rating:
    rating = event.answer.get("rating") if isinstance(event.answer, dict) else None
    if rating in get_args(Rating):
        return cast("Rating", rating)
    return "good" if event.outcome == "right" else "again"


def _is_review(event: Event) -> bool:
    return (
        event.kind in ("question", "recall")
        and isinstance(event.answer, dict)
        and event.answer.get("source") == "review"
    )


def _time(event: Event) -> datetime:
    # Logs that were edited by hand may lack the zone.
    time = datetime.fromisoformat(event.time)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _card(question: Question, answers: Sequence[tuple[Event, Rating]], plan: Plan) -> Due:
    lapses = sum(rating == "again" for _, rating in answers)
    times: list[tuple[datetime, Rating]] = [(_time(event), rating) for event, rating in answers]
    since = (_fixed(times) if plan == "fixed" else _fsrs(times)) if times else None
    return Due(question, since, lapses)


def _fixed(answers: Sequence[tuple[datetime, Rating]]) -> datetime:
    """One step further after a good answer, the same step after a hard one, back to the start after a wrong one."""
    step = -1
    for _, rating in answers:
        step = 0 if rating == "again" else max(0, step + (rating == "good"))
    return answers[-1][0] + timedelta(days=FIXED_DAYS[min(step, len(FIXED_DAYS) - 1)])


def _fsrs(answers: Sequence[tuple[datetime, Rating]]) -> datetime:
    try:
        from fsrs import Card, Rating, Scheduler
    except ImportError:
        # The extra is not installed; the fixed plan needs nothing, and its reviews are much the same.
        return _fixed(answers)
    # With learning steps, a first good answer would come back in ten minutes.
    scheduler = Scheduler(desired_retention=RETENTION, learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    ratings = {"again": Rating.Again, "hard": Rating.Hard, "good": Rating.Good}
    # A fixed number: by default it is the time, and a derived schedule must be the same whenever it is derived.
    card = Card(card_id=0)
    for time, rating in answers:
        card, _ = scheduler.review_card(card, ratings[rating], time)
    return card.due


def _mixed(cards: Sequence[Due]) -> list[Due]:
    """The same cards, in nearly the same order: none follows one of its own section while another could."""
    left, mixed = list(cards), list[Due]()
    while left:
        last = mixed[-1].question if mixed else None
        mixed.append(left.pop(next(_others(left, last), 0)))
    return mixed


def _others(cards: Sequence[Due], last: Question | None) -> Iterator[int]:
    for number, card in enumerate(cards):
        if last is None or (lesson_of(card.question.id), card.question.section) != (lesson_of(last.id), last.section):
            yield number
