"""The only list of kinds of input. A kind's module is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from headway.errors import BundleError, did_you_mean
from headway.inputs.base import Input

__all__ = ["INPUTS", "input_from_json"]

INPUTS: dict[str, str] = {
    "image": "headway.inputs.image.field:Image",
    "ratings": "headway.inputs.ratings.field:Ratings",
    "table": "headway.inputs.table.field:Table",
}
"""Where the class of each kind is, by the kind's name in a bundle."""


def input_from_json(values: dict[str, Any]) -> Input:
    """The input that `to_json` wrote.

    Raises:
        BundleError: If its kind is not known to this version.
    """
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in INPUTS:
        raise BundleError(
            "A field is of a kind that this version of Headway does not know.",
            given=f"kind={kind!r}",
            fix=f"Upgrade Headway. {did_you_mean(str(kind), INPUTS)}",
        )
    module, name = INPUTS[kind].split(":")
    return getattr(import_module(module), name).from_json(values)
