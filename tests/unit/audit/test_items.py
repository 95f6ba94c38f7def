from __future__ import annotations

import polars as pl

import headway as hw
from headway.audit.items import check_left_out


def test_the_gap_before_valid_is_no_finding() -> None:
    """Forecasts that reach into valid are left out by the split, and there is nothing to repair."""
    table = pl.DataFrame({"day": range(80), "sales": [float(day % 7 + day) for day in range(80)]})
    data = hw.from_items(table, target=hw.Future("sales", horizon=6, time="day"))
    assert len(data.problems) > 0
    assert check_left_out(data) == []


def test_items_that_cannot_be_read_are_a_finding() -> None:
    series = [None, *([float(beat), 1.0, 2.0, float(beat % 3)] for beat in range(39))]
    data = hw.from_items(pl.DataFrame({"x": series, "label": ["a", "b"] * 20}), input=hw.Series("x"), target="label")
    (finding,) = check_left_out(data)
    assert finding.sentence == "1 of 40 items (2.5%) left out: 1 'x' is missing."
