"""What a model's input and answers looked like when it was made: the other side of every later comparison.

Export computes it on validation rows and puts it into the manifest as `reference`; `headway drift` compares with it
what a server has written down. Training rows would not do: a model is surer of what it has learned from. Both sides
measure with the fields' `statistics`.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["NO_LABEL", "Measured", "labels_of", "numbers_of", "reference"]

# An answer without any label, where there may be several.
NO_LABEL = "no label"

# What is known of one item or answer: numbers by name; `label` is a class, `labels` a list of them.
Measured = Mapping[str, Any]

_LEVELS = np.linspace(0, 1, 101)
_DIGITS = 5
_LARGEST = sys.float_info.max


def reference(
    inputs: Iterable[Measured],
    answers: Iterable[Measured],
    *,
    labels: Sequence[str] = (),
    columns: Mapping[str, Any] | None = None,
    num_columns: int = 0,
    familiar: np.ndarray | None = None,
) -> dict[str, Any]:
    """The distributions of answers and inputs, as plain JSON values of a few kB.

    `inputs` and `answers` are what the fields' `statistics` give for the same items, at least one; `columns` what
    `Input.reference` does, of a wide table for some of its `num_columns`; `familiar` is bool `[items]`, where the model
    tells.

    Returns:
        `items`, their number; `quantiles`, for each number (such as `score`, `number`, `brightness`) the quantiles 0,
        0.01 ... 1; where there are classes `labels`, the share of the items that each was an answer for, in the
        order of the classes, and for several labels an item `no_label`, the share that had none; `columns`, and
        `num_columns` where these are not all; and `familiar`, the share that was familiar, where that was given.

    Example:
        >>> answers = [{"label": "cat", "score": 0.9}, {"label": "dog", "score": 0.8}]
        >>> facts = reference([], answers, labels=["cat", "dog"])
        >>> facts["items"], facts["labels"], facts["quantiles"]["score"][::50]
        (2, [0.5, 0.5], [0.8, 0.85, 0.9])
    """
    measured = list(answers)
    count = len(measured)
    assert count
    numbers: defaultdict[str, list[float]] = defaultdict(list)
    for item in (*measured, *inputs):
        for name, value in numbers_of(item).items():
            numbers[name].append(value)
    facts: dict[str, Any] = {"items": count, "quantiles": {name: _quantiles(numbers[name]) for name in numbers}}
    chosen = Counter(label for answer in measured for label in labels_of(answer))
    if chosen:
        facts["labels"] = [round(chosen[label] / count, _DIGITS) for label in labels]
    if "labels" in measured[0]:
        facts["no_label"] = round(chosen[NO_LABEL] / count, _DIGITS)
    if columns:
        facts["columns"] = dict(columns)
        if len(columns) < num_columns:
            facts["num_columns"] = num_columns
    return facts if familiar is None else facts | {"familiar": round(float(np.mean(familiar)), _DIGITS)}


def labels_of(measured: Measured) -> list[str]:
    """The classes of an answer: one, or several, of which there may be none."""
    if "labels" in measured:
        return list(measured["labels"]) or [NO_LABEL]
    return [measured["label"]] if "label" in measured else []


def numbers_of(measured: Measured) -> dict[str, float]:
    """All numbers of an item or an answer by name, those of a mask as `share of` a class."""
    flat = {name: value for name, value in measured.items() if name != "shares"}
    flat |= {f"share of {name}": value for name, value in measured.get("shares", {}).items()}
    # NaN, which was not measured, is not below anything; JSON has whole numbers that no float holds.
    return {name: value for name, value in flat.items() if isinstance(value, int | float) and abs(value) <= _LARGEST}


def _quantiles(values: Sequence[float]) -> list[float]:
    # Six digits tell any shift, and a hundred quantiles of each number are to stay a few kB.
    return [float(f"{value:.6g}") for value in np.quantile(np.array(values, dtype=np.float64), _LEVELS)]
