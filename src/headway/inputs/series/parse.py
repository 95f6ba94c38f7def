"""The values of a series as people send them: lists, arrays, or text; gaps are filled."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headway.errors import ReadError

__all__ = ["filled", "moments_of", "numbers_of"]

# Of one channel; more is no series but a file that was put into a cell.
_MAX_MOMENTS = 1_000_000
_SEPARATORS = re.compile(r"[\s,;|]+")
# As in "0,5 1,5": two numbers, or four.
_DECIMAL_COMMAS = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?([\s;|]+[+-]?\d+(,\d+)?([eE][+-]?\d+)?)+")
_MISSING = {"", "?", "na", "nan", "null", "none"}


def moments_of(value: Any, columns: Sequence[str], moments: Sequence[str] = ()) -> np.ndarray:
    """An item's channels, float64 `[channels, moments]`, with gaps filled.

    Args:
        value: A row with the columns; or a list, an array or a text, where there is one channel; or several of them.
        columns: The columns, one a channel.
        moments: The columns of one moment each, which a row may have instead.

    Raises:
        ReadError: If a channel is missing, is not numbers, or is shorter or longer than the others.
    """
    channels = [numbers_of(channel) for channel in _channels(value, columns, moments)]
    lengths = {len(channel) for channel in channels}
    if len(lengths) > 1:
        shown = ", ".join(f"{name}: {len(numbers)}" for name, numbers in zip(columns, channels, strict=True))
        message = f"channels must have as many moments: {shown}"
        raise ReadError(message)
    return np.stack([filled(channel) for channel in channels])


def _channels(value: Any, columns: Sequence[str], moments: Sequence[str]) -> Sequence[Any]:
    if isinstance(value, Mapping):
        if moments and columns[0] not in value:
            missing = next((name for name in moments if name not in value), None)
            if missing is not None:
                message = f"a row must have {columns[0]!r}, or a column for each moment: {missing!r} is missing"
                raise ReadError(message)
            return [[value[name] for name in moments]]
        missing = next((name for name in columns if value.get(name) is None), None)
        if missing is not None:
            message = f"{missing!r} is missing"
            raise ReadError(message)
        return [value[name] for name in columns]
    if isinstance(value, np.ndarray) and value.ndim == 2:
        value = list(value)
    elif len(columns) == 1:
        return [value]
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)) or len(value) != len(columns):
        message = f"an item must have {len(columns)} channels: {', '.join(columns)}"
        raise ReadError(message)
    return value


def numbers_of(channel: Any) -> np.ndarray:
    """One channel, float64 `[moments]`, NaN where a value is missing.

    Example:
        >>> numbers_of("0.5, ?, 2").tolist()
        [0.5, nan, 2.0]
    """
    if isinstance(channel, str):
        channel = _of_text(channel)
    values: Any = channel.to_list() if hasattr(channel, "to_list") else channel
    if not isinstance(values, (Sequence, np.ndarray)):
        message = f"a series must be a list of numbers, not {type(channel).__name__}"
        raise ReadError(message)
    if not len(values):
        message = "a series must have at least one moment"
        raise ReadError(message)
    if len(values) > _MAX_MOMENTS:
        message = f"a series may have {_MAX_MOMENTS:,} moments, not {len(values):,}"
        raise ReadError(message)
    try:
        numbers = np.array([math.nan if one is None else one for one in values], dtype=np.float64)
    except (TypeError, ValueError) as error:
        wrong = next((one for one in values if not _is_number(one)), values[0])
        message = f"a series must be numbers, not {str(wrong)[:40]!r}"
        raise ReadError(message) from error
    if numbers.ndim != 1 or any(isinstance(one, bool) for one in values):
        message = "a series must be one number a moment"
        raise ReadError(message)
    # Beyond these a float32, which the model works with, is infinite.
    if np.any(np.abs(numbers) > np.finfo(np.float32).max):
        message = "a series must be finite numbers that fit into 32 bits"
        raise ReadError(message)
    return numbers


def _is_number(value: Any) -> bool:
    """Whether a value is a number or a text of one, or missing."""
    try:
        float(0 if value is None else value)
    except (TypeError, ValueError):
        return False
    return True


def _of_text(text: str) -> list[Any]:
    stripped = text.strip()
    if stripped.startswith("["):
        try:
            values = json.loads(stripped)
        # Lists in lists without end are the latter.
        except (ValueError, RecursionError) as error:
            message = f"not a list of numbers: {stripped[:40]!r}"
            raise ReadError(message) from error
        return values if isinstance(values, list) else [values]
    if "," in stripped and _DECIMAL_COMMAS.fullmatch(stripped):
        message = f"commas that could stand before decimals or between numbers: {stripped[:40]!r}"
        raise ReadError(message)
    parts = _SEPARATORS.split(stripped) if stripped else []
    try:
        return [None if part.lower() in _MISSING else float(part) for part in parts]
    except ValueError as error:
        message = f"not numbers with spaces or commas between them: {stripped[:40]!r}"
        raise ReadError(message) from error


def filled(numbers: np.ndarray) -> np.ndarray:
    """Gaps filled by a straight line between their neighbours, at the ends by the nearest value.

    Example:
        >>> filled(np.array([np.nan, 1.0, np.nan, 3.0])).tolist()
        [1.0, 1.0, 2.0, 3.0]
    """
    is_there = np.isfinite(numbers)
    if is_there.all():
        return numbers
    if not is_there.any():
        message = "a series must have at least one number; all are missing"
        raise ReadError(message)
    moments = np.arange(len(numbers))
    return np.interp(moments, moments[is_there], numbers[is_there])
