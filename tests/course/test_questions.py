from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.course.question_file import find, load, parse
from headway.course.questions import KINDS, KnownNumber, Number, Question, Recall, shuffled
from headway.errors import ConfigError, DataError
from tests.course.question_text import QUESTIONS

ALL = {question.kind: question for question in parse(QUESTIONS)}


def test_every_kind_is_read() -> None:
    assert ALL.keys() == KINDS.keys()
    assert [question.id for question in ALL.values()] == [f"7.0{number}" for number in range(1, 9)]
    assert ALL["number"].key


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_answer_gets_the_whole_mark(kind: str) -> None:
    mark = ALL[kind].mark(json.loads(json.dumps(ALL[kind].right_answer())))
    assert (mark.share, mark.right, mark.self_marked) == (1.0, True, kind == "recall")
    assert ALL[kind].shown_answer()
    assert ALL[kind].to_json()["kind"] == kind


MARKS: list[tuple[str, Any, float, str]] = [
    ("choice", 0, 1, "Part over whole."),
    ("choice", 1, 0, "That is whole over part. | Right: 3 / 4. Part over whole."),
    ("several", [2, 0], 1, ""),
    ("several", [0], 0.5, "4 of 4: yes. 4 > 2."),
    ("several", [0, 1, 3], 0, "1 of 4: no. 1 < 2. | 4 of 4: yes. 4 > 2. | 2 of 4: no. 2 is half."),
    ("number", "75 %", 1, ""),
    ("number", "4/3", 0, "That is whole over part. | The answer is 0.75."),
    ("number", "0.5", 0, "The answer is 0.75."),
    ("number", "half", 0, "This is not a number."),
    ("predict", "0.75 true", 1, ""),
    ("predict", "[0.75, False]", 0, "0.75 is more than half. | It prints [0.75, True]"),
    ("order", [1, 0, 2, 3], 1, ""),
    ("order", [0, 2, 1, 3], 2 / 3, '"count the right ones" comes before "divide".'),
    ("order", [0, 1, 2], 0, "Each step must be in it once."),
    ("bug", {"line": 2, "symptom": 1}, 0.5, "Both are numbers. | Right: The share is above 1. 4 / 3 is 1.33."),
    ("bug", {"line": 1, "symptom": 0}, 0.5, "The fault is in line 2: share = whole / right | 4 / 3 is 1.33."),
    ("word", "a Fraction.", 1, ""),
    ("word", "counts", 0, "A count is not divided yet. | The word is share."),
    ("recall", {"text": "A percent", "ideas": [True, False]}, 0.5, "A percentage is a share, written in another way."),
    ("recall", {"text": "", "ideas": []}, 0, ""),
]


@pytest.mark.parametrize(("kind", "answer", "share", "because"), MARKS)
def test_marks(kind: str, answer: Any, share: float, because: str) -> None:
    mark = ALL[kind].mark(answer)
    assert mark.share == pytest.approx(share)
    assert mark.right == (share == 1)
    assert " | ".join(mark.because) == because


def test_a_share_is_read_as_points_where_points_are_the_unit() -> None:
    number = ALL["number"]
    assert isinstance(number, Number)
    question = replace(number, answer=20.0, units=("points",), wrong=(KnownNumber(10, "People are no shares."),))
    for answer, share, because in (
        ("0.2", 1, "0.2 is 20 points."),
        ("20 %", 1, "20 % is 20 points."),
        ("20", 1, ""),
        ("0.2 points", 0, "The answer is 20 points."),
        ("0.1", 0, "People are no shares. | The answer is 20 points."),
    ):
        mark = question.mark(answer)
        assert (mark.share, " | ".join(mark.because)) == (share, because)


def test_keywords_only_suggest() -> None:
    recall = ALL["recall"]
    assert isinstance(recall, Recall)
    assert recall.suggested(recall.answer) == [True, True]
    assert recall.suggested("It is not divided.") == [False, False]
    assert recall.suggested("the larger set") == [True, False]


@pytest.mark.slow
@settings(max_examples=30)
@given(st.text(max_size=40))
def test_whatever_is_typed_is_marked(text: str) -> None:
    for kind in ("number", "predict", "word"):
        assert 0 <= ALL[kind].mark(text).share <= 1


def test_options_are_shuffled_evenly_and_repeatably() -> None:
    first = [shuffled(4, learner="ada", id=f"1.{number:02}", attempt=1) for number in range(400)]
    assert first == [shuffled(4, learner="ada", id=f"1.{number:02}", attempt=1) for number in range(400)]
    assert first != [shuffled(4, learner="ada", id=f"1.{number:02}", attempt=2) for number in range(400)]
    positions = Counter(order.index(0) for order in first)
    # 100 each; five standard deviations are 43.
    assert all(57 <= positions[position] <= 143 for position in range(4))


def changed(old: str, new: str) -> str:
    assert old in QUESTIONS
    return QUESTIONS.replace(old, new, 1)


BROKEN = {
    "x = 1": "07.toml: the questions cannot be read.\n  Given: no [[question]]\n  Fix:   Write [[question]] tables.",
    changed('"choice"', '"chioce"'): "07.toml, question 7.01: unknown kind.\n"
    '  Given: kind="chioce"\n'
    '  Fix:   Did you mean "choice"?',
    changed("why =", "wy ="): '07.toml, question 7.01: unknown field.\n  Given: wy\n  Fix:   Did you mean "why"?',
    changed('prompt = "What share are 3 of 4?"\n', ""): "07.toml, question 7.03: a field is missing.\n"
    "  Given: id, section, answer, within, verify, wrong, why, hint, key\n"
    "  Fix:   Add prompt.",
    changed("answer = 0.75", 'answer = "0.75"'): "07.toml, question 7.03, answer: wrong type.\n"
    "  Given: '0.75'\n"
    "  Fix:   Write a value of type float.",
    changed("near = 1.3333, ", ""): "07.toml, question 7.03, wrong: a field is missing.\n"
    "  Given: because\n"
    "  Fix:   Add near.",
    changed('3 / 4", right = true', '3 / 4"'): "07.toml, question 7.01: exactly one option must be right.\n"
    "  Given: a question of kind choice\n"
    "  Fix:   Correct the question.",
    changed("line = 2", "line = 4"): "07.toml, question 7.06: `line` must be a line of `code`.\n"
    "  Given: a question of kind bug\n"
    "  Fix:   Correct the question.",
    changed("[1, 3]", "[3, 1]"): "07.toml, question 7.05: `before` must hold pairs of step numbers, the lower one "
    "first.\n"
    "  Given: a question of kind order\n"
    "  Fix:   Correct the question.",
    changed('accept = ["share", "fraction"]', "accept = []"): "07.toml, question 7.07: there must be something to "
    "compare an answer with.\n"
    "  Given: a question of kind word\n"
    "  Fix:   Correct the question.",
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_wrong_is_said_with_file_question_and_field(text: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(text, name="07.toml")
    assert str(caught.value) == BROKEN[text]


def test_a_question_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def own(lesson: int) -> tuple[Question, ...]:
        return parse(QUESTIONS) if lesson == 7 else load(lesson)

    monkeypatch.setattr("headway.course.question_file.load", own)
    assert find("7.03").kind == "number"
    for id, hint in {
        "7.99": "Known: 7.01, 7.02, 7.03, 7.04, 7.05, 7.06, 7.07, 7.08.",
        "x": "Ids look like 1.09.",
    }.items():
        with pytest.raises(ConfigError) as caught:
            find(id)
        assert str(caught.value) == f"There is no such question.\n  Given: {id}\n  Fix:   Choose another one. {hint}"
