"""Items of forecasts: what is known before a moment, and what came after it, and nothing of the one in the other."""

from __future__ import annotations

import datetime
from typing import Any

import pandas as pd
import polars as pl
import pytest

import headway as hw
from headway.errors import DataError
from headway.inputs.past.field import Past
from headway.inputs.past.windows import END, NEXT, ORIGIN, SERIES, STRETCH

DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=day) for day in range(30)]


def test_each_item_holds_what_was_known_and_what_followed() -> None:
    table = pl.DataFrame({"day": DAYS, "sales": [float(day) for day in range(30)]}).sample(
        fraction=1, shuffle=True, seed=0
    )
    _, items, notes = Past("sales", horizon=3).items_of(table)
    assert len(items) == 30 - 3 - 8 + 1
    for past, following, origin, end in items.select("sales", NEXT, ORIGIN, END).iter_rows():
        assert past == [float(day) for day in range(len(past))]
        assert following == [len(past), len(past) + 1, len(past) + 2]
        assert (origin, end) == (DAYS[len(past)], DAYS[len(past) + 2])
    assert notes == ("20 forecasts can be judged in 1 series, in the order of 'day'.",)


def test_series_are_recognised_by_the_column_that_tells_equal_times_apart() -> None:
    table = pl.DataFrame({"shop": ["a"] * 30 + ["b"] * 12, "day": DAYS + DAYS[:12], "sales": [1.0] * 42})
    _, items, notes = Past("sales", horizon=5).items_of(table)
    assert set(items[SERIES]) == {"a"}
    assert notes == (
        "18 forecasts can be judged in 2 series by 'shop', in the order of 'day'.",
        "1 of the series have fewer than 13 values and are left out.",
    )


def test_origins_whose_futures_overlap_are_one_stretch() -> None:
    _, items, _ = Past("x", horizon=4).items_of(pl.DataFrame({"x": [float(value) for value in range(24)]}))
    assert items[STRETCH].to_list() == [*["3"], *["2"] * 4, *["1"] * 4, *["0"] * 4]


def test_a_future_with_a_gap_is_not_judged_and_a_past_with_one_is_filled() -> None:
    values = [float(value) for value in range(20)]
    values[15] = None  # pyright: ignore[reportArgumentType, reportCallIssue]
    field, items, _ = Past("x", horizon=2).items_of(pl.DataFrame({"x": values}))
    assert all(None not in following for following in items[NEXT])
    last = field.fit(items).read(items["x"][-1])
    # Of the last item two values are known behind the gap, so that it lies between neighbours.
    assert last[-4:].tolist() == [14, 15, 16, 17]


@pytest.mark.parametrize("times", ["%Y-%m", "%Y-%m-%d", "%d.%m.%Y"])
def test_times_as_text_are_put_in_order(times: str) -> None:
    months = [datetime.date(2020 + month // 12, 1 + month % 12, 1) for month in range(20)]
    table = pl.DataFrame({"month": [month.strftime(times) for month in months], "x": [float(row) for row in range(20)]})
    _, items, _ = Past("x", horizon=2, time="month").items_of(table[::-1])
    assert items["x"][-1].to_list() == [float(row) for row in range(18)]


def _rows_of(table: pl.DataFrame) -> tuple[list[float], tuple[str, ...]]:
    """The past of the latest item, and the notes."""
    _, items, notes = Past("x", horizon=2).items_of(table.with_columns(x=pl.int_range(pl.len()).cast(float))[::-1])
    return items["x"][-1].to_list(), notes


@pytest.mark.parametrize("form", ["{}Q{}", "{} Q{}", "{}-q{}"])
def test_quarters_as_text_are_put_in_order(form: str) -> None:
    texts = [form.format(2020 + row // 4, 1 + row % 4) for row in range(20)]
    past, notes = _rows_of(pl.DataFrame({"period": texts}))
    assert past == list(range(18))
    assert notes == ("11 forecasts can be judged in 1 series, in the order of 'period'.",)


def test_years_and_parts_of_them_say_the_time_together() -> None:
    quarters = {"Year": [2020 + row // 4 for row in range(20)], "quarter": [1 + row % 4 for row in range(20)]}
    past, notes = _rows_of(pl.DataFrame(quarters))
    assert past == list(range(18))
    assert notes == ("11 forecasts can be judged in 1 series, in the order of 'Year' and 'quarter'.",)
    days = {"year": [day.year for day in DAYS], "month": [day.month for day in DAYS], "day": [day.day for day in DAYS]}
    past, notes = _rows_of(pl.DataFrame(days))
    assert past == list(range(28))
    assert notes == ("21 forecasts can be judged in 1 series, in the order of 'year' and 'month' and 'day'.",)
    shops = pl.DataFrame({**quarters, "shop": ["a"] * 20})
    assert (
        len(Past("x", horizon=2).each(pl.concat([shops, shops.with_columns(shop=pl.lit("b"))]).with_columns(x=1))) == 2
    )


def test_parts_that_are_no_dates_are_an_error() -> None:
    with pytest.raises(hw.DataError) as error:
        _rows_of(pl.DataFrame({"year": [2020] * 13, "month": range(1, 14)}))
    assert str(error.value) == (
        "Columns 'year' and 'month' must hold dates.\n"
        "  Given: row 0: 2020, 13\n"
        '  Fix:   Correct that row, or name the column of times: hw.Future(..., time="day") (--time-column day).'
    )


def test_dates_as_whole_numbers_have_no_gap_between_months() -> None:
    numbers = [int(f"{day:%Y%m%d}") for day in (DAYS[0] + datetime.timedelta(days=7 * week) for week in range(40))]
    past, notes = _rows_of(pl.DataFrame({"date": numbers}))
    assert past == list(range(38))
    assert notes == ("31 forecasts can be judged in 1 series, in the order of 'date'.",)


def test_a_gap_in_the_times_is_noted() -> None:
    table = pl.DataFrame({"day": DAYS[:10] + DAYS[15:], "x": [1.0] * 25})
    assert Past("x", horizon=2).items_of(table)[2][1] == (
        "The times of 1 series have gaps; their values are taken as one after the other."
    )


def test_every_series_of_a_table_is_forecast_from_its_end() -> None:
    table = pl.DataFrame(
        {"shop": ["b"] * 12 + ["a"] * 12, "day": DAYS[:12] * 2, "x": [float(row) for row in range(24)]}
    )
    pasts = Past("x", horizon=2).each(table)
    assert [past.tolist() for past in pasts] == [
        [float(row) for row in range(12, 24)],
        [float(row) for row in range(12)],
    ]
    assert Past("x", horizon=2).series_in(table) == ["a", "b"]
    assert Past("x", horizon=2).series_in(table[:12].drop("shop")) == ["x"]
    assert Past("x", horizon=2).series_in(Past("x", horizon=2).items_of(table)[1]) is None
    frame = pd.DataFrame(table.to_dict(as_series=False))
    assert [past.tolist() for past in Past("x").each(frame)] == [past.tolist() for past in pasts]
    assert Past("x").each([[1, 2]]) == [[1, 2]]


def test_what_no_column_tells_apart_is_an_error() -> None:
    with pytest.raises(hw.DataError) as error:
        Past("x").items_of(pl.DataFrame({"day": DAYS * 2, "x": [1.0] * 60}))
    assert str(error.value) == (
        "Several rows have the same time, so a column must say which series each row belongs to.\n"
        "  Given: time='day', columns: day, x\n"
        '  Fix:   Name it: hw.Future(..., id="shop") (--series-column shop).'
    )


@pytest.mark.parametrize(
    ("table", "of"),
    [
        ({"day": list(range(40)), "sales": [0.5] * 40}, ""),
        ({"day": [f"2024-{1 + row // 28:02}-{1 + row % 28:02}" for row in range(56)], "sales": [0.5] * 56}, ""),
        # Working days.
        ({"day": [7 * (row // 5) + row % 5 for row in range(40)], "sales": [0.5] * 40}, ""),
        ({"day": [*range(40), *range(40)], "shop": ["a"] * 40 + ["b"] * 40, "sales": [0.5] * 80}, ", for each 'shop'"),
        # Times by chance, too few rows, and times that come again for no known reason.
        ({"day": [row**3 % 1009 for row in range(60)], "sales": [0.5] * 60}, None),
        ({"day": list(range(20)), "sales": [0.5] * 20}, None),
        ({"day": [*range(40), *range(40)], "sales": [0.5] * 80}, None),
        ({"day": ["soon"] * 39 + ["late"], "sales": [0.5] * 40}, None),
        ({"age": list(range(40)), "sales": [0.5] * 40}, None),
    ],
)
def test_a_table_of_regular_times_says_how_to_forecast(table: dict[str, list[Any]], of: str | None) -> None:
    sales = [row + 0.5 for row in range(len(table["sales"]))]
    rows = pl.DataFrame(table | {"sales": sales, "price": [sale % 7 for sale in sales]})
    data = hw.from_items(rows, target="sales")
    hint = (
        f"Column 'day' holds regular times{of}. To forecast how 'sales' goes on: --kind future --horizon 12 "
        "(target=hw.Future('sales', horizon=12))."
    )
    assert [note for note in data.notes if "forecast" in note] == ([] if of is None else [hint])
    if of is not None:
        hw.from_items(rows, target=hw.Future("sales", horizon=12))


def test_a_table_of_times_and_nothing_else_to_learn_from_says_how_to_forecast() -> None:
    with pytest.raises(DataError, match="no column to learn from") as caught:
        hw.from_items({"year": list(range(1950, 1990)), "sales": [row + 0.5 for row in range(40)]}, target="sales")
    assert caught.value.fix.endswith("--kind future --horizon 12 (target=hw.Future('sales', horizon=12)).")


def test_columns_that_are_known_ahead_reach_over_the_future_and_others_are_named() -> None:
    days = [float(day) for day in range(30)]
    table = pl.DataFrame(
        {"day": DAYS, "sales": days, "price": [day / 2 for day in days], "rain": days, "is open": True}
    )
    _, items, notes = Past("sales", horizon=3, known=["price", "is open"]).items_of(table)
    for past, price, is_open in items.select("sales", "price", "is open").iter_rows():
        assert price == [day / 2 for day in range(len(past) + 3)]
        assert is_open == [1.0] * (len(past) + 3)
    assert notes[1:] == (
        "Not read: 'rain'. Of columns whose values are known ahead, such as prices and holidays: "
        "hw.Future('sales', known=[...]) (--known COLUMN,...).",
    )


def test_an_item_whose_known_columns_have_a_gap_ahead_is_left_out_and_named() -> None:
    table = pl.DataFrame({"sales": [float(day) for day in range(40)], "price": [1.0] * 39 + [None]})
    data = hw.from_items(table, target=hw.Future("sales", horizon=2, known="price"))
    assert [reason for reason in data.problems["reason"] if "price" in reason] == [
        "'price' must have 40 numbers, not 39: one for each of the 38 moments of the past and the 2 to forecast"
    ]
