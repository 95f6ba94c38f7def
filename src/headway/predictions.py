"""What a model gave for some items, beside the targets, and what its layers give: from training to the report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

__all__ = ["WHOLE", "LayerActivity", "Predictions"]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Aligned arrays, an entry an item.

    Attributes:
        rows: The items' numbers in their source, int64 `[items]`.
        predictions: What the model gives after its activation, float `[items, outputs]`: probabilities of the classes,
            or numbers in the target's unit. Of maps the most probable class alone, uint8 `[items, height, width]`.
        targets: Class indices, int64 `[items]`; for other kinds of target an array `[items, ...]`.
        losses: The loss of each as it is trained on, float32 `[items]`; None where no model was asked.
        outputs: What the network gave before the activation, such as logits; None where they are not kept.
        loss: The mean loss as it is trained on, which may be a user's own; NaN where no model was asked.
        items: What else is known of the items, a row an item; None where nothing is.
    """

    rows: np.ndarray
    predictions: np.ndarray
    targets: np.ndarray
    losses: np.ndarray | None = None
    outputs: np.ndarray | None = None
    loss: float = math.nan
    items: pl.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def _repr_html_(self) -> str:
        """What a notebook shows: how many, and the first of them."""
        head = "<tr><th>row</th><th>prediction</th><th>target</th></tr>"
        shown = zip(self.rows[:5].tolist(), self.predictions[:5], self.targets[:5], strict=True)
        cells = [(str(row), np.array2string(answer, precision=3, threshold=8), str(y)) for row, answer, y in shown]
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        return f"<p>{len(self):,} predictions</p><table>{head}{body}</table>"

    @property
    def probabilities(self) -> np.ndarray:
        """The predictions, for a target of classes or labels."""
        return self.predictions


# What the model as a whole is called among its layers, where it makes something of what its last layer gives.
WHOLE = "whole"


@dataclass(frozen=True, kw_only=True)
class LayerActivity:
    """What one layer gives for a number of items.

    Attributes:
        name: The layer's name in the model.
        share_dead: Share of its channels that are zero for every item, from 0 to 1.
        largest: The largest size of an output; may be infinite or NaN.
    """

    name: str
    share_dead: float
    largest: float
