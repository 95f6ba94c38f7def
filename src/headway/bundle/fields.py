"""What a bundle's manifest says of its fields and its check: a stranger's, so each value is looked at first."""

from __future__ import annotations

import math
from typing import Any

from headway.bundle.format import damage
from headway.errors import BundleError
from headway.inputs.base import Input
from headway.inputs.registry import input_from_json
from headway.targets.base import Target
from headway.targets.registry import target_from_json

__all__ = ["CHECK_TOLERANCE", "MAX_CHECK_TOLERANCE", "fields_of", "first_line"]

# How far a probability may be from the one in `check.npz`. Processors round differently, by about 1e-6.
CHECK_TOLERANCE = 1e-3
# What a manifest may ask for instead: a graph in int8 rounds whole steps differently from processor to processor.
MAX_CHECK_TOLERANCE = 0.25


def fields_of(manifest: dict[str, Any], *, source: object) -> tuple[Input, Target, float | None, float]:
    """A bundle's input and target, the distance up to which items are familiar, and how exactly its check must be met.

    Raises:
        BundleError: If one of them cannot be read.
    """
    try:
        input = input_from_json(manifest["input"])
        target = target_from_json(manifest["target"])
        for name, kind in (("input", input), ("target", target)):
            _check_types(manifest[name], kind.to_json(), name)
        threshold, tolerance = _limits(manifest)
    except BundleError:
        raise
    # Right by its hash or not, the manifest is a stranger's: a field may be missing or of any type.
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise damage(f"The bundle's fields cannot be read ({first_line(error)}).", given=source) from error
    return input, target, threshold, tolerance


def _check_types(said: Any, read: Any, name: str) -> None:
    """A ValueError where a field was read from another type than it would write: 1 for a label "1", true for 1."""
    kinds = [
        str if isinstance(value, str) else type(value) if isinstance(value, bool | list | dict) else float
        for value in (said, read)
    ]
    if kinds[0] is not kinds[1] and None not in (said, read):
        message = f"{name} is {said!r:.40}"
        raise ValueError(message)
    if isinstance(said, dict):
        for key in said.keys() & read.keys():
            _check_types(said[key], read[key], key)
    if isinstance(said, list):
        for inner, outer in zip(said, read, strict=False):
            _check_types(inner, outer, name)


def _limits(manifest: dict[str, Any]) -> tuple[float | None, float]:
    """The threshold of familiar items, where there is one, and how exactly the check must be met."""
    familiar, tolerance = manifest.get("familiar"), _number(manifest.get("check_tolerance", CHECK_TOLERANCE))
    if not 0 < tolerance <= MAX_CHECK_TOLERANCE:
        message = f"check_tolerance is {tolerance:g}, and must lie above 0 and at most at {MAX_CHECK_TOLERANCE:g}"
        raise ValueError(message)
    if familiar is None:
        return None, tolerance
    threshold = _number(familiar["threshold"])
    if not math.isfinite(threshold):
        message = f"the threshold of familiar items is {threshold:g}, and must be a finite number"
        raise ValueError(message)
    return threshold, tolerance


def _number(value: Any) -> float:
    if isinstance(value, bool | str):
        message = f"{value!r:.40} is not a number"
        raise TypeError(message)
    return float(value)


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its type."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
