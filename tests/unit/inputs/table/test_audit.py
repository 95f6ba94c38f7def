from __future__ import annotations

import numpy as np
import polars as pl
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


def test_a_number_that_stands_for_a_missing_value_is_named() -> None:
    draw = np.random.default_rng(0)
    weights = np.where(draw.random(200) < 0.2, -999, draw.normal(75, 10, 200).round(1))
    items = {"weight": weights.tolist(), "hours": draw.choice([20, 40], 200).tolist(), "answer": ["no", "yes"] * 100}
    [far] = [one for one in item_audit(hw.from_items(items, target="answer")).findings() if one.kind == "unlike_items"]
    assert "'weight' -999 in row" in far.sentence
    assert far.evidence["columns"]["weight"]["count"] == int((weights == -999).sum())


def test_a_column_of_the_targets_means_is_found() -> None:
    """The mean of each area, the row's own answer among them; and one that leaves it out."""
    draw, count = np.random.default_rng(0), 600
    answers, areas = draw.random(count) < 0.3, draw.integers(0, 200, count)
    sums, counts = np.bincount(areas, answers), np.bincount(areas)
    encoded = (sums / np.maximum(counts, 1))[areas]
    honest = (sums[areas] - answers + 0.3) / counts[areas]
    columns = {"size": draw.normal(size=count), "loss": draw.integers(0, 9, count) * 100.0}
    table = pl.DataFrame({**columns, "rate": encoded, "others": honest, "answer": np.where(answers, "yes", "no")})
    leaks = [one for one in item_audit(hw.from_items(table, target="answer")).findings() if one.kind == "leak"]
    [finding] = [one for one in leaks if "mean of their targets" in one.sentence]
    assert finding.severity == "serious"
    assert finding.evidence["columns"] == ["rate"]
    assert finding.line is not None
    assert finding.line.command == "headway train DATA --without rate"
