"""The questions of a lesson, read from its TOML file and checked field by field."""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from headway.course.questions import KINDS, Bug, Order, Question, Recall, Several, Word
from headway.errors import ConfigError, DataError, did_you_mean

__all__ = ["FOLDER", "find", "load", "parse"]

FOLDER = Path(__file__).parent / "questions"


@cache
def load(lesson: int) -> tuple[Question, ...]:
    """The questions of a lesson, in order; none if the lesson has none yet.

    Example:
        >>> from headway.course.question_file import load
        >>> load(99)
        ()
    """
    file = FOLDER / f"{lesson:02}.toml"
    return parse(file.read_text(encoding="utf-8"), name=file.name) if file.exists() else ()


def parse(text: str, *, name: str = "questions.toml") -> tuple[Question, ...]:
    """The questions of a file.

    Args:
        text: The file's text.
        name: The file's name, for messages.

    Raises:
        DataError: If the file is not as it must be, with the question and the field.
    """
    fix = "Write [[question]] tables."
    try:
        tables = tomllib.loads(text).get("question")
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{name}: the questions cannot be read.", given=error, fix=fix) from None
    if not isinstance(tables, list):
        raise DataError(f"{name}: the questions cannot be read.", given="no [[question]]", fix=fix)
    return tuple(_question(table, name) for table in tables)


def _question(table: dict[str, Any], name: str) -> Question:
    where = f"{name}, question {table.get('id', 'without an id')}"
    kind = table.pop("kind", "")
    if kind not in KINDS:
        raise DataError(f"{where}: unknown kind.", given=f'kind="{kind}"', fix=did_you_mean(kind, KINDS))
    return _checked(_build(KINDS[kind], table, where), where)


def _build(kind: type, table: dict[str, Any], where: str) -> Any:
    """An instance of a dataclass from a table, its fields checked by their types."""
    # `fields` alone knows annotations as text, which could not be compared with a value.
    types_ = typing.get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}
    unknown = [key for key in table if key not in known]
    if unknown:
        raise DataError(f"{where}: unknown field.", given=unknown, fix=did_you_mean(unknown[0], known))
    missing = [name for name, one in known.items() if one.default is MISSING and name not in table]
    if missing:
        raise DataError(f"{where}: a field is missing.", given=list(table), fix=f"Add {', '.join(missing)}.")
    return kind(**{key: _value(value, types_[key], f"{where}, {key}") for key, value in table.items()})


def _value(value: Any, kind: Any, where: str) -> Any:
    if typing.get_origin(kind) is tuple:
        if isinstance(value, list):
            return tuple(_value(one, typing.get_args(kind)[0], where) for one in value)
    elif is_dataclass(kind) and isinstance(kind, type):
        if isinstance(value, dict):
            return _build(kind, value, where)
    elif kind is float:
        # TOML's 1 is an integer; where a float is wanted it is meant. True is an int for Python, and never meant.
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    # By its very type, so that `true` is no integer.
    elif type(value) is kind:
        return value
    shown = str(kind) if isinstance(kind, types.GenericAlias) else getattr(kind, "__name__", str(kind))
    raise DataError(f"{where}: wrong type.", given=repr(value), fix=f"Write a value of type {shown}.")


def _checked(question: Question, where: str) -> Question:
    """The question, if an answer to it can be marked."""
    problem = ""
    options = getattr(question, "options", getattr(question, "symptom", None))
    if options is not None and not isinstance(question, Several) and sum(option.right for option in options) != 1:
        problem = "exactly one option must be right"
    elif isinstance(question, Several) and not any(option.right for option in question.options):
        problem = "one option or more must be right"
    elif isinstance(question, Bug) and not 1 <= question.line <= len(question.code.splitlines()):
        problem = "`line` must be a line of `code`"
    elif isinstance(question, Order) and not all(_is_pair(pair, len(question.steps)) for pair in question.before):
        problem = "`before` must hold pairs of step numbers, the lower one first"
    elif isinstance(question, Word | Recall) and not (
        question.accept if isinstance(question, Word) else question.ideas
    ):
        problem = "there must be something to compare an answer with"
    if problem:
        raise DataError(f"{where}: {problem}.", given=_short(question), fix="Correct the question.")
    return question


def _is_pair(pair: Sequence[int], steps: int) -> bool:
    return len(pair) == 2 and 1 <= pair[0] < pair[1] <= steps


def _short(question: Question) -> str:
    return f"a question of kind {question.kind}"


def find(id: str) -> Question:
    """A question by its id.

    Raises:
        ConfigError: If no question has it.
    """
    # An id names its lesson, so only one file is read.
    lesson = id.partition(".")[0]
    questions = load(int(lesson)) if lesson.isdecimal() else ()
    for question in questions:
        if question.id == id:
            return question
    hint = did_you_mean(id, [question.id for question in questions]) if questions else "Ids look like 1.09."
    raise ConfigError("There is no such question.", given=id, fix=f"Choose another one. {hint}")
