"""Whatever the table: no value of valid is one of train, and an item knows nothing of what followed."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headway as hw
from headway.errors import DataError
from headway.inputs.past.windows import END, NEXT, ORIGIN


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(5, 70), min_size=1, max_size=4),
    horizon=st.integers(1, 9),
    valid=st.floats(0.05, 0.6),
    seed=st.integers(0, 9),
)
def test_no_value_of_valid_is_seen_in_training(lengths: list[int], horizon: int, valid: float, seed: int) -> None:
    # A value says when it is of, so that none can be on two sides unseen.
    rows = [(f"s{one}", time, float(time)) for one, length in enumerate(lengths) for time in range(length)]
    table = pl.DataFrame(rows, schema=["series_id", "time", "x"], orient="row").sample(
        fraction=1, shuffle=True, seed=seed
    )
    target = hw.Future("x", horizon=horizon, time="time", id="series_id")
    try:
        data = hw.from_items(table, target=target, split=target.own_split(valid=valid, seed=0))
    except DataError:
        return
    judged = {value for following in data.valid.items[NEXT] for value in following}
    trained = {value for name in ("x", NEXT) for values in data.train.items[name] for value in values}
    assert max(trained) < min(judged)
    for past, following, origin, end in data.items.select("x", NEXT, ORIGIN, END).iter_rows():
        assert past[-1] == origin - 1 == following[0] - 1
        assert following[-1] == end
