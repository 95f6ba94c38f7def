"""What inputs that read a table's columns have in common: rows become arrays of numbers and category indices."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from headway.errors import DataError, ReadError
from headway.inputs.base import Input
from headway.inputs.protocols import Column
from headway.inputs.table.bins import bin_of, column_reference
from headway.inputs.table.columns import FittedColumn
from headway.system.pieces import pieces

if TYPE_CHECKING:
    import polars as pl

    from headway.inputs.training_view import TrainingView
    from headway.targets.base import Target

__all__ = ["RowInput", "row_mapping"]

C = TypeVar("C", bound=FittedColumn)

# Of these types, values that are equal mean the same.
_ALIKE = {str, int, float, bool, type(None), date, datetime}


class RowInput(Input, Generic[C]):
    """Columns of a table that become one array: first the numbers of all columns, then their category indices.

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

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """What the array's first places hold: numbers."""
        return tuple(name for column in self.fitted for name in column.numbers)

    @cached_property
    def categories(self) -> dict[str, int]:
        """What its other places hold, category indices, and how many values each of them has, 0 counted."""
        return {name: size for column in self.fitted for name, size in column.categories.items()}

    @property
    def features(self) -> tuple[str, ...]:
        """What each place of the array holds."""
        return (*self.numbers, *self.categories)

    @property
    def shape(self) -> tuple[int]:
        """The number of features."""
        return (len(self.features),)

    @cached_property
    def places(self) -> dict[str, tuple[int, ...]]:
        """The places of the array that each column decides, its numbers first."""
        places, number, index = {}, 0, len(self.numbers)
        for column in self.fitted:
            next_number, next_index = number + len(column.numbers), index + len(column.categories)
            places[column.name] = (*range(number, next_number), *range(index, next_index))
            number, index = next_number, next_index
        return places

    @cached_property
    def _order(self) -> np.ndarray:
        """For each place of the array, where it is when the columns' values stand one after another."""
        return np.argsort([index for column in self.fitted for index in self.places[column.name]])

    @abstractmethod
    def _values(self, value: Any) -> Sequence[Any]:
        """A row's value for each of the fitted columns, None where it is missing.

        Raises:
            ReadError: If `value` is not a row.
        """

    def read_noted(self, value: Any) -> tuple[np.ndarray, tuple[str, ...]]:
        encoded: list[float] = []
        notes: list[str] = []
        # Both in one pass: it is most of what an answer for a row takes, beside the model.
        for column, one in zip(self.fitted, self._values(value), strict=True):
            numbers, note = column.encode_one(one)
            encoded += numbers
            if note is not None:
                notes.append(note)
        return np.array(encoded, dtype=np.float32)[self._order], tuple(notes)

    def read(self, value: Any) -> np.ndarray:
        return self.read_noted(value)[0]

    def read_rows(self, items: pl.DataFrame) -> np.ndarray:
        """All rows at once, float32 `[rows, features]`.

        Raises:
            DataError: If a column holds what it cannot, such as text among numbers.
        """
        array = np.empty((len(items), len(self.features)), dtype=np.float32)
        try:
            for rows, part in zip(pieces(items), pieces(array), strict=True):
                self._read_into(part, rows)
        except DataError:
            # What cannot be read is named of all rows.
            self._read_into(array, items)
        return array

    def _read_into(self, array: np.ndarray, items: pl.DataFrame) -> None:
        for column in self.fitted:
            for index, values in zip(self.places[column.name], column.encode(items[column.name]), strict=True):
                array[:, index] = values

    def read_many(self, values: Sequence[Any]) -> list[tuple[np.ndarray | ReadError, tuple[str, ...]]]:
        """Column by column, or row by row where one of them cannot be read."""
        array = np.empty((len(values), len(self.features)), dtype=np.float32)
        notes: list[tuple[str, ...]] = [()] * len(values)
        try:
            rows = [self._values(value) for value in values]
            for number, column in enumerate(self.fitted if rows else ()):
                encoded, column_notes = _encode_together(column, [row[number] for row in rows])
                array[:, self.places[column.name]] = encoded
                for row, note in enumerate(column_notes) if any(column_notes) else ():
                    notes[row] += () if note is None else (note,)
        except ReadError:
            return super().read_many(values)
        return list(zip(array, notes, strict=True))

    def notes(self, value: Any) -> tuple[str, ...]:
        """What the row has that no training row had."""
        return self.read_noted(value)[1]

    def browser_facts(self) -> dict[str, Any]:
        return {"order": self._order.tolist(), "columns": [column.browser_facts() for column in self.fitted]}

    def form(self) -> tuple[Column, ...]:
        return tuple(column.form() for column in self.fitted)

    def reference(self, items: pl.DataFrame) -> dict[str, Any]:
        return {column.name: column_reference(column, items[column.name].to_list()) for column in self.form()}

    def bins(self, value: Any, reference: dict[str, Any]) -> dict[str, str]:
        columns = (column for column in self.form() if column.name in reference)
        return {column.name: bin_of(value[column.name], reference[column.name], column.kind) for column in columns}

    def training_view(self, target: Target, augment: Any = None) -> TrainingView:
        view = super().training_view(target, augment)
        view.is_small = True
        return view


def row_mapping(value: Any) -> Mapping[str, Any] | None:
    """A row's values by column, of a dict, a frame of polars with one row, or a Series of pandas; None of others."""
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "iter_rows") and len(value) == 1:
        return value.row(0, named=True)
    # A frame of pandas has `to_dict`, too, which gives its columns.
    return value.to_dict() if hasattr(value, "to_dict") and not hasattr(value, "columns") else None


def _encode_together(
    column: FittedColumn, values: Sequence[Any]
) -> tuple[Sequence[tuple[float, ...]], Sequence[str | None]]:
    """A column's values, each that comes again encoded once: numbers and indices of all, notes of all."""
    types = set(map(type, values))
    # True equals 1, and is another category.
    if types <= _ALIKE and len(types - {type(None)}) < 2:
        distinct = list(set(values))
        by_value = dict(zip(distinct, map(column.encode_one, distinct), strict=True))
        encoded = map(by_value.__getitem__, values)
    else:
        encoded = map(column.encode_one, values)
    numbers, notes = zip(*encoded, strict=True)
    return numbers, notes
