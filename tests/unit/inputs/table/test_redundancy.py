from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from scipy.stats.contingency import association

from headway.inputs.table.redundancy import redundancy
from tests.unit.inputs.table.adult import read_adult


def of(found, one: str, other: str) -> float:
    return float(found.association[found.columns.index(one), found.columns.index(other)])


def test_of_two_numbers_it_is_spearmans() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=200)
    items = pl.DataFrame({"x": x, "y": np.exp(x) + draw.normal(size=200), "minus": -(x**3)})
    found = redundancy(items)
    assert of(found, "x", "y") == pytest.approx(abs(spearmanr(items["x"], items["y"]).statistic))
    assert of(found, "x", "minus") == pytest.approx(1)
    assert found.groups() == [("x", "minus")]


def test_of_two_categories_it_is_cramers_corrected_for_chance() -> None:
    draw = np.random.default_rng(0)
    one = draw.integers(4, size=3_000)
    other = np.where(draw.random(3_000) < 0.5, one, draw.integers(4, size=3_000))
    items = pl.DataFrame({"one": [f"a{each}" for each in one], "other": [f"b{each}" for each in other]})
    table = np.zeros((4, 4), dtype=np.int64)
    np.add.at(table, (one, other), 1)
    assert of(redundancy(items), "one", "other") == pytest.approx(association(table, method="cramer"), abs=0.01)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), categories=st.integers(2, 30))
def test_what_has_nothing_in_common_has_no_association(seed: int, categories: int) -> None:
    draw = np.random.default_rng(seed)
    items = pl.DataFrame(
        {
            "number": draw.normal(size=500),
            "one": draw.integers(categories, size=500).astype(str),
            "other": draw.integers(categories, size=500).astype(str),
        }
    )
    found = redundancy(items)
    assert (found.association >= 0).all()
    assert (found.association <= 1).all()
    assert found.association[~np.eye(3, dtype=bool)].max() < 0.45
    assert found.groups() == []


@pytest.mark.slow
def test_real_columns_that_are_the_same(shared_data: Callable[[str], Path]) -> None:
    items, _ = read_adult(shared_data("adult"), count=4_000)
    found = redundancy(items)
    assert found.groups() == [("education", "education-num")]
    assert of(found, "education", "education-num") == pytest.approx(1, abs=0.01)
    assert of(found, "relationship", "sex") > 0.5
    assert of(found, "fnlwgt", "sex") < 0.1
    assert str(found).splitlines()[1].startswith("education and education-num")
    [axes] = found.plot().axes
    assert {label.get_text() for label in axes.get_yticklabels()} == set(items.columns)


def test_gaps_constants_and_columns_of_names() -> None:
    items = pl.DataFrame(
        {
            "x": [1.0, 2.0, None, 4.0, 5.0],
            "half": [None, None, None, None, 3.0],
            "same": ["a"] * 5,
            "name": ["a", "b", "c", "d", "e"],
            "flag": [True, False, True, None, True],
        }
    )
    found = redundancy(items)
    assert of(found, "x", "half") == of(found, "x", "same") == of(found, "x", "name") == 0
    assert np.isfinite(found.association).all()
    assert found.to_json()["columns"] == items.columns
    assert str(redundancy(pl.DataFrame({"x": [1, 2, 3], "same": [1, 1, 1]}))) == (
        "No two columns have an association of 0.5 or more."
    )


def test_numbers_that_are_categories() -> None:
    items = pl.DataFrame({"code": [1, 2, 3, 1, 2, 3] * 20, "size": [10.0, 30.0, 20.0] * 40})
    assert of(redundancy(items), "code", "size") < 0.9
    assert of(redundancy(items.cast({"code": pl.String})), "code", "size") == pytest.approx(1)
