from __future__ import annotations

import json

import numpy as np
import pytest

from headway.inputs.protocols import Column
from headway.inputs.table.bins import MISSING, OTHER, bin_of, column_reference


def test_a_columns_bins_hold_all_its_rows() -> None:
    draw = np.random.default_rng(0)
    columns = {
        "number": [*draw.normal(size=500).tolist(), None, float("nan"), "?"],
        "category": [*draw.choice(list("abcdefghijklmnopqrstuvwxyz"), 500).tolist(), None, "", 3.0, True],
        "date": [f"20{year:02d}-03-05" for year in draw.integers(0, 30, 500)] + [None],
    }
    for kind, values in columns.items():
        found = column_reference(Column(name="x", kind=kind), values)
        assert json.loads(json.dumps(found)) == found
        assert sum(found["bins"].values()) == pytest.approx(1, abs=1e-3)
        assert {bin_of(value, found, kind) for value in values} <= set(found["bins"])
        assert found["bins"][MISSING] > 0
        assert len(found["bins"]) <= 22


def test_new_values_of_a_column_of_rare_ones_are_no_drift() -> None:
    column = Column(name="cabin", kind="category")
    before, after = ([None] * 60 + ["C1"] * 4 + [f"{deck}{room}" for room in range(2, 18)] for deck in "AB")
    found = column_reference(column, before)
    assert found["bins"] == {"C1": 0.05, OTHER: 0.2, MISSING: 0.75}
    assert column_reference(column, after)["bins"] == found["bins"]
    assert bin_of("B7", found, "category") == OTHER


def test_a_column_that_is_mostly_one_value_has_few_bins() -> None:
    column = Column(name="gain", kind="number")
    found = column_reference(column, [0] * 95 + [100] * 5)
    assert found["edges"] == [0]
    assert found["bins"] == {"below 0": 0.0, "0 and above": 1.0, MISSING: 0.0}
    assert column_reference(column, [None, None])["bins"] == {"any": 0.0, MISSING: 1.0}
    assert bin_of(1, column_reference(column, [None]), "number") == "any"
