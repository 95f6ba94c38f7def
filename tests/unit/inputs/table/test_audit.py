from __future__ import annotations

import numpy as np
import pytest

import headway as hw
from headway.audit.build import item_audit

NUM_ROWS = 240


@pytest.mark.slow
def test_values_far_from_all_others_are_named() -> None:
    draw = np.random.default_rng(2)
    columns = {
        "age": draw.integers(18, 80, NUM_ROWS).astype(float),
        "height": draw.normal(170, 9, NUM_ROWS).round(),
        "price": draw.lognormal(3, 1, NUM_ROWS).round(2),
        "hours": np.where(draw.random(NUM_ROWS) < 0.9, 40.0, 20.0),
    }
    # An age that stands for none, a height in millimetres, a price without its decimal point.
    planted = {"age": (17, 999.0), "height": (40, 1_720.0), "price": (8, 2_000_000.0)}
    for name, (row, value) in planted.items():
        columns[name][row] = value
    data = hw.from_items({**columns, "answer": ["no", "yes"] * (NUM_ROWS // 2)}, target="answer")
    [finding] = [finding for finding in item_audit(data).findings() if finding.kind == "unlike_items"]
    assert finding.severity == "note"
    assert finding.evidence["rows"] == [8, 17, 40]
    assert {name: values["rows"] for name, values in finding.evidence["columns"].items()} == {
        name: [row] for name, (row, _) in planted.items()
    }
    assert finding.sentence.startswith(
        "Values far from all others in 1.2% of the rows (3): 'age' 999 in row 17 (others "
    )
