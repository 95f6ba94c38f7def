from __future__ import annotations

import json
from pathlib import Path

import pytest

from headway.course import overview
from headway.course.lesson import lesson_files
from headway.course.question_file import load
from headway.course.research import assignments_of
from headway.course.state import Event, Log
from headway.errors import ConfigError, DataError

ANSWER = {"share": 1.0, "answer": "0.75", "rating": "good"}


def done(log: Log) -> None:
    log.append(
        Event(kind="opened", id="7.lesson"),
        Event(kind="read", id="7.cell.2"),
        Event(kind="question", id="7.03", outcome="right", answer=ANSWER),
        Event(kind="question", id="7.99", outcome="wrong"),
        Event(kind="exercise", id="7.1", outcome="solved", hash="ab"),
        Event(kind="solution", id="7.2"),
    )


def test_lessons_as_a_table(log: Log) -> None:
    done(log)
    rows = overview.lessons(log.read())
    assert list(overview.table(rows)) == [
        "lesson                     cells  questions  marked  by you  exercises  research",
        "7 A small lesson             1/2        1/8    0.50                1/0       0/0",
        "Marks are means from 0 to 1: marked by the program; by you, of answers in your own words.",
        "Exercises whose solution was looked at first: 1, not counted as solved.",
    ]


def test_the_primer_is_told_once_it_was_tried(log: Log) -> None:
    done(log)
    assert overview.primer_line(log.read()) == ""
    log.append(Event(kind="exercise", id="P.1", outcome="solved", hash="ab"))
    assert overview.primer_line(log.read()) == "Primer: 1 of 12 exercises solved"


def test_ids_by_their_lines_are_those_of_the_questions_and_assignments() -> None:
    for number in lesson_files():
        questions, research = (overview.COURSE / name / f"{number:02}.toml" for name in ("questions", "research"))
        assert overview.ids_in(questions) == {question.id for question in load(number)}
        assert overview.ids_in(research) == {one.id for one in assignments_of(number)}


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({}, ("Start with lesson 7, A small lesson", "run 7")),
        ({"cells_run": 1}, ("Go on with lesson 7, A small lesson", "run 7")),
        ({"cells_run": 2}, ("Answer the questions of lesson 7", "quiz 7")),
        ({"cells_run": 2, "questions_answered": 8, "exercises": 1}, ("Solve the exercises of lesson 7", "watch")),
        ({"cells_run": 2, "questions_answered": 8}, ("Answer the questions that are due", "review")),
    ],
)
def test_the_one_next_thing(changes: dict[str, int], step: tuple[str, str], small_course: Path) -> None:
    (row,) = overview.lessons([])
    assert overview.next_step([row | changes], num_due=3) == step
    if step[1] == "review":
        last = "All lessons are done; their further research is open", "progress"
        assert overview.next_step([row | changes], num_due=0) == last


def test_an_export_comes_in_again_once(log: Log, tmp_path: Path) -> None:
    done(log)
    file = tmp_path / "ada.json"
    overview.export_progress(file, log, with_answers=True)
    other = Log(tmp_path / "other")
    assert overview.import_progress(file, other) == 6
    assert other.read() == log.read()
    assert overview.import_progress(file, other) == 0


def test_an_export_is_without_answers_and_shows_changes(log: Log, tmp_path: Path) -> None:
    done(log)
    file = tmp_path / "ada.json"
    overview.export_progress(file, log)
    rows = json.loads(file.read_text())["events"]
    assert rows[2]["answer"] == {"share": 1.0, "rating": "good"}
    file.write_text(file.read_text().replace('"wrong"', '"right"'))
    with pytest.raises(DataError) as caught:
        overview.import_progress(file, log)
    assert str(caught.value) == (
        "The file holds no progress, or was changed.\n"
        f"  Given: {file}\n"
        "  Fix:   Export it again: headway course progress --export FILE, or copy the progress from the course's pages."
    )


def test_what_a_page_saved_has_no_chain(log: Log, tmp_path: Path) -> None:
    file = tmp_path / "page.json"
    event = {"kind": "question", "id": "7.03", "outcome": "right", "time": "2026-03-02T09:00:00.000+00:00"}
    file.write_text(json.dumps({"format": overview.FORMAT, "events": [event]}))
    assert overview.import_progress(file, log) == 1


def test_a_file_that_cannot_be_written(log: Log, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        overview.export_progress(tmp_path / "no" / "ada.json", log)
    assert str(caught.value) == (
        "The progress cannot be written.\n"
        f"  Given: {tmp_path / 'no' / 'ada.json'}: No such file or directory\n"
        "  Fix:   Choose a file that can be written."
    )
