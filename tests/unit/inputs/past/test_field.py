"""The past as a model reads it: its last values, in any form, and whether its shape is that of the training items."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from headway.errors import ReadError
from headway.inputs.past.field import Past
from headway.inputs.registry import input_from_json


def fitted(**options: Any) -> Past:
    days = np.arange(80)
    wave = 20 + 5 * np.sin(days * np.pi / 2) + np.random.default_rng(0).normal(0, 1, 80)
    field, items, _ = Past("sales", horizon=3, **options).items_of(pl.DataFrame({"sales": wave}))
    return field.fit(items)


def test_season_and_window_are_found_or_said() -> None:
    assert (fitted().period, fitted().length) == (4, 8)
    assert (fitted(season=6).period, fitted(season=6).length) == (6, 12)
    assert fitted(context=30).length == 30
    # A season that the model cannot look back on is none.
    assert fitted(season=12, context=10).period == 1


@pytest.mark.parametrize("past", [[5, None, 7.0], np.array([5, 6, 7]), "5 6 7", "[5, 6, 7]", {"sales": "5, ?, 7"}])
def test_a_short_past_is_filled_with_its_first_value(past: object) -> None:
    assert fitted().read(past).tolist() == [5, 5, 5, 5, 5, 5, 6, 7]
    assert fitted().notes(past) == ("3 values are known, and the model looks back on 8",)


def test_of_a_long_past_the_last_values_count() -> None:
    assert fitted().read(list(range(50))).tolist() == list(range(42, 50))
    assert fitted().notes(list(range(50))) == ()


@pytest.mark.parametrize("past", [[], [None], "soon", 5, None, {"x": [1]}, [[1, 2]]])
def test_what_is_no_series_of_numbers_is_refused(past: object) -> None:
    with pytest.raises(ReadError):
        fitted().read(past)


def test_numbers_whose_variance_is_infinite_are_refused() -> None:
    field = fitted_with_price()
    assert np.isfinite(field.read({"sales": [1e17, -1e17], "price": [1e17] * 5})).all()
    for item, name in (([1e18, 2], "sales"), ({"sales": [1, 2], "price": [-1e18] * 5}, "price")):
        with pytest.raises(ReadError) as raised:
            field.read(item)
        assert str(raised.value) == f"{name!r} must be numbers between -1e+17 and 1e+17"
    assert list(field.unreadable(pl.DataFrame({"sales": [[1e18, 2.0]], "price": [[1.0] * 5]}))) == [0]


def test_familiar_is_a_shape_and_not_a_level() -> None:
    field = fitted()
    wave = np.sin(np.arange(8) * np.pi / 2)
    windows = np.stack([20 + 5 * wave, 9000 + 300 * wave, np.arange(8.0)]).astype(np.float32)
    assert field.familiar(windows).tolist() == [True, True, False]
    assert list(field.statistics(windows[0])) == ["level", "spread", "roughness", "trend"]
    # A window that never changes has neither roughness nor trend, and is read all the same.
    assert field.statistics(np.ones(8, np.float32))["roughness"] == 0


def test_json_that_does_not_fit_is_refused() -> None:
    written = fitted().to_json()
    assert input_from_json(written) == fitted()
    for change in ({"length": 0}, {"period": 0}, {"ranges": []}):
        with pytest.raises(ValueError, match="a past of length"):
            input_from_json(written | change)


def fitted_with_price() -> Past:
    days = np.arange(80)
    table = pl.DataFrame({"sales": 20 + 5 * np.sin(days * np.pi / 2), "price": 3.0 + days % 3})
    field, items, _ = Past("sales", horizon=3, known="price").items_of(table)
    return field.fit(items)


def test_what_is_known_ahead_follows_the_past_in_its_own_deviations() -> None:
    field = fitted_with_price()
    ((mean, std),) = field.scales
    array = field.read({"sales": [5, 6], "price": [3, 4, 3, 5, 4]})
    assert array.shape == field.shape == (8 + 8 + 3,)
    assert array[:8].tolist() == [5] * 7 + [6]
    assert array[8:] * std + mean == pytest.approx([3] * 7 + [4, 3, 5, 4])
    # The same wave with a price that was never seen.
    wave = [20, 25, 20, 15, 20, 25, 20, 15]
    for last, is_familiar in ((5, True), (40, False)):
        array = field.read({"sales": wave, "price": [3, 4, 5] * 3 + [3, last]})
        assert field.familiar(array[None]).tolist() == [is_familiar]
    assert [column.name for column in field.form()] == ["sales", "price"]
    field.read({column.name: column.typical for column in field.form()})


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ([5, 6], "'price' is missing: it must be known for the moments that are forecast"),
        ({"sales": [5, 6]}, "'price' is missing: it must be known for the moments that are forecast"),
        (
            {"sales": [5, 6], "price": [3, 4]},
            "'price' must have 5 numbers, not 2: one for each of the 2 moments of the past and the 3 to forecast",
        ),
        (
            {"sales": [5, 6], "price": [3, 4, 5, None, None]},
            "'price' must have 5 numbers, not 3: one for each of the 2 moments of the past and the 3 to forecast",
        ),
    ],
)
def test_what_is_known_ahead_must_be_given(item: object, reason: str) -> None:
    with pytest.raises(ReadError) as error:
        fitted_with_price().read(item)
    assert str(error.value) == reason


def test_json_of_what_is_known_ahead_and_of_bundles_from_before_it() -> None:
    field = fitted_with_price()
    assert input_from_json(field.to_json()) == field
    with pytest.raises(ValueError, match="a past of length"):
        input_from_json(field.to_json() | {"scales": []})
    before = {name: value for name, value in fitted().to_json().items() if name not in ("known", "scales")}
    assert input_from_json(before) == fitted()


def test_a_table_goes_on_behind_the_last_value() -> None:
    field = fitted_with_price()
    rows = {"sales": [1.0, 2.0, None, None, None, None], "price": [3.0, 4.0, 5.0, 3.0, 4.0, 5.0]}
    (item,) = field.each(pl.DataFrame(rows))
    assert item["sales"].tolist() == [1, 2]
    assert item["price"].tolist() == [3, 4, 5, 3, 4]
