from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
import pytest
import torch

from headway.data.loader import as_tensor
from headway.errors import DataError, ReadError
from headway.inputs.base import Input, is_ragged, model_order
from headway.inputs.sound.field import Sound


@dataclass(frozen=True)
class Throws(Input):
    """Throws of dice, such as "3 4 1": a ragged axis, in a column of values."""

    column: str
    dtype = np.int64
    source = "values"
    axes = ("throws*",)
    padding = -1

    def fit(self, rows: pl.DataFrame) -> Self:
        return self

    def read(self, value: Any) -> np.ndarray:
        try:
            return np.array(value.split(), dtype=np.int64)
        except (ValueError, AttributeError) as error:
            message = "no throws"
            raise ReadError(message) from error

    def to_json(self) -> dict[str, Any]:
        return {"kind": "throws", "column": self.column}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(values["column"])


@pytest.mark.parametrize(
    ("axes", "order", "ragged"),
    [
        (("height", "width", "channels"), (0, 3, 1, 2), False),
        (("time*", "channels"), (0, 2, 1), True),
        (("channels", "time"), (0, 1, 2), False),
        # Four axes in a batch, as photos have, and no channels: nothing is moved.
        (("depth", "height", "width"), (0, 1, 2, 3), False),
        (("columns",), (0, 1), False),
        ((), (0,), False),
    ],
)
def test_the_axis_named_channels_comes_first(axes: tuple[str, ...], order: tuple[int, ...], ragged: bool) -> None:
    assert model_order(axes) == order
    assert is_ragged(axes) == ragged
    batch = np.random.default_rng(0).normal(size=(2, 3, 4, 5)[: len(axes) + 1])
    tensor = as_tensor(batch, axes)
    assert tensor.dtype == torch.float64
    np.testing.assert_array_equal(tensor.numpy(), batch.transpose(order))


def test_ragged_items_are_padded_to_the_longest() -> None:
    field = Throws("throws")
    batch = field.collate([field.read("3 4 1"), field.read(""), field.read("6")])
    assert batch.dtype == np.int64
    assert batch.tolist() == [[3, 4, 1], [-1, -1, -1], [6, -1, -1]]


def test_rows_are_read_one_by_one_and_the_one_that_cannot_be_read_is_named() -> None:
    field = Throws("throws")
    assert [array.tolist() for array in field.read_rows(pl.DataFrame({"throws": ["1 2", "", "6"]}))] == [
        [1, 2],
        [],
        [6],
    ]
    with pytest.raises(DataError) as caught:
        field.read_rows(pl.DataFrame({"throws": ["1 2", "one"]}))
    assert str(caught.value) == (
        "Throws cannot read an item of column 'throws'.\n  Given: one: no throws\n  Fix:   Correct or remove that row."
    )


def test_a_frame_gives_its_column_and_one_without_it_is_refused() -> None:
    field = Throws("throws")
    for table in ({"throws": ["1 2"], "who": ["Ann"]}, pl.DataFrame({"throws": ["1 2"], "who": ["Ann"]})):
        assert list(field.each(table)) == ["1 2"]
    assert field.each(["3 4"]) == ["3 4"]
    # Of files, too.
    assert Sound("file").each({"file": ["a.wav"], "who": ["Ann"]}) == ["a.wav"]
    for table in ({"throw": ["1 2"], "who": ["Ann"]}, pl.DataFrame({"throw": ["1 2"], "who": ["Ann"]})):
        with pytest.raises(DataError) as caught:
            field.each(table)
        assert str(caught.value) == (
            "The table has no column 'throws', which the model reads.\n"
            "  Given: columns: throw, who\n"
            '  Fix:   Did you mean "throw"?'
        )
