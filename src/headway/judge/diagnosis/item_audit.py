"""What an audit asks of items before any model is trained; a kind of input knows more of its own (`Input.audit`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import ClassVar

import numpy as np
import polars as pl

from headway.data.dataset import Part
from headway.judge.diagnosis.finding import Finding
from headway.judge.diagnosis.personal_data import masked
from headway.judge.report.report import Picture

__all__ = ["ItemAudit", "Unseen"]

# Columns of a row that a picture of it shows.
_SHOWN = 8


@dataclass(frozen=True)
class ItemAudit:
    """A part's items, as an audit looks at them; what is `Mapping` or frame has a row an item, in their order.

    Attributes:
        usual: Names of what in `incidental` often goes with the label honestly, such as the colour of photos.
    """

    part: Part
    usual: ClassVar[frozenset[str]] = frozenset()

    def incidental(self) -> Mapping[str, pl.DataFrame]:
        """What should not tell the answer, by name: columns of numbers and of texts, null where there is no value."""
        return {}

    def contents(self) -> Mapping[str, pl.DataFrame]:
        """What the items themselves say, by name, as `incidental`: what parts that nobody drew may differ in."""
        return {}

    def groups(self) -> pl.DataFrame:
        """What items may belong to, such as the camera in photos' EXIF, a column of texts each."""
        return pl.DataFrame()

    def findings(self) -> list[Finding]:
        """What is wrong with the items themselves."""
        return []

    def picture(self, position: int) -> Picture:
        """An item to look at: here the row's values as text."""
        row = self.part.items.row(position, named=True)
        columns = [name for name in row if name not in ("row", "content", "split")][:_SHOWN]
        return Picture(html="".join(f"<b>{escape(name)}</b> {escape(masked(str(row[name])))}<br>" for name in columns))


@dataclass(frozen=True)
class Unseen:
    """Answers for items by models that did not learn from them, and what the models are.

    Attributes:
        rows: The items' numbers in their source, int64 `[items]`.
        predictions: Float `[items, outputs]`, as `Target.metrics` takes them.
        targets: The items' own answers, `[items]` or `[items, outputs]`.
        model: What gave them, such as "logistic regression and naive Bayes on TF-IDF".
        features: What a pretrained body makes of the items, float32 `[items, dim]`; None where there is none.
        weight_decay: That of the heads on these features.
    """

    rows: np.ndarray
    predictions: np.ndarray
    targets: np.ndarray
    model: str
    features: np.ndarray | None = None
    weight_decay: float = 0.0
