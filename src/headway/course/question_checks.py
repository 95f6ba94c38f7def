"""What must hold of a lesson's questions before anybody is asked: their keys are proved, and nobody can guess them.

`headway course dev check` runs it. Code of questions runs in this process: it is the course's own.
"""

from __future__ import annotations

import ast
import contextlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from headway.course import marking
from headway.course.lesson import Lesson
from headway.course.question_file import FOLDER
from headway.course.questions import (
    Bug,
    Choice,
    Number,
    Option,
    Order,
    Predict,
    Question,
    Recall,
    Several,
    Word,
    shuffled,
)

__all__ = ["check", "check_ids", "locked_ids", "write_ids"]

COUNT = range(20, 26)
MIN_KINDS = 6
# Recognising an answer is easier than finding one: at most this share of the questions may be choices.
MAX_CHOICE = 0.5
MAX_LONGEST = 0.4
"""The share of choices of which the right option may be the longest."""


def check(lesson: Lesson, questions: Sequence[Question]) -> list[str]:
    """What is wrong with a lesson's questions, a sentence each with the question's id; empty if nothing is."""
    problems = [*_numbers(questions), *_sections(lesson, questions), *_choices(questions), *_positions(questions)]
    for question in questions:
        problems += [
            f"{question.id}: {problem}" for problem in (*_texts(question), *_proof(question), *_wrong_answers(question))
        ]
    return problems


def _numbers(questions: Sequence[Question]) -> Iterator[str]:
    kinds = Counter(question.kind for question in questions)
    if len(questions) not in COUNT:
        yield f"{len(questions)} questions, of {COUNT[0]} to {COUNT[-1]}"
    if len(kinds) < MIN_KINDS:
        yield f"{len(kinds)} kinds, of {MIN_KINDS} or more"
    if kinds["choice"] > MAX_CHOICE * len(questions):
        yield f"{kinds['choice']} of {len(questions)} questions are choices, of half or fewer"
    ids = Counter(question.id for question in questions)
    yield from (f"{id}: used {count} times" for id, count in ids.items() if count > 1)
    prompts = Counter(question.prompt for question in questions)
    yield from (f"asked {count} times: {prompt}" for prompt, count in prompts.items() if count > 1)


def _sections(lesson: Lesson, questions: Sequence[Question]) -> Iterator[str]:
    anchors = [section.anchor for section in lesson.sections]
    answered = {question.section for question in questions}
    yield from (f"no question on the section {anchor}" for anchor in anchors if anchor not in answered)
    for question in questions:
        if question.section not in anchors:
            yield f"{question.id}: no section has the anchor {question.section}"
        if question.id.partition(".")[0] != str(lesson.id):
            yield f"{question.id}: its id must begin with {lesson.id}."
    ids = {question.id for question in questions}
    yield from (f"the lesson asks {id}, which does not exist" for id in lesson.asks if id not in ids)


def _choices(questions: Sequence[Question]) -> Iterator[str]:
    choices = [question for question in questions if isinstance(question, Choice)]
    longest = [one for one in choices if _is_longest(one.options)]
    if len(longest) > MAX_LONGEST * len(choices):
        ids = ", ".join(question.id for question in longest)
        yield f"the right option is the longest in {len(longest)} of {len(choices)} choices: {ids}"


def _is_longest(options: Sequence[Option]) -> bool:
    # Authors explain the right option most: who knows this could answer without knowing the subject.
    right = next(len(option.text) for option in options if option.right)
    return all(len(option.text) < right for option in options if not option.right)


def _positions(questions: Sequence[Question]) -> Iterator[str]:
    """Where right options are shown: no position may have much more than its share, over many learners."""
    shown: Counter[float] = Counter()
    choices = [question for question in questions if isinstance(question, Choice)]
    for learner in range(50):
        for question in choices:
            order = shuffled(len(question.options), learner=str(learner), id=question.id, attempt=1)
            # As a share of the way from first to last: questions have different numbers of options.
            shown[order.index(question.right_answer()) / (len(order) - 1)] += 1
    ends = shown[0.0], shown[1.0]
    # Four standard deviations of a fair difference are 4 * sqrt(n); n is below the sum of both.
    if abs(ends[0] - ends[1]) > 4 * sum(ends) ** 0.5:
        yield f"right options are first {ends[0]} times and last {ends[1]} times"


def _texts(question: Question) -> Iterator[str]:
    options = getattr(question, "options", ()) + getattr(question, "symptom", ())
    needed = [question.prompt, question.why, *(text for option in options for text in (option.text, option.because))]
    if not all(text.strip() for text in needed):
        yield "a prompt, a why, or an option's text or because is empty"
    if len({option.text for option in options}) < len(options):
        yield "two options are the same"
    if isinstance(question, Recall):
        yield from _keywords(question)
    # Who can copy the word from the question recalls nothing.
    if isinstance(question, Word) and marking.has_keyword(question.prompt, question.accept[0]):
        yield "the prompt holds the word"


def _keywords(question: Recall) -> Iterator[str]:
    in_answer, in_prompt = question.suggested(question.answer), question.suggested(question.prompt)
    for idea, answered, prompted in zip(question.ideas, in_answer, in_prompt, strict=True):
        if not answered:
            yield f'no keyword of "{idea.text}" is in the model answer'
        if prompted:
            yield f'the prompt holds the keywords of "{idea.text}"'
    yield from (f"the model answer is in a trap: {warning}" for warning in question.warnings(question.answer))


def _proof(question: Question) -> Iterator[str]:
    if not question.mark(question.right_answer()).right:
        yield "its own right answer is marked wrong"
    if isinstance(question, Predict):
        printed, error = _run(question.code, {}, setup=question.setup)[1:]
        if error is not None or not marking.same_output(printed, question.answer):
            yield f"the code prints {error or printed.strip()!r}, the key says {question.answer!r}"
    elif isinstance(question, Bug):
        shown = [_shows(question, code) for code in (question.code, question.fixed)]
        if shown != [True, False]:
            yield f"the symptom must show in the code and not in the fixed one; it shows: {shown}"
    elif question.verify:
        value, _, error = _run(question.verify, {})
        if error is not None or not _proves(question, value):
            yield f"verify gives {error or value!r}, the key says {question.right_answer()!r}"
    elif isinstance(question, Number):
        yield "a number needs verify"


def _wrong_answers(question: Question) -> Iterator[str]:
    for wrong in getattr(question, "wrong", ()):
        if question.mark(str(getattr(wrong, "near", getattr(wrong, "text", "")))).right:
            yield f"a wrong answer is marked right: {wrong.because}"


def _shows(question: Bug, code: str) -> object:
    names: dict[str, Any] = {}
    # Some symptoms are errors, which `verify` then looks at.
    names["error"] = _run(code, names, setup=question.setup)[2]
    value, _, error = _run(question.verify or "None", names)
    return f"{type(error).__name__}: {error}" if error is not None else bool(value)


def _proves(question: Question, value: Any) -> bool:
    """Whether what `verify` gives is the key: for options their texts, or true."""
    if isinstance(question, Number):
        return marking.is_close(float(value), question.answer, question.within or 1e-6 * max(1.0, abs(question.answer)))
    if isinstance(question, Several):
        texts = [question.options[number].text for number in question.right_answer()]
        return value is True or list(value) in (texts, question.right_answer())
    if isinstance(question, Order):
        return value is True or question.mark(list(value)).right
    return value is True or str(value) == question.shown_answer() or value == question.right_answer()


def _run(code: str, names: dict[str, Any], *, setup: str = "") -> tuple[Any, str, BaseException | None]:
    """The value of the last expression, what was printed with it, and the error that stopped the code, if any."""
    output = io.StringIO()
    value = None
    try:
        exec(compile(setup, "<setup>", "exec"), names)
        # As in a notebook: the value of a last expression counts as printed.
        tree = ast.parse(code)
        last = tree.body[-1] if tree.body else None
        body = tree.body[:-1] if isinstance(last, ast.Expr) else tree.body
        with contextlib.redirect_stdout(output):
            exec(compile(ast.Module(body, []), "<question>", "exec"), names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), "<question>", "eval"), names)
                output.write(repr(value) if value is not None else "")
    except Exception as error:
        return None, output.getvalue(), error
    return value, output.getvalue(), None


def locked_ids(*, folder: Path = FOLDER) -> dict[str, bool]:
    """Every id that a question ever had, and whether it is retired: from `ids.lock`."""
    file = folder / "ids.lock"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {line.split()[0]: line.endswith(" retired") for line in lines if line and not line.startswith("#")}


def check_ids(ids: Sequence[str], *, folder: Path = FOLDER) -> list[str]:
    """What is wrong with the ids of all questions: one that was used before, or that is not locked yet."""
    locked = locked_ids(folder=folder)
    problems = [f"{id}: retired, so it may not be used again" for id in ids if locked.get(id)]
    problems += [f"{id}: not in ids.lock; add it with write_ids" for id in ids if id not in locked]
    # Logs of learners hold ids for years: one that came back with another meaning would count as answered.
    gone = [id for id, retired in locked.items() if not retired and id not in ids]
    return problems + [f"{id}: no question has it; retire it with write_ids" for id in gone]


def write_ids(ids: Sequence[str], *, folder: Path = FOLDER) -> None:
    """Locks new ids, and retires those that no question has any more."""
    locked = locked_ids(folder=folder)
    lines = [f"{id} retired" if locked.get(id) or id not in ids else id for id in sorted({*locked, *ids})]
    header = "# Every id that a question ever had; none is used for another question."
    (folder / "ids.lock").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
