"""Files of series that were cut short, overwritten or are lies: each is read, or an error of ours says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.errors import HeadwayError, ReadError
from headway.inputs.registry import read_format
from tests.property.test_sound import damaged

NUM_HOSTILE = 500
LENGTH, NUM_SERIES = 20, 12


def values(number: int) -> list[float]:
    return np.random.default_rng(number).normal(size=LENGTH).round(3).tolist()


def as_ts() -> bytes:
    lines = [f"{','.join(map(str, values(number)))}:{'ab'[number % 2]}" for number in range(NUM_SERIES)]
    head = "@problemName waves\n@timeStamps false\n@univariate true\n@classLabel true a b\n@data\n"
    return (head + "\n".join(lines) + "\n").encode()


def test_damaged_ts_files_are_tables_or_named() -> None:
    good, named = as_ts(), list[str]()
    expected = read_format(".ts", good.decode())
    for number in range(NUM_HOSTILE):
        try:
            table = read_format(".ts", damaged(good, number).decode("utf-8", "replace"))
            assert len(table) <= 2 * NUM_SERIES
        except HeadwayError as error:
            named.append(str(error))
    assert 0 < len(named) < NUM_HOSTILE
    assert max(map(len, named)) < 1_000
    assert read_format(".ts", good.decode()).equals(expected)


def test_damaged_cells_are_read_or_refused_in_a_line() -> None:
    good = " ".join(map(str, values(0)))
    field = hw.Series("wave").fit(pl.DataFrame({"wave": [good]}))
    expected, reasons = field.read(good), list[str]()
    for number in range(NUM_HOSTILE):
        try:
            array = field.read(damaged(good.encode(), number).decode("utf-8", "replace"))
            assert array.shape == (1, LENGTH)
            assert np.isfinite(array).all()
        except ReadError as error:
            reasons.append(str(error))
        assert np.array_equal(field.read(good), expected)
    assert reasons
    assert all(len(reason.splitlines()) == 1 for reason in reasons)


@pytest.mark.parametrize("cell", ["1e400 2 3", "1 " * 40 + "x", "[1, [2]]", "{}", "\0" * 50, "9" * 400])
def test_one_bad_cell_is_left_out_and_named(tmp_path: Path, cell: str) -> None:
    cells = [" ".join(map(str, values(number))) for number in range(40)]
    table = pl.DataFrame({"wave": [*cells[:20], cell, *cells[20:]], "label": ["a", "b"] * 20 + ["a"]})
    data = hw.from_items(table, input=hw.Series("wave"), target="label")
    assert len(data.items) == 40
    assert data.problems["row"].to_list() == [20]
