from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headway.errors import ReadError
from headway.inputs.series.parse import moments_of, numbers_of


@pytest.mark.parametrize(
    "value",
    [
        "1 2 3",
        "1,2,3",
        "[1, 2, 3]",
        " 1; 2; 3 ",
        "1,2\n,3",
        "1, 2 3",
        [1, 2, 3],
        (1.0, 2.0, 3.0),
        np.array([1, 2, 3], dtype=np.int8),
    ],
)
def test_a_channel_is_text_a_list_or_an_array(value: Any) -> None:
    assert numbers_of(value).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("one two", "not numbers with spaces or commas between them: 'one two'"),
        ("", "a series must have at least one moment"),
        ([], "a series must have at least one moment"),
        (5, "a series must be a list of numbers, not int"),
        (["a"], "a series must be numbers, not 'a'"),
        (["0.5", None, "a"], "a series must be numbers, not 'a'"),
        ([True, False], "a series must be one number a moment"),
        ([[1], [2]], "a series must be one number a moment"),
        ([1, 1e300], "a series must be finite numbers that fit into 32 bits"),
        ([1, float("inf")], "a series must be finite numbers that fit into 32 bits"),
        ("[1, 2", "not a list of numbers: '[1, 2'"),
        ("[" * 5000, f"not a list of numbers: '{'[' * 40}'"),
        ("0,5 1,5 2", "commas that could stand before decimals or between numbers: '0,5 1,5 2'"),
    ],
)
def test_what_is_no_series(value: Any, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        moments_of(value, ["x"])
    assert str(caught.value) == message


def test_gaps_are_filled_and_a_series_of_gaps_is_refused() -> None:
    assert moments_of("? 1 ? 3 ?", ["x"]).tolist() == [[1.0, 1.0, 2.0, 3.0, 3.0]]
    with pytest.raises(ReadError, match="at least one number; all are missing"):
        moments_of("? ? ?", ["x"])


def test_channels_come_by_column_or_in_order() -> None:
    by_name = moments_of({"y": [3, 4], "x": [1, 2]}, ["x", "y"])
    assert by_name.tolist() == moments_of(np.array([[1, 2], [3, 4]]), ["x", "y"]).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ReadError, match="channels must have as many moments: x: 2, y: 1"):
        moments_of({"x": [1, 2], "y": [3]}, ["x", "y"])
    with pytest.raises(ReadError, match="an item must have 2 channels: x, y"):
        moments_of([[1, 2]], ["x", "y"])


def test_a_row_may_have_a_column_for_each_moment() -> None:
    assert moments_of({"t0": 1, "t1": None, "t2": 3}, ["t"], ["t0", "t1", "t2"]).tolist() == [[1, 2, 3]]
    with pytest.raises(ReadError, match="'t1' is missing"):
        moments_of({"t0": 1}, ["t"], ["t0", "t1"])
