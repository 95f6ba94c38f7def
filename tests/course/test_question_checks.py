from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headway.course.lesson import parse as parse_lesson
from headway.course.question_checks import check, check_ids, locked_ids, write_ids
from headway.course.question_file import parse
from headway.course.questions import Bug, Number, Predict, Question
from tests.course.lesson_text import LESSON
from tests.course.question_text import QUESTIONS

GOOD = parse(QUESTIONS)


def _problems(*questions: Question) -> list[str]:
    """Problems of questions, their number aside."""
    # Enough of each that the shares are those of a whole lesson.
    others = [replace(question, id=f"7.1{number}", prompt=str(number)) for number, question in enumerate(GOOD[1:8])]
    more = [replace(question, id=f"7.2{number}", prompt=f"2{number}") for number, question in enumerate(GOOD[1:7])]
    return check(parse_lesson(LESSON), [*questions, *others, *more])


def test_good_questions() -> None:
    assert _problems(*GOOD) == []


def test_what_a_lesson_needs() -> None:
    assert check(parse_lesson(LESSON), GOOD[:2]) == [
        "2 questions, of 20 to 25",
        "2 kinds, of 6 or more",
        "no question on the section predict",
    ]
    assert check(parse_lesson(LESSON), [GOOD[2]] * 2)[2:] == [
        "7.03: used 2 times",
        "asked 2 times: What share are 3 of 4?",
        "no question on the section predict",
        "the lesson asks 7.01, which does not exist",
        "the lesson asks 7.02, which does not exist",
    ]


WRONG = {
    ('section = "says"', 'section = "nowhere"'): "7.01: no section has the anchor nowhere",
    ('id = "7.03"', 'id = "8.03"'): "8.03: its id must begin with 7.",
    ('text = "3 / 4"', 'text = "3 / 4, of course"'): "the right option is the longest in 1 of 1 choices: 7.01",
    ('because = "That is a product."', 'because = " "'): "7.01: a prompt, a why, or an option's text or "
    "because is empty",
    ('text = "3 * 4"', 'text = "4 / 3"'): "7.01: two options are the same",
    ('verify = "3 / 4"', 'verify = "4 / 3"'): "7.03: verify gives 1.3333333333333333, the key says '0.75'",
    ('verify = "3 / 4"', 'verify = "3 / zero"'): "7.03: verify gives NameError(\"name 'zero' is not defined\"), "
    "the key says '0.75'",
    ('verify = "3 / 4"', ""): "7.03: a number needs verify",
    ("near = 1.3333", "near = 0.751"): "7.03: a wrong answer is marked right: That is whole over part.",
    ('answer = "[0.75, True]"', 'answer = "[0.75, False]"'): "7.04: the code prints '[0.75, True]', the key "
    "says '[0.75, False]'",
    ("and share > 1", "and share > 2"): "7.06: the symptom must show in the "
    "code and not in the fixed one; it shows: [False, False]",
    ("called?", "called, a share?"): "7.07: the prompt holds the word",
    ('"size", "larger"', '"width"'): '7.08: no keyword of "sets differ in size" is in the model answer',
    ("shares and not counts?", "shares of larger sets?"): "7.08: the prompt holds the keywords "
    'of "sets differ in size"',
    ('["percent"]', '["size"]'): "7.08: the model answer is in a trap: "
    "A percentage is a share, written in another way.",
}


@pytest.mark.parametrize("change", WRONG)
def test_what_is_wrong_is_found(change: tuple[str, str]) -> None:
    assert change[0] in QUESTIONS
    problems = _problems(*parse(QUESTIONS.replace(*change, 1)))
    assert WRONG[change] in problems


def test_code_that_crashes_can_be_the_symptom() -> None:
    bug = next(question for question in GOOD if isinstance(question, Bug))
    crash = replace(bug, code="1 + ''\n2\n3", fixed="1", verify="isinstance(error, TypeError)")
    assert _problems(*GOOD[:5], crash, *GOOD[6:]) == []
    lost = replace(bug, verify="nothing")
    assert "7.06: the symptom must show" in _problems(*GOOD[:5], lost, *GOOD[6:])[0]
    assert isinstance(GOOD[2], Number)
    assert isinstance(GOOD[3], Predict)


def test_ids_are_never_used_again(tmp_path: Path) -> None:
    assert check_ids(["1.01"], folder=tmp_path) == ["1.01: not in ids.lock; add it with write_ids"]
    write_ids(["1.01", "1.02"], folder=tmp_path)
    assert check_ids(["1.01", "1.02"], folder=tmp_path) == []
    assert check_ids(["1.01"], folder=tmp_path) == ["1.02: no question has it; retire it with write_ids"]
    write_ids(["1.01"], folder=tmp_path)
    assert locked_ids(folder=tmp_path) == {"1.01": False, "1.02": True}
    assert check_ids(["1.01"], folder=tmp_path) == []
    assert check_ids(["1.01", "1.02"], folder=tmp_path) == ["1.02: retired, so it may not be used again"]
