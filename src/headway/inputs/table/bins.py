"""The values of columns as bins, which tell of no single row: what is kept of rows to see whether they have changed."""

from __future__ import annotations

import datetime
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.data.parse_numbers import number_of
from headway.inputs.base import Column
from headway.inputs.table.parse_values import date_of, text_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MISSING", "OTHER", "bin_of", "column_bins", "column_reference", "column_references"]

# A value that is not there, and one of the rarer values of a column.
MISSING, OTHER = "missing", "other"

_BINS = 10
_MAX_CHOICES = 20


def column_references(columns: Iterable[Column], items: pl.DataFrame) -> dict[str, Any]:
    """What `column_reference` gives for each column, by name."""
    return {column.name: column_reference(column, items[column.name].to_list()) for column in columns}


def column_bins(columns: Iterable[Column], row: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    """The bin of each value of a row, by column, where `column_references` knows the column."""
    return {each.name: bin_of(row[each.name], known[each.name], each.kind) for each in columns if each.name in known}


def column_reference(column: Column, values: Iterable[Any]) -> dict[str, Any]:
    """The distribution of a table's column over bins, which tell of no single row.

    Args:
        column: The column.
        values: Of all rows, as the item table has them.

    Returns:
        `bins`, the share of the rows in each bin, by name; for numbers and dates also `edges`, between the bins.

    Example:
        >>> found = column_reference(Column(name="age", kind="number"), [20, 30, 40, 50, None])
        >>> found["edges"], found["bins"]["missing"]
        ([20.0, 30.0, 40.0], 0.2)
        >>> bin_of(35, found, "number"), bin_of(None, found, "number")
        ('30 to 40', 'missing')
    """
    values = list(values)
    if column.kind == "category":
        common = Counter(text for value in values if (text := text_of(value)) is not None).most_common(_MAX_CHOICES)
        found: dict[str, Any] = {"bins": [text for text, _ in common] + [OTHER, MISSING]}
    else:
        numbers = np.array([number for each in values if (number := _number(each, column.kind)) is not None])
        # Of few different values each is an edge; what lies between them would be no value at all.
        levels = np.arange(1, _BINS) / _BINS
        edges = np.unique(np.quantile(numbers, levels, method="lower")).tolist() if len(numbers) else []
        found = {"edges": edges, "bins": [*_bin_names(edges, column.kind), MISSING]}
    counts = Counter(bin_of(value, found, column.kind) for value in values)
    return found | {"bins": {name: round(counts[name] / max(len(values), 1), 5) for name in found["bins"]}}


def bin_of(value: Any, found: Mapping[str, Any], kind: str) -> str:
    """The bin that a value of a column falls into, by what `column_reference` gave for the column of that kind."""
    if kind == "category":
        text = text_of(value)
        return MISSING if text is None else text if text in found["bins"] else OTHER
    number = _number(value, kind)
    return MISSING if number is None else list(found["bins"])[bisect_right(found["edges"], number)]


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
    shown = [datetime.date.fromordinal(int(each)).isoformat() if is_date else f"{each:.12g}" for each in edges]
    middle = [f"{low} to {high}" for low, high in pairwise(shown)]
    return [f"before {shown[0]}" if is_date else f"below {shown[0]}", *middle, f"{shown[-1]} and above"]
