"""What a model's input and answers looked like when it was made: the other side of every later comparison.

Export computes it on validation rows and puts it into the manifest as `reference`; `headway drift` compares with it
what a server has written down. Training rows would not do: a model is surer of what it has learned from. Both sides
measure with the functions of this module.
"""

from __future__ import annotations

import datetime
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from headway.inputs.base import Column
from headway.inputs.table.parse_values import date_of, number_of, text_of
from headway.targets.base import Prediction

__all__ = [
    "MISSING",
    "NO_LABEL",
    "OTHER",
    "STATISTICS",
    "Measured",
    "answer_statistics",
    "bin_of",
    "column_reference",
    "image_statistics",
    "labels_of",
    "numbers_of",
    "reference",
]

STATISTICS = ("brightness", "contrast", "saturation", "sharpness")
"""What is measured of an image, in this order, each between 0 and 1."""

MISSING, OTHER, NO_LABEL = "missing", "other", "no label"
"""A value that is not there, one of the rarer values of a column, and an answer without any label."""

Measured = Mapping[str, Any]
"""What is known of one item or answer: numbers by name; `label` is a class, `labels` a list of them."""

_ROWS = 48
_LEVELS = np.linspace(0, 1, 101)
_DIGITS = 5
_BINS = 10
_MAX_CHOICES = 20


def image_statistics(image: np.ndarray) -> dict[str, float]:
    """What can be said of an image without knowing what is in it.

    Args:
        image: uint8 `[height, width, channels]` as `input.read` gives it.

    Returns:
        `brightness`, the mean of the pixels; `contrast`, their standard deviation; `saturation`, the mean distance
        between a pixel's largest and smallest channel; `sharpness`, the mean distance between neighbours in a row.
        All between 0 and 1.

    Example:
        >>> image_statistics(np.full((8, 8, 3), 51, np.uint8))
        {'brightness': 0.2, 'contrast': 0.0, 'saturation': 0.0, 'sharpness': 0.0}
    """
    # Every few rows say as much as all of them, in a tenth of the time: while serving, this is done for each item.
    rows = image[:: max(1, len(image) // _ROWS)]
    planes = np.ascontiguousarray(np.moveaxis(rows, -1, 0), dtype=np.float32)
    grey = planes.mean(axis=0)
    saturation = planes.max(axis=0) - planes.min(axis=0)
    sharpness = np.abs(np.diff(grey, axis=1)).mean() if grey.shape[1] > 1 else 0.0
    found = (grey.mean(), grey.std(), saturation.mean(), sharpness)
    return {name: round(float(value) / 255, _DIGITS) for name, value in zip(STATISTICS, found, strict=True)}


def answer_statistics(prediction: Prediction, task: str) -> dict[str, Any]:
    """What is known of an answer by itself, for a log and for a reference.

    Returns:
        `label` and `score` of a class, `labels` where there are several, `number`, `x` and `y` of the middle of all
        points as places in what the model saw, or `shares` of the classes of a mask.

    Example:
        >>> answer_statistics(Prediction(label="cat", score=0.75), "classification")
        {'label': 'cat', 'score': 0.75}
        >>> answer_statistics(Prediction(label="31", value=31.25), "regression")
        {'number': 31.25}
    """
    return _OF_ANSWERS[task](prediction)


def _of_class(found: Prediction) -> dict[str, Any]:
    return {"label": found.label, "score": None if found.score is None else round(found.score, _DIGITS)}


def _of_labels(found: Prediction) -> dict[str, Any]:
    return {"labels": list(found.value)}


def _of_number(found: Prediction) -> dict[str, Any]:
    return {"number": float(f"{found.value:.6g}")}


def _of_points(found: Prediction) -> dict[str, Any]:
    x, y = np.asarray(found.value, dtype=np.float64).reshape(-1, 2).mean(axis=0)
    return {"x": round(float(x), _DIGITS), "y": round(float(y), _DIGITS)}


def _of_mask(found: Prediction) -> dict[str, Any]:
    return {"shares": {name: round(share, _DIGITS) for name, share in found.probabilities.items()}}


_OF_ANSWERS: dict[str, Callable[[Prediction], dict[str, Any]]] = {
    "classification": _of_class,
    "multilabel": _of_labels,
    "regression": _of_number,
    "points": _of_points,
    "segmentation": _of_mask,
}


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
    return found | {"bins": {name: round(counts[name] / max(len(values), 1), _DIGITS) for name in found["bins"]}}


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


def reference(
    inputs: Iterable[Measured],
    answers: Iterable[Measured],
    *,
    labels: Sequence[str] = (),
    columns: Mapping[str, Any] | None = None,
    familiar: np.ndarray | None = None,
) -> dict[str, Any]:
    """The distributions of answers and inputs, as plain JSON values of a few kB.

    Args:
        inputs: What `image_statistics` gives for each item; nothing for items of a table.
        answers: What `answer_statistics` gives for the same items, at least one.
        labels: The classes, in the bundle's order.
        columns: What `column_reference` gives, by the column's name, for items of a table.
        familiar: Whether each item was taken as familiar, bool `[items]`, where the model tells.

    Returns:
        `items`, their number; `quantiles`, for each number (such as `score`, `number`, `brightness`) the quantiles 0,
        0.01 ... 1; where there are classes `labels`, the share of the items that each was an answer for, in the
        order of the classes, and for several labels an item `no_label`, the share that had none; `columns`; and
        `familiar`, the share that was familiar, where that was given.

    Example:
        >>> answers = [{"label": "cat", "score": 0.9}, {"label": "dog", "score": 0.8}]
        >>> found = reference([], answers, labels=["cat", "dog"])
        >>> found["items"], found["labels"], found["quantiles"]["score"][::50]
        (2, [0.5, 0.5], [0.8, 0.85, 0.9])
    """
    told = list(answers)
    count = len(told)
    assert count
    numbers: dict[str, list[float]] = {}
    for each in (*told, *inputs):
        for name, value in numbers_of(each).items():
            numbers.setdefault(name, []).append(value)
    found: dict[str, Any] = {
        "items": count,
        "quantiles": {name: _quantiles(values) for name, values in numbers.items()},
    }
    chosen = Counter(label for each in told for label in labels_of(each))
    if chosen:
        found["labels"] = [round(chosen[label] / count, _DIGITS) for label in labels]
    if "labels" in told[0]:
        found["no_label"] = round(chosen[NO_LABEL] / count, _DIGITS)
    if columns is not None:
        found["columns"] = dict(columns)
    return found if familiar is None else found | {"familiar": round(float(np.mean(familiar)), _DIGITS)}


def labels_of(measured: Measured) -> list[str]:
    """The classes of an answer: one, or several, of which there may be none."""
    if "labels" in measured:
        return list(measured["labels"]) or [NO_LABEL]
    return [measured["label"]] if "label" in measured else []


def numbers_of(measured: Measured) -> dict[str, float]:
    """All numbers of an item or an answer by name, those of a mask as `share of` a class."""
    flat = {name: value for name, value in measured.items() if name != "shares"}
    flat |= {f"share of {name}": value for name, value in measured.get("shares", {}).items()}
    return {name: value for name, value in flat.items() if isinstance(value, int | float) and value == value}


def _quantiles(values: Sequence[float]) -> list[float]:
    return [float(f"{each:.6g}") for each in np.quantile(np.array(values, dtype=np.float64), _LEVELS)]
