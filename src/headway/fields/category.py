"""One label out of several: the target of classification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.errors import ConfigError, DataError, did_you_mean, explain
from headway.fields.base import Prediction, Target, Task

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Category"]


@dataclass(frozen=True)
class Category(Target):
    """A column of labels, one an item.

    Args:
        column: The column's name.
        labels: The classes, in the order of the model's outputs. Left empty, they are the sorted labels of the
            training rows. Values of any type are taken as their text.

    Example:
        >>> field = Category("label", labels=("cat", "dog"))
        >>> field.encode(["dog", "cat"]).tolist()
        [1, 0]
        >>> field.decode(np.array([0.25, 0.75])).label
        'dog'
    """

    column: str
    labels: tuple[str, ...] = ()
    task: ClassVar[Task] = "classification"

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError(
                explain("`labels` must differ from one another.", given=list(self.labels), fix="Name each class once.")
            )

    @property
    def num_outputs(self) -> int:
        """The number of classes."""
        return len(self.labels)

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows the classes of `rows`, sorted; labels given by the user are kept."""
        if self.labels:
            return self
        found = {str(value) for value in rows[self.column].drop_nulls().to_list()}
        return replace(self, labels=tuple(sorted(found)))

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """Class indices, int64 `[items]`, from 0 to `num_outputs - 1`.

        Raises:
            DataError: If a value is none of the classes.
        """
        index = {label: i for i, label in enumerate(self.labels)}
        unknown = sorted({str(value) for value in values} - index.keys())
        if unknown:
            raise DataError(
                explain(
                    f"Column {self.column!r} has labels that are not among the model's classes.",
                    given=unknown[:10],
                    fix=f"Correct or remove those rows. {did_you_mean(unknown[0], self.labels)}",
                )
            )
        return np.array([index[str(value)] for value in values], dtype=np.int64)

    def decode(self, scores: np.ndarray) -> Prediction:
        """The prediction from the probabilities of one item, `[classes]`."""
        order = np.argsort(-scores, kind="stable")
        ranked = {self.labels[i]: float(scores[i]) for i in order}
        return Prediction(label=self.labels[order[0]], score=float(scores[order[0]]), probabilities=ranked)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "category", "column": self.column, "labels": list(self.labels)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(values["column"], labels=tuple(values["labels"]))
