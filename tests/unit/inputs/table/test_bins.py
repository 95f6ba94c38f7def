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
        found = column_reference(Column(name="x", kind=kind, choices=tuple("abcdefghijklmnopqrstuvwxyz")), values)
        assert json.loads(json.dumps(found)) == found
        assert sum(found["bins"].values()) == pytest.approx(1, abs=1e-3)
        assert {bin_of(value, found, kind) for value in values} <= set(found["bins"])
        assert found["bins"][MISSING] > 0
        assert len(found["bins"]) <= 22


def test_a_column_of_many_rare_values_does_not_seem_to_drift() -> None:
    draw, rooms = np.random.default_rng(0), [f"room {number}" for number in range(1_000)]
    column = Column(name="room", kind="category", choices=tuple(rooms))
    before, after = (column_reference(column, draw.choice(rooms, 300).tolist())["bins"] for _ in range(2))
    assert before.keys() == after.keys() == {*rooms[:20], OTHER, MISSING}
    assert before[OTHER] == pytest.approx(after[OTHER], abs=0.03)
    assert bin_of("room 20", {"bins": before}, "category") == bin_of("new", {"bins": before}, "category") == OTHER


def test_a_column_that_is_mostly_one_value_has_few_bins() -> None:
    column = Column(name="gain", kind="number")
    found = column_reference(column, [0] * 95 + [100] * 5)
    assert found["edges"] == [0]
    assert found["bins"] == {"below 0": 0.0, "0 and above": 1.0, MISSING: 0.0}
    assert column_reference(column, [None, None])["bins"] == {"any": 0.0, MISSING: 1.0}
    assert bin_of(1, column_reference(column, [None]), "number") == "any"
