"""The values of columns as bins, which tell of no single row: what is kept of rows to see whether they have changed."""

from __future__ import annotations

import datetime
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from headway.data.parse_numbers import number_of
from headway.inputs.protocols import Column
from headway.inputs.table.parse_values import date_of, text_of

__all__ = ["MISSING", "OTHER", "bin_of", "column_reference"]

# A value that is not there, and one of the rarer values of a column.
MISSING, OTHER = "missing", "other"

_BINS = 10
_MAX_CHOICES = 20


def column_reference(column: Column, values: Sequence[Any]) -> dict[str, Any]:
    """The distribution of all rows' values, as the item table has them, over bins.

    Returns:
        `bins`, the share of the rows in each bin, by name; for numbers and dates also `edges`, between the bins.

    Example:
        >>> reference = column_reference(Column(name="age", kind="number"), [20, 30, 40, 50, None])
        >>> reference["edges"], reference["bins"]["missing"]
        ([20.0, 30.0, 40.0], 0.2)
        >>> bin_of(35, reference, "number"), bin_of(None, reference, "number")
        ('30 to 40', 'missing')
    """
    if column.kind == "category":
        # The most frequent of the training rows: of the rows here the most frequent are so by chance, too, and the rare
        # ones do not come again, so that a log would seem to have drifted.
        reference: dict[str, Any] = {"bins": [*column.choices[:_MAX_CHOICES], OTHER, MISSING]}
    else:
        numbers = np.array([number for value in values if (number := _number(value, column.kind)) is not None])
        # Of few different values each is an edge; what lies between them would be no value at all.
        levels = np.arange(1, _BINS) / _BINS
        edges = np.unique(np.quantile(numbers, levels, method="lower")).tolist() if len(numbers) else []
        reference = {"edges": edges, "bins": [*_bin_names(edges, column.kind), MISSING]}
    counts = Counter(bin_of(value, reference, column.kind) for value in values)
    return reference | {"bins": {name: round(counts[name] / max(len(values), 1), 5) for name in reference["bins"]}}


def bin_of(value: Any, reference: Mapping[str, Any], kind: str) -> str:
    """The bin that a value of a column falls into, by what `column_reference` gave for the column of that kind."""
    if kind == "category":
        text = text_of(value)
        return MISSING if text is None else text if text in reference["bins"] else OTHER
    number = _number(value, kind)
    return MISSING if number is None else list(reference["bins"])[bisect_right(reference["edges"], number)]


def _number(value: Any, kind: str) -> float | None:
    """A number, or a date's day, that can be compared; None where it is missing."""
    if kind == "date":
        moment = date_of(value)
        return None if moment is None else float(moment.toordinal())
    number = number_of(value)
    return None if math.isnan(number) else number


def _bin_names(edges: Sequence[float], kind: str) -> list[str]:
    if not edges:
        return ["any"]
    is_date = kind == "date"
    # Twelve digits keep apart what a float32 keeps apart.
    ends = [datetime.date.fromordinal(int(edge)).isoformat() if is_date else f"{edge:.12g}" for edge in edges]
    middle = [f"{low} to {high}" for low, high in pairwise(ends)]
    return [f"before {ends[0]}" if is_date else f"below {ends[0]}", *middle, f"{ends[-1]} and above"]
