from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.representations.bytes import (
    digram,
    entropy_curve,
    from_hilbert,
    hilbert,
    hilbert_order,
    raster,
)


def values(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 70))
def test_a_raster_and_a_hilbert_curve_give_back_every_byte(data: bytes, width: int) -> None:
    picture = raster(values(data), width=width)
    assert picture.shape[1] == width
    assert picture.flat[: len(data)].tobytes() == data
    assert from_hilbert(hilbert(values(data)), len(data)).tobytes() == data


@pytest.mark.parametrize("side", [1, 2, 4, 32])
def test_a_hilbert_curve_visits_each_pixel_once_and_goes_to_a_neighbour_each_time(side: int) -> None:
    order = hilbert_order(side)
    assert sorted(order.tolist()) == list(range(side * side))
    rows, columns = order // side, order % side
    assert (np.abs(np.diff(rows)) + np.abs(np.diff(columns)) == 1).all()


def test_a_digram_counts_pairs_in_their_order() -> None:
    counts = digram(values(b"abababcc"))
    assert counts.max() == counts[ord("a"), ord("b")] == 1
    assert counts[ord("b"), ord("a")] == pytest.approx(np.log(3) / np.log(4))
    assert counts[ord("b"), ord("c")] == counts[ord("c"), ord("c")] == pytest.approx(np.log(2) / np.log(4))
    assert (counts > 0).sum() == 4
    assert digram(values(b"a")).max() == digram(values(b"")).max() == 0


def test_entropy_is_that_of_each_stretch() -> None:
    data = bytes(256) + bytes(range(256)) + b"ab" * 128 + b"a"
    assert entropy_curve(values(data)).tolist() == [0, 8, 1, 0]
    assert entropy_curve(values(b"")).tolist() == []
