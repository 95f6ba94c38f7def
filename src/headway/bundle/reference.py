"""What a model's input and answers looked like when it was made: the other side of every later comparison.

Export computes it on validation rows and puts it into the manifest as `reference`; `headway drift` compares with it
what a server has written down. Training rows would not do: a model is surer of what it has learned from. Both sides
measure with the fields' `statistics`.
"""

from __future__ import annotations

from collections import Counter
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
        inputs: What `Input.statistics` gives for each item.
        answers: What `Target.statistics` gives for the same items, at least one.
        labels: The classes, in the bundle's order.
        columns: What `Input.reference` gives for the items.
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
    if columns:
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
