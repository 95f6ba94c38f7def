"""What goes in and what comes out: one kind of column a file. Numpy and Pillow only."""

from __future__ import annotations

from typing import Any

from headway.errors import BundleError, did_you_mean
from headway.fields.base import Input, Prediction, Target
from headway.fields.categories import Categories
from headway.fields.category import Category
from headway.fields.frame import Frame
from headway.fields.image import Image
from headway.fields.mask import Mask
from headway.fields.number import Number
from headway.fields.pair import Pair
from headway.fields.points import Points
from headway.fields.table import Table

__all__ = [
    "Categories",
    "Category",
    "Frame",
    "Image",
    "Input",
    "Mask",
    "Number",
    "Pair",
    "Points",
    "Prediction",
    "Table",
    "Target",
    "input_from_json",
    "target_from_json",
]

_INPUTS: dict[str, type[Input]] = {"image": Image, "pair": Pair, "table": Table}
_TARGETS: dict[str, type[Target]] = {
    "categories": Categories,
    "category": Category,
    "mask": Mask,
    "number": Number,
    "points": Points,
}


def input_from_json(values: dict[str, Any]) -> Input:
    """The input field that `to_json` wrote.

    Raises:
        BundleError: If its kind is not known to this version.
    """
    return _of_kind(values, _INPUTS).from_json(values)


def target_from_json(values: dict[str, Any]) -> Target:
    """The target field that `to_json` wrote.

    Raises:
        BundleError: If its kind is not known to this version.
    """
    return _of_kind(values, _TARGETS).from_json(values)


def _of_kind(values: dict[str, Any], known: dict[str, Any]) -> Any:
    kind = values.get("kind")
    if kind not in known:
        raise BundleError(
            "A field is of a kind that this version of Headway does not know.",
            given=f"kind={kind!r}",
            fix=f"Upgrade Headway. {did_you_mean(str(kind), known)}",
        )
    return known[kind]
