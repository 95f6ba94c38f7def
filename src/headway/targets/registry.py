"""The only list of kinds of target. A kind's module is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from headway.errors import BundleError, ConfigError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from headway.inputs.base import Input
    from headway.targets.base import Target

__all__ = ["TARGETS", "TASKS", "recognise_target", "target_class", "target_from_json", "target_of_arrays"]

# Where the class of each kind is, by the kind's name in a bundle. They are asked in this order whether a column is
# theirs; `Category` takes any.
TARGETS: dict[str, str] = {
    "number": "headway.targets.number.field:Number",
    "categories": "headway.targets.categories.field:Categories",
    "mask": "headway.targets.mask.field:Mask",
    "points": "headway.targets.points.field:Points",
    "next_token": "headway.targets.next_token.field:NextToken",
    "future": "headway.targets.future.field:Future",
    "category": "headway.targets.category.field:Category",
}


# The kind by the name of what is predicted, which JSON, messages and `headway.judge_predictions` use.
TASKS: dict[str, str] = {
    "classification": "category",
    "forecast": "future",
    "language": "next_token",
    "multilabel": "categories",
    "points": "points",
    "regression": "number",
    "segmentation": "mask",
}


def target_of_arrays(
    task: str, predictions: np.ndarray, targets: np.ndarray, labels: Sequence[str] | None = None
) -> Target:
    """A target for predictions that come as arrays, by its task's name; a ConfigError if there is no such task."""
    if task not in TASKS:
        raise ConfigError("Unknown task.", given=task, fix=did_you_mean(task, TASKS))
    import numpy as np

    return target_class(TASKS[task]).of_arrays(np.asarray(predictions), np.asarray(targets), labels)


def recognise_target(column: str, values: Callable[[], pl.Series], input: Input) -> Target:
    """The target that a column is, by the first kind that knows it; see `Target.recognise`."""
    targets = (target_class(kind).recognise(column, values, input) for kind in TARGETS)
    return next(target for target in targets if target is not None)


def target_from_json(values: dict[str, Any]) -> Target:
    """The target that `to_json` wrote; a BundleError if its kind is not known to this version."""
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in TARGETS:
        raise BundleError(
            "A field is of a kind that this version of Headway does not know.",
            given=f"kind={kind!r}",
            fix=f"Upgrade Headway. {did_you_mean(str(kind), TARGETS)}",
        )
    return target_class(kind).from_json(values)


def target_class(kind: str) -> type[Target]:
    """The class of a kind, imported now."""
    # Only names of the list above are ever imported, whatever a bundle's JSON says.
    module, name = TARGETS[kind].split(":")
    return getattr(import_module(module), name)
