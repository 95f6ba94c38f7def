"""What a model learned from, as simple models see it: what proxies and remedies are measured on.

Training the model itself once more for each remedy would take hours. In its place gradient boosting learns from the
same rows and columns; every price is that of the boosting, beside itself without the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.judge.baselines.base import BaselineData

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MOST_ROWS", "Learned", "boosting"]

# Rows that remedies are compared on, and the rounds of boosting: enough to compare it with itself, in a second.
MOST_ROWS, _ROUNDS = 10_000, 60
# Categories that scikit-learn's boosting takes of a column.
_MAX_CATEGORIES = 255


@dataclass(frozen=True, kw_only=True)
class Learned:
    """Training rows and judged rows as simple models see them.

    Attributes:
        train: The training rows; of a table with its array "table", of other kinds "features" at most.
        items: The same rows, with the columns of groups.
        judged: The rows that the report is on, in the order of the predictions.
    """

    train: BaselineData
    items: pl.DataFrame
    judged: BaselineData

    @property
    def names(self) -> list[str]:
        """The user's column that each column of the table comes from; empty for other kinds than tables."""
        return list(self.train.about.get("names", ())) if "table" in self.train.arrays else []

    @property
    def categorical(self) -> tuple[int, ...]:
        """Which of them hold categories."""
        return tuple(self.train.about.get("categorical", ()))


def boosting(
    inputs: np.ndarray,
    targets: np.ndarray,
    others: Sequence[np.ndarray],
    *,
    categorical: Sequence[int] = (),
    weights: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Probabilities of the classes for other rows, by gradient boosting on a table, float `[rows, columns]`.

    Classes are 0, 1 and so on, and each has rows; `weights` say how much each row counts.

    Example:
        >>> rows = np.arange(200.0)[:, None]
        >>> [answers] = boosting(rows, (rows[:, 0] > 99).astype(int), [np.array([[20.0], [180.0]])])
        >>> answers.argmax(1).tolist()
        [0, 1]
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    def known(table: np.ndarray) -> np.ndarray:
        table = np.array(table, dtype=np.float64)
        for column in categorical:
            # The rarest categories share a place.
            table[:, column] = np.minimum(table[:, column], _MAX_CATEGORIES - 1)
        return table

    options: Any = {"categorical_features": list(categorical), "early_stopping": False, "max_iter": _ROUNDS}
    model = HistGradientBoostingClassifier(random_state=0, **options)
    with threadpool_limits(1):
        model.fit(known(inputs), targets, weights)
        return [np.asarray(model.predict_proba(known(rows))) for rows in others]
