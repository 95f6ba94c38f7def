"""What is said of tables that cannot be forecast, in whole texts."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.errors import HeadwayError
from headway.inputs.past.field import Past
from headway.inputs.past.models import build
from headway.targets.future.metrics import check_forecasts

DAY = datetime.date(2024, 1, 1)
TABLE: dict[str, list[Any]] = {"day": [DAY + datetime.timedelta(days=row) for row in range(20)], "x": [1.0] * 20}

CASES: list[tuple[Any, str]] = [
    (
        lambda: hw.Future("x", horizon=0, season=0, context=1),
        "`horizon` must be a whole number from 1 to 512. `season` must be a whole number from 1 to 512. "
        "`context` must be a whole number from 2 to 512.\n"
        "  Given: horizon=0, season=0, context=1\n"
        "  Fix:   Leave out `season` and `context` to have them chosen.",
    ),
    (
        lambda: hw.from_items(pl.DataFrame(TABLE), target=hw.Future("sales")),
        "The table has no column 'sales'.\n  Given: columns: day, x\n  Fix:   Known: day, x.",
    ),
    (
        lambda: hw.from_items(pl.DataFrame(TABLE), target=hw.Future("x", horizon=15)),
        "No series is long enough: 15 values and then 15 to forecast are needed.\n"
        "  Given: the longest has 20\n"
        "  Fix:   Pass a smaller horizon.",
    ),
    (
        lambda: hw.from_items(pl.DataFrame(TABLE), target=hw.Future("x"), input="day"),
        "A forecast is made from the past of its own column.\n"
        "  Given: input=day\n"
        "  Fix:   Leave `input` (--input) out, and name columns that are known ahead: known=[...] "
        "(--known COLUMN,...).",
    ),
    (
        lambda: hw.Future("x", known=["x", "price"]),
        "`known` must name other columns than that of the values, each once.\n"
        "  Given: column='x', known=('x', 'price')\n"
        "  Fix:   Remove what is twice.",
    ),
    (
        lambda: Past("x").items_of(pl.DataFrame(TABLE | {"x": ["1"] * 19 + ["many"]})),
        "Column 'x' must hold numbers.\n  Given: row 19: 'many'\n  Fix:   Correct those rows, or leave them empty.",
    ),
    (
        lambda: Past("x").items_of(pl.DataFrame({"x": pl.Series([b"1"] * 20)})),
        "Column 'x' must hold numbers.\n  Given: Binary\n  Fix:   Convert it, or name another column.",
    ),
    (
        lambda: Past("origin").items_of(pl.DataFrame({"origin": [1.0] * 30})),
        "Headway makes a column 'origin' of its own for forecasts.\n  Given: column 'origin'\n  Fix:   Rename yours.",
    ),
    (
        lambda: Past("x", time="day").items_of(pl.DataFrame(TABLE | {"day": [f"soon {row:02}" for row in range(20)]})),
        "Column 'day' must hold times: dates, or numbers.\n  Given: 'soon 00'\n  Fix:   Write dates as 2024-12-31.",
    ),
    (
        lambda: Past("x", time="day").items_of(pl.DataFrame(TABLE | {"day": [None, *TABLE["day"][1:]]})),
        "Every row needs a time.\n  Given: none in column 'day', rows [0]\n  Fix:   Fill or remove those rows.",
    ),
    (
        lambda: Past("x", time="day", id="shop").items_of(
            pl.DataFrame(TABLE | {"day": [DAY] * 20, "shop": ["a"] * 20})
        ),
        "A series must have one value a time.\n"
        "  Given: 20 rows of series 'a' at 2024-01-01\n"
        "  Fix:   Remove those rows, or name the column of the series: id= (--series-column).",
    ),
    (
        lambda: hw.Future("x", horizon=2).encode([([1.0], [1.0, None])]),
        "Every item needs 2 values to forecast, finite numbers.\n  Given: [1.0, None]\n  Fix:   Remove that row.",
    ),
    (
        lambda: build("dliner", Past("x")),
        "Unknown architecture for forecasts.\n"
        "  Given: 'dliner'\n"
        '  Fix:   Did you mean "dlinear"? Or pass a module of your own.',
    ),
    (
        lambda: check_forecasts(np.ones((2, 3)), np.ones((2, 3))),
        "`answers` must be medians, low and high ends, [items, 3 * horizon], and `targets` [items, horizon + 1].\n"
        "  Given: answers [2, 3], targets [2, 3]\n"
        "  Fix:   Pass one answer for each target, in the same order.",
    ),
    (
        lambda: check_forecasts(np.ones((1, 3)), np.array([[1.0, 0.0]])),
        "Forecasts and values must be finite, and the usual change of a series, the last of `targets`, above 0.\n"
        "  Given: 1 items\n"
        "  Fix:   Leave such items out.",
    ),
]


@pytest.mark.parametrize(("call", "message"), CASES)
def test_the_message(call: Any, message: str) -> None:
    with pytest.raises(HeadwayError) as error:
        call()
    assert str(error.value) == message
