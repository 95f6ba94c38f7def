"""What inputs that read a table's columns have in common: their form, their notes and what drift compares."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from headway.inputs.base import Column, Input
from headway.inputs.table.bins import column_bins, column_references
from headway.inputs.table.columns import FittedColumn

if TYPE_CHECKING:
    import polars as pl

    from headway.inputs.training_view import TrainingView
    from headway.targets.base import Target

__all__ = ["RowInput"]

C = TypeVar("C", bound=FittedColumn)


class RowInput(Input, Generic[C]):
    """Columns of a table that become one array of numbers and category indices.

    Attributes:
        fitted: What was learned of each column; empty before `fit`.
    """

    fitted: tuple[C, ...]
    # Whole numbers up to 2**24, such as category indices, are exact in it.
    dtype = np.float32
    axes = ("columns",)
    source = "values"
    noun: ClassVar[str] = "row"
    nouns: ClassVar[str] = "rows"
    can_quantize: ClassVar[bool] = False

    @abstractmethod
    def _values(self, value: Any) -> Sequence[Any]:
        """A row's value for each of the fitted columns, None where it is missing.

        Raises:
            ReadError: If `value` is not a row.
        """

    def notes(self, value: Any) -> tuple[str, ...]:
        """What the row has that no training row had."""
        found = (column.encode_one(each)[1] for column, each in zip(self.fitted, self._values(value), strict=True))
        return tuple(note for note in found if note is not None)

    def form(self) -> tuple[Column, ...]:
        return tuple(column.form() for column in self.fitted)

    def reference(self, items: pl.DataFrame) -> dict[str, Any]:
        return column_references(self.form(), items)

    def bins(self, value: Any, reference: dict[str, Any]) -> dict[str, str]:
        return column_bins(self.form(), value, reference)

    def training_view(self, target: Target, augment: Any = None) -> TrainingView:
        view = super().training_view(target, augment)
        view.is_small = True
        return view
