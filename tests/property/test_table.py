"""Tables of any columns are read, and rows of any values are answered or refused in words."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.errors import DataError, ReadError
from headway.inputs.registry import input_from_json
from headway.inputs.table.field import Table
from headway.targets.category.field import Category

NUMBERS = st.one_of(st.integers(-(10**12), 10**12), st.floats(), st.none())
TEXTS = st.one_of(st.sampled_from(["a", "b", " a", "?", ""]), st.text(max_size=5), st.none())
DATES = st.one_of(st.dates(date(1800, 1, 1), date(2200, 1, 1)), st.none())
ANYTHING = st.one_of(
    NUMBERS, TEXTS, DATES, st.booleans(), st.lists(st.integers(), max_size=2), st.datetimes(), st.binary(max_size=3)
)


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """A table of several kinds of columns, and a target."""
    rows = draw(st.integers(1, 30))
    kinds = draw(st.lists(st.sampled_from([NUMBERS, TEXTS, DATES, st.booleans()]), min_size=1, max_size=4))
    columns = {
        f"c{place}": pl.Series(draw(st.lists(kind, min_size=rows, max_size=rows)), strict=False)
        for place, kind in enumerate(kinds)
    }
    return pl.DataFrame({**columns, "y": ["low", "high"] * (rows // 2) + ["low"] * (rows % 2)})


def fitted(frame: pl.DataFrame) -> Table | None:
    with contextlib.suppress(DataError):
        return Table().bind(frame, Category("y")).fit(frame)
    # Nothing but empty, constant and counting columns.
    return None


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(frames())
def test_every_table_is_read_and_a_row_reads_as_all_rows_do(frame: pl.DataFrame) -> None:
    field = fitted(frame)
    if field is None:
        return
    every = field.read_rows(frame)
    assert every.shape == (len(frame), len(field.features))
    assert np.isfinite(every).all()
    numbers = len(field.numbers)
    assert (np.abs(every[:, :numbers]) <= 3).all()
    sizes = np.array(list(field.categories.values()))
    indices = every[:, numbers:]
    assert ((indices >= 0) & (indices < sizes) & (indices == np.floor(indices))).all()
    rows = list(frame.iter_rows(named=True))
    np.testing.assert_allclose(every, np.stack([field.read(row) for row in rows]), rtol=1e-6, atol=1e-7)
    assert all(low < high for edges in field.edges for low, high in itertools.pairwise(edges))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(frames(), st.randoms(use_true_random=False))
def test_the_order_of_columns_does_not_matter_once_fitted(frame: pl.DataFrame, random: Any) -> None:
    field = fitted(frame)
    if field is None:
        return
    names = list(frame.columns)
    random.shuffle(names)
    np.testing.assert_array_equal(field.read_rows(frame.select(names)), field.read_rows(frame))
    row = frame.row(0, named=True)
    np.testing.assert_array_equal(field.read({name: row[name] for name in names}), field.read(row))


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(frames(), st.data())
def test_any_row_is_read_or_refused_in_words(frame: pl.DataFrame, data: st.DataObject) -> None:
    field = fitted(frame)
    if field is None:
        return
    row = data.draw(st.dictionaries(st.sampled_from([*field.columns, "other"]), ANYTHING))
    try:
        array, notes = field.read(row), field.notes(row)
    except ReadError:
        return
    assert np.isfinite(array).all()
    assert all(isinstance(note, str) for note in notes)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(frames(), st.data())
def test_many_rows_are_read_as_each_alone(frame: pl.DataFrame, data: st.DataObject) -> None:
    field = fitted(frame)
    if field is None:
        return
    rows = list(frame.iter_rows(named=True))
    # What is alike to a dict and another category to a reader: 1, 1.0, True, "1".
    alike = [dict.fromkeys(field.columns, value) for value in (1, True, 1.0, "1", 0.0, -0.0, False)]
    strange = data.draw(st.lists(st.dictionaries(st.sampled_from([*field.columns, "other"]), ANYTHING), max_size=5))
    rows = data.draw(st.permutations([*rows, *alike, *strange, "no row"]))
    for row, (array, notes) in zip(rows, field.read_many(rows), strict=True):
        if isinstance(array, ReadError):
            with pytest.raises(ReadError, match=f"^{re.escape(str(array))}$"):
                field.read(row)
            assert notes == ()
        else:
            np.testing.assert_array_equal(array, field.read(row))
            assert notes == field.notes(row)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(frames())
def test_a_table_survives_json(frame: pl.DataFrame) -> None:
    field = fitted(frame)
    if field is None:
        return
    again = input_from_json(json.loads(json.dumps(field.to_json(), allow_nan=False)))
    assert again.columns == field.columns
    np.testing.assert_array_equal(again.read_rows(frame), field.read_rows(frame))


def test_times_before_the_first_year_are_refused() -> None:
    frame = pl.DataFrame({"d": [datetime(2000, 1, 1), datetime(2001, 1, 1)] * 4, "y": ["a", "b"] * 4})
    field = fitted(frame)
    assert field is not None
    assert np.isfinite(field.read({"d": datetime.min})).all()
    assert np.isfinite(field.read({"d": datetime.max})).all()
