from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from headway.course.question_file import load
from headway.course.questions import KINDS, Bug, Choice, Order, Question, Several
from headway.course.quiz import ask, ask_as_json, key_questions, record, remaining, start_again
from headway.course.state import Log, fold
from headway.course.terminal import EndOfAnswersError, Terminal
from headway.errors import ConfigError

Typed = Callable[..., Terminal]


def question_of(kind: str) -> Question:
    return next(question for question in load(7) if question.kind == kind)


def shown_number(question: Question, count: int, number: int) -> str:
    """What to type for an option, shuffled as the learner "ada" sees it the first time."""
    from headway.course.questions import shuffled

    return str(shuffled(count, learner="ada", id=question.id, attempt=1).index(number) + 1)


def typed_right(question: Question) -> list[str]:
    """The lines that a learner types to answer right."""
    if isinstance(question, Choice):
        return ["", shown_number(question, len(question.options), question.right_answer())]
    if isinstance(question, Several):
        numbers = [shown_number(question, len(question.options), number) for number in question.right_answer()]
        return ["", " ".join(numbers)]
    if isinstance(question, Order):
        return ["".join(shown_number(question, len(question.steps), number) for number in question.right_answer())]
    if isinstance(question, Bug):
        return [str(question.line), shown_number(question, len(question.symptom), question.right_answer()["symptom"])]
    if question.kind == "recall":
        return [str(question.shown_answer()), "", ""]
    return [str(question.right_answer())]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_answered_right(kind: str, typed: Typed, log: Log) -> None:
    question = question_of(kind)
    mark = ask(question, typed(*typed_right(question)), log=log, title="Question 1 of 8", learner="ada", attempt=1)
    assert mark.right
    (event,) = log.read()
    assert (event.kind, event.id, event.outcome) == ("recall" if kind == "recall" else "question", question.id, "right")
    assert event.answer["rating"] == "good"
    assert question.mark(event.answer["answer"]).right


def test_what_a_learner_sees(typed: Typed, log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    ask(question_of("number"), typed("", "many", "h", "4/3"), log=log, title="Question 3 of 8", learner="", attempt=1)
    assert capsys.readouterr().out.splitlines() == [
        "Question 3 of 8",
        "",
        "What share are 3 of 4?",
        "",
        "A number (h for a hint, q to stop): ",
        "Type an answer.",
        "A number (h for a hint, q to stop): many",
        "Type a number, such as 0.5, 1/2 or 50 %.",
        "A number (h for a hint, q to stop): h",
        "Hint: Which of the two is the whole?",
        "A number (h for a hint, q to stop): 4/3",
        "",
        "Not right.",
        "That is whole over part.",
        "The answer is 0.75.",
        "",
        "Part over whole.",
        "To read again: What it says",
    ]


@pytest.mark.parametrize(
    ("kind", "before", "objection"),
    [
        ("choice", [""], "Type one number, from 1 to 3."),
        ("several", [""], "Type numbers from 1 to 4 with a space between, such as 1 3, or 0 for none."),
        ("order", [], "Type the numbers 1 to 4 in your order, each once, with a space between."),
        ("bug", [], "Type the number of one line, from 1 to 3."),
        ("number", [], "Type a number, such as 0.5, 1/2 or 50 %."),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_can(
    kind: str, before: list[str], objection: str, typed: Typed, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EndOfAnswersError):
        ask(question_of(kind), typed(*before, "x y", "q"), log=log, title="", learner="", attempt=1)
    assert objection in capsys.readouterr().out.splitlines()


def test_partly_right_and_self_marked(typed: Typed, log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = typed("short", "It is divided, or not.", "perhaps", "y", "n")
    ask(question_of("recall"), terminal, log=log, title="Question 8 of 8", learner="", attempt=1)
    shown = capsys.readouterr().out
    assert "Write at least 15 characters." in shown
    assert "Does yours say: sets differ in size?\ny or n, Enter for n: perhaps\ny or n, Enter for n: y" in shown
    assert "Partly right: 0.50 of 1 (the share of ideas that you ticked)." in shown
    assert log.read()[0].answer["rating"] == "hard"
    assert fold(log.read()).lesson("7").share(self_marked=True) == 0.5


def test_every_option_is_explained(typed: Typed, log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    question = question_of("choice")
    assert isinstance(question, Choice)
    ask(question, typed("", "1"), log=log, title="", learner="ada", attempt=1)
    shown = " ".join(capsys.readouterr().out.split())
    assert all(shown.count(option.because) == 1 for option in question.options)


def test_after_a_hint_it_was_hard(typed: Typed, log: Log) -> None:
    ask(question_of("number"), typed("h", "75 %"), log=log, title="", learner="", attempt=1)
    assert log.read()[0].answer["rating"] == "hard"


@pytest.mark.parametrize("answers", [["q"], ["", "Q"], [""]])
def test_stopping_writes_nothing(answers: list[str], typed: Typed, log: Log) -> None:
    with pytest.raises(EndOfAnswersError):
        ask(question_of("choice"), typed(*answers), log=log, title="", learner="", attempt=1)
    assert log.read() == []


def test_remaining_questions(log: Log) -> None:
    questions = load(7)
    for question in questions[:3]:
        record(question, question.right_answer(), question.mark(question.right_answer()), log=log)
    assert remaining(questions, log.read()) == list(questions[3:])
    start_again(7, log)
    assert remaining(questions, log.read()) == list(questions)


def test_key_questions(small_course: object) -> None:
    questions = load(7)
    assert [question.id for question in key_questions(questions)] == ["7.03"]
    others = [question for question in questions if not question.key]
    assert [question.id for question in key_questions(others)] == ["7.01", "7.07"]


def test_json_lines(log: Log, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    questions = load(7)
    lines = [json.dumps(question.right_answer()) for question in questions[:-1]]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*lines, ""])))
    marks = ask_as_json(questions, log=log)
    assert [mark.right for mark in marks] == [True] * 7
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert shown[0]["question"]["options"][1]["because"] == "That is whole over part."
    assert shown[1] == {
        "id": "7.01",
        "share": 1.0,
        "right": True,
        "self_marked": False,
        "rating": "good",
        "because": ["Part over whole.", "A share is a part of the whole."],
    }
    assert len(log.read()) == 7


@pytest.mark.parametrize("line", ["{", '"many"', "9", "null"])
def test_an_answer_that_is_no_json_or_no_option(line: str, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{line}\n"))
    with pytest.raises(ConfigError) as caught:
        ask_as_json(load(7), log=log)
    assert str(caught.value) == (
        f"The answer cannot be read.\n  Given: 7.01: {line}\n  Fix:   Write it as one JSON value, such as 0"
    )
    assert log.read() == []
