from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.errors import ConfigError
from headway.judge.slices.groups import MISSING, OTHERS, group_items


def grouped(values: Any) -> dict[str, int]:
    """Items by group."""
    series = values if isinstance(values, pl.Series) else pl.Series(values, strict=False)
    groups = group_items(pl.DataFrame({"x": series}), "x")
    assert groups.index.dtype == np.int64
    counts = np.bincount(groups.index, minlength=len(groups.names)).tolist()
    return dict(zip(groups.names, counts, strict=True))


def days(count: int, step: float = 1) -> list[datetime.datetime]:
    return [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=step * k) for k in range(count)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", "a", "b", None, ""], {"b": 2, '""': 1, "a": 1, MISSING: 1}),
        (pl.Series(["b", "a", "b"]).cast(pl.Categorical), {"b": 2, "a": 1}),
        ([True, False, None, True], {"true": 2, "false": 1, MISSING: 1}),
        ([3, 1, 2, 1], {"1": 2, "2": 1, "3": 1}),
        ([0.5, 1.0, float("nan"), None], {"0.5": 1, "1": 1, MISSING: 2}),
        ([float("inf"), 1.0, -float("inf")], {"-inf": 1, "1": 1, "inf": 1}),
        ([None, None], {MISSING: 2}),
        ([], {}),
        (list(range(100)), {"0 to 19": 20, "20 to 39": 20, "40 to 59": 20, "60 to 79": 20, "80 to 99": 20}),
        ([0] * 90 + list(range(1, 21)), {"0": 90, "1 to 20": 20}),
        ([datetime.date(2024, 2, 1), None, datetime.date(2024, 2, 3)], {"2024-02-01": 1, "2024-02-03": 1, MISSING: 1}),
        (days(60), {"2024-01": 31, "2024-02": 29}),
        (days(2, 0.1), {"2024-01-01 00:00": 1, "2024-01-01 02:00": 1}),
        (days(8, 92), {f"{2024 + k // 4} Q{1 + k % 4}": 1 for k in range(8)}),
        (days(4, 700), {"2024": 1, "2025": 1, "2027": 1, "2029": 1}),
        (days(30, 366), {f"{2024 + k} to {2029 + k}": 6 for k in range(0, 30, 6)}),
        ([datetime.time(3, 20), datetime.time(3, 50), None], {"3": 2, MISSING: 1}),
        ([datetime.timedelta(seconds=90)] * 2, {"90": 2}),
        (pl.Series([None, None], dtype=pl.Datetime), {MISSING: 2}),
    ],
)
def test_groups(values: Any, expected: dict[str, int]) -> None:
    found = grouped(values)
    assert found == expected
    assert list(found) == list(expected)


def test_many_values_are_the_largest_and_the_rest() -> None:
    values = [f"site {k}" for k in range(20) for _ in range(20 - k)] + [None]
    found = grouped(values)
    assert list(found) == [*(f"site {k}" for k in range(11)), OTHERS, MISSING]
    assert found["site 0"] == 20
    assert found[OTHERS] == sum(range(1, 10))


def test_zones_of_time_keep_their_own_days() -> None:
    late = pl.Series([datetime.datetime(2024, 1, 31, 23, 30)] * 3).dt.replace_time_zone("UTC")
    items = pl.Series([late[0], *([None] * 2)], dtype=late.dtype).dt.convert_time_zone("Europe/Berlin")
    assert grouped(items) == {"2024-02-01 00:00": 1, MISSING: 2}


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-5, 5)), max_size=60))
def test_every_item_is_in_one_group_by_its_number(values: list[float | None]) -> None:
    series = pl.Series(values, dtype=pl.Float64, strict=False)
    groups = group_items(pl.DataFrame({"x": series}), "x")
    assert sorted(set(groups.index.tolist())) == list(range(len(groups.names)))
    numbers = series.fill_null(float("nan")).to_numpy()
    known = ~np.isnan(numbers)
    # Larger numbers are never in an earlier group, equal ones always in the same.
    order = np.argsort(numbers[known])
    assert (np.diff(groups.index[known][order]) >= 0).all()
    assert all(np.unique(groups.index[numbers == each]).size == 1 for each in numbers[known])
    assert (MISSING in groups.names) == (not known.all())


def test_unknown_column() -> None:
    with pytest.raises(ConfigError) as caught:
        group_items(pl.DataFrame({"site": ["a"], "sex": ["f"]}), "sit")
    assert str(caught.value) == (
        "The items have no such column.\n  Given: column 'sit'\n  Fix:   Did you mean \"site\"?"
    )


def test_values_that_are_no_groups() -> None:
    with pytest.raises(ConfigError, match=r"cannot be grouped by this column.\n  Given: column 'x' of type List"):
        group_items(pl.DataFrame({"x": [[1, 2], [3]]}), "x")
