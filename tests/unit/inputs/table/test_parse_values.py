from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from headway.inputs.table.parse_values import (
    Scale,
    date_of,
    moments_of,
    number_of,
    numbers_of,
    shown,
    text_of,
    texts_of,
)

MISSING = [None, "", "  ", "?", float("nan"), np.float32("nan"), pd.NA, pd.NaT]


@pytest.mark.parametrize("value", MISSING)
def test_a_missing_value_is_missing_for_every_kind(value: Any) -> None:
    assert text_of(value) is None
    assert math.isnan(number_of(value))
    assert date_of(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a b ", "a b"),
        (3, "3"),
        (3.0, "3"),
        (np.int8(3), "3"),
        (0.5, "0.5"),
        (True, "true"),
        (np.bool_(False), "false"),
    ],
)
def test_the_text_of_a_value_does_not_depend_on_its_type(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [(" 39 ", 39.0), ("-1.5e3", -1500.0), (np.float32(0.5), 0.5), (True, 1.0), (Decimal("2.5"), 2.5)],
)
def test_a_number_is_read_from_text_and_from_numbers(value: Any, number: float) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize("value", ["NA", "n/a", "NaN", "null", "None", "-", ".", "inf", float("-inf")])
def test_what_says_that_there_is_no_number_is_missing(value: Any) -> None:
    assert math.isnan(number_of(value))


@pytest.mark.parametrize("value", ["abc", "1_000", "1,5", [1], {}, object(), date(2024, 1, 1), 10**400])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (the reader says what it means)
        number_of(value)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (" 2024-02-29", datetime(2024, 2, 29)),
        ("2024-02-29T12:30", datetime(2024, 2, 29, 12, 30)),
        ("2024-02-29T12:30:00+02:00", datetime(2024, 2, 29, 10, 30)),
        (date(2024, 2, 29), datetime(2024, 2, 29)),
        (datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=2))), datetime(2024, 2, 29, 10)),
        (datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 2, 29)),
        (np.datetime64("2024-02-29"), datetime(2024, 2, 29)),
        (np.datetime64("2024-02-29T00:00", "ns"), datetime(2024, 2, 29)),
        (pd.Timestamp("2024-02-29"), datetime(2024, 2, 29)),
    ],
)
def test_a_date_is_a_moment_without_a_zone(value: Any, moment: datetime) -> None:
    assert date_of(value) == moment


@pytest.mark.parametrize("value", ["yesterday", "2024-13-01", 20240229, [1]])
def test_what_is_no_date_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (the reader says what it means)
        date_of(value)


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("x", [1, None, 3]),
        pl.Series("x", [1.5, None, 3.0, float("nan"), float("inf")]),
        pl.Series("x", [True, None, False]),
        pl.Series("x", [" 1", "?", "2.5", None, ""]),
        pl.Series("x", [1, 2], dtype=pl.UInt8),
        pl.Series("x", [None, None]),
    ],
)
def test_a_column_is_read_as_its_values_are(column: pl.Series) -> None:
    assert texts_of(column).to_list() == [text_of(each) for each in column.to_list()]
    np.testing.assert_array_equal(numbers_of("x", column), [number_of(each) for each in column.to_list()])


def test_a_column_of_dates_is_read_as_its_values_are() -> None:
    texts = pl.Series("x", ["2024-02-29", None, "?", "2024-03-01T12:00"])
    moments = [datetime(2024, 2, 29), None, None, datetime(2024, 3, 1, 12)]
    assert moments_of("x", texts) == moments
    assert moments_of("x", pl.Series("x", moments)) == moments


def test_objects_and_lists_have_a_text() -> None:
    assert texts_of(pl.Series("x", [{1: 2}, None], dtype=pl.Object)).to_list() == ["{1: 2}", None]
    assert texts_of(pl.Series("x", [[1], None])).to_list() == ["[1]", None]


def test_a_scale_brings_the_median_to_zero_and_the_quartiles_one_apart() -> None:
    scale = Scale.fit(np.arange(101, dtype=np.float64))
    assert (scale.median, scale.width) == (50.0, 50.0)
    far = scale(np.array([50.0, 1e300, -1e300, math.nan]))
    assert far.tolist() == pytest.approx([0, 3, -3, 0])
    assert [scale.one(each) for each in (50.0, 1e300, -1e300, math.nan)] == pytest.approx(far.tolist())


@pytest.mark.parametrize("numbers", [[], [5.0], [5.0] * 4, [0.0] * 99 + [7.0], [1e308, -1e308]])
def test_any_numbers_have_a_scale_with_rising_edges(numbers: list[float]) -> None:
    scale = Scale.fit(np.array(numbers))
    assert scale.width > 0
    assert len(scale.edges) > 1
    assert all(low < high for low, high in zip(scale.edges, scale.edges[1:], strict=False))
    assert np.isfinite(scale(np.array([*numbers, 0.0]))).all()
    assert Scale.from_json(scale.to_json()) == scale


@pytest.mark.parametrize(
    "values",
    [
        {"median": 0, "width": 0, "edges": [0, 1]},
        {"median": float("nan"), "width": 1, "edges": [0, 1]},
        {"median": 0, "width": 1, "edges": [1, 1]},
        {"median": 0, "width": 1, "edges": [1]},
    ],
)
def test_a_stranger_s_scale_is_checked(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="rising edges"):
        Scale.from_json(values)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["normal", "lognormal", "standard_cauchy", "random", "exponential"])
def test_numbers_of_the_same_distribution_are_hardly_ever_far(kind: str, seed: int) -> None:
    draw = np.random.default_rng(seed)
    scale = Scale.fit(getattr(draw, kind)(size=60))
    fresh = scale(getattr(draw, kind)(size=20_000)).astype(np.float32)
    low, high = scale.limits
    # Of numbers so heavy in their tails a few are, with so few training rows.
    assert ((fresh < low) | (fresh > high)).mean() < (0.005 if kind == "standard_cauchy" else 0.0005)
    assert all(scale.is_far(number) for number in (1e9, -1e9, 3e38))


def test_what_is_far_depends_on_the_training_rows() -> None:
    ages = Scale.fit(np.linspace(17, 90, 500))
    assert [ages.is_far(age) for age in (5, 100, 150, 300, 1e6, -200, math.nan)] == [*[False] * 3, *[True] * 3, False]
    assert ages.range == pytest.approx((17, 90), rel=1e-5)
    # Training rows themselves are beyond what float32 separates: then nothing is far.
    assert Scale(0.0, 1.0, (-3.0, 3.0)).limits == (-math.inf, math.inf)
    assert Scale.fit(np.array([])).limits == Scale(0.0, 1.0, (0.0, 1.0)).limits


def test_a_long_value_is_cut_in_a_message() -> None:
    assert shown("a" * 100) == "'" + "a" * 36 + "..."
