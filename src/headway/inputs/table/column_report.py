"""What a model uses of a table's columns, as a report tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from headway.inputs.table.column_values import Predict
from headway.inputs.table.dependence import Dependence, dependence
from headway.inputs.table.importance import Importance, importance
from headway.inputs.table.redundancy import Redundancy, redundancy
from headway.judge.metric import TaskMetrics

__all__ = ["ColumnUse", "column_use"]

NUM_SHOWN = 4
"""Columns whose dependence is shown."""
_LARGE = 1_000
"""Items for the curves; the intervals of these are narrow enough for a picture."""


@dataclass(frozen=True, kw_only=True)
class ColumnUse:
    """What a model uses of a table's columns.

    Attributes:
        part: The part that it was measured on.
        importance: How much the model needs each column.
        dependences: How its answers depend on those that it needs most.
        redundancy: Which columns say nearly the same; None of a single column.
    """

    part: str
    importance: Importance
    dependences: tuple[Dependence, ...]
    redundancy: Redundancy | None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "part": self.part,
            "importance": self.importance.to_json(),
            "dependences": [each.to_json() for each in self.dependences],
            "redundancy": None if self.redundancy is None else self.redundancy.to_json(),
        }


def column_use(
    predict: Predict,
    items: pl.DataFrame,
    targets: np.ndarray,
    train: pl.DataFrame,
    *,
    part: str,
    metrics: TaskMetrics,
    output: int = 0,
    answer: str = "answer",
    seed: int = 0,
) -> ColumnUse:
    """Importance of all columns, dependence on the most important ones, redundancy among them.

    Args:
        predict: The model: items to answers.
        items: The part's items, with the columns that the model looks at and no others.
        targets: Their targets.
        train: Training rows with the same columns.
        part: What the part is called.
        metrics: How predictions are judged.
        output: Which output the dependence is of.
        answer: What that is called.
        seed: The run's seed.
    """
    found = importance(predict, items, targets, metrics=metrics, seed=seed)
    used = [each.columns[0] for each in found.columns if each.is_used and items[each.columns[0]].drop_nulls().len()]
    return ColumnUse(
        part=part,
        importance=found,
        dependences=tuple(
            dependence(
                predict,
                items,
                name,
                output=output,
                answer=answer,
                num_items=_LARGE,
                seed=seed,
            )
            for name in used[:NUM_SHOWN]
        ),
        redundancy=redundancy(train, seed=seed) if len(train.columns) > 1 else None,
    )
