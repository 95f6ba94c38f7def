"""Rows as an exported graph takes them, without Headway: numpy alone. `headway export` copies it."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

__all__ = ["read"]

MISSING = {"", "?", "-", ".", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none"}


def read(rows: Sequence[Mapping[str, Any]], field: dict[str, Any]) -> np.ndarray:
    """Each row's numbers and then its category indices, float32 `[rows, places]`; `field` is facts.json's "input"."""
    read_as = {"number": _number, "category": _category, "date": _date}
    encoded = []
    for row in rows:
        parts = [read_as[column["kind"]](row.get(column["name"]), column) for column in field["columns"]]
        encoded.append(
            [value for numbers, _ in parts for value in numbers] + [value for _, of in parts for value in of]
        )
    return np.array(encoded, dtype=np.float32)


def _number(value: Any, column: dict[str, Any]) -> tuple[list[float], list[int]]:
    number = math.nan if value is None or str(value).strip().lower() in MISSING else float(value)
    is_missing = not math.isfinite(number)
    return [_scaled(None if is_missing else number, column["scale"])], [is_missing] * column["has_missing"]


def _category(value: Any, column: dict[str, Any]) -> tuple[list[float], list[int]]:
    text = _text(value)
    if text is None:
        return [], [len(column["values"]) + 1 if column["has_missing"] else 0]
    return [], [column["values"].index(text) + 1 if text in column["values"] else 0]


def _date(value: Any, column: dict[str, Any]) -> tuple[list[float], list[int]]:
    text = _text(value)
    if text is None or text.lower() in MISSING:
        return [0.0] * len(column["scales"]), [0, 0]
    moment, origin = datetime.fromisoformat(text), datetime.fromisoformat(column["origin"])
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    numbers = {
        "year": moment.year,
        "day of year": moment.timetuple().tm_yday,
        "day": moment.day,
        "hour": moment.hour + moment.minute / 60,
        "days": (moment - origin).total_seconds() / 86_400,
    }
    scaled = [_scaled(number, column["scales"][name]) for name, number in numbers.items() if name in column["scales"]]
    return scaled, [moment.month, moment.isoweekday()]


def _scaled(number: float | None, scale: dict[str, Any]) -> float:
    """Zero at the training rows' median, one at the quartiles' distance, beyond that ever flatter, below 3."""
    if number is None:
        return 0.0
    distance = min(max((number - scale["median"]) / scale["width"], -1e6), 1e6)
    return distance / math.sqrt(1 + (distance / 3.0) ** 2)


def _text(value: Any) -> str | None:
    """A category's name in the form in which training had it; None where it is missing."""
    if value is None or value != value:
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    text = unicodedata.normalize("NFC", text.strip())
    whole = re.fullmatch(r"(0|-?[1-9]\d*)\.0+", text)
    text = whole[1] if whole else text
    text = text.lower() if text.lower() in ("true", "false") else text
    return None if text in ("", "?") else text
