"""Rows: from JSON to the array that the model takes, each value checked by what the input's form says of its column."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np

from headway.bundle.predictor import Predictor
from headway.errors import ConfigError, ReadError, did_you_mean
from headway.inputs.protocols import Column
from headway.serve.problems import Kind, Problem
from headway.serve.reader import Asked, Item, Reader
from headway.serve.settings import MAX_ROWS, Settings

__all__ = ["RowReader"]

# What the graph can take; beyond it a number would become infinite.
_LARGEST = float(np.finfo(np.float32).max)
_LIMITS = {"minimum": -_LARGEST, "maximum": _LARGEST}
_MAX_CATEGORY = 10_000
_MAX_TEXT = 100_000
# Larger bodies are parsed off the event loop.
_SLOW_BYTES = 20_000
# A client that sends other rows altogether needs no list of every difference.
_MAX_TOLD = 5


class RowReader(Reader):
    """Reads rows as JSON objects, one or a list of them."""

    key = ("row", "Its index in the list, from 0.")
    key_type = int
    summary = "Answer for a row of values, or for several."
    takes = """Takes a JSON object with a value for each column, null where it is not known, or a list of such objects.

An object is answered by its prediction, a list by a list of them in its order."""
    media_types = ("application/json",)
    problems = (Kind.TOO_MANY_ROWS, Kind.UNSUPPORTED_MEDIA, Kind.BAD_ROW, Kind.NO_ROW)

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        self._input = predictor.input
        self._columns = {column.name: column for column in predictor.input.form()}
        if not self._columns:
            what = "This kind of input cannot be served yet."
            fix = "Call `hw.load(...).predict` from a program of your own."
            raise ConfigError(what, given=f"{type(predictor.input).__name__}, which has no form", fix=fix)
        reference = predictor.manifest.get("reference") or {}
        self._reference: dict[str, Any] = reference.get("columns", {}) if settings.log else {}
        self._is_logged = settings.log is not None
        self._is_kept = settings.keep_inputs

    def is_slow(self, body: bytes, content_type: str) -> bool:
        return len(body) > _SLOW_BYTES

    def split(self, body: bytes, content_type: str) -> tuple[Sequence[Item], bool]:
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type not in ("", *self.media_types):
            detail = f"{media_type[:80]} is not what is taken here. Send a row as application/json."
            raise Problem(Kind.UNSUPPORTED_MEDIA, detail, headers={"accept": ", ".join(self.media_types)})
        content = _parsed(body)
        is_list = isinstance(content, list)
        rows = content if is_list else [content]
        if not rows:
            raise Problem(Kind.NO_ROW, "The list is empty. Send a JSON object, or a list with at least one.")
        if len(rows) > MAX_ROWS:
            raise Problem(Kind.TOO_MANY_ROWS, f"{len(rows)} rows came, the limit is {MAX_ROWS} a request.")
        return [Item(name=number, row=row) for number, row in enumerate(rows)], is_list

    def read(self, item: Item) -> Asked:
        row = self._checked(item.row)
        value = self._input.from_row(row)
        try:
            array, notes = self._input.read_noted(value)
        except ReadError as error:
            raise Problem(Kind.BAD_ROW, f"The row cannot be read: {error}.") from error
        statistics: dict[str, Any] = dict(self._input.statistics(array)) if self._is_logged else {}
        if self._reference:
            # Instead of the values, which may be personal.
            statistics["columns"] = self._input.bins(row, self._reference)
        if self._is_kept:
            statistics["row"] = row
        return Asked(array, notes=notes, statistics=statistics)

    def example(self) -> np.ndarray:
        return self._input.read(self._input.from_row(self._example()))

    def describe_body(self) -> dict[str, Any]:
        row = {
            "type": "object",
            "required": list(self._columns),
            "properties": {name: _schema(column) for name, column in self._columns.items()},
            "additionalProperties": False,
            "examples": [self._example()],
        }
        # Each element of a list gets an answer: a prediction, or a problem where it is not a row.
        element = {"description": "A row. Anything else gets a problem in its place."}
        rows = {"type": "array", "items": element, "minItems": 1, "maxItems": MAX_ROWS}
        content = {"application/json": {"schema": {"oneOf": [row, rows]}}}
        return {"requestBody": {"required": True, "content": content}}

    def facts(self) -> dict[str, Any]:
        return {"columns": [asdict(column) for column in self._columns.values()]}

    def _example(self) -> dict[str, Any]:
        return {name: column.typical for name, column in self._columns.items()}

    def _checked(self, row: Any) -> dict[str, Any]:
        """The row's values as the input field takes them; a problem tells all that is wrong at once."""
        if not isinstance(row, dict):
            detail = f"A row must be a JSON object with a value for each column, and this is {_kind(row)}."
            raise Problem(Kind.BAD_ROW, detail)
        # Counted up to the limit: a row may have a hundred thousand names.
        unknown = islice((name for name in row if name not in self._columns), _MAX_TOLD + 1)
        wrong = [f"There is no column {_quoted(name)}. {did_you_mean(name[:80], self._columns)}" for name in unknown]
        values = {}
        for name, column in self._columns.items():
            if name not in row:
                wrong.append(f"The column {_quoted(name)} is missing; where its value is not known, send null.")
                continue
            try:
                values[name] = None if row[name] is None else _CHECKS[column.kind](row[name])
            except _WrongError as error:
                wrong.append(f"The column {_quoted(name)} {error}.")
        if wrong:
            more = "" if len(wrong) <= _MAX_TOLD else " There are more such mistakes."
            raise Problem(Kind.BAD_ROW, " ".join(wrong[:_MAX_TOLD]) + more)
        return values


class _WrongError(Exception):
    """A value that its column cannot have: the end of a sentence about the column."""


def _parsed(body: bytes) -> Any:
    if not body.strip():
        raise Problem(Kind.NO_ROW, "The body is empty. Send a JSON object with a value for each column.")
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_int=_whole)
    except RecursionError as error:
        raise Problem(Kind.BAD_REQUEST, "The body is nested too deeply.") from error
    # json.JSONDecodeError and UnicodeDecodeError are both of this kind.
    except ValueError as error:
        raise Problem(Kind.BAD_REQUEST, f"The body is not JSON: {str(error)[:200]}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise Problem(Kind.BAD_ROW, f"The column {_quoted(twice)} comes more than once.")
    return row


def _constant(name: str) -> Any:
    message = f"{name} is not valid JSON; send null for a missing value"
    raise ValueError(message)


def _whole(digits: str) -> int | float:
    # Python refuses to read whole numbers of thousands of digits; as floats they are too large, which is then said.
    return int(digits) if len(digits) < 300 else float(digits)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _WrongError(f"must be a number, not {_kind(value)}")
    if not abs(value) <= _LARGEST:
        raise _WrongError(f"must be a number of at most {_LARGEST:.4g}")
    return float(value)


def _category(value: Any) -> str | float:
    if not isinstance(value, bool | int | float):
        return _text(value, most=_MAX_CATEGORY)
    if not abs(value) <= _LARGEST:
        raise _WrongError(f"must be at most {_LARGEST:.4g}")
    return value


def _text(value: Any, *, most: int = _MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise _WrongError(f"must be text, not {_kind(value)}")
    if len(value) > most:
        raise _WrongError(f"must be text of at most {most:,} characters")
    # Half of a surrogate pair, which JSON may hold, cannot be encoded.
    if value.encode("utf-8", "replace").decode() != value:
        raise _WrongError("must be valid Unicode text")
    return value


def _numbers(value: Any) -> str | list[float | None]:
    """A list of numbers, null where one is missing, or a text of them, which the input reads."""
    if not isinstance(value, list):
        if not isinstance(value, str):
            raise _WrongError(f"must be a list of numbers, not {_kind(value)}")
        return _text(value)
    if len(value) > _MAX_TEXT:
        raise _WrongError(f"must have at most {_MAX_TEXT:,} numbers")
    return [None if one is None else _number(one) for one in value]


def _date(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError(f"must be a date as text, such as 2026-05-31, not {_kind(value)}")
    try:
        date = datetime.datetime.fromisoformat(value)
        if date.tzinfo is not None:
            # A table's dates have no zone; those of a client are taken at UTC.
            date = date.astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise _WrongError("must be a date such as 2026-05-31 or 2026-05-31T14:30:00") from None
    return date.isoformat() if date.time() != datetime.time() else date.date().isoformat()


_CHECKS: dict[str, Callable[[Any], float | str | list[float | None]]] = {
    "number": _number,
    "numbers": _numbers,
    "category": _category,
    "date": _date,
    "text": _text,
}


def _schema(column: Column) -> dict[str, Any]:
    """A column's values for `openapi.json`; null stands for one that is not known."""
    if column.kind == "number":
        usual = "" if column.typical is None else f", usually about {column.typical}"
        return {"type": ["number", "null"], **_LIMITS, "description": f"A number{usual}."}
    if column.kind == "category":
        shown = f"{', '.join(column.choices[:20])}{' ...' if len(column.choices) > 20 else ''}"
        known = f"The model knows: {shown}" if shown else "Text."
        types = ["string", "number", "boolean", "null"]
        return {"type": types, "maxLength": _MAX_CATEGORY, **_LIMITS, "description": known}
    if column.kind == "date":
        example = f"A date, such as {column.typical or '2026-05-31'}."
        return {"type": ["string", "null"], "format": "date", "description": example}
    if column.kind == "numbers":
        items = {"type": ["number", "null"], **_LIMITS}
        described = "Numbers, null where one is missing, or a text of them with spaces between."
        types = ["array", "string", "null"]
        return {"type": types, "items": items, "maxItems": _MAX_TEXT, "maxLength": _MAX_TEXT, "description": described}
    return {"type": ["string", "null"], "maxLength": _MAX_TEXT, "description": "Text."}


def _quoted(name: str) -> str:
    shown = name if len(name) <= 60 else f"{name[:57]}..."
    # JSON may hold half of a surrogate pair, which cannot be sent back.
    return json.dumps(shown.encode("utf-8", "replace").decode(), ensure_ascii=False)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
