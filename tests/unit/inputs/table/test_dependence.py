from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import partial_dependence

from headway.inputs.table.dependence import QUANTILES, dependence


def items_of(count: int = 300) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    return pl.DataFrame({"x": draw.normal(size=count), "z": draw.normal(size=count)})


def test_it_is_scikit_learns_partial_dependence() -> None:
    items = items_of()
    table = items.to_numpy()
    targets = np.sin(table[:, 0]) + table[:, 0] * table[:, 1]
    model = HistGradientBoostingRegressor(random_state=0).fit(table, targets)
    ours = dependence(lambda rows: model.predict(rows.to_numpy())[:, None], items, "x", num_points=10)
    places = np.array([each.value for each in ours.points])
    theirs = partial_dependence(model, table, [0], custom_values={0: places}, method="brute", kind="both")
    np.testing.assert_allclose([each.answer.value for each in ours.points], theirs["average"][0])
    curves = theirs["individual"][0]
    np.testing.assert_allclose(
        np.array([each.quantiles for each in ours.points]).T, np.quantile(curves, QUANTILES, axis=0)
    )
    for each in ours.points:
        assert each.answer.low < each.answer.value < each.answer.high


def test_numbers_are_taken_at_values_that_occur_in_their_order() -> None:
    items = items_of()
    found = dependence(lambda rows: rows["x"].to_numpy()[:, None], items, "x")
    values = [each.value for each in found.points]
    assert values == sorted(values)
    assert len(values) == 20
    assert set(values) <= set(items["x"].to_list())
    assert [each.answer.value for each in found.points] == pytest.approx(values)


def test_where_nearly_all_are_zero_the_others_are_looked_at_too() -> None:
    items = pl.DataFrame({"gain": [0.0] * 950 + [float(each) for each in range(1, 51)]})
    found = dependence(lambda rows: rows["gain"].to_numpy()[:, None], items, "gain")
    assert len(found.points) >= 15
    assert found.points[0].share == 0.95


def test_categories_come_by_how_frequent_they_are_and_a_missing_one_apart() -> None:
    items = pl.DataFrame({"port": ["S"] * 6 + ["C"] * 3 + [None]})
    worth = {"S": 1.0, "C": 2.0, None: 5.0}
    found = dependence(lambda rows: np.array([[worth[each]] for each in rows["port"]]), items, "port")
    assert [(each.value, each.answer.value, each.share) for each in found.points] == [("S", 1.0, 0.6), ("C", 2.0, 0.3)]
    assert found.missing is not None
    assert (found.missing.value, found.missing.answer.value, found.missing.share) == (None, 5.0, 0.1)
    assert found.is_category
    assert str(found).splitlines() == [
        "port       answer: mean over 10 items",
        "S          1.000 [1.000, 1.000]",
        "C          2.000 [2.000, 2.000]",
        "(missing)  5.000 [5.000, 5.000]",
    ]
    [axes] = found.plot().axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["S", "C", "(missing)"]


def test_dates_have_an_order() -> None:
    days = [date(2024, 1, day) for day in range(1, 29)]
    items = pl.DataFrame({"day": days})
    found = dependence(lambda rows: rows["day"].dt.day().cast(pl.Float64).to_numpy()[:, None], items, "day")
    assert not found.is_category
    assert [each.value for each in found.points] == sorted(each.value for each in found.points)
    assert found.to_json()["points"][0]["value"].startswith("2024-01-")
    assert found.plot().axes


def test_one_of_several_outputs() -> None:
    items = items_of(20)
    found = dependence(
        lambda rows: np.stack([rows["x"].to_numpy(), -rows["x"].to_numpy()], axis=1),
        items,
        "x",
        output=1,
        answer="minus",
    )
    assert found.answer == "minus"
    assert [each.answer.value for each in found.points] == sorted(
        (each.answer.value for each in found.points), reverse=True
    )


def test_a_column_of_numbers_that_are_categories() -> None:
    items = pl.DataFrame({"class": ["3", "3", "1"]})
    found = dependence(lambda rows: rows["class"].cast(pl.Float64).to_numpy()[:, None], items, "class")
    assert [each.value for each in found.points] == ["3", "1"]
