from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.errors import ConfigError, DataError
from headway.targets.registry import target_from_json


@pytest.mark.parametrize(
    ("low", "high", "given"),
    [(3, 3, "low=3, high=3"), (5, 1, "low=5, high=1"), (float("-inf"), None, "low=-inf, high=None")],
)
def test_the_ends_of_a_range_are_finite_and_in_order(low: float, high: float | None, given: str) -> None:
    with pytest.raises(ConfigError) as caught:
        hw.Number("age", low=low, high=high)
    assert str(caught.value) == (
        "`low` and `high` must be finite, and `low` below `high`.\n"
        f"  Given: {given}\n"
        "  Fix:   Leave out `low` or `high` where there is no limit."
    )


def test_numbers_that_float32_does_not_hold() -> None:
    with pytest.raises(DataError) as caught:
        hw.Number("stars").encode([1, "-1e300", 3.4e38, 4e38])
    assert str(caught.value) == (
        "Column 'stars' has numbers that are too large for float32.\n  Given: -1e300, 4e+38\n"
        "  Fix:   Correct those rows, or divide the column, such as by a million."
    )


@pytest.mark.parametrize(("low", "high"), [(0, None), (None, 120), (0, 120), (None, None)])
def test_each_end_can_be_left_out(low: float | None, high: float | None) -> None:
    field = hw.Number("age", low=low, high=high).fit(pl.DataFrame({"age": [3, 7, 50]}))
    assert target_from_json(field.to_json()) == field
    assert field.encode([0, "7.5", 120]).tolist() == [[0], [7.5], [120]]
    for value, is_allowed in ((-1, low is None), (121, high is None)):
        if is_allowed:
            assert field.encode([value]).tolist() == [[value]]
        else:
            with pytest.raises(DataError, match="outside of its range"):
                field.encode([value])


@pytest.mark.slow
def test_a_model_with_one_end_answers_on_its_side_of_it_from_the_bundle_too(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    x = draw.uniform(-3, 3, 80)
    items = pl.DataFrame({"x": x, "price": np.maximum(0, x + draw.normal(scale=0.1, size=80))})
    data = hw.from_items(items, target=hw.Number("price", low=0))
    learner = hw.Learner(data, progress=False)
    learner.fit(30, lr=0.02)
    found = learner.predictions("valid")
    assert found.predictions.min() >= 0
    predictor = hw.load(learner.export(tmp_path / "price.headway"))
    rows = data.valid.items.to_dicts()
    values = [each.value for each in predictor.predict_many(rows)]
    np.testing.assert_allclose(values, found.predictions[:, 0], atol=1e-4)
    assert predictor.predict({"x": -1e3}).value >= 0


def test_a_range_on_the_command_line_may_have_one_end() -> None:
    assert hw.Number.parse_options({"limits": "0,"}) == {"low": 0, "high": None}
    assert hw.Number.parse_options({"limits": "1,5"}) == {"low": 1, "high": 5}
    assert hw.Number.from_options("age", {}, list) == hw.Number("age")
